"""Chunks that are committed but not in the vector index yet, in memory, for an exact search."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rag.journal import Batch


class Pending:
    """Rows in the order of their numbers. Not thread-safe, but what `snapshot` returns is never changed."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._ids: list[str] = []
        self._vectors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def snapshot(self) -> tuple[list[str], np.ndarray | None]:
        """Ids and their vectors (float32 [n, d]; None for n = 0)."""
        return self._ids, self._vectors

    def add(self, batch: Batch) -> None:
        """Take in rows that come after all others."""
        self._vectors = batch.vectors if self._vectors is None else np.concatenate([self._vectors, batch.vectors])
        self._rows = self._rows + batch.rows
        self._ids = self._ids + batch.ids

    def discard(self, upto: int, gone: Iterable[str] = ()) -> None:
        """Leave out rows up to number `upto`, and these ids."""
        dropped = set(gone)
        kept = [
            i for i, (row, name) in enumerate(zip(self._rows, self._ids, strict=True))
            if row > upto and name not in dropped
        ]  # fmt: skip
        self._rows = [self._rows[i] for i in kept]
        self._ids = [self._ids[i] for i in kept]
        self._vectors = self._vectors[kept] if kept and self._vectors is not None else None
