"""The grid of a web page's table, its merged cells resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rag.loaders.tables import Cell, repeated

# A merged cell spans at most this many rows and columns, a row holds at most so many cells.
MAX_SPAN, MAX_COLUMNS = 1000, 500


def read_grid(
    table: Any, is_dropped: Callable[[Any], bool], cell_text: Callable[[Any], str]
) -> tuple[list[list[Cell]], int]:
    """Cells by row and column, those merged downwards repeated, and the number of header rows.

    Args:
        table: the element, without tables inside.
        is_dropped: whether a group, row or cell is not to be seen.
        cell_text: the visible text of a cell.
    """
    grid: list[list[Cell]] = []
    header_rows = 0
    below: dict[int, tuple[int, Cell]] = {}
    for row in _rows(table, is_dropped):
        line: list[Cell] = []
        cells = [cell for cell in row.iterchildren("td", "th") if not is_dropped(cell)]
        spans: dict[int, tuple[int, Cell]] = {}
        for cell in cells:
            while len(line) in below:
                line.append(below[len(line)][1])
            text = cell_text(cell)
            width, height = (_span(cell.get(name)) for name in ("colspan", "rowspan"))
            for i in range(min(width, MAX_COLUMNS - len(line))):
                if height > 1:
                    spans[len(line)] = (height - 1, repeated(text) if i == 0 else None)
                line.append(text if i == 0 else None)
        for column in sorted(column for column in below if column >= len(line)):
            line += [""] * (column - len(line))
            line.append(below[column][1])
        below = {c: (left - 1, text) for c, (left, text) in below.items() if left > 1} | spans
        parent = row.getparent()
        marked = parent is not None and parent.tag == "thead"
        if header_rows == len(grid) and cells and (marked or all(c.tag == "th" for c in cells)):
            header_rows += 1
        grid.append(line)
    return grid, header_rows


def _rows(table: Any, is_dropped: Callable[[Any], bool]) -> Iterator[Any]:
    for child in table.iterchildren("tr", "thead", "tbody", "tfoot"):
        if not is_dropped(child):
            if child.tag == "tr":
                yield child
            else:
                yield from (row for row in child.iterchildren("tr") if not is_dropped(row))


def _span(value: str | None) -> int:
    value = (value or "").strip()
    return min(max(int(value[:6]), 1), MAX_SPAN) if value.isascii() and value.isdecimal() else 1
