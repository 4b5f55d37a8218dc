"""Bad files: each is refused whole, with its own error in both languages. Good twins are the controls."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import RagError, UnreadableFileError, UnsafeFileError, UnsupportedFileError
from rag.loaders import load
from rag.settings import RagSettings
from tests.rag import files

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def good_docx() -> bytes:
    return files.make_docx(lambda d: d.add_paragraph("正文在此。"))


def good_xlsx() -> bytes:
    return files.make_xlsx({"S": [["a", "b"], ["1", "2"]]})


def word_xml(body: str, doctype: str = "") -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?>{doctype}'
    return f"{head}<w:document {W}><w:body>{body}</w:body></w:document>".encode()


def bomb() -> bytes:
    return files.repack(good_docx(), {"word/media/zeros.bin": bytes(60 * 2**20)})


def lying_bomb() -> bytes:
    return files.declare_size(bomb(), "word/media/zeros.bin", 1000)


def laughs() -> bytes:
    pairs = zip("bcdefgh", "abcdefg", strict=True)
    entities = '<!ENTITY a "ha">' + "".join(f'<!ENTITY {x} "{10 * ("&" + y + ";")}">' for x, y in pairs)
    xml = word_xml("<w:p><w:r><w:t>&h;</w:t></w:r></w:p>", f"<!DOCTYPE w:document [{entities}]>")
    return files.repack(good_docx(), {"word/document.xml": xml})


def outside_entity() -> bytes:
    xml = word_xml("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>')
    return files.repack(good_docx(), {"word/document.xml": xml.decode().encode("utf-16")})


def xlsx_laughs() -> bytes:
    xml = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "ha">]><sst xmlns="x"><si><t>&a;</t></si></sst>'
    return files.repack(good_xlsx(), {"xl/sharedStrings.xml": xml})


def many_parts() -> bytes:
    return files.repack(good_docx(), {f"word/media/{i}": b"" for i in range(10_001)})


def protected_zip() -> bytes:
    raw = bytearray(good_docx())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(signature)
        while at >= 0:
            raw[at + flags_at] |= 1
            at = raw.find(signature, at + 4)
    return bytes(raw)


def other_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("notes.md", "# hello")
    return out.getvalue()


def flipped(data: bytes) -> bytes:
    """Damage inside: the checksum of the text's part no longer fits."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        part = archive.getinfo("word/document.xml")
    at = part.header_offset + 30 + len(part.filename) + part.compress_size // 2
    return data[:at] + bytes(b ^ 0xFF for b in data[at : at + 8]) + data[at + 8 :]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


