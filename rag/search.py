"""One search: by meaning and by words, fused, as passages."""

from __future__ import annotations

import logging

import numpy as np

from rag.dense import DenseIndex
from rag.embeddings import Embedder
from rag.errors import IndexUnreachableError
from rag.filters import select
from rag.fusion import fuse, passages
from rag.lexical import LexicalIndex
from rag.records import CollectionRow
from rag.rerank import Reranker
from rag.settings import RagSettings
from rag.store import Store
from rag.types import Filter, Method, Passage

log = logging.getLogger(__name__)

MAX_QUERY_CHARS = 2000
"""A longer query is searched by its beginning; no question is that long, and a pasted book would only cost time."""


class Search:
    """Searches the collections of one knowledge base. Thread-safe. Raises StorageError."""

    def __init__(
        self, store: Store, indexes: tuple[DenseIndex, LexicalIndex], embedder: Embedder, settings: RagSettings
    ) -> None:
        self._store, (self._dense, self._lexical) = store, indexes
        self._embedder, self._settings = embedder, settings
        self.reranker: Reranker | None = None

    def __call__(
        self, collection: CollectionRow, query: str, k: int, where: Filter | None, method: Method
    ) -> list[Passage]:
        """At most `k` passages, best first; arguments as of `KnowledgeBase.search`."""
        query = query.strip()[:MAX_QUERY_CHARS].encode("utf-8", "replace").decode()
        if not query or k < 1:
            return []
        reranker = self.reranker if method == "hybrid" else None
        read = max(k, self._settings.rerank) if reranker else k
        count = max(self._settings.candidates, 2 * read)
        chosen = None if where is None or where == Filter() else select(self._store.database, collection, where)
        dense: list[tuple[str, float]] = []
        bm25: list[tuple[str, float, float]] = []
        if method != "bm25":
            vector = np.asarray(self._embedder.embed_query(query), dtype=np.float32)
            if np.isfinite(vector).all() and vector.any():
                try:
                    dense = chosen.nearest(vector, count) if chosen else self._dense.search(collection, vector, count)
                except IndexUnreachableError as error:
                    if method == "dense":
                        raise
                    log.warning("%s", error)
        if method != "dense":
            bm25 = self._lexical.search(collection, query, count, chosen.rows if chosen else None)
        if method == "bm25":
            bm25 = [(name, score, 0.0) for name, score, _ in bm25]  # in BM25's order
        fused = fuse(dense, bm25, read)
        hits = self._store.hits([item.id for item in fused])
        found = passages(fused, hits, collection.name, read, self._settings.join_chars, self._store.span)
        return reranker.order(query, found)[:k] if reranker else found
