"""Search within some documents of a collection: which passages those are, and the nearest of them, exactly.

The vectors are read from the store, so a filter needs no index of its own and cannot miss what an approximate index
would have left out before filtering. It costs what reading them costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from rag.database import Database
from rag.errors import QuestionError
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


def parse(given: Mapping[str, Any] | None) -> Filter | None:
    """A filter as JSON has it: "sources" and "types" (lists), "since" and "until" (dates like 2026-01-31).

    `until` is the last day that counts. None, or nothing but empty values, is no filter.

    Raises:
        QuestionError: a date that is none.
    """
    given = given or {}
    until = _day(given.get("until"))
    found = Filter(
        tuple(map(str, given.get("sources") or ())),
        tuple(str(name).lower().lstrip(".") for name in given.get("types") or ()),
        since.timestamp() if (since := _day(given.get("since"))) else None,
        (until + timedelta(days=1)).timestamp() if until else None,
    )
    return None if found == Filter() else found


def _day(value: Any) -> datetime | None:
    """The beginning of a day here."""
    if not value:
        return None
    try:
        return datetime.combine(date.fromisoformat(str(value)), datetime.min.time())
    except ValueError as error:
        raise QuestionError(
            en=f"{value!r} is no date. Write it like 2026-01-31.", zh=f"“{value}”不是日期，请写成 2026-01-31 这样。"
        ) from error


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
        named = "SELECT value FROM json_each(?)"
        conditions.append(f"(d.source IN ({named}) OR d.title IN ({named}){anywhere})")
        values += [json.dumps(where.sources)] * 2
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