PDF = files.make_pdf(["第一页", "第二页"])
CASES: dict[str, tuple[str, bytes | Callable[[], bytes], type[RagError], str, str]] = {
    "zero bytes": ("x.md", b"", UnreadableFileError, "0 bytes", "0 字节"),
    "zero bytes pdf": ("x.pdf", b"", UnreadableFileError, "0 bytes", "0 字节"),
    "white space": ("x.txt", " \n\t\u3000\n\u200b".encode(), UnreadableFileError, "no text", "没有文字"),
    "only a BOM": ("x.csv", b"\xef\xbb\xbf", UnreadableFileError, "no text", "没有文字"),
    "html without text": ("x.html", b"<html><!-- a --></html>", UnreadableFileError, "no text", "没有文字"),
    "html of comments": ("x.html", b"<!-- a -->", UnreadableFileError, "no text", "没有文字"),
    "docx without text": ("x.docx", files.make_docx, UnreadableFileError, "no text", "没有文字"),
    "blank pdf": ("x.pdf", files.make_pdf(["", ""]), UnreadableFileError, "no text", "没有文字"),
    "unknown type": ("x.rar", b"abc", UnsupportedFileError, ".docx, .html", ".docx, .html"),
    "old word": ("x.doc", files.ole("WordDocument"), UnsupportedFileError, ".docx", ".docx"),
    "no suffix": ("README", b"abc", UnsupportedFileError, ".md", ".md"),
    "png as pdf": ("x.pdf", files.PNG, UnreadableFileError, "a PNG image", "PNG 图片"),
    "png as text": ("x.txt", files.PNG, UnreadableFileError, "a PNG image", "PNG 图片"),
    "pdf as markdown": ("x.md", PDF, UnreadableFileError, "a PDF", "PDF"),
    "docx as html": ("x.html", good_docx, UnreadableFileError, "ZIP", "ZIP"),
    "text as docx": ("x.docx", b"just text", UnreadableFileError, "content is text", "文本"),
    "text as pdf": ("x.pdf", b"just text", UnreadableFileError, "content is text", "文本"),
    "binary as csv": ("x.csv", bytes(range(256)) * 4, UnreadableFileError, "named as CSV", "扩展名是 CSV"),
    "noise as text": ("x.txt", os.urandom(4096), UnreadableFileError, "named as plain text", "扩展名是 纯文本"),
    "xlsx as docx": ("x.docx", good_xlsx, UnreadableFileError, "Excel", "Excel"),
    "docx as xlsx": ("x.xlsx", good_docx, UnreadableFileError, "Word", "Word"),
    "zip as docx": ("x.docx", other_zip, UnreadableFileError, "another kind", "另一种"),
    "truncated pdf": ("x.pdf", half(PDF), UnreadableFileError, "incomplete", "不完整"),
    "pdf cut off in its last revision": ("x.pdf", PDF + b"9 0 obj\n<< >>\nendobj\n" * 150, UnreadableFileError,
                                         "incomplete", "不完整"),
    "broken pdf": ("x.pdf", b"%PDF-1.7\n" + b"garbage " * 50 + b"\nstartxref\n9\n%%EOF", UnreadableFileError,
                   "damaged", "损坏"),
    "truncated docx": ("x.docx", lambda: half(good_docx()), UnreadableFileError, "incomplete", "不完整"),
    "damaged docx": ("x.docx", lambda: flipped(good_docx()), UnreadableFileError, "damaged", "损坏"),
    "docx of broken xml": ("x.docx", lambda: files.repack(good_docx(), {"word/document.xml": b"<w:document"}),
                           UnreadableFileError, "damaged", "损坏"),
    "docx without document": ("x.docx", lambda: files.repack(good_docx(), {"word/document.xml": None}),
                              UnreadableFileError, "damaged", "损坏"),
    "xlsx of broken xml": ("x.xlsx", lambda: files.repack(good_xlsx(), {"xl/worksheets/sheet1.xml": b"<worksheet>"}),
                           UnreadableFileError, "damaged", "损坏"),
    "xlsx without sheet": ("x.xlsx", lambda: files.repack(good_xlsx(), {"xl/workbook.xml": b"<x/>"}),
                           UnreadableFileError, "no text", "没有文字"),
    "encrypted pdf": ("x.pdf", files.encrypt_pdf(PDF, "secret"), UnreadableFileError, "password", "密码"),
    "encrypted pdf aes": ("x.pdf", files.encrypt_pdf(PDF, "secret", algorithm="AES-256"), UnreadableFileError,
                          "password", "密码"),
    "protected docx": ("x.docx", files.ole("EncryptedPackage"), UnreadableFileError, "password", "密码"),
    "protected xlsx": ("x.xlsx", files.ole("EncryptedPackage"), UnreadableFileError, "password", "密码"),
    "protected parts": ("x.docx", protected_zip, UnreadableFileError, "password", "密码"),
    "doc named docx": ("x.docx", files.ole("WordDocument"), UnreadableFileError, "before 2007", "旧格式"),
    "scanned pdf": ("x.pdf", files.make_pdf(["", ""], images=True), UnreadableFileError, "OCR", "OCR"),
    "stamped scan": ("x.pdf", files.make_pdf(["扫描全能王 1", "扫描全能王 2"], images=True), UnreadableFileError,
                     "only images", "只有图片"),
    "zip bomb": ("x.docx", bomb, UnsafeFileError, "zip bomb", "压缩炸弹"),
    "zip bomb that lies": ("x.docx", lying_bomb, UnreadableFileError, "damaged", "损坏"),
    "zip that declares too much": ("x.docx", lambda: files.declare_size(good_docx(), "word/document.xml", 2**31),
                                   UnsafeFileError, "zip bomb", "压缩炸弹"),
    "xlsx bomb": ("x.xlsx", lambda: files.repack(good_xlsx(), {"xl/worksheets/sheet1.xml": bytes(60 * 2**20)}),
                  UnsafeFileError, "zip bomb", "压缩炸弹"),
    "many parts": ("x.docx", many_parts, UnsafeFileError, "10000", "10000"),
    "entity bomb": ("x.docx", laughs, UnsafeFileError, "entities", "实体"),
    "external entity in utf-16": ("x.docx", outside_entity, UnsafeFileError, "entities", "实体"),
    "entities in xlsx": ("x.xlsx", xlsx_laughs, UnsafeFileError, "entities", "实体"),
    "nested html": ("x.html", b"<div>" * 3000 + b"deep", UnsafeFileError, "nests", "嵌套"),
    "pdf stream bomb": ("x.pdf", files.make_pdf(["你好"], page_bytes=60_000_000), UnsafeFileError, "complex", "复杂"),
}  # fmt: skip


