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
from training.dataset.found import ANOTHER, MAX_FILE_MB, MAX_ROWS, SPLIT, Dataset, Problem, cannot_read
from training.errors import DataError

MAX_COLUMNS = 256
# Rows above the names of the columns: a title, a date, an empty one.
TITLE_ROWS = 4
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
    named = heading(table, columns)
    ask, tell = chosen(table, columns, name, named)
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


def heading(table: Table, columns: Columns) -> int:
    """How many rows stand before the first question, the last of them naming the columns; 0 where none names them.

    As told; else the first row does, or the one below a title, when it reads so (short, distinct, no sentences).
    """
    if columns.header is not None or not table.rows:
        return int(bool(columns.header) and bool(table.rows))
    filled = [[cell.strip() for cell in row if cell.strip()] for row in table.rows[:20]]
    # a title stands alone in its row, over the whole width
    place = next((i for i, cells in enumerate(filled[:TITLE_ROWS]) if len(cells) > 1), 0)
    first = filled[place]
    if any(wanted.strip() in first for wanted in (columns.question, columns.answer) if len(wanted.strip()) > 3):
        return place + 1
    if len(first) < 2 or len(set(first)) < len(first) or any(map(_SENTENCE.search, first)):
        return 0
    known = _WORDS["question"] | _WORDS["answer"]
    below = [cell for cells in filled[place + 1 :] for cell in cells]
    mean = sum(map(len, below)) / max(1, len(below))
    named = any(cell.casefold() in known for cell in first) or max(map(len, first)) < 0.5 * mean
    return place + 1 if named else 0


_WORDS = {
    "question": {"question", "questions", "q", "prompt", "instruction", "input", "ask", "问题", "提问", "问", "题目"},
    "answer": {"answer", "answers", "a", "response", "output", "reply", "答案", "回答", "答", "回复"},
}


def chosen(table: Table, columns: Columns, name: str, named: int) -> tuple[int, int]:
    """0-based columns of questions and answers; `named` as `heading` tells it.

    Raises:
        DataError: there is no such column, or both are the same.
    """
    header = [cell.strip() for cell in table.rows[named - 1]] if named else []
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
                ("a table needs a column of questions and one of answers: choose them", "请选择问题列和答案列"),
            )
        found.append(column)
    if found[0] == found[1]:
        raise cannot_read(
            name, "question and answer are the same column", "问题与答案选了同一列", ("choose two", "请选择两列")
        )
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
        raise cannot_read(
            name,
            "it is not valid CSV: a quotation mark is never closed, or a cell is too long",
            "不是有效的 CSV：引号没有成对，或某个单元格太长",
            ("mend it, or save it as .xlsx", "请修正，或另存为 .xlsx"),
        ) from error
    if not any(cell.strip() for row in rows for cell in row):
        raise cannot_read(name, "it is empty", "是空的", ANOTHER)
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
            raise cannot_read(name, "it expands to a gigabyte and more", "解压后超过 1 GB", SPLIT)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise cannot_read(
            name,
            "it is no Excel workbook (.xlsx), it is damaged, or it is locked with a password",
            "不是 Excel 工作簿（.xlsx）、已损坏，或有密码保护",
            ("save it as .xlsx without a password", "请另存为不带密码的 .xlsx"),
        ) from error
    try:
        names = tuple(s.title for s in book.worksheets)
        if sheet and sheet not in names:
            raise cannot_read(
                name,
                f"it has no sheet “{sheet}”, only {', '.join(names)}",
                f"没有工作表“{sheet}”，只有：{'、'.join(names)}",
                ("choose one of these", "请从中选择"),
            )
        for one in book.worksheets:
            if sheet in ("", one.title) and (rows := _cells(one, name)):
                return Table(rows, one.title, names)
    finally:
        book.close()
    raise cannot_read(name, "it is empty", "是空的", ANOTHER)


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
