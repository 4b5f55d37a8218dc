"""Labels and folders: what a file may be called, and which files a folder holds."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from rag.loaders.cleaning import strip_invisible
from rag.loaders.recognition import IMAGES, available

SUPPORTED = (".md", ".txt", ".pdf", ".docx", ".html", ".htm", ".csv", ".xlsx", *(IMAGES if available() else ()))
"""Suffixes that `load` reads, in lower case."""

ARCHIVES = (".zip",)
"""Suffixes of archives, which are added file by file."""

MAX_NAME_CHARS = 200
# File names of ext4, APFS and NTFS hold 255 bytes or units; a Chinese character takes 3 bytes.
MAX_NAME_BYTES = 240

_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³])(?=\.|$)")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def safe_name(name: str) -> str:
    """Turn any name into a label that is also a harmless file name on Linux, macOS and Windows.

    Keeps the last path component only; drops control, bidi and zero-width characters; replaces
    characters Windows forbids by "_"; shortens the stem to 200 characters and 240 bytes in all.
    Never empty, never "." or "..". Applying it twice changes nothing.
    """
    last = _CONTROL.sub("", strip_invisible(re.split(r"[/\\]", name)[-1]))
    last = _trim(_FORBIDDEN.sub("_", unicodedata.normalize("NFC", last)))
    if not last.strip("._ "):
        return "document"
    return _shorten("_" + last if _RESERVED.match(last) else last)


def _trim(name: str) -> str:
    # Windows drops spaces and dots at the end of a name.
    return " ".join(name.split()).rstrip(". ")


def _shorten(name: str) -> str:
    if len(name) <= MAX_NAME_CHARS and len(name.encode("utf-8")) <= MAX_NAME_BYTES:
        return name
    stem, suffix = os.path.splitext(name)
    if len(suffix) > 20:
        stem, suffix = name, ""
    room = MAX_NAME_BYTES - len(suffix.encode("utf-8"))
    stem = stem[: MAX_NAME_CHARS - len(suffix)].encode("utf-8")[:room].decode("utf-8", "ignore")
    return _trim(stem) + suffix


def walk(paths: Iterable[Path]) -> list[Path]:
    """List the files to load, sorted, each once.

    A file named in `paths` is kept whatever its type or existence, so that its error is reported. Of a
    folder, all supported files and archives below it are listed; hidden files and folders, Office lock files
    ("~$…") and links or junctions that lead outside the folder are left out.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            for file in _folder_files(path):
                found.setdefault(file.resolve(), file)
        else:
            found.setdefault(Path(os.path.abspath(path)) if path.is_symlink() else path.resolve(), path)
    return sorted(found.values(), key=lambda p: p.as_posix())


def _folder_files(folder: Path) -> Iterable[Path]:
    root = folder.resolve()
    for parent, folders, files in os.walk(folder, followlinks=False):
        # Links are not followed anyway; junctions of Windows would be.
        folders[:] = [f for f in folders if is_listed(f) and _inside(Path(parent, f), root)]
        for file in files:
            path = Path(parent, file)
            if (
                is_listed(file)
                and path.suffix.lower() in (*SUPPORTED, *ARCHIVES)
                and _inside(path, root)
                and path.is_file()
            ):
                yield path


def is_listed(name: str) -> bool:
    """Whether a file or folder found by itself is to be added: not hidden, no lock file, no resource fork."""
    return not name.startswith((".", "~$")) and name != "__MACOSX"


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links
        return False
