"""The three hubs' own formats over the loopback server of fake_hub."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.llm.fake_hub import COMMIT, REPOSITORY, FakeHub, Handler

T = TypeVar("T", bound="HuggingFaceHub")


class HuggingFaceHub(FakeHub):
    """`/api/models/…` and `/resolve/`; weights are redirected to a second origin, as to the hub's storage."""

    source = "huggingface"

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.storage = _Storage(files)
        self.storage.requests, self.storage.faults = self.requests, self.faults

    def __enter__(self: T) -> T:
        self.storage.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.storage.__exit__(*error)

    def file_of(self, path: str) -> str | None:
        path = unquote(urlsplit(path).path)
        if path.startswith("/storage/"):
            return path.removeprefix("/storage/")
        prefix = f"/{REPOSITORY}/resolve/{COMMIT}/"
        name = path.removeprefix(prefix)
        return name if path.startswith(prefix) and not name.endswith(".safetensors") else None

    def answer(self, handler: Handler, body: bytes) -> None:
        path = urlsplit(handler.path).path
        if path.startswith(f"/{REPOSITORY}/resolve/{COMMIT}/"):
            self.storage.files = self.files
            name = path.rpartition(f"{COMMIT}/")[2]
            return handler.reply(302, b"", {"Location": f"{self.storage.origin}/storage/{name}"})
        if path not in (f"/api/models/{REPOSITORY}", f"/api/models/{REPOSITORY}/revision/main"):
            return handler.reply(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        siblings = []
        for name in [*self.files, *self.extra_names]:
            data = self.files.get(name, b"")
            if name in self.faults.truncate:
                data = self.content(name)
            blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
            siblings.append(entry)
        return handler.reply_json({"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings})


class _Storage(HuggingFaceHub):
    """The second origin."""

    def __init__(self, files: dict[str, bytes]) -> None:
        FakeHub.__init__(self, files)

    def __enter__(self: T) -> T:
        return FakeHub.__enter__(self)

    def __exit__(self, *error: object) -> None:
        FakeHub.__exit__(self, *error)


class ModelScopeHub(FakeHub):
    """`/api/v1/models/ID/repo/files` and `/repo?FilePath=`."""

    source = "modelscope"

    def file_of(self, path: str) -> str | None:
        parts = urlsplit(path)
        if parts.path != f"/api/v1/models/{REPOSITORY}/repo":
            return None
        return parse_qs(parts.query)["FilePath"][0]

    def answer(self, handler: Handler, body: bytes) -> None:
        if urlsplit(handler.path).path != f"/api/v1/models/{REPOSITORY}/repo/files":
            return handler.reply_json({"Code": 10010205001, "Message": "record not found", "Success": False}, 404)
        files: list[dict[str, object]] = [{"Path": "figures", "Type": "tree", "Size": 0}]
        for name in [*self.files, *self.extra_names]:
            data = self.content(name) if name in self.faults.truncate else self.files.get(name, b"")
            digest = hashlib.sha256(data).hexdigest()
            files.append({"Path": name, "Name": name, "Type": "blob", "Size": len(data), "Sha256": digest})
        return handler.reply_json({"Code": 200, "Success": True, "Data": {"Files": files}})


class OpenXLabHub(FakeHub):
    """`getFileDownloadUrl` with signed addresses that can run out; sign-in with an access key where one is sent."""

    source = "openxlab"
    api_prefix = "/api/v1"
    key, secret, nonce, token = "the-key", "the-secret", "123456", "the.jwt.token"

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.private, self.signature = False, 0

    def file_of(self, path: str) -> str | None:
        parts = urlsplit(path)
        if not parts.path.startswith("/oss/"):
            return None
        if int(parse_qs(parts.query)["Signature"][0]) < self.faults.expired:
            return None
        return unquote(parts.path.removeprefix("/oss/"))

    def answer(self, handler: Handler, body: bytes) -> None:
        path = urlsplit(handler.path).path
        if path.startswith("/oss/"):
            return handler.reply(
                403, b"<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>"
            )
        call = path.removeprefix(self.api_prefix)
        sent = json.loads(body)
        if call == "/sso-be/api/v1/open/auth" and sent == {"ak": self.key}:
            return self._ok(handler, {"nonce": self.nonce, "algorithm": "HmacSHA256"})
        if call == "/sso-be/api/v1/open/getJwt":
            digest = hmac.new(self.secret.encode(), self.nonce.encode(), "sha256").digest()
            if sent == {"ak": self.key, "d": base64.b64encode(digest).decode()}:
                return self._ok(handler, {"jwt": self.token})
            return self._no(handler, "invalid signature")
        if call != "/model-center/api/v1/cli/repository/getFileDownloadUrl":
            return handler.reply(404, b"{}")
        if (sent["userName"], sent["repositoryName"]) != tuple(REPOSITORY.split("/")):
            return self._no(handler, "repository does not exist")
        if self.private and handler.headers.get("Authorization") != self.token:
            return self._no(handler, "please login first")
        self.signature += 1
        entries = {
            name: {"url": f"{self.origin}/oss/{quote(name)}?Expires=1&Signature={self.signature}", "fileName": name}
            | {"hash": "0"}
            for name in [*self.files, *self.extra_names]
        }
        weights = {name.partition(".")[0]: entry for name, entry in entries.items() if name.endswith(".safetensors")}
        return self._ok(handler, {"modelNames": weights, "filePaths": entries})

    def _ok(self, handler: Handler, data: object) -> None:
        inner = {"traceId": "t", "msgCode": "10000", "msg": "ok", "data": data}
        handler.reply_json({"traceId": "t", "msgCode": "10000", "msg": "ok", "data": inner})

    def _no(self, handler: Handler, message: str) -> None:
        inner = {"traceId": "t", "msgCode": "20001", "msg": message, "data": None}
        handler.reply_json({"traceId": "t", "msgCode": "10000", "msg": "ok", "data": inner})


HUBS: dict[str, type[FakeHub]] = {hub.source: hub for hub in (HuggingFaceHub, ModelScopeHub, OpenXLabHub)}
