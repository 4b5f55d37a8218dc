"""What the store knows about the vector index: vectors in order, deletions, and how far the index got."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag.database import Database
from rag.records import CollectionRow

BATCH = 4096  # rows for one write; chromadb takes 5461 at most


@dataclass(frozen=True)
class Batch:
    """Chunks in the order of their row numbers; `vectors`: float32 [n, d], of unit length."""

    rows: list[int]
    ids: list[str]
    vectors: np.ndarray


def unit_vectors(stored: Sequence[bytes]) -> np.ndarray:
    """Vectors as the store keeps them (float16, little-endian) as float32 [n, d] of unit length."""
    if not stored:
        return np.zeros((0, 0), np.float32)
    vectors = np.frombuffer(b"".join(stored), dtype="<f2").reshape(len(stored), -1).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # rounding moved them off unit length
    return vectors / np.where(lengths > 0, lengths, 1.0)


class IndexJournal:
    """Reads and marks for keeping a vector index level with the store. Thread-safe.

    Raises (all methods): StorageError.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, collection: CollectionRow, upto: int | None = None, after: int = 0) -> int:
        """How many chunks there are, after row number `after` and up to `upto` (None: all)."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT count(*) FROM chunks WHERE collection_id = ? AND row > ? AND row <= ?",
                (collection.id, after, 2**62 if upto is None else upto),
            ).fetchone()
        return int(found[0])

    def batch(self, collection: CollectionRow, after: int = 0, limit: int = -1) -> Batch | None:
        """The chunks after row number `after`, at most `limit` (-1: all); None if there are none."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT row, id, vector FROM chunks WHERE collection_id = ? AND row > ? ORDER BY row LIMIT ?",
                (collection.id, after, limit),
            ).fetchall()
        if not found:
            return None
        return Batch([r[0] for r in found], [r[1] for r in found], unit_vectors([blob for *_, blob in found]))

    def batches(self, collection: CollectionRow, after: int = 0) -> Iterator[Batch]:
        """The same, `BATCH` at a time; what is committed meanwhile comes too."""
        while batch := self.batch(collection, after, BATCH):
            yield batch
            after = batch.rows[-1]

    def removed(self, collection: CollectionRow) -> tuple[int, list[str]]:
        """A mark for `advance`, and the deleted ids (without those that were added again since)."""
        with self._database.reading() as db:
            rows = db.execute(
                """SELECT r.row, r.chunk_id, k.id IS NULL FROM removed r LEFT JOIN chunks k ON k.id = r.chunk_id
                   WHERE r.collection_id = ? ORDER BY r.row""",
                (collection.id,),
            ).fetchall()
        return (rows[-1][0] if rows else 0), [row[1] for row in rows if row[2]]

    def advance(self, collection: CollectionRow, row: int, removed: int, index_name: str | None = None) -> None:
        """Note that the index holds every chunk up to `row`, and that deletions up to the mark `removed` are done.

        With `index_name` it is another index from now on.
        """
        with self._database.transaction() as db:
            db.execute(
                "UPDATE collections SET indexed = max(indexed, ?), index_name = coalesce(?, index_name) WHERE id = ?",
                (row, index_name, collection.id),
            )
            db.execute("DELETE FROM removed WHERE collection_id = ? AND row <= ?", (collection.id, removed))
