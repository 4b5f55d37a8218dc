"""Which files of a hub repository make up a checkpoint, and whether a file is what the hub said it would be."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import MappingProxyType

from llm.errors import DownloadCancelledError, DownloadError, UnsupportedModelError

# Only plain names at the top of the repository, so whatever is chosen can be written on every system.
_SAFETENSORS = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
_TORCH = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?")
_ALWAYS = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json"
    r"|tokenizer\.model|vocab\.txt|merges\.txt|chat_template\.jinja|[\w.-]+\.tiktoken|(LICENSE|NOTICE)(\.txt|\.md)?",
    re.ASCII,
)
_CODE = re.compile(r"[\w.-]+(/[\w.-]+)*\.py", re.ASCII)
_CHUNK = 2**20


@dataclass(frozen=True)
class RemoteFile:
    """One file of a repository.

    Attributes:
        name: path inside the repository, with "/".
        url: where its bytes are.
        size: bytes, or None where the hub does not say.
        sha256: hex digest, or None.
        git_sha1: git's blob id (hex), or None; hubs give it for files outside large-file storage.
        headers: sent with the request (a token).
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def part_name(self) -> str:
        """Name of the partial file; it changes with the content, so a part of another version is never continued."""
        identity = self.sha256 or self.git_sha1 or str(self.size)
        return f"{self.name}.{identity[:12]}.part"


def check_names(files: Iterable[RemoteFile], repository: str) -> None:
    """Refuse a repository that names a file outside its own folder.

    Raises:
        DownloadError: a name is absolute, climbs up, or means another place on some system.
    """
    for file in files:
        climbs = any(part in ("", ".", "..") for part in file.name.split("/"))
        if climbs or "\\" in file.name or ":" in file.name[:2] or any(ord(character) < 32 for character in file.name):
            raise DownloadError(
                en=f"{repository} names a file {file.name!r}, which would be written outside the model's folder. "
                "Nothing was downloaded; do not use this repository.",
                zh=f"{repository} 含有名为 {file.name!r} 的文件，它会写到模型文件夹之外。"
                "没有下载任何内容；请不要使用该仓库。",
            )


def select(files: Iterable[RemoteFile], repository: str, *, code: bool) -> list[RemoteFile]:
    """The files to download: weights (safetensors; pickled ones only where there are no others), tokenizer, configs.

    Args:
        files: everything in the repository.
        repository: its name, for messages.
        code: also take Python files, which only an explicit permission to run them can justify.

    Returns:
        Small files first, so that a config that cannot be used is seen before the weights arrive.

    Raises:
        UnsupportedModelError: the repository holds no config.json or no weights that can be loaded.
    """
    files = list(files)
    names = [file.name for file in files]

    weights = next((kind for kind in (_SAFETENSORS, _TORCH) if any(map(kind.fullmatch, names))), None)
    if weights is None or "config.json" not in names:
        gguf = any(name.endswith(".gguf") for name in names)
        adapter = "adapter_config.json" in names
        raise UnsupportedModelError(
            en=f"{repository} is not a checkpoint that can be loaded here: "
            + (
                "it holds GGUF files, which are for llama.cpp. Choose the repository with the original weights."
                if gguf
                else "it is an adapter. Choose the base model it was trained on, and import the adapter separately."
                if adapter
                else "it has no config.json with safetensors or PyTorch weights beside it. Choose another repository."
            ),
            zh=f"{repository} 不是这里能加载的模型："
            + (
                "其中是 llama.cpp 用的 GGUF 文件。请选择含原始权重的仓库。"
                if gguf
                else "它是一个适配器。请选择训练它所用的基座模型，再单独导入该适配器。"
                if adapter
                else "没有 config.json 以及 safetensors 或 PyTorch 权重。请换一个仓库。"
            ),
        )
    patterns = (_ALWAYS, weights, *([_CODE] if code else []))
    chosen = [file for file in files if any(pattern.fullmatch(file.name) for pattern in patterns)]
    return sorted(chosen, key=lambda file: (file.name != "config.json", _is_weights(file.name), file.name))


def _is_weights(name: str) -> bool:
    return name.endswith((".safetensors", ".bin"))


def is_intact(path: Path, file: RemoteFile, cancel: Event | None = None) -> bool:
    """Whether `path` holds exactly `file`: size, and the best of sha256, git blob id or the safetensors layout.

    Raises:
        DownloadCancelledError: cancelled while reading.
    """
    if not path.is_file():
        return False
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return False
    if file.sha256:
        return _digest(path, hashlib.sha256(), cancel) == file.sha256.lower()
    if file.git_sha1:
        blob = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        return _digest(path, blob, cancel) == file.git_sha1.lower()
    return not file.name.endswith(".safetensors") or _is_complete_safetensors(path)


def _digest(path: Path, digest: hashlib._Hash, cancel: Event | None) -> str:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            stop_if(cancel)
            digest.update(chunk)
    return digest.hexdigest()


def _is_complete_safetensors(path: Path) -> bool:
    """The header's last offset ends the file (format: 8 bytes of length, JSON header, data)."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= size - 8:
            return False
        try:
            header = json.loads(stream.read(length))
            end = max((entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"), default=0)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return False
    return bool(8 + length + end == size)


def stop_if(cancel: Event | None) -> None:
    """Raise DownloadCancelledError where `cancel` is set."""
    if cancel is not None and cancel.is_set():
        raise DownloadCancelledError(
            en="The download was cancelled. What arrived is kept; start it again to go on from there.",
            zh="下载已取消。已下载的部分会保留；再次开始即可继续。",
        )
