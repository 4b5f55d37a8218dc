"""One search: by meaning and by words, fused, as passages."""

from __future__ import annotations

import numpy as np

from rag.dense import DenseIndex
from rag.embeddings import Embedder
from rag.filters import select
from rag.fusion import fuse, passages
from rag.lexical import LexicalIndex
from rag.records import CollectionRow
from rag.settings import RagSettings
from rag.store import Store
from rag.types import Filter, Method, Passage

MAX_QUERY_CHARS = 2000
"""A longer query is searched by its beginning; no question is that long, and a pasted book would only cost time."""


class Search:
    """Searches the collections of one knowledge base. Thread-safe. Raises StorageError."""

    def __init__(
        self, store: Store, dense: DenseIndex, lexical: LexicalIndex, embedder: Embedder, settings: RagSettings
    ) -> None:
        self._store, self._dense, self._lexical = store, dense, lexical
        self._embedder, self._settings = embedder, settings

    def __call__(
        self, collection: CollectionRow, query: str, k: int, where: Filter | None, method: Method
    ) -> list[Passage]:
        """At most `k` passages, best first; arguments as of `KnowledgeBase.search`."""
        query = query.strip()[:MAX_QUERY_CHARS].encode("utf-8", "replace").decode()
        if not query or k < 1:
            return []
        count = max(self._settings.candidates, 2 * k)
        chosen = None if where is None or where == Filter() else select(self._store.database, collection, where)
        dense, bm25 = [], []
        if method != "bm25":
            vector = np.asarray(self._embedder.embed_query(query), dtype=np.float32)
            if np.isfinite(vector).all() and vector.any():
                dense = chosen.nearest(vector, count) if chosen else self._dense.search(collection, vector, count)
        if method != "dense":
            bm25 = self._lexical.search(collection, query, count, chosen.rows if chosen else None)
        found = fuse(dense, bm25, k)
        hits = self._store.hits([item.id for item in found])
        return passages(found, hits, collection.name, k, self._settings.join_chars, self._store.span)
