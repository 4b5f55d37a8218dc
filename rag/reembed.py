"""A changed embedder: vectors of two models cannot be compared, so a collection is embedded again as a whole."""

from __future__ import annotations

import logging

import numpy as np

from rag.embeddings import Embedder
from rag.records import CollectionRow, new_index_name
from rag.store import Store

log = logging.getLogger(__name__)

_BATCH = 1024


def reembed(store: Store, collection: CollectionRow, embedder: Embedder, fingerprint: str) -> None:
    """Give every chunk of a collection a new vector, in one transaction; its vector index is built anew after that.

    A kill on the way leaves the old vectors and the old fingerprint, so that the next start begins again.

    Raises:
        EmbedderError, StorageError.
    """
    log.warning("The embedder has changed; embedding the documents of %s again", collection.name)
    vectors: list[tuple[bytes, int]] = []
    at = 0
    while chunks := store.chunk_texts(collection, after=at, limit=_BATCH):
        encoded = np.ascontiguousarray(embedder.encode([text for *_, text in chunks]), dtype="<f2")
        vectors += [(row.tobytes(), number) for row, (number, *_) in zip(encoded, chunks, strict=True)]
        at = chunks[-1][0]
    with store.database.transaction() as db:
        db.executemany("UPDATE chunks SET vector = ? WHERE row = ?", vectors)
        db.execute("DELETE FROM removed WHERE collection_id = ?", (collection.id,))
        db.execute(
            """UPDATE collections SET fingerprint = ?, dimension = ?, index_name = ?, indexed = 0,
               generation = generation + 1 WHERE id = ?""",
            (fingerprint, embedder.dimension, new_index_name(), collection.id),
        )
