"""Files made to exhaust memory or time, and fuzzed ones: a document or one of our errors, never more."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from random import Random

import pytest

from rag.errors import RagError, UnsafeFileError
from rag.loaders import load, workbook
from rag.settings import RagSettings
from tests.rag import files


@pytest.fixture
def limits(tmp_path: Path) -> RagSettings:
    return RagSettings(data_dir=tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        "<table>" + "<tr><th>" + "h" * 500 + "<td rowspan=1000 colspan=1000>" + "x" * 20_000 + "</tr><tr></tr>" * 900,
        "<table><tr>" + f"<th>{'h' * 5000}" * 300 + "</tr>" + ("<tr>" + "<td>1" * 300 + "</tr>") * 150 + "</table>",
    ],
)
def test_tables_cannot_swell(tmp_path: Path, limits: RagSettings, page: str) -> None:
    assert len(load(files.write(tmp_path, "x.html", page), limits).text) < 30 * len(page)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.txt", "a" + " " * 400_000 + "b"),
        ("x.md", "**" + "a **" * 20_000),
        ("x.md", "[" * 20_000 + "<a " * 10_000),
        ("x.html", "<style>" + "@" * 300_000 + "{{{{" + "/*" * 100_000 + "</style>x<p>y"),
        ("x.html", "<style>" + "a" * 450_000 + "</style>x"),
        ("x.html", f"<div style='{'a:b;' * 200_000}'>" + "<p style='color:#fff;x:y'>y</p>" * 500 + "x</div>"),
        ("x.html", "中" + "\n" * 400_000 + "x"),
        ("x.txt", "\n".join("wrapped line of a very long paragraph" + "s" * (i % 2) + "  end" for i in range(20_000))),
    ],
)
def test_long_runs_are_read_in_linear_time(tmp_path: Path, limits: RagSettings, name: str, data: str) -> None:
    """Each of these takes minutes or hours, and so trips the tests' own timeout, where a pattern is quadratic."""
    assert load(files.write(tmp_path, name, data), limits).text


def test_sheet_of_far_cells_is_refused_before_it_is_padded(
    tmp_path: Path, limits: RagSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_PADDED_CELLS", 1_000_000)
    cells = "".join(f'<row r="{r}"><c r="XFD{r}"/></row>' for r in range(1, 100))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xml = f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
    data = files.repack(files.make_xlsx({"S": [["a", "b"], ["1", "2"]]}), {"xl/worksheets/sheet1.xml": xml.encode()})
    with pytest.raises(UnsafeFileError, match="nearly all empty"):
        load(files.write(tmp_path, "x.xlsx", data), limits)


def _mutant(data: bytes, random: Random) -> bytes:
    raw = bytearray(data)
    for _ in range(random.choice([1, 3, 10, 50])):
        at = random.randrange(len(raw) + 1)
        piece = random.choice([b"<", b"\0", b"9" * 30, b"-1", b"\xff\xfe", b"endobj", bytes(raw[at : at + 40])])
        raw[at : at + random.randrange(30)] = piece
    return bytes(raw)


@pytest.mark.parametrize("kind", [".pdf", ".docx", ".xlsx", ".html", ".md", ".csv", ".txt"])
def test_fuzzed_files_are_read_or_refused(tmp_path: Path, limits: RagSettings, kind: str) -> None:
    random = Random(kind)
    good = {
        ".pdf": files.make_pdf(["第一页", "第二页"]),
        ".docx": files.make_docx(lambda d: (d.add_heading("题", 0), d.add_paragraph("项", style="List Number"))),
        ".xlsx": files.make_xlsx({"S": [["a", "b"], ["1", "2"]]}),
        ".html": b"<style>.a{color:red}</style><h1>T</h1><table><tr><th>a<th>b<tr><td rowspan=2>1<td>2</table>",
        ".md": b"---\ntitle: x\n---\n# T\n\n**a** [b](c) <d>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        ".csv": '名,价\n鱼,"3\n"\n'.encode("gb18030"),
        ".txt": "你好。".encode("gb18030") * 3,
    }[kind]
    outcomes = set()
    for number in range(60):
        if kind in (".docx", ".xlsx"):  # damage a part, then pack it well: else the checksum would tell
            with zipfile.ZipFile(io.BytesIO(good)) as archive:
                name = random.choice(archive.namelist())
                data = files.repack(good, {name: _mutant(archive.read(name), random)})
        else:
            data = _mutant(good, random)
        try:
            document = load(files.write(tmp_path, f"{number}{kind}", data), limits)
            (document.text + document.title).encode("utf-8")
            outcomes.add("read")
        except RagError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}  # the fuzz reaches both sides
