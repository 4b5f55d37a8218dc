"""One file into one `LoadedDocument`: checks first, then the loader of its type."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rag.errors import RagError
from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.html import read_html
from rag.loaders.markdown import read_markdown, read_text
from rag.loaders.names import SUPPORTED, safe_name
from rag.loaders.office import OLE_MAGIC
from rag.loaders.pdf import read_pdf
from rag.loaders.recognition import IMAGES, read_image
from rag.loaders.tables import read_csv
from rag.loaders.word import read_docx
from rag.loaders.workbook import read_xlsx
from rag.settings import RagSettings
from rag.types import LoadedDocument

_READERS: dict[str, tuple[str, Callable[[bytes, TextBuilder], str | None]]] = {
    ".md": ("markdown", read_markdown),
    ".txt": ("text", read_text),
    ".pdf": ("pdf", read_pdf),
    ".docx": ("docx", read_docx),
    ".html": ("html", read_html),
    ".htm": ("html", read_html),
    ".csv": ("csv", read_csv),
    ".xlsx": ("xlsx", read_xlsx),
    **dict.fromkeys(IMAGES, ("image", read_image)),
}

# Beginnings no text file has: what the content really is, and the suffixes it may have.
_SIGNATURES: tuple[tuple[bytes, tuple[str, str], tuple[str, ...]], ...] = (
    (b"%PDF-", ("a PDF", " PDF"), (".pdf",)),
    (b"PK\x03\x04", ("a ZIP archive or Office file", " ZIP 压缩包或 Office 文件"), (".docx", ".xlsx")),
    (OLE_MAGIC, ("an old or protected Office file", "旧格式或加密的 Office 文件"), (".docx", ".xlsx")),
    (b"\x89PNG\r\n", ("a PNG image", " PNG 图片"), (".png",)),
    (b"\xff\xd8\xff", ("a JPEG image", " JPEG 图片"), (".jpg", ".jpeg")),
    (b"GIF8", ("a GIF image", " GIF 图片"), ()),
    (b"{\\rtf", ("an RTF document", " RTF 文档"), ()),
    (b"\x1f\x8b", ("a gzip archive", " gzip 压缩包"), ()),
    (b"7z\xbc\xaf", ("a 7z archive", " 7z 压缩包"), ()),
    (b"Rar!\x1a", ("a RAR archive", " RAR 压缩包"), ()),
    (b"\x7fELF", ("a program", "可执行程序"), ()),
    (b"SQLite format 3\0", ("a database", "数据库"), ()),
)
_BY_SIGNATURE = (".pdf", ".docx", ".xlsx", *IMAGES)


def load(path: Path, limits: RagSettings, name: str | None = None) -> LoadedDocument:
    """Read one file whole, or raise.

    Args:
        path: the file; links are followed.
        limits: sizes above which a file is refused (`max_file_mb`, `max_expanded_mb`, `max_text_chars`).
        name: what to call it (an upload's own name); only a label, its last component decides the type.

    Returns:
        The cleaned text with its sections; `warnings` are in English and Chinese.

    Raises:
        UnsupportedFileError: no loader for the suffix.
        UnreadableFileError: missing, a folder, empty, damaged, protected, without text, or not of its type.
        UnsafeFileError: over a limit, or built to exhaust memory or time.
    """
    label = safe_name(name if name is not None else path.name)
    suffix = os.path.splitext(label)[1].lower()
    if not path.exists():
        raise problems.missing(label)
    if not path.is_file():
        raise problems.folder(label)
    if suffix not in SUPPORTED:
        raise _unsupported(label, suffix)
    return parse(_read(path, label, limits.max_file_mb), label, limits)


def parse(data: bytes, label: str, limits: RagSettings) -> LoadedDocument:
    """The document that these bytes of a file make; `label` is its safe name. Raises as `load` does."""
    suffix = os.path.splitext(label)[1].lower()
    if suffix not in SUPPORTED:
        raise _unsupported(label, suffix)
    if not data:
        raise problems.empty(label)
    _check_signature(data, suffix, label)
    loader, read = _READERS[suffix]
    out = TextBuilder(label, limits)
    try:
        own_title = read(data, out)
    except (RagError, MemoryError):
        raise
    except Exception as error:  # parsers meet damaged files with errors of every type
        raise problems.damaged(label, suffix) from error
    return out.finish(loader, own_title)


def _unsupported(label: str, suffix: str) -> RagError:
    return problems.image_unread(label) if suffix in IMAGES else problems.unsupported(label, SUPPORTED)


def reader_of(loader: str) -> Callable[[bytes, TextBuilder], str | None]:
    """What reads the files of a loader, by its name."""
    return next(read for name, read in _READERS.values() if name == loader)


def _read(path: Path, label: str, limit_mb: int) -> bytes:
    limit = limit_mb * 2**20
    try:
        size = path.stat().st_size
        if size > limit:
            raise problems.too_big(label, size, limit_mb)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise problems.unopenable(label, error.strerror or type(error).__name__) from error
    if len(data) > limit:  # it grew meanwhile
        raise problems.too_big(label, len(data), limit_mb)
    return data


def _check_signature(data: bytes, suffix: str, label: str) -> None:
    # Some programs write a few lines before a PDF; readers accept the mark within the first 1024 bytes.
    if suffix == ".pdf" and b"%PDF-" in data[:1024]:
        return
    for magic, found, suffixes in _SIGNATURES:
        if data.startswith(magic):
            if suffix not in suffixes:
                raise problems.mismatched(label, suffix, found)
            return
    if not data.strip():
        raise problems.no_text(label)
    if suffix in _BY_SIGNATURE:
        text = b"\0" not in data[:4096]
        raise problems.mismatched(label, suffix, ("text", "文本") if text else ("something else", "其他内容"))
