"""The data folder: one process at a time; the names of collections in it, and the place of their vector indexes."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import unicodedata
from pathlib import Path
from typing import Any

from rag.database import storage_error
from rag.errors import KnowledgeLockedError
from rag.index import Folders, Server
from rag.settings import RagSettings


def slug(title: str) -> str:
    """An ASCII name for a title: "My Recipes" gives "my-recipes", one with other letters "c-" and a hash."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c)).lower()
    ascii_name = re.sub("[^a-z0-9]+", "-", plain).strip("-")
    readable = bool(ascii_name) and not any(c.isalnum() and not c.isascii() for c in plain)
    return ascii_name[:60].strip("-") if readable else f"c-{tag(title)}"


def tag(title: str) -> str:
    """Six hex digits that go with a title."""
    return hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:6]


def place(settings: RagSettings) -> Folders | Server:
    """Where vector indexes are kept. Those on a server are told apart by machine and data folder."""
    if not settings.chroma:
        return Folders(settings.data_dir / "vector_db")
    shutil.rmtree(settings.data_dir / "vector_db", ignore_errors=True)  # left from before
    own = f"{platform.node()}:{settings.data_dir.resolve()}"
    return Server(settings.chroma, f"fenshen-{hashlib.sha256(own.encode()).hexdigest()[:12]}-")


def lock(data_dir: Path) -> Any:
    """The held lock of a data folder, which is made if it is not there."""
    from filelock import FileLock, Timeout

    held = FileLock(data_dir / ".lock", timeout=0, thread_local=False)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout as error:
        raise KnowledgeLockedError(
            en=f"The data folder {data_dir} is in use by another running copy of this app. Close that one, or "
            "choose another folder with --data-dir.",
            zh=f"数据文件夹 {data_dir} 正被本应用的另一个进程使用。请先关闭它，或用 --data-dir 指定其他文件夹。",
        ) from error
    except (OSError, NotImplementedError) as error:  # the latter on file systems without locks
        raise storage_error(error, data_dir) from error
    return held
