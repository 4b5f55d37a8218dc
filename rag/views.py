"""A passage in its document, as something else draws it: text, a page's image with boxes, or rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Note = Literal["", "gone", "no_original", "not_shown", "not_marked"]
"""What the reader should know: the document is not there any more; its file was not kept; its file could not be shown,
or holds the passage elsewhere; the words were not found on the page."""


@dataclass(frozen=True)
class TextView:
    """The passage with what stands around it; `marks`: half-open ranges of `text` that support the answer."""

    text: str
    marks: tuple[tuple[int, int], ...]
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Box:
    """A part of a page, in shares of its width and height, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class PageView:
    """A page's image (WebP, `width` by `height` pixels) and where the marked words stand on it; pages from 1."""

    page: int
    pages: int
    image: bytes
    width: int
    height: int
    boxes: tuple[Box, ...]
    kind: Literal["page"] = "page"


@dataclass(frozen=True)
class Row:
    """A row of a table; `number`: its place in the sheet or file, from 1. `marked`: it supports the answer."""

    number: int
    cells: tuple[str, ...]
    marked: bool = False


@dataclass(frozen=True)
class TableView:
    """Rows around the passage. `sheet` is "" for CSV, `header` () for a table without column names."""

    sheet: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    kind: Literal["table"] = "table"


Shown = TextView | PageView | TableView


@dataclass(frozen=True)
class PassageView:
    """What is shown of one passage; `heading` and `page` are where it stands, "" and None where that says nothing."""

    title: str
    source: str
    heading: str
    page: int | None
    shown: Shown
    note: Note = ""


@dataclass(frozen=True)
class Look:
    """A passage to be looked up in the file that its document was made from.

    Attributes:
        source, loader: of the document.
        packed, size: the file as `rag.originals` packs it, and its size in bytes.
        page: 1-based, of a PDF.
        start, end: the passage in the document's text.
        spans: ranges of that text to mark; `words`: what stands in each; `before`: how often the same stands on the
            page before it.
    """

    source: str
    loader: str
    packed: bytes
    size: int
    page: int
    start: int
    end: int
    spans: tuple[tuple[int, int], ...]
    words: tuple[str, ...]
    before: tuple[int, ...]
