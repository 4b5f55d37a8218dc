"""What the store knows about the vector index: vectors in order, deletions, and how far the index got."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rag.database import Database
from rag.records import CollectionRow

BATCH = 4096  # rows for one write; chromadb takes 5461 at most

Row = tuple[int, str, np.ndarray]
"""Row number, chunk id, vector (float32 [d])."""


class IndexJournal:
    """Reads and marks for keeping a vector index level with the store. Thread-safe.

    Raises (all methods): StorageError.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_behind(self, collection: CollectionRow) -> bool:
        """Whether something was committed that the index was not seen to have taken in."""
        with self._database.reading() as db:
            found = db.execute(
                """SELECT EXISTS (SELECT 1 FROM chunks WHERE collection_id = ? AND row > ?)
                       OR EXISTS (SELECT 1 FROM removed WHERE collection_id = ?)""",
                (collection.id, collection.indexed, collection.id),
            ).fetchone()
        return bool(found[0])

    def count(self, collection: CollectionRow) -> int:
        """How many chunks there are."""
        with self._database.reading() as db:
            row = db.execute("SELECT count(*) FROM chunks WHERE collection_id = ?", (collection.id,)).fetchone()
        return int(row[0])

    def rows(self, collection: CollectionRow, after: int = 0, limit: int = -1) -> Iterator[Row]:
        """The chunks after row number `after`, in order, at most `limit` (-1: all)."""
        with self._database.reading() as db:
            for row, name, blob in db.execute(
                "SELECT row, id, vector FROM chunks WHERE collection_id = ? AND row > ? ORDER BY row LIMIT ?",
                (collection.id, after, limit),
            ):
                vector = np.frombuffer(blob, dtype="<f2").astype(np.float32)
                yield row, name, vector / (np.linalg.norm(vector) or 1.0)  # rounding moved it off unit length

    def batches(self, collection: CollectionRow, after: int = 0) -> Iterator[list[Row]]:
        """The same, `BATCH` at a time; what is committed meanwhile comes too."""
        while batch := list(self.rows(collection, after, BATCH)):
            yield batch
            after = batch[-1][0]

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
