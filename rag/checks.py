"""Is what the store holds sound? Every passage is checked against the id that was computed from its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.originals import is_whole
from rag.records import chunk_id
from rag.store import Store
from rag.types import Chunk

Told = Callable[[str, int, int], None]
"""Hears what is worked on: a collection's title, its number from 1, and how many there are."""


@dataclass(frozen=True)
class VerifyReport:
    """What `KnowledgeBase.verify` found; `ok` if there are no problems."""

    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def quietly(title: str, number: int, total: int) -> None:
    """Tell nobody."""


def check(store: Store) -> list[str]:
    """Problems of the SQLite file in words; [] for a sound one.

    Raises:
        StorageError: it cannot be read at all.
    """
    problems = store.database.integrity()
    with store.database.reading() as db:
        kept = db.execute(
            "SELECT o.sha256, max(d.size), max(d.source) FROM originals o LEFT JOIN documents d ON d.sha256 = o.sha256 "
            "GROUP BY o.sha256"
        ).fetchall()
        for sha256, size, source in kept:
            if source is None:
                problems.append(f"a file is kept of which there is no document: {sha256[:12]}")
                continue
            data = db.execute("SELECT data FROM originals WHERE sha256 = ?", (sha256,)).fetchone()[0]
            if not is_whole(data, size, sha256):
                problems.append(f"{source}: the file that is kept is not what was added")
        for row in db.execute(
            """SELECT d.source FROM documents d LEFT JOIN chunks k ON k.document_id = d.id
               GROUP BY d.id HAVING count(k.row) = 0 OR max(k.ordinal) + 1 <> count(k.row)
               OR max(k.collection_id <> d.collection_id)"""
        ):
            problems.append(f"{row[0]}: passages are missing")
        for document_id, source, title, text in db.execute("SELECT id, source, title, text FROM documents"):
            wrong = 0
            for row in db.execute(
                "SELECT id, start_at, end_at, heading, page FROM chunks WHERE document_id = ?", (document_id,)
            ):
                chunk = Chunk(text[row[1] : row[2]], row[1], row[2], row[3], row[4])
                wrong += chunk_id(document_id, title, chunk) != row[0]
            if wrong:
                problems.append(f"{source}: {wrong} passages do not match the text they were made from")
    return problems
