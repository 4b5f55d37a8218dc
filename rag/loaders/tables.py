"""Tables as lines that each can stand alone ("Header: value; Header: value"), and CSV files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from rag.loaders import problems
from rag.loaders.builder import Cells, TextBuilder
from rag.loaders.cleaning import has_cjk, one_line
from rag.loaders.encodings import decode

ROWS_PER_SECTION = 20
# What is written anew on every row must be short, or a small table could swell without bound.
MAX_HEADER_CHARS = 80
MAX_REPEATED_CHARS = 200
_NUMBER = re.compile(r"[-+(]?[$¥€£]?\s?\d[\d,. ]*\)?%?")
_YEAR = re.compile(r"(?:19|20)\d\d")

Cell = str | None
"""A cell's text; None where a merged cell to its left reaches over it."""


def row_line(header: Sequence[str], row: Sequence[Cell]) -> str:
    """One row as a line, empty cells left out, punctuated as the header is written.

    >>> row_line(["Dish", "Time"], ["Stew", "2 h"])
    'Dish: Stew; Time: 2 h'
    """
    colon, stop = ("：", "；") if has_cjk("".join(header)) else (": ", "; ")
    pairs = []
    for i, cell in enumerate(row):
        if cell:
            name = header[i] if i < len(header) else ""
            pairs.append(f"{name}{colon}{cell}" if name else cell)
    return stop.join(pairs)


def bare_line(row: Sequence[Cell]) -> str:
    """A row of a table without header: "a: b" of two cells (a fact sheet), else the cells in order."""
    cells = [cell for cell in row if cell]
    chinese = has_cjk("".join(cells))
    if len(cells) == 2 and len(row) == 2:
        return cells[0].rstrip(":：") + ("：" if chinese else ": ") + cells[1]
    return ("；" if chinese else "; ").join(cells)


def names_columns(row: Sequence[Cell]) -> bool:
    """Whether a first row reads as column names: distinct words, a year at most where a number stands."""
    cells = [cell for cell in row if cell]
    numbers = [c for c in cells if _NUMBER.fullmatch(c) and not _YEAR.fullmatch(c)]
    return len(cells) > 1 and len(set(cells)) == len(cells) and not numbers


def table_lines(rows: list[list[Cell]], header_rows: int = 0) -> Iterator[str]:
    """Render a table of a document.

    Args:
        rows: the grid, row by row.
        header_rows: how many rows are marked as header; 0 if none is. Then the first row is taken for one
            if the table has three columns or more, all named; with two, a fact sheet is as likely.
    """
    rows = [row for row in rows if any(row)]
    captions = 0
    while not header_rows and captions < len(rows) - 1 and _single(rows[captions]) and len(rows[captions]) > 1:
        yield _single(rows[captions])
        captions += 1
    rows = rows[captions:]
    if not rows:
        return
    columns = max(len(row) for row in rows)
    if not header_rows and len(rows) > 1 and columns > 2:
        first = rows[0]
        header_rows = int(all(first[1:]) and len(first) == columns and names_columns(first))
    if header_rows >= len(rows):
        header_rows = 0
    header = _join_headers(rows[:header_rows], columns)
    for row in rows[header_rows:]:
        if len(row) > 1 and row[1:].count(None) == len(row) - 1:
            yield row[0] or ""  # one cell over the whole width: a subtitle
        else:
            yield row_line(header, row) if header_rows else bare_line(row)


def _single(row: Sequence[Cell]) -> str:
    cells = [cell for cell in row if cell]
    return cells[0] if len(cells) == 1 else ""


def _join_headers(rows: Sequence[Sequence[Cell]], columns: int) -> list[str]:
    names: list[list[str]] = [[] for _ in range(columns)]
    for row in rows:
        left = ""
        for i, cell in enumerate(row):
            left = left if cell is None else cell
            if left and left not in names[i]:
                names[i].append(left)
    return [" ".join(parts)[:MAX_HEADER_CHARS] for parts in names]


def repeated(cell: Cell) -> Cell:
    """A cell as it is repeated on the rows it was merged over; long text is not worth repeating."""
    return cell if cell is None or len(cell) <= MAX_REPEATED_CHARS else ""


def write_rows(rows: Iterable[Sequence[Cell]], out: TextBuilder) -> int:
    """Write the rows of a sheet, first captions (single cells), then the header, then a section per 20 rows.

    Returns:
        How many rows were written.
    """
    header: Sequence[str] | None = None
    written = 0
    for number, row in enumerate(rows, start=1):
        if not any(row):
            continue
        if header is None:
            if _single(row):
                out.add(_single(row), gap=1)
                continue
            header = _join_headers([row], len(row)) if names_columns(row) else ()
            if header:
                continue
        if written % ROWS_PER_SECTION == 0 and written:
            out.section()
        out.row(row_line(header, row) if header else bare_line(row), Cells(number, row, header))
        written += 1
    if header and not written:
        out.add(bare_line(header), gap=1)
    return written


def read_csv(data: bytes, out: TextBuilder) -> None:
    """Read a CSV file separated by commas, semicolons, tabs or bars.

    Raises:
        UnreadableFileError: not text, or a cell longer than 131,072 characters.
    """
    text = out.cleaned(decode(data, out, ".csv"))
    delimiter = _delimiter(text)
    unclosed = False
    try:
        for _ in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        # A quotation mark never closed would swallow the rest of the file into one cell.
        if "unexpected end" in str(error) or "field larger" in str(error):
            unclosed = True
            out.warnings.append(
                problems.warning(
                    "A quotation mark is never closed; quotation marks were read as plain characters.",
                    "有引号没有配对，已把引号当作普通字符读取。",
                )
            )
    lines = io.StringIO(text)
    if unclosed:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    try:
        write_rows(([one_line(cell) for cell in row] for row in reader), out)
    except csv.Error as error:
        raise problems.damaged(out.label, ".csv") from error


def _delimiter(text: str) -> str:
    """The separator that gives the most columns on which most of the first rows agree."""

    def fit(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _first_rows(text, delimiter) if row]
        most = max(set(widths), key=widths.count, default=1)
        return (widths.count(most) / len(widths), most) if most > 1 else (0.0, 0)

    return max(",;\t|", key=fit)


def _first_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        for i, row in enumerate(csv.reader(io.StringIO(text[:20_000]), delimiter=delimiter)):
            if i == 50:
                return
            yield row
    except csv.Error:
        return
