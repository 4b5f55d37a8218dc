"""Tables of questions and answers: CSV and Excel, with the columns chosen by letter, number or header."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.data import chat
from training.dataset.found import MAX_FILE_MB, MAX_ROWS, Dataset, Problem, cannot_read
from training.errors import DataError

MAX_COLUMNS = 256
_SENTENCE = re.compile(r"[?？。！!]|\.\s|.{61,}")


@dataclass(frozen=True)
class Columns:
    """What to take from a table.

    Attributes:
        question, answer: a column: its header, its letter ("A") or its number ("1"); "" takes the first column whose
            header says so, else the first and the second.
        sheet: of a workbook; "" takes the first one with rows.
        header: whether the first row names the columns; None finds out.
        system: the system prompt of every row; "" gives none.
    """

    question: str = ""
    answer: str = ""
    sheet: str = ""
    header: bool | None = None
    system: str = ""


@dataclass(frozen=True)
class Table:
    """A sheet as text: rows of cells, the name of its sheet, and those of all sheets."""

    rows: list[list[str]]
    sheet: str = ""
    sheets: tuple[str, ...] = ()


def read_table(data: bytes | str, name: str, columns: Columns, kind: str) -> Dataset:
    """Rows of a CSV text or an Excel file's bytes.

    Raises:
        DataError: it cannot be read, or lacks the sheet or a column.
    """
    table = csv_table(data, name) if isinstance(data, str) else xlsx_table(data, name, columns.sheet)
    named = has_header(table, columns)
    ask, tell = chosen(table, columns, name, named=named)
    rows, numbers, problems = [], [], []
    for number, cells in enumerate(table.rows[named:], 1 + named):
        question, answer = ((cells[i].strip() if i < len(cells) else "") for i in (ask, tell))
        if question and answer:
            rows.append(chat(question, answer, system=columns.system))
            numbers.append(number)
        elif question:
            problems.append(Problem(number, "its answer is empty", "回答为空"))
        elif answer:
            problems.append(Problem(number, "its question is empty", "问题为空"))
    return Dataset(kind, tuple(rows), tuple(numbers), tuple(problems))


def has_header(table: Table, columns: Columns) -> bool:
    """Whether the first row names the columns: as told, else when it reads so (short, distinct, no sentences)."""
    if columns.header is not None or not table.rows:
        return bool(columns.header) and bool(table.rows)
    first = [cell.strip() for cell in table.rows[0] if cell.strip()]
    if any(wanted.strip() in first for wanted in (columns.question, columns.answer) if len(wanted.strip()) > 3):
        return True
    read_so = len(first) > 1 and len(set(first)) == len(first) and not any(map(_SENTENCE.search, first))
    if not read_so or len(table.rows) < 2:
        return False
    known = _WORDS["question"] | _WORDS["answer"]
    below = [cell for row in table.rows[1:20] for cell in row if cell.strip()]
    mean = sum(map(len, below)) / max(1, len(below))
    return any(cell.casefold() in known for cell in first) or max(map(len, first)) < 0.5 * mean


_WORDS = {
    "question": {"question", "questions", "q", "prompt", "instruction", "input", "ask", "问题", "提问", "问", "题目"},
    "answer": {"answer", "answers", "a", "response", "output", "reply", "答案", "回答", "答", "回复"},
}


def chosen(table: Table, columns: Columns, name: str, *, named: bool) -> tuple[int, int]:
    """0-based columns of questions and answers.

    Raises:
        DataError: there is no such column, or both are the same.
    """
    header = [cell.strip() for cell in table.rows[0]] if named else []
    width = max((len(row) for row in table.rows), default=0)
    found = []
    for place, (what, wanted) in enumerate((("question", columns.question), ("answer", columns.answer))):
        column = _column(wanted, header, width) if wanted.strip() else _likely(what, header, place)
        if column is None or column >= width:
            shown = ", ".join(f"{letter(i)}{f' ({text})' if text else ''}" for i, text in _headed(header, width))
            raise cannot_read(
                name,
                f"there is no column “{wanted or what}”; it has {shown or 'none'}",
                f"没有“{wanted or what}”这一列；现有：{shown or '无'}",
            )
        found.append(column)
    if found[0] == found[1]:
        raise cannot_read(name, "question and answer are the same column", "问题与答案选了同一列")
    return found[0], found[1]


def _headed(header: Sequence[str], width: int) -> Iterator[tuple[int, str]]:
    for i in range(min(width, 26)):
        yield i, header[i] if i < len(header) else ""


def _likely(what: str, header: Sequence[str], place: int) -> int:
    return next((i for i, text in enumerate(header) if text.casefold() in _WORDS[what]), place)


def _column(wanted: str, header: Sequence[str], width: int) -> int | None:
    """By header (exactly, then regardless of case), letter, or number from 1."""
    wanted = wanted.strip()
    for text, aim in ((list(header), wanted), ([h.casefold() for h in header], wanted.casefold())):
        if aim in text:
            return text.index(aim)
    if wanted.isascii() and wanted.isalpha() and len(wanted) <= 2:
        number = 0
        for char in wanted.upper():
            number = number * 26 + ord(char) - 64
        return number - 1 if number <= width else None
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= width:
        return int(wanted) - 1
    return None


def letter(column: int) -> str:
    """0-based column -> "A", "AB"."""
    return (letter(column // 26 - 1) if column >= 26 else "") + chr(65 + column % 26)


def csv_table(text: str, name: str) -> Table:
    """CSV separated by comma, semicolon, tab or bar.

    Raises:
        DataError: a cell is larger than 131,072 characters, or a quotation mark is never closed.
    """
    separator = max(",;\t|", key=lambda s: _agreement(text, s))
    try:
        rows = [
            row[:MAX_COLUMNS] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise cannot_read(name, f"it is not valid CSV ({error})", f"不是有效的 CSV（{error}）") from error
    # an empty line has no place in the table, but counts as a row
    return Table(rows)


def _agreement(text: str, separator: str) -> tuple[float, int]:
    """How many of the first rows agree on more than one column, and on how many."""
    widths = []
    try:
        for row, _ in zip(
            csv.reader(io.StringIO(text[:20_000], newline=""), delimiter=separator), range(50), strict=False
        ):
            widths += [len(row)] if row else []
    except csv.Error:
        widths = widths[:1]
    most = max(set(widths), key=widths.count, default=1)
    return (widths.count(most) / len(widths), most) if most > 1 else (0.0, 0)


def xlsx_table(data: bytes, name: str, sheet: str) -> Table:
    """A sheet of an Excel workbook.

    Raises:
        DataError: it is no workbook, expands to more than it should, or has no such sheet.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        expanded = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if expanded > 5 * MAX_FILE_MB * 2**20:
            raise cannot_read(name, "it expands to a gigabyte and more", "解压后超过 1 GB")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise cannot_read(
            name,
            f"it is no Excel workbook (.xlsx) or it is encrypted ({error})",
            f"不是 Excel 工作簿（.xlsx），或已加密（{error}）",
        ) from error
    try:
        names = tuple(s.title for s in book.worksheets)
        if sheet and sheet not in names:
            raise cannot_read(
                name,
                f"it has no sheet “{sheet}”, only {', '.join(names)}",
                f"没有工作表“{sheet}”，只有：{'、'.join(names)}",
            )
        for one in book.worksheets:
            if sheet in ("", one.title) and (rows := _cells(one, name)):
                return Table(rows, one.title, names)
    finally:
        book.close()
    raise cannot_read(name, "it has no rows", "其中没有数据")


def _cells(sheet: Any, name: str) -> list[list[str]]:
    sheet.reset_dimensions()
    rows: list[list[str]] = []
    for cells in sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS):
        if len(rows) == MAX_ROWS:
            raise DataError(
                en=f"“{name}” has more than {MAX_ROWS} rows. Nothing was read; split it.",
                zh=f"“{name}”超过 {MAX_ROWS} 行，没有读入；请拆分后再试。",
            )
        rows.append([_shown(cell) for cell in cells])
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return str(cell)
