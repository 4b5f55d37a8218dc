"""Search by meaning: keeps each collection's vector index level with the store, and searches both.

Up to `INDEX_FROM` chunks are searched in memory, exactly: that takes less time than a query of Chroma's index, and
nothing has to be built. A larger collection has an index. The store says what should be in it: `collections.indexed`
marks the last chunk row that is, later rows are still to come, `removed` lists deleted ids that may still be there.
Rows that the index has not got ("pending") are searched in memory too, so a document is found from the moment its
transaction commits, and the index is written in large batches, beside the reading of files. Whatever moment a crash
picks, the counts of index and store differ at the next use, and only then ids are compared.

An index that fails is given up at once: after a write to a full disk chromadb 1.5.9 may hang at the next one, and
cannot open the folder again. All its chunks are pending then, and the next flush builds a new index. An index on a
server that does not answer is not: it is waited for, since the server is there for what memory does not hold.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from rag.errors import IndexUnreachableError, RagError, StorageError
from rag.index import Folders, Server, VectorIndex
from rag.journal import Batch, IndexJournal
from rag.level import differences, heal
from rag.pending import Pending
from rag.records import CollectionRow, new_index_name
from rag.store import Store

log = logging.getLogger(__name__)

INDEX_FROM = 16_384  # chunks; 16 MiB of vectors, a tenth of a millisecond for every thousand
_WRITE_FROM = 4096  # pending chunks; Chroma takes 5461 at once at most


@dataclass
class _State:
    """A collection's index (None: small, or given up) and its name. Every chunk up to row `loaded` is in it or
    pending."""

    index: VectorIndex | None
    name: str = ""
    indexed: int = 0
    loaded: int = 0
    generation: int = -1
    removed: frozenset[str] = frozenset()
    pending: Pending = field(default_factory=Pending)
    writing: threading.Lock = field(default_factory=threading.Lock)

    def written(self, row: int) -> None:
        """Every chunk up to `row` is in the index now."""
        self.indexed, self.loaded = row, max(self.loaded, row)
        self.pending.discard(row)

    def give_up(self) -> None:
        self.index, self.pending = None, Pending()
        self.indexed, self.loaded, self.generation = 0, 0, -1


class DenseIndex:
    """The vector indexes of all collections, each opened at its first use. Thread-safe. All raise StorageError.

    Args:
        place: where indexes are kept.
        comparable: whether the vectors of a collection are the present embedder's; those of others are let alone.
    """

    def __init__(
        self, store: Store, place: Folders | Server, comparable: Callable[[CollectionRow], bool] = bool
    ) -> None:
        self._store, self._place, self._comparable = store, place, comparable
        self._journal = IndexJournal(store.database)
        self._lock = threading.RLock()  # guards _states and what is in them; never held while Chroma works
        self._opening = threading.RLock()
        self._states: dict[int, _State] = {}
        self._sweep()

    def _sweep(self) -> None:
        """Delete indexes that belong to no collection (left by a kill, or by an index that failed)."""
        known = {collection.index_name for collection in self._store.collection_rows()}
        try:
            for name in self._place.names() - known:
                self._place.delete(name)
        except StorageError as error:
            log.warning("%s", error)

    # --- searching

    def search(self, collection: CollectionRow, vector: np.ndarray, count: int) -> list[tuple[str, float]]:
        """Up to `count` (chunk id, cosine), best first, ties by id. `vector`: float32 [d], of unit length."""
        while self._comparable(collection):
            state = self._state(collection)
            with self._lock:
                self._refresh(state, collection)
                index, removed = state.index, state.removed
                ids, vectors = state.pending.snapshot()
            scores: dict[str, float] = {}
            if vectors is not None:
                near = vectors @ vector
                if len(ids) > count + len(removed):
                    best = np.argpartition(-near, count + len(removed))[: count + len(removed) + 1]
                    best = np.flatnonzero(near >= near[best].min() - 1e-5)  # with all that tie with the last
                else:
                    best = np.arange(len(ids))
                scores.update((ids[i], float(near[i])) for i in best)
            if index is not None:
                try:
                    scores.update(index.query(vector, count + len(removed)))
                except IndexUnreachableError:
                    raise
                except StorageError as error:
                    self._give_up(collection, state, index, error)
                    continue
            # rounded, because the two ways of computing differ in the last digits
            ranked = sorted((-round(score, 5), name) for name, score in scores.items() if name not in removed)
            return [(name, -score) for score, name in ranked[:count]]
        return []

    def pending(self, collection: CollectionRow) -> int:
        """How many chunks are not in the index yet."""
        state = self._state(collection)
        with self._lock:
            self._refresh(state, collection)
            return len(state.pending)

    def _refresh(self, state: _State, collection: CollectionRow) -> None:
        """Take in what was committed since the last look."""
        if state.generation >= collection.generation:
            return
        if batch := self._journal.batch(collection, state.loaded):
            state.pending.add(batch)
            state.loaded = batch.rows[-1]
        state.removed = frozenset(self._journal.removed(collection)[1])
        state.generation = collection.generation

    def _give_up(self, collection: CollectionRow, state: _State, index: VectorIndex, error: StorageError) -> None:
        with self._lock:
            if state.index is not index or self._states.get(collection.id) is not state:
                return  # another thread did, or it was swapped
            log.warning("The vector index of %s failed (%s); a new one will be built", collection.name, error)
            state.give_up()
        self._place.delete(state.name)  # not closed: a client that failed is not to be trusted

    # --- writing

    def flush(self, collection: CollectionRow) -> None:
        """Delete from the index what was deleted, and write what is pending where that has become much."""
        if not self._comparable(collection):
            return
        state = self._state(collection)
        with state.writing:
            if self._states.get(collection.id) is not state:  # it was dropped while this waited
                return
            if state.index is not None:
                self._write(collection, state)
            elif self._journal.count(collection) >= INDEX_FROM:
                self._renew(collection, state)
            else:
                self._forget_removed(collection, state, self._journal.removed(collection)[0])

    def flush_later(self, collection: CollectionRow) -> None:
        """`flush`; a failure loses nothing: pending chunks are searched in memory, and the next one tries again."""
        try:
            self.flush(collection)
        except RagError as error:
            log.warning("The vector index of %s stays behind: %s", collection.name, error)

    def _write(self, collection: CollectionRow, state: _State) -> None:
        mark, gone = self._journal.removed(collection)
        if gone:
            self._change(collection, state, lambda index: index.delete(gone))
        if self._journal.count(collection, after=state.indexed) >= _WRITE_FROM:
            for batch in self._journal.batches(collection, after=state.indexed):
                self._change(collection, state, partial(_upsert, batch=batch))
                self._journal.advance(collection, batch.rows[-1], 0)
                with self._lock:
                    state.written(batch.rows[-1])
        self._forget_removed(collection, state, mark)

    def _forget_removed(self, collection: CollectionRow, state: _State, mark: int) -> None:
        """Have the next search look again at what was deleted."""
        if not mark:
            return
        _, gone = self._journal.removed(collection)
        self._journal.advance(collection, 0, mark)
        with self._lock:
            state.pending.discard(0, gone)
            state.generation = -1

    def _change(self, collection: CollectionRow, state: _State, change: Callable[[VectorIndex], None]) -> None:
        index = state.index
        if index is None:  # a search met its failure meanwhile
            raise StorageError(en="The vector index failed and is to be built anew.", zh="向量索引出错，需要重建。")
        try:
            change(index)
        except IndexUnreachableError:
            raise
        except StorageError as error:
            self._give_up(collection, state, index, error)
            raise

    def rebuild(self, collection: CollectionRow) -> None:
        """Write the index anew from the store, beside the old one, and swap. A small collection then has none."""
        if not self._comparable(collection):
            return
        state = self._state(collection)
        with state.writing:
            if self._states.get(collection.id) is not state:  # it was dropped while this waited
                return
            old = state.index
            if self._journal.count(collection) >= INDEX_FROM:
                self._renew(collection, state)
            else:
                with self._lock:
                    state.give_up()
            if old is not None:
                old.destroy()

    def _renew(self, collection: CollectionRow, state: _State) -> None:
        name = new_index_name()
        index, row = self._build(collection, name)
        with self._lock:
            state.index, state.name = index, name
            state.written(row)

    def _build(self, collection: CollectionRow, name: str) -> tuple[VectorIndex, int]:
        """A new index of all chunks, noted in the store, and the last row in it."""
        row = 0
        try:
            index = self._place.open(name)
            mark, _ = self._journal.removed(collection)
            for batch in self._journal.batches(collection):
                _upsert(index, batch)
                row = batch.rows[-1]
            self._journal.advance(collection, row, mark, index_name=name)
        except BaseException:
            self._place.delete(name)
            raise
        return index, row

    def drop(self, collection: CollectionRow) -> None:
        """Delete the index of a collection that is gone."""
        with self._opening, self._lock:
            state = self._states.pop(collection.id, None)
        if state is not None:
            with state.writing:
                if state.index is not None:
                    state.index.destroy()
        self._place.delete(collection.index_name)

    def close(self) -> None:
        """Bring every index that is open level with deletions, and close it."""
        with self._opening:
            for collection in self._store.collection_rows():
                if collection.id in self._states:
                    self.flush_later(collection)
            for state in self._states.values():
                if state.index is not None:
                    state.index.close()
            self._states.clear()

    # --- opening and healing

    def _state(self, collection: CollectionRow) -> _State:
        with self._lock:
            state = self._states.get(collection.id)
        if state is not None:
            return state
        with self._opening:
            with self._lock:
                state = self._states.get(collection.id)
            if state is None:
                state = self._open(self._store.collection(collection.name))
                with self._lock:
                    self._states[collection.id] = state
            return state

    def _open(self, collection: CollectionRow) -> _State:
        name = collection.index_name
        try:
            if name in self._place.names():
                return self._healed(collection, self._place.open(name))
        except IndexUnreachableError:
            if self._journal.count(collection) >= INDEX_FROM:
                raise
        except StorageError as error:
            log.warning("The vector index of %s cannot be used (%s); it will be built anew", collection.name, error)
            self._place.delete(name)
        return _State(None)  # searched in memory; the next flush builds one where that is worth it

    def _healed(self, collection: CollectionRow, index: VectorIndex) -> _State:
        """The state of an index that was open before; ids are compared only where counts differ."""
        mark, gone = self._journal.removed(collection)
        if gone:
            index.delete(gone)
        row = collection.indexed
        if index.count() != self._journal.count(collection, upto=row):
            row = heal(self._journal, index, collection)
        if mark:
            self._journal.advance(collection, row, mark)
        return _State(index, collection.index_name, indexed=row, loaded=row)

    def verify(self, collection: CollectionRow) -> list[str]:
        """Differences between the index and the store, in words; [] if there are none."""
        if not self._comparable(collection):
            return []
        self.flush(collection)
        state = self._state(collection)
        with state.writing:
            if state.index is None:
                return []  # what is searched in memory is the store's own
            found = differences(self._journal, state.index, replace(collection, indexed=state.indexed))
        return [f"{collection.title}: {problem}" for problem in found]


def _upsert(index: VectorIndex, batch: Batch) -> None:
    index.upsert(batch.ids, batch.vectors)
