"""What a repository holds, and where its bytes are, on each of the three hubs.

Hugging Face: huggingface_hub finds the files, tokens and addresses. Its own `snapshot_download` is not used for the
bytes: since 2.0 it deletes partial files when it ends, so a 15 GB file would start over after every restart.
ModelScope: `GET /api/v1/models/ID/repo/files` and `/repo` (as in modelscope-hub 0.5, `_legacy_api.py`).
OpenXLab: `POST …/getFileDownloadUrl`, which answers with signed addresses (as in openxlab 0.1.3,
`model/clients/openapi_client.py`), signed in with an access key where there is one.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from llm.hubs.connection import RETRIED_STATUSES, Again, Connection
from llm.hubs.files import RemoteFile
from llm.hubs.messages import hub_complaint, not_a_name, refused, unreachable, wrong_content


@dataclass(frozen=True)
class Listing:
    """The files of one repository at one revision; `renew` gives a file a fresh address where addresses run out."""

    revision: str
    files: list[RemoteFile]
    renew: Callable[[RemoteFile], RemoteFile] | None = None


def list_files(connection: Connection) -> Listing:
    """Ask the connection's hub what the repository holds.

    Raises:
        DownloadError, ModelNotFoundError: the hub refused, could not be reached, or answered something else.
    """
    return {"huggingface": _huggingface, "modelscope": _modelscope, "openxlab": _openxlab}[connection.source](
        connection
    )


def _endpoint(connection: Connection, *variables: str, default: str) -> str:
    chosen = connection.options.endpoints.get(connection.source)
    address = chosen or next((os.environ[name] for name in variables if os.environ.get(name)), default)
    if "://" not in address:
        address = f"https://{address}"
    return address.rstrip("/")


def _huggingface(connection: Connection) -> Listing:
    import httpx2
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    from huggingface_hub.utils import build_hf_headers

    source, repository, options = connection.source, connection.repository, connection.options
    # Read here, not from huggingface_hub's constant, which keeps the value of the moment it was imported.
    endpoint = _endpoint(connection, "HF_ENDPOINT", default="https://huggingface.co")
    api = HfApi(endpoint=endpoint, library_name="fenshen")

    def attempt() -> Any:
        try:
            return api.model_info(repository, revision=options.revision, files_metadata=True, timeout=options.timeout_s)
        except HFValidationError as error:
            raise not_a_name(repository) from error
        except OfflineModeIsEnabled as error:
            raise unreachable(source, repository, "HF_HUB_OFFLINE", offline=True) from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in RETRIED_STATUSES:
                raise Again(f"HTTP {status}") from error
            raise refused(source, repository, status, "the file list") from error
        except httpx2.TransportError as error:
            offline = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError))
            raise Again(f"{type(error).__name__}: {error}", offline=offline) from error
        except ValueError as error:
            raise wrong_content(source, endpoint) from error

    info = connection.persist(attempt)
    headers = build_hf_headers(library_name="fenshen")
    files = [
        RemoteFile(
            entry.rfilename,
            hf_hub_url(repository, entry.rfilename, revision=info.sha, endpoint=endpoint),
            size=entry.size,
            sha256=entry.lfs.sha256 if entry.lfs else None,
            git_sha1=None if entry.lfs else entry.blob_id,
            headers=headers,
        )
        for entry in info.siblings or []
    ]
    return Listing(info.sha or "main", files)


def _modelscope(connection: Connection) -> Listing:
    endpoint = _endpoint(connection, "MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN", default="https://www.modelscope.cn")
    revision = connection.options.revision or "master"
    token = os.environ.get("MODELSCOPE_API_TOKEN")
    headers = {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"} if token else {}
    repo = f"{endpoint}/api/v1/models/{quote(connection.repository)}/repo"
    answer = connection.json(
        "GET", f"{repo}/files", params={"Revision": revision, "Recursive": "True"}, headers=headers
    )
    try:
        if not answer.get("Success", True):
            raise hub_complaint(connection.source, connection.repository, str(answer.get("Message")))
        files = [
            RemoteFile(
                entry["Path"],
                f"{repo}?{urlencode({'Revision': revision, 'FilePath': entry['Path']})}",
                size=entry.get("Size"),
                sha256=entry.get("Sha256") or None,
                headers=headers,
            )
            for entry in answer["Data"]["Files"]
            if entry.get("Type") != "tree"
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong_content(connection.source, f"{repo}/files") from error
    return Listing(revision, files)


def _openxlab(connection: Connection) -> Listing:
    endpoint = _endpoint(connection, "OPENXLAB_ENDPOINT", default="https://openapi.openxlab.org.cn/api/v1")
    owner, _, name = connection.repository.partition("/")

    def files() -> list[RemoteFile]:
        data = _openxlab_call(
            connection,
            f"{endpoint}/model-center/api/v1/cli/repository/getFileDownloadUrl",
            {
                "userName": owner,
                "repositoryName": name,
                "modelNames": None,
                "filePaths": None,
                "clientFrom": "0",
                "ignore": None,
            },
            _openxlab_headers(connection, endpoint),
        )
        # The same file may be listed as a model's weights and as a file; it is fetched once. The "hash" beside it is
        # of an undocumented kind and the SDK ignores it too, so sizes and the safetensors layout are what is checked.
        found: dict[str, RemoteFile] = {}
        try:
            for group in ("filePaths", "modelNames"):
                for entry in (data.get(group) or {}).values():
                    found[entry["fileName"]] = RemoteFile(entry["fileName"], entry["url"])
        except (KeyError, TypeError, AttributeError) as error:
            raise wrong_content(connection.source, endpoint) from error
        return list(found.values())

    def renew(file: RemoteFile) -> RemoteFile:
        return next((fresh for fresh in files() if fresh.name == file.name), file)

    return Listing("latest", files(), renew)


def _openxlab_headers(connection: Connection, endpoint: str) -> dict[str, str]:
    """The JWT of the user's access key, or nothing: open repositories may be read without one."""
    key, secret = os.environ.get("OPENXLAB_AK", "").strip(), os.environ.get("OPENXLAB_SK", "").strip()
    if not (key and secret):
        return {}
    sign_in = f"{endpoint}/sso-be/api/v1/open"
    challenge = _openxlab_call(connection, f"{sign_in}/auth", {"ak": key}, {})
    try:
        algorithm = str(challenge["algorithm"]).removeprefix("Hmac").lower()
        if algorithm not in ("sha1", "sha256", "sha384", "sha512"):
            raise wrong_content(connection.source, f"{sign_in}/auth")
        digest = hmac.new(secret.encode(), str(challenge["nonce"]).encode(), algorithm).digest()
        proof = {"ak": key, "d": base64.b64encode(digest).decode()}
        return {"Authorization": str(_openxlab_call(connection, f"{sign_in}/getJwt", proof, {})["jwt"])}
    except (KeyError, TypeError) as error:
        raise wrong_content(connection.source, sign_in) from error


def _openxlab_call(connection: Connection, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """One call: a gateway's envelope around the service's own envelope, both saying "10000" when all is well."""
    answer = connection.json("POST", url, json=body, headers=headers)
    for _ in range(2):
        if not isinstance(answer, dict) or "msgCode" not in answer:
            raise wrong_content(connection.source, url)
        if answer["msgCode"] != "10000":
            raise hub_complaint(connection.source, connection.repository, str(answer.get("msg")))
        answer = answer.get("data")
    return answer
