"""Rows of a table in its file: the file is read as when it was added, with an eye on where each row's line comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.loaders.builder import Cells, TextBuilder
from rag.settings import RagSettings
from rag.views import Look, Row, TableView

_AROUND = 3  # rows shown before and after the passage
_NEAR = 4000  # characters around it whose rows are kept until it is known which they are
_LONGEST_CELL = 300


class _Watching(TextBuilder):
    def __init__(self, label: str, limits: RagSettings, look: Look) -> None:
        super().__init__(label, limits)
        self._look = look
        self.seen: list[tuple[int, int, str, Cells]] = []  # start and end in the text, heading, row

    def row(self, line: str, cells: Cells) -> None:
        start = self.length
        super().row(line, cells)
        if start < self._look.end + _NEAR and self.length > self._look.start - _NEAR:
            self.seen.append((start, self.length, self.path, cells))


def show(read: Callable[[TextBuilder], str | None], look: Look, limits: RagSettings) -> TableView | None:
    """The passage's rows; None where the file does not come to the same text any more, or no row holds the passage.

    Args:
        read: reads the file into a builder, as a loader does.

    Raises:
        RagError, or whatever a damaged file makes the loader raise.
    """
    out = _Watching(look.source, limits, look)
    title = read(out)
    text = out.finish(look.loader, title).text
    if [text[start:end] for start, end in look.spans] != list(look.words):
        return None
    inside = [i for i, (start, end, *_) in enumerate(out.seen) if start < look.end and end > look.start]
    if not inside:
        return None
    _, _, sheet, first = out.seen[inside[0]]
    near = range(max(0, inside[0] - _AROUND), min(len(out.seen), inside[-1] + 1 + _AROUND))
    rows = []
    for i in near:
        start, end, path, cells = out.seen[i]
        if (path, cells.header) == (sheet, first.header):  # another sheet has other columns
            marked = any(a < end and b > start for a, b in look.spans)
            rows.append(Row(cells.number, _shown(cells.values), marked))
    return TableView(sheet if look.loader == "xlsx" else "", _shown(first.header), tuple(rows))


def _shown(cells: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(
        cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - 1] + "…" for cell in (c or "" for c in cells)
    )
