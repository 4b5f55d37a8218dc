"""Passages in the documents they come from: a page's image, rows of a table, or the text around them.

Files are opened in a reading process (`rag.reader`), within the same limits as when they were added; what cannot be
shown in its file is shown in its text.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.loaders.pdf_page import plain
from rag.originals import KEPT, is_whole
from rag.reader import Refused
from rag.readers import Readers
from rag.settings import RagSettings
from rag.store import Store
from rag.types import Document, Passage
from rag.views import Look, Note, PassageView, Shown, TextView

log = logging.getLogger(__name__)

_AROUND = 500  # characters of text shown before and after a passage


@dataclass(frozen=True)
class _Paper:
    """A page and the range of the document's text that stands on it."""

    number: int
    start: int
    end: int


def _reach(outline: Sequence[tuple[int, str, int | None]], page: int | None) -> tuple[int, int]:
    starts = [start for start, _, number in outline if number == page]
    later = [start for start, _, number in outline if starts and start > starts[-1] and number != page]
    return min(starts, default=0), min(later, default=sys.maxsize)


class Viewer:
    """Shows passages of one knowledge base. Thread-safe; its process starts with the first file that is to be shown."""

    def __init__(self, store: Store, settings: RagSettings) -> None:
        self._store = store
        self._readers = Readers(replace(settings, readers=1))  # its own: adding files must not hold it up

    def view(self, passage: Passage, spans: Sequence[tuple[int, int]]) -> PassageView:
        """A passage where it stands.

        Args:
            passage: as `search` gave it.
            spans: half-open ranges of `passage.text` that support an answer.

        Raises:
            DocumentNotFoundError: the document was deleted, or replaced by another version.
            StorageError.
        """
        document = self._store.document(passage.document_id)
        marks = [(passage.start + start, passage.start + end) for start, end in spans if start < end]
        at = marks[0][0] if marks else passage.start
        outline = self._store.outline(document.id)
        _, heading, page = next((row for row in reversed(outline) if row[0] <= at), (0, "", passage.page))
        shown: Shown | None = None
        note: Note = ""
        if document.loader in KEPT:
            paper = _Paper(page or 1, *_reach(outline, page)) if document.loader == "pdf" else None
            shown, note = self._in_file(document, passage, marks, paper)
        if shown is None:
            shown = self._in_text(document, passage, marks)
        return PassageView(document.title, document.source, heading, page, shown, note)

    def holds_file(self, document: Document) -> bool:
        """Whether the file that a document was made from is kept, and is what was added. Raises StorageError."""
        return is_whole(self._store.original(document), document.size, document.sha256)

    def _in_file(
        self, document: Document, passage: Passage, marks: list[tuple[int, int]], paper: _Paper | None
    ) -> tuple[Shown | None, Note]:
        packed = self._store.original(document)
        if not packed:
            return None, "no_original"
        before: list[int] = []
        if paper is not None:  # a passage may go over to the next page
            marks = [(start, min(end, paper.end)) for start, end in marks if paper.start <= start < paper.end]
            before = [self._earlier(document, paper, mark) for mark in marks]
        words = [self._store.span(document.id, *mark) for mark in marks]
        look = Look(
            document.source, document.loader, packed, document.size, paper.number if paper else 0,
            passage.start, passage.end, tuple(marks), tuple(words), tuple(before),
        )  # fmt: skip
        shown = self._readers.look_up(look).result()
        if isinstance(shown, Refused):
            log.warning("%s cannot be shown in its file: %s", document.source, shown.en)
            return None, "not_shown"
        return shown, "not_marked" if shown.kind == "page" and marks and not shown.boxes else ""

    def _earlier(self, document: Document, paper: _Paper, mark: tuple[int, int]) -> int:
        """How often the words of a mark stand on its page before it."""
        word = plain(self._store.span(document.id, *mark))
        return plain(self._store.span(document.id, paper.start, mark[0])).count(word) if word else 0

    def _in_text(self, document: Document, passage: Passage, marks: list[tuple[int, int]]) -> TextView:
        """The passage with the lines around it."""
        begin = max(0, passage.start - _AROUND)
        text = self._store.span(document.id, begin, passage.end + _AROUND)
        if begin and (line := text.find("\n", 0, passage.start - begin)) >= 0:
            text, begin = text[line + 1 :], begin + line + 1
        ends = text.rfind("\n", passage.end - begin)
        if len(text) >= passage.end + _AROUND - begin and ends >= 0:
            text = text[:ends]
        return TextView(text, tuple((start - begin, end - begin) for start, end in marks))

    def close(self) -> None:
        """End its process."""
        self._readers.close()
