"""A changed embedder: vectors of two models cannot be compared, so a collection is embedded again as a whole.

New vectors are gathered beside the old ones, in a table of their own, while the collection is searched by words alone
and documents come and go; when all are there they take the place of the old in one transaction.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

import numpy as np

from rag.background import Background
from rag.embeddings import Embedder, Fingerprint
from rag.errors import CollectionNotFoundError
from rag.records import CollectionRow, new_index_name
from rag.store import Store

log = logging.getLogger(__name__)

_BATCH = 256
_INDEX_TEXT_VERSION = 1  # of records.index_text: a change there makes the stored vectors stale

Progress = Callable[[int, int], bool]
"""Hears how many chunks are done, and of how many; says whether to go on."""

_TABLE = """CREATE TABLE IF NOT EXISTS fresh_vectors(
    row INTEGER PRIMARY KEY REFERENCES chunks(row) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    vector BLOB NOT NULL
)"""


class Vectors:
    """Whose vectors a collection has, and a thread that makes them the present embedder's. Thread-safe.

    Args:
        done: called, with what the collection was, when it has new vectors.

    Attributes:
        stamp: what stands in the store for vectors of this embedder.
        progress: of the collections (by name) that are being embedded again: chunks that are done, and all.
    """

    def __init__(self, store: Store, embedder: Embedder, done: Callable[[CollectionRow], None]) -> None:
        self._store, self._embedder, self._done = store, embedder, done
        stamp = {"embedder": embedder.fingerprint.to_dict(), "index_text": _INDEX_TEXT_VERSION}
        self.stamp = json.dumps(stamp, ensure_ascii=False)
        self.progress: dict[str, tuple[int, int]] = {}
        self._closing = threading.Event()
        self._thread = Background(self._work)

    def comparable(self, collection: CollectionRow) -> bool:
        """Whether a collection's vectors are this embedder's; its probe may differ in the last digits."""
        if collection.fingerprint == self.stamp:
            return True
        stamp = json.loads(collection.fingerprint)
        known = Fingerprint.from_dict(stamp["embedder"])
        return stamp["index_text"] == _INDEX_TEXT_VERSION and self._embedder.fingerprint == known

    def bring_up(self, collection: CollectionRow) -> None:
        """Embed a collection again if that is needed; soon, in the background."""
        if not self.comparable(collection):
            self.progress[collection.name] = (0, self._store.count_after(collection, 0))
            self._thread.later(collection)

    def wait(self) -> None:
        """Until every collection is level."""
        self._thread.wait()

    def close(self) -> None:
        """Stop; what is not done goes on at the next opening."""
        self._closing.set()
        self._thread.close()

    def _work(self, collection: CollectionRow) -> None:
        def tell(done: int, total: int) -> bool:
            self.progress[collection.name] = (done, total)
            return not self._closing.is_set()

        try:
            if reembed(self._store, collection, self._embedder, self.stamp, tell):
                self._done(collection)
        except CollectionNotFoundError:
            log.info("%s was deleted while it was embedded again", collection.name)
        finally:
            self.progress.pop(collection.name, None)


def reembed(store: Store, collection: CollectionRow, embedder: Embedder, fingerprint: str, progress: Progress) -> bool:
    """Give every chunk of a collection a new vector; its vector index is to be built anew after that.

    A kill or a stop on the way leaves the old vectors and the old fingerprint; the next time goes on where it was.

    Returns:
        Whether it was finished.

    Raises:
        EmbedderError, StorageError.
    """
    log.warning("The embedder has changed; embedding the documents of %s again", collection.name)
    at = _begin(store, collection, fingerprint)
    while True:
        while chunks := store.chunk_texts(collection, after=at, limit=_BATCH):
            left = store.count_after(collection, at)
            total = store.count_after(collection, 0)
            if not progress(total - left, total):
                return False
            encoded = np.ascontiguousarray(embedder.encode([text for *_, text in chunks]), dtype="<f2")
            rows = [(fingerprint, vector.tobytes(), row) for vector, (row, *_) in zip(encoded, chunks, strict=True)]
            with store.database.transaction() as db:  # of the chunks that are still there
                db.executemany("INSERT INTO fresh_vectors SELECT row, ?, ? FROM chunks WHERE row = ?", rows)
            at = chunks[-1][0]
        if _swap(store, collection, at, fingerprint, embedder.dimension):
            return True


def _begin(store: Store, collection: CollectionRow, fingerprint: str) -> int:
    """Drop what another embedder has left; the last chunk that is done."""
    with store.database.transaction() as db:
        db.execute(_TABLE)
        db.execute("DELETE FROM fresh_vectors WHERE fingerprint <> ?", (fingerprint,))
        query = "SELECT max(f.row) FROM fresh_vectors f JOIN chunks k ON k.row = f.row WHERE k.collection_id = ?"
        return int(db.execute(query, (collection.id,)).fetchone()[0] or 0)


def _swap(store: Store, collection: CollectionRow, at: int, fingerprint: str, dimension: int) -> bool:
    """Put the new vectors in place, unless chunks came in since."""
    with store.database.transaction() as db:
        query = "SELECT 1 FROM chunks WHERE collection_id = ? AND row > ? LIMIT 1"
        if db.execute(query, (collection.id, at)).fetchone():
            return False
        db.execute(
            """UPDATE chunks SET vector = (SELECT f.vector FROM fresh_vectors f WHERE f.row = chunks.row)
               WHERE collection_id = ?""",
            (collection.id,),
        )
        db.execute(
            "DELETE FROM fresh_vectors WHERE row IN (SELECT row FROM chunks WHERE collection_id = ?)", (collection.id,)
        )
        db.execute("DELETE FROM removed WHERE collection_id = ?", (collection.id,))
        db.execute(
            """UPDATE collections SET fingerprint = ?, dimension = ?, index_name = ?, indexed = 0,
               generation = generation + 1 WHERE id = ?""",
            (fingerprint, dimension, new_index_name(), collection.id),
        )
    return True