@pytest.fixture
def limits(tmp_path: Path) -> RagSettings:
    return RagSettings(data_dir=tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_bad_file_has_its_own_error_in_both_languages(tmp_path: Path, limits: RagSettings, case: str) -> None:
    name, data, error, en, zh = CASES[case]
    path = files.write(tmp_path, name, data if isinstance(data, bytes) else data())
    with pytest.raises(RagError) as caught:
        load(path, limits)
    assert type(caught.value) is error
    assert en in caught.value.message("en")
    assert zh in caught.value.message("zh-CN")
    for lang in ("en", "zh"):
        assert name in caught.value.message(lang)
        assert str(tmp_path) not in caught.value.message(lang)  # a server's folders are nobody's business


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("x.docx", good_docx, "正文在此。"),
        ("x.xlsx", good_xlsx, "S\na: 1; b: 2"),
        ("x.pdf", lambda: PDF, "第一页\n\n第二页"),
        ("x.PDF", lambda: b"junk line\n" + PDF, "第一页\n\n第二页"),
        ("x.html", lambda: b"<div>" * 200 + b"deep", "deep"),
        ("x.pdf", lambda: files.make_pdf(["你好"], page_bytes=1_000_000), "你好"),
    ],
)
def test_good_twins_are_read(
    tmp_path: Path, limits: RagSettings, name: str, data: Callable[[], bytes], text: str
) -> None:
    assert load(files.write(tmp_path, name, data()), limits).text == text


def test_archives_inside_an_office_file_are_never_opened(tmp_path: Path, limits: RagSettings) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(300 * 2**20))
    nested = files.repack(good_docx(), {"word/embeddings/sheet.xlsx": inner.getvalue()})
    assert load(files.write(tmp_path, "x.docx", nested), limits).text == "正文在此。"


def test_expansion_is_counted_as_it_happens_not_only_as_declared(tmp_path: Path) -> None:
    """Many honest parts that together pass the limit, none of which is large."""
    data = files.repack(good_docx(), {f"word/media/{i}.bin": os.urandom(1000) * 500 for i in range(8)})
    path = files.write(tmp_path, "x.docx", data)
    assert load(path, RagSettings(data_dir=tmp_path, max_expanded_mb=8)).text == "正文在此。"
    with pytest.raises(UnsafeFileError, match="zip bomb"):
        load(path, RagSettings(data_dir=tmp_path, max_expanded_mb=2))


def test_limits_of_size_and_length(tmp_path: Path) -> None:
    path = files.write(tmp_path, "x.txt", "x" * (3 * 2**20))
    with pytest.raises(UnsafeFileError, match=r"is 3\.0 MiB; the limit is 2 MiB"):
        load(path, RagSettings(data_dir=tmp_path, max_file_mb=2))
    assert len(load(path, RagSettings(data_dir=tmp_path, max_file_mb=3)).text) == 3 * 2**20
    with pytest.raises(UnsafeFileError, match="1,000 characters"):
        load(path, RagSettings(data_dir=tmp_path, max_text_chars=1000))


# --- paths and names


def test_missing_folder_and_unreadable(tmp_path: Path, limits: RagSettings) -> None:
    with pytest.raises(UnreadableFileError, match="does not exist"):
        load(tmp_path / "none.md", limits)
    folder = tmp_path / "folder.md"
    folder.mkdir()
    with pytest.raises(UnreadableFileError, match="is a folder"):
        load(folder, limits)


@pytest.mark.skipif(os.name == "nt", reason="named pipes are POSIX")
def test_named_pipe_is_not_waited_for(tmp_path: Path, limits: RagSettings) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(UnreadableFileError, match="not a regular file"):
        load(tmp_path / "pipe.md", limits)


def test_name_is_only_a_label(tmp_path: Path, limits: RagSettings) -> None:
    path = files.write(tmp_path, "upload-7f3a", "正文")
    assert load(path, limits, name="../../etc/食谱\u202e.md").title == "食谱"
    with pytest.raises(UnsupportedFileError, match=r"“x\.exe”"):
        load(path, limits, name="..\\x.exe")
    assert not (tmp_path.parent / "食谱.md").exists()
