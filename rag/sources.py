"""What is to be added: files, the files of folders, and those of zip archives, each with its name in the collection.

An archive is never unpacked to the disk: a file in it is read where it stands, so no name can lead anywhere.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import RagError
from rag.loaders import ARCHIVES, SUPPORTED, is_listed, problems, safe_name, walk
from rag.loaders.office import MAX_RATIO, RATIO_FROM
from rag.settings import RagSettings

_LINK = 0o120000
_DRIVE = re.compile("[A-Za-z]:")


@dataclass(frozen=True)
class SourceFile:
    """One file to add.

    Attributes:
        path: the file, or the archive that holds it.
        source: its name in the collection; "/" stands between folders.
        size: bytes, as far as it is known (0 for a file that cannot be looked at).
        member: place in the archive's list; None for a file of its own.
        refused: why it is not even to be read.
    """

    path: Path
    source: str
    size: int = 0
    member: int | None = None
    refused: RagError | None = None


def collect(paths: Iterable[Path], names: Mapping[Path, str], limits: RagSettings) -> list[SourceFile]:
    """Every file below these paths. Two files of one name are told apart by their folder or archive."""
    found: list[SourceFile] = []
    for path in map(Path, paths):
        if path in names:
            found += _opened(path, safe_name(names[path]), limits)
        elif path.is_dir():
            for below in walk([path]):
                found += _opened(below, "/".join(map(safe_name, below.relative_to(path).parts)), limits)
        else:
            found += _opened(path, safe_name(path.name), limits)
    used: set[str] = set()
    for i, file in enumerate(found):
        if file.source in used:
            folder = file.path.parent.name if file.member is None else file.path.stem
            found[i] = file = replace(file, source=f"{safe_name(folder)}/{file.source}" if folder else file.source)
        used.add(file.source)
    return found


def _opened(path: Path, source: str, limits: RagSettings) -> Iterator[SourceFile]:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # reading it will say why
    if os.path.splitext(source)[1].lower() not in ARCHIVES or not path.is_file():
        yield SourceFile(path, source, size)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError, OSError):  # RuntimeError: of a kind that Python cannot read
        yield SourceFile(path, source, refused=problems.archive_damaged(source))
        return
    expanded, limit = sum(entry.file_size for entry in entries), limits.max_archive_mb * 2**20
    if len(entries) > limits.max_archive_files:
        refused: RagError = problems.archive_many(source, len(entries), limits.max_archive_files)
        yield SourceFile(path, source, refused=refused)
    elif max(expanded, size) > limit or expanded > max(RATIO_FROM, MAX_RATIO * size):
        yield SourceFile(path, source, refused=problems.archive_expands(source, limits.max_archive_mb))
    else:
        for number, entry in enumerate(entries):
            yield from _member(SourceFile(path, source, entry.file_size, number), entry)


def _member(archive: SourceFile, entry: zipfile.ZipInfo) -> Iterator[SourceFile]:
    """The file of an entry: nothing for folders, hidden files and types that are not read."""
    name = _name(entry).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or name.endswith("/") or not all(part == ".." or is_listed(part) for part in parts):
        return
    file = replace(archive, source="/".join(safe_name(part) for part in parts if part != "..") or safe_name(""))
    suffix = os.path.splitext(parts[-1])[1].lower()
    if ".." in parts or name.startswith("/") or _DRIVE.match(name) or entry.external_attr >> 16 & 0o170000 == _LINK:
        yield replace(file, refused=problems.archive_escape(file.source, archive.source))
    elif entry.flag_bits & 1:
        yield replace(file, refused=problems.encrypted(file.source))
    elif suffix in ARCHIVES:
        yield replace(file, refused=problems.archive_nested(file.source, archive.source))
    elif suffix in SUPPORTED:
        yield file


def _name(entry: zipfile.ZipInfo) -> str:
    """An entry's name: Windows writes it in the system's own encoding without saying so, which zipfile takes for
    that of the first PC."""
    if entry.flag_bits & 0x800:
        return entry.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return entry.filename.encode("cp437").decode(encoding)
        except UnicodeError:
            continue
    return entry.filename
