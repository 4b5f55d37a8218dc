"""Search within some documents of a collection: which passages those are, and the nearest of them, exactly.

The vectors are read from the store, so a filter needs no index of its own and cannot miss what an approximate index
would have left out before filtering. It costs what reading them costs: about 5 ms for every thousand passages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.database import Database
from rag.journal import unit_vectors
from rag.records import CollectionRow
from rag.types import Filter


@dataclass(frozen=True)
class Selection:
    """The passages that a filter lets through. `rows`: int64 [n], ascending; `vectors`: float32 [n, d]."""

    rows: np.ndarray
    ids: list[str]
    vectors: np.ndarray

    def nearest(self, vector: np.ndarray, count: int) -> list[tuple[str, float]]:
        """Up to `count` (chunk id, cosine), best first, ties by id. `vector`: float32 [d], of unit length."""
        if not self.ids:
            return []
        near = self.vectors @ vector
        # rounded as the search of a whole collection is, so that both give the same order
        ranked = sorted((-round(float(score), 5), name) for name, score in zip(self.ids, near, strict=True))
        return [(name, -score) for score, name in ranked[:count]]


def select(database: Database, collection: CollectionRow, where: Filter) -> Selection:
    """The passages of the documents that `where` names. Raises StorageError."""
    conditions, values = _conditions(where)
    with database.reading() as db:
        found = db.execute(
            f"""SELECT k.row, k.id, k.vector FROM documents d JOIN chunks k ON k.document_id = d.id
                WHERE d.collection_id = ?{"".join(f" AND {c}" for c in conditions)} ORDER BY k.row""",
            (collection.id, *values),
        ).fetchall()
    rows = np.array([row for row, *_ in found], dtype=np.int64)
    return Selection(rows, [name for _, name, _ in found], unit_vectors([blob for *_, blob in found]))


def _conditions(where: Filter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if where.sources:
        folders = [source for source in where.sources if source.endswith("/")]
        anywhere = "".join(" OR substr(d.source, 1, ?) = ?" for _ in folders)
        conditions.append(f"(d.source IN (SELECT value FROM json_each(?)){anywhere})")
        values.append(json.dumps(where.sources))
        values += [value for folder in folders for value in (len(folder), folder)]
    if where.types:
        conditions.append("d.loader IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(where.types))
    if where.since is not None:
        conditions.append("d.added_at >= ?")
        values.append(where.since)
    if where.until is not None:
        conditions.append("d.added_at < ?")
        values.append(where.until)
    return conditions, values
