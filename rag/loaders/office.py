"""Checks on docx and xlsx before any parser sees them: they are zip archives of XML."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from rag.loaders import problems
from rag.loaders.builder import TextBuilder

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_PARTS = 10_000
MAX_RATIO = 200
# Small files may compress extremely well; a ratio says nothing below this size.
RATIO_FROM = 10 * 2**20

_CONTENT_TYPES = "[Content_Types].xml"
_MAIN_TYPES = {
    ".docx": re.compile(rb"wordprocessingml\.(?:document|template)\.main\+xml|ms-word\.(?:document|template)\.macro"),
    ".xlsx": re.compile(rb"spreadsheetml\.(?:sheet|template)\.main\+xml|ms-excel\.(?:sheet|template)\.macro"),
}
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_OTHER = ("a ZIP archive of another kind", "另一种 ZIP 压缩包")
# Parts of an Office file must not hold a document type (ECMA-376 part 2, 8.1.4), and no entity comes without one.
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_BLOCK = 1 << 18


def check_package(data: bytes, suffix: str, out: TextBuilder) -> None:
    """Unpack every part once, keeping nothing, so that what a parser then reads is known to be harmless.

    Archives inside the archive are only counted as data: nothing ever opens them.

    Raises:
        UnreadableFileError: no zip, damaged, protected by a password, or not of type `suffix`.
        UnsafeFileError: too many parts, expands too far, or declares entities.
    """
    if data.startswith(OLE_MAGIC):
        protected = "EncryptedPackage".encode("utf-16-le") in data
        raise problems.encrypted(out.label) if protected else problems.old_office(out.label, suffix)
    limit = out.limits.max_expanded_mb * 2**20
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise problems.too_many_parts(out.label, len(parts), MAX_PARTS)
            # What the archive declares costs nothing to check; what it really holds is counted below.
            _check_size(sum(part.file_size for part in parts), limit, data, out)
            if any(part.flag_bits & 1 for part in parts):
                raise problems.encrypted(out.label)
            if _CONTENT_TYPES not in archive.namelist():
                raise problems.mismatched(out.label, suffix, _OTHER)
            total = 0
            for part in parts:
                total = _unpack(archive, part, total, limit, data, out)
            types = archive.read(_CONTENT_TYPES)
            if _MAIN_TYPES[suffix].search(types):
                out.warnings += _carried(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise problems.damaged(out.label, suffix) from error
    if not _MAIN_TYPES[suffix].search(types):
        other = next((kind for kind, main in _MAIN_TYPES.items() if main.search(types)), None)
        raise problems.mismatched(out.label, suffix, problems.KINDS[other] if other else _OTHER)


def _carried(archive: zipfile.ZipFile) -> list[str]:
    """What the file carries or refers to that is not read, in the form of `LoadedDocument.warnings`."""
    names = [name.lower() for name in archive.namelist()]
    found = []
    if any(name.endswith("vbaproject.bin") for name in names):
        found.append(problems.warning("Its macros were not read and never run.", "其中的宏没有读取，也不会运行。"))
    if count := sum("/embeddings/" in name or "/activex/" in name for name in names):
        found.append(problems.warning(f"{count} embedded file(s) were not read.", f"有 {count} 个嵌入的文件没有读取。"))
    outside = 0
    for name in archive.namelist():
        if name.endswith(".rels"):
            relations = _RELATION.findall(archive.read(name))
            outside += sum(b'"External"' in r and b"/hyperlink" not in r for r in relations)
    if outside:
        found.append(
            problems.warning(
                f"It refers to {outside} file(s) elsewhere, which were not loaded.",
                f"其中引用了 {outside} 个外部文件，没有加载。",
            )
        )
    return found


def _check_size(total: int, limit: int, data: bytes, out: TextBuilder) -> None:
    if total > limit or total > max(RATIO_FROM, MAX_RATIO * len(data)):
        raise problems.expands(out.label, out.limits.max_expanded_mb)


def _unpack(
    archive: zipfile.ZipFile, part: zipfile.ZipInfo, total: int, limit: int, data: bytes, out: TextBuilder
) -> int:
    """Read one part to its end (which verifies its checksum); returns the running total of bytes."""
    is_xml = part.filename.lower().endswith((".xml", ".rels", ".vml"))
    tail = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            total += len(block)
            _check_size(total, limit, data, out)
            if is_xml:
                if any(mark in tail + block for mark in _DOCTYPES):
                    raise problems.entities(out.label)
                tail = block[-32:]
    return total
