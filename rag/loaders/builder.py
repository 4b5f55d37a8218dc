"""Collects a document's text and sections while a loader reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.loaders import problems
from rag.loaders.cleaning import clean, one_line
from rag.loaders.lures import Tricks, lures
from rag.settings import RagSettings
from rag.types import LoadedDocument, Section

MAX_HEADING_CHARS = 120
# A few zero-width marks are ordinary in web text; this many are not.
MANY_INVISIBLE = 20


def heading_part(text: str) -> str:
    """A heading as one part of a heading path: one line, shortened, free of the separator " > "."""
    return re.sub(r"(?<!\S)>(?!\S)", "›", one_line(text))[:MAX_HEADING_CHARS].strip()


@dataclass(frozen=True)
class Cells:
    """A row of a table: its place among all rows from 1, its cells (None where one reaches over), the columns' names
    (() where there are none)."""

    number: int
    values: Sequence[str | None]
    header: Sequence[str] = ()


class Sink(Protocol):
    """Where a renderer sends its text."""

    def add(self, text: str, gap: int = 2) -> None:
        """Add a block, `gap` line ends after the one before."""

    def heading(self, level: int, text: str) -> None:
        """Begin a section under a heading of `level` (1 = outermost)."""


class TextBuilder:
    """Builds a `LoadedDocument` block by block, so that offsets are exact by construction.

    Args:
        label: the file's safe name, for messages and as the last resort for a title.
        limits: `max_text_chars` is checked as the text grows.

    Attributes:
        warnings: what the user should know of this file; loaders append to it.
        removed: how many invisible characters were taken out so far.
        tricks: what else was taken out that the user should know of; shown text before it is made one line.
        recognised: pages (None: what has no page) whose text was read by text recognition.
    """

    def __init__(self, label: str, limits: RagSettings) -> None:
        self.label, self.limits = label, limits
        self.warnings: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._starts: list[tuple[int, str, int | None]] = []
        self._opening: tuple[str, int | None] | None = ("", None)
        self._path: list[tuple[int, str]] = []
        self._after_heading = False
        self.removed = 0
        self.tricks = Tricks()
        self.recognised: set[int | None] = set()
        self._tops: list[str] = []
        self._title_page = False

    def section(self, page: int | None = None) -> None:
        """Begin a new section under the present heading; it comes into being with its first text."""
        self._opening = (self.path, page)

    def heading(self, level: int, text: str, names_document: bool = True) -> None:
        """Begin a section under a heading and write the heading as its first line.

        Args:
            level: 1 is outermost; 0 is a document title standing above all headings.
            names_document: False if it may not become the title (a sheet's name).
        """
        self.tricks.see(text)
        text = one_line(text)
        if not text:
            return
        if (len(self._tops) == 1 and self._after_heading) or (level == 0 and not self._tops):
            self._title_page = True
        self._path = [(lv, part) for lv, part in self._path if lv < level]
        self._path.append((level, heading_part(text)))
        if level <= 1 and names_document:
            self._tops.append(text)
        self.section()
        self.add(text)
        self._after_heading = True

    def add(self, text: str, gap: int = 2) -> None:
        """Add a block of text, cleaned, `gap` line ends after the block before (1 after a heading).

        Raises:
            UnsafeFileError: the document grew over `max_text_chars`.
        """
        text = self.cleaned(text).strip("\n")
        if not text.strip():
            return
        if self._parts:
            self._put("\n" * (1 if self._after_heading else gap))
        if self._opening is not None:
            heading, page = self._opening
            self._starts.append((self._length, heading, page))
            self._opening = None
        self._put(text)
        self._after_heading = False

    def row(self, line: str, cells: Cells) -> None:
        """Add a row of a table as a line; `cells` are for those who watch."""
        self.add(line, gap=1)

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    @property
    def path(self) -> str:
        """The headings above what comes next."""
        return " > ".join(part for _, part in self._path)

    def cleaned(self, text: str) -> str:
        """`cleaning.clean`, with what it takes out counted."""
        self.tricks.see(text)
        text, removed = clean(text)
        self.removed += removed
        return text

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > self.limits.max_text_chars:
            raise problems.too_long(self.label, self.limits.max_text_chars)

    def _title(self, own_title: str | None) -> str:
        # Several outermost headings name the parts of a collection, unless the first stands alone, as a title.
        top = self._tops[0] if len(self._tops) == 1 or self._title_page else ""
        stem = self.label.rsplit(".", 1)[0]
        return next(t for t in (top, one_line(own_title or ""), one_line(stem), self.label) if t)[:200]

    def finish(self, loader: str, own_title: str | None = None) -> LoadedDocument:
        """The document; its title is its first outermost heading, else `own_title`, else the file's stem.

        Raises:
            UnreadableFileError: no text was added.
        """
        text = "".join(self._parts)
        if not text.strip():
            raise problems.no_text(self.label)
        ends = [start for start, _, _ in self._starts[1:]] + [len(text)]
        sections = tuple(
            Section(start=start, end=end, heading=heading, page=page, recognised=page in self.recognised)
            for (start, heading, page), end in zip(self._starts, ends, strict=True)
        )
        if self.removed >= MANY_INVISIBLE:
            self.warnings.append(
                problems.warning(
                    f"{self.removed} invisible characters were removed; they can hide or reorder text.",
                    f"已去除 {self.removed} 个不可见字符，这类字符可能隐藏或打乱文字。",
                )
            )
        unread = len(re.findall("[\ufffd\ue000-\uf8ff]", text))
        if unread > 20 and unread > 0.05 * len(text):
            self.warnings.append(
                problems.warning(
                    f"{unread} characters could not be read; search may miss parts of this document.",
                    f"有 {unread} 个字符无法识别，检索可能漏掉本文档的部分内容。",
                )
            )
        title = self._title(own_title)
        told = (*lures(f"{title}\n{text}"), *self.tricks.warnings(), *self.warnings)
        return LoadedDocument(text, title, loader, sections, told)
