"""From what the user typed to a folder with a checkpoint: a folder as it is, or a download from one of three hubs.

A finished download is marked by a file in its folder, so that later starts do not touch the network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

from llm.hubs.connection import Connection, HubOptions
from llm.hubs.download import DownloadProgress, Fetcher, Progress
from llm.hubs.files import check_names, select, stop_if
from llm.hubs.internlm import is_internlm, to_llama
from llm.hubs.messages import HUB_NAMES, not_a_checkpoint, not_a_name, not_on_this_hub, remote_code
from llm.hubs.sources import list_files
from llm.memory import read_config
from llm.presets import Preset, find

__all__ = ["SOURCES", "DownloadProgress", "HubOptions", "Installed", "installed", "needs_remote_code", "resolve"]

SOURCES = tuple(HUB_NAMES)
MARKER = ".complete.json"
_CONVERTED = "converted"
_REPOSITORY = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Installed:
    """A finished download: its hub, its repository, where it lies and how many bytes it takes."""

    source: str
    repository: str
    folder: Path
    size: int


def resolve(
    name: str,
    *,
    cache_dir: Path,
    source: str | None = None,
    progress: Progress | None = None,
    cancel: Event | None = None,
    options: HubOptions | None = None,
) -> Path:
    """The folder of a checkpoint, downloaded first where it has to be.

    InternLM and InternLM2 checkpoints come back in Llama's layout (see hubs.internlm), which needs no remote code.

    Args:
        name: a folder with a config.json, the name of a preset, or "owner/name" of a hub.
        cache_dir: downloads go to `cache_dir/<source>/<owner>--<name>`; `<data dir>/models` in the application.
        source: "huggingface", "modelscope" or "openxlab"; None takes a finished download of any, else "huggingface".
        progress: called as bytes arrive.
        cancel: set from another thread to stop; noticed at the next bytes or after `options.timeout_s`.
        options: how to download.

    Raises:
        ModelNotFoundError: nothing of this name exists.
        DownloadError: the hub refused or could not be reached, a checksum is wrong, or the disk is full.
        DownloadCancelledError: cancelled; the next call goes on from there.
        RemoteCodeError: it needs Python code of its own and `options.trust_remote_code` is false.
        UnsupportedModelError: it is not a checkpoint that can be loaded.
        ValueError: the source is not one of the three.
    """
    if source is not None and source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
    options, name = options or HubOptions(), name.strip()
    if (local := _local_folder(name)) is not None:
        return _usable(local, cache_dir, options, progress, cancel)
    preset = find(name)
    if preset is not None and preset.folder is not None:
        if not (preset.folder / "config.json").is_file():
            raise not_a_checkpoint(str(preset.folder), adapter=False)
        return preset.folder
    wanted = [source] if source else list(SOURCES)
    for candidate in wanted:
        repository = _repository(name, preset, candidate)
        if repository and _is_finished(_folder(cache_dir, candidate, repository), options):
            return _usable(_folder(cache_dir, candidate, repository), cache_dir, options, progress, cancel)
    chosen = wanted[0]
    repository = _repository(name, preset, chosen)
    if repository is None:
        if preset is not None:
            raise not_on_this_hub(name, chosen, list(preset.hubs))
        raise not_a_name(name)
    folder = _folder(cache_dir, chosen, repository)
    with _locked(folder, cancel):
        if not _is_finished(folder, options):
            _download(chosen, repository, folder, options, progress, cancel)
    return _usable(folder, cache_dir, options, progress, cancel)


def installed(cache_dir: Path) -> list[Installed]:
    """The finished downloads under `cache_dir`, by source and name."""
    found = []
    for source in SOURCES:
        for marker in sorted((cache_dir / source).glob(f"*/{MARKER}")):
            folders = (marker.parent, _converted(marker.parent))
            size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
            found.append(Installed(source, json.loads(marker.read_text("utf-8"))["repository"], marker.parent, size))
    return found


def needs_remote_code(config: Mapping[str, Any]) -> bool:
    """Whether a config.json asks for Python code beside the weights that transformers has no class of its own for."""
    if not any(key in (config.get("auto_map") or {}) for key in ("AutoModelForCausalLM", "AutoModel", "AutoConfig")):
        return False
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return config.get("model_type") not in CONFIG_MAPPING_NAMES and not is_internlm(config)


def _local_folder(name: str) -> Path | None:
    path = Path(name).expanduser()
    if name and path.is_dir():
        if (path / "config.json").is_file():
            return path
        if find(name) is None:
            raise not_a_checkpoint(str(path), adapter=(path / "adapter_config.json").is_file())
    return None


def _repository(name: str, preset: Preset | None, source: str) -> str | None:
    if preset is not None:
        return preset.hubs.get(source)
    return name if _REPOSITORY.fullmatch(name) and ".." not in name else None


def _folder(cache_dir: Path, source: str, repository: str) -> Path:
    return cache_dir / source / repository.replace("/", "--")


def _converted(folder: Path) -> Path:
    """Where the converted form of a download lies."""
    return folder.parent.parent / _CONVERTED / folder.parent.name / folder.name


def _usable(
    folder: Path, cache_dir: Path, options: HubOptions, progress: Progress | None, cancel: Event | None
) -> Path:
    """The folder itself, or its converted form; refuses one that would run code without permission."""
    config = read_config(folder)
    if needs_remote_code(config) and not options.trust_remote_code:
        raise remote_code(folder.name, ", ".join(sorted(set(map(str, config["auto_map"].values())))))
    if not is_internlm(config):
        return folder
    downloaded = (folder / MARKER).is_file() and folder.resolve().parent.parent == cache_dir.resolve()
    # A folder of the user's is left as it is. The converted one keeps its name, by which presets are found.
    key = sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    target = _converted(folder) if downloaded else cache_dir / _CONVERTED / key / folder.resolve().name
    with _locked(target, cancel):
        if not (target / MARKER).is_file():
            to_llama(folder, target, remove_weights=downloaded, progress=progress, cancel=cancel)
            _mark(target, {"converted_from": str(folder)})
    return target


def _download(
    source: str,
    repository: str,
    folder: Path,
    options: HubOptions,
    progress: Progress | None,
    cancel: Event | None,
) -> None:
    import httpx

    with httpx.Client(
        timeout=httpx.Timeout(options.timeout_s, connect=min(options.timeout_s, 10.0)),
        follow_redirects=True,
        # Compressed answers would make byte ranges and sizes mean something else.
        headers={"User-Agent": "fenshen", "Accept-Encoding": "identity"},
    ) as client:
        connection = Connection(source, repository, client, options, cancel)
        listing = list_files(connection)
        check_names(listing.files, repository)
        files = select(listing.files, repository, code=options.trust_remote_code)
        shutil.rmtree(_converted(folder), ignore_errors=True)
        # The config first and alone: whether the model may be used at all is known before its weights are fetched.
        Fetcher(connection, folder, renew=listing.renew).fetch(files[:1])
        config = read_config(folder)
        if needs_remote_code(config) and not options.trust_remote_code:
            raise remote_code(repository, ", ".join(sorted(set(map(str, config["auto_map"].values())))))
        Fetcher(connection, folder, progress=progress, renew=listing.renew).fetch(files)
    for part in folder.rglob("*.part"):  # of versions that the hub has replaced
        part.unlink()
    sizes = {file.name: (folder / file.name).stat().st_size for file in files}
    _mark(
        folder,
        {
            "source": source,
            "repository": repository,
            "asked": options.revision,
            "revision": listing.revision,
            "code": options.trust_remote_code,
            "files": sizes,
        },
    )


def _is_finished(folder: Path, options: HubOptions) -> bool:
    """Whether the marker is there and its files still are; weights may have gone into the converted form."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files = {folder / name: size for name, size in marker["files"].items()}
        code_missing = options.trust_remote_code and not marker["code"] and needs_remote_code(read_config(folder))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
    if options.revision not in (None, marker.get("revision"), marker.get("asked")) or code_missing:
        return False
    converted = _converted(folder).is_dir()
    return all(
        path.stat().st_size == size if path.is_file() else converted and path.suffix in (".safetensors", ".bin")
        for path, size in files.items()
    )


def _mark(folder: Path, content: Mapping[str, Any]) -> None:
    part = folder / f"{MARKER}.part"
    part.write_text(json.dumps({"format": 1, **content}, indent=2), encoding="utf-8")
    os.replace(part, folder / MARKER)


@contextmanager
def _locked(folder: Path, cancel: Event | None) -> Iterator[None]:
    """One process or thread at a time per folder; the others wait for it and then find it finished."""
    from filelock import FileLock, Timeout

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    while True:
        stop_if(cancel)
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            continue
    try:
        folder.mkdir(exist_ok=True)
        yield
    finally:
        lock.release()
        if folder.is_dir() and not any(folder.iterdir()):  # nothing came of it, a misspelt name for instance
            folder.rmdir()
