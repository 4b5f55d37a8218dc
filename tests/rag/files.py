"""Makers of small real files for the tests of the loaders, good and bad."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from rag.loaders import load
from rag.settings import RagSettings
from rag.types import LoadedDocument

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def make_pdf(
    pages: Sequence[str], *, images: bool | Sequence[bool] = False, title: str = "", page_bytes: int = 0
) -> bytes:
    """A PDF with one line of text per line of each page, any Unicode, with a ToUnicode map.

    Args:
        images: draw a small grey image too, on all pages or on those marked.
        page_bytes: blanks to add to each page's (compressed) drawing commands.
    """
    on = [images] * len(pages) if isinstance(images, bool) else list(images)
    chars = sorted({c for page in pages for c in page if c != "\n"})
    codes = {c: i for i, c in enumerate(chars, start=1)}
    mapping = "\n".join(f"<{i:04X}> <{c.encode('utf-16-be').hex()}>" for c, i in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{mapping}\nendbfchar endcmap end end"
    )
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding /Identity-H /DescendantFonts [4 0 R]"
        b" /ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 1000"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        _stream(cmap.encode()),
        _stream(bytes(64), "/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray"
                " /BitsPerComponent 8"),
        b"<< /Title <FEFF" + title.encode("utf-16-be").hex().encode() + b"> >>",
    ]  # fmt: skip
    kids = []
    for text, image in zip(pages, on, strict=True):
        lines = [f"<{''.join(f'{codes[c]:04X}' for c in line)}> Tj T*" for line in text.split("\n")]
        draw = "q 400 0 0 400 50 50 cm /Im Do Q\n" if image else ""
        commands = f"{draw}BT /F 12 Tf 14 TL 72 720 Td\n" + "\n".join(lines) + "\nET" + " " * page_bytes
        objects.append(_stream(commands.encode()))
        resources = "/Font << /F 3 0 R >>" + (" /XObject << /Im 6 0 R >>" if image else "")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << {resources} >>"
            f" /Contents {len(objects)} 0 R >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 7 0 R >>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _stream(data: bytes, entries: str = "") -> bytes:
    packed = zlib.compress(data, 9)
    head = f"<< /Length {len(packed)} /Filter /FlateDecode {entries} >>"
    return head.encode() + b"\nstream\n" + packed + b"\nendstream"


def encrypt_pdf(data: bytes, user: str, owner: str = "owner", algorithm: str = "RC4-128") -> bytes:
    """The same PDF encrypted; an empty `user` password opens for reading everywhere."""
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user, owner, algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def make_docx(build: object = None, *, title: str = "") -> bytes:
    """A Word file; `build(document)` fills it by python-docx."""
    import docx

    document = docx.Document()
    document.core_properties.title = title
    if callable(build):
        build(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def make_xlsx(sheets: dict[str, Sequence[Sequence[object]]], edit: object = None) -> bytes:
    """An Excel file of rows; `edit(workbook)` may change it by openpyxl before it is saved."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    if callable(edit):
        edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repack(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """A zip archive with parts replaced, added, or (None) left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename not in changes:
                new.writestr(part.filename, old.read(part))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def declare_size(data: bytes, name: str, size: int) -> bytes:
    """A zip archive whose entries for `name` declare `size` bytes, whatever they hold."""
    raw = bytearray(data)
    encoded = name.encode()
    for signature, size_at, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = raw.find(signature)
        while at >= 0:
            if raw[at + name_at : at + name_at + len(encoded)] == encoded:
                raw[at + size_at : at + size_at + 4] = size.to_bytes(4, "little")
            at = raw.find(signature, at + 4)
    return bytes(raw)


def ole(stream_name: str) -> bytes:
    """The beginning of an OLE file (.doc, .xls, or a protected .docx) with one named stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream_name.encode("utf-16-le") + bytes(512)


def write(folder: Path, name: str, data: bytes | str) -> Path:
    """Write a file (text as UTF-8) and return its path."""
    path = folder / name
    path.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    return path


def load_checked(folder: Path, name: str, data: bytes | str) -> LoadedDocument:
    """Write a file and load it; checks what holds for every document."""
    document = load(write(folder, name, data), RagSettings(data_dir=folder))
    at = 0
    for section in document.sections:
        assert section.start == at < section.end
        at = section.end
    assert at == len(document.text)
    assert document.title.strip()
    return document


def outline(document: LoadedDocument) -> list[str]:
    """The heading paths of all sections."""
    return [section.heading for section in document.sections]
