"""Excel workbooks (.xlsx): each visible sheet as rows with their header."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from posixpath import join, normpath

from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.cleaning import one_line
from rag.loaders.office import check_package
from rag.loaders.tables import Cell, repeated, write_rows

MAX_COLUMNS = 512
# Every row is padded to its last cell, so that a small file can ask for billions of cells.
MAX_PADDED_CELLS = 40_000_000
MAX_MERGES = 20_000

# White space is bounded, so that no run of it can slow the search.
_MERGE = re.compile(rb'mergeCell\s{1,9}ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNCOMPUTED = re.compile(rb"</f>\s{0,9}(?:<v\s{0,9}/>|<v></v>)?\s{0,9}</c>")
_UNSEEN = re.compile(rb'<(?:row|col)\s[^>]{0,400}?\shidden="(?:1|true)"')
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_xlsx(data: bytes, out: TextBuilder) -> str | None:
    """Read all visible sheets.

    Returns:
        The title in the file's properties, if any.

    Raises:
        UnreadableFileError, UnsafeFileError: see `check_package`.
    """
    check_package(data, ".xlsx", out)
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of every drawing and rule it does not keep
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        layouts = _SheetParts(data)
        for sheet in book.worksheets:
            name = one_line(sheet.title)
            if sheet.sheet_state != "visible":
                out.warnings.append(
                    problems.warning(f"The hidden sheet “{name}” was left out.", f"隐藏的工作表“{name}”未收录。")
                )
                continue
            out.heading(1, sheet.title, names_document=False)
            sheet.reset_dimensions()
            merges, uncomputed = layouts.of(sheet.title)
            if uncomputed:
                out.warnings.append(
                    problems.warning(
                        f"Sheet “{name}”: {uncomputed} formulas have no stored result and were left out. "
                        "Open and save the file in Excel.",
                        f"工作表“{name}”有 {uncomputed} 个公式没有保存计算结果，未收录。请用 Excel 打开并保存一次。",
                    )
                )
            if unseen := layouts.unseen(sheet.title):
                out.warnings.append(
                    problems.warning(
                        f"Sheet “{name}”: {unseen} hidden rows or columns were kept.",
                        f"工作表“{name}”有 {unseen} 个隐藏的行或列，已照样收录。",
                    )
                )
            write_rows(_fill_merged(_dense(sheet.iter_rows(), out), merges), out)
        return book.properties.title
    finally:
        book.close()


Range = tuple[int, int, int, int]
"""top row, left column, bottom row, right column; 1-based, inclusive."""


class _SheetParts:
    """What openpyxl's streaming mode does not tell: merged ranges, and formulas that were never computed."""

    def __init__(self, data: bytes) -> None:
        from lxml import etree

        self._archive = zipfile.ZipFile(io.BytesIO(data))
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        self._paths: dict[str, str] = {}
        names = set(self._archive.namelist())
        if {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
            relations = etree.fromstring(self._archive.read("xl/_rels/workbook.xml.rels"), parser)
            targets = {r.get("Id"): r.get("Target", "") for r in relations}
            book = etree.fromstring(self._archive.read("xl/workbook.xml"), parser)
            for sheet in book.iter("{*}sheet"):
                target = normpath(join("/xl", targets.get(sheet.get(_RELATION_ID), ""))).lstrip("/")
                if target in names:
                    self._paths[sheet.get("name")] = target

    def of(self, title: str) -> tuple[list[Range], int]:
        """Merged ranges by top row, and the number of formulas without a result."""
        if title not in self._paths:
            return [], 0
        from openpyxl.utils import column_index_from_string

        xml = self._archive.read(self._paths[title])
        merges = []
        for i, m in enumerate(_MERGE.finditer(xml)):
            if i == MAX_MERGES:
                break
            left, right = (column_index_from_string(m[g].decode()) for g in (1, 3))
            merges.append((int(m[2]), left, int(m[4]), min(right, MAX_COLUMNS)))
        return sorted(merges), sum(1 for _ in _UNCOMPUTED.finditer(xml))

    def unseen(self, title: str) -> int:
        """How many hidden rows and runs of columns a sheet has."""
        xml = self._archive.read(self._paths[title]) if title in self._paths else b""
        return len(_UNSEEN.findall(xml))


def _dense(rows: Iterator[tuple], out: TextBuilder) -> Iterator[list[Cell]]:
    """Cells as text, without the empty ones at the end of each row."""
    padded = 0
    wide = False
    for cells in rows:
        padded += len(cells)
        if padded > MAX_PADDED_CELLS:
            raise problems.too_sparse(out.label)
        if len(cells) > MAX_COLUMNS and not wide and any(c.value is not None for c in cells[MAX_COLUMNS:]):
            wide = True
            out.warnings.append(
                problems.warning(
                    f"A sheet is wider than {MAX_COLUMNS} columns; cells beyond were left out.",
                    f"有工作表超过 {MAX_COLUMNS} 列，之后的单元格未收录。",
                )
            )
        last = next((i for i in range(min(len(cells), MAX_COLUMNS), 0, -1) if cells[i - 1].value is not None), 0)
        for cell in cells[:last]:
            if isinstance(cell.value, str):
                out.tricks.see(cell.value)
        yield [cell_text(cell) for cell in cells[:last]]


def _fill_merged(rows: Iterator[list[Cell]], merges: list[Range]) -> Iterator[list[Cell]]:
    """Repeat cells merged downwards on each of their rows, so that each row can stand alone."""
    open_ranges: list[tuple[Range, Cell]] = []
    upcoming = 0
    for number, row in enumerate(rows, start=1):
        open_ranges = [(r, text) for r, text in open_ranges if r[2] >= number]
        for (_, left, _, _), text in open_ranges:
            if row:  # an empty row stays empty
                row += [""] * (left - len(row))
                row[left - 1] = repeated(text)
        while upcoming < len(merges) and merges[upcoming][0] <= number:
            merge = merges[upcoming]
            upcoming += 1
            if merge[1] <= len(row) and merge[0] == number:
                open_ranges.append((merge, row[merge[1] - 1]))
                row[merge[1] : merge[3]] = [None] * len(row[merge[1] : merge[3]])
        yield row


def cell_text(cell: object) -> str:
    """A cell's value as a reader would see it; formats other than percent and date are not applied."""
    value = getattr(cell, "value", None)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        if "%" in (getattr(cell, "number_format", "") or ""):
            return f"{value * 100:.10g}%"
        return str(value) if isinstance(value, int) else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.time):
        return value.isoformat("minutes")
    return one_line(str(value))
