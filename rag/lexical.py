"""Keyword search: BM25 over the terms of `rag.terms`, kept up with the store.

bm25s, which this replaced, works every score out in advance; as those depend on all passages, one more document had
it begin anew: 25 s at 100,000 passages, at the first search after every start and every change. Here segments of
postings are put side by side and scores are worked out for the question's terms alone (a test compares them with
bm25s). New chunks become a small segment, small segments are merged into larger ones, deleted chunks are passed over
until then. Segments are kept in files, which are a cache: what does not agree with the store is left out at opening.
"""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rag import postings
from rag.bm25 import Part, Scorer
from rag.postings import Segment, term_hash
from rag.query import weighted_terms
from rag.records import CollectionRow
from rag.store import Store
from rag.terms import VERSION

log = logging.getLogger(__name__)

_BATCH = 4096  # chunks that are counted at once
_AT_ONCE = 2048  # new chunks that a search waits for; with more it does without them while they are counted
_KEPT_FROM = 1024  # chunks of a segment that is worth a file; a smaller one is counted again in a fraction of a second
_SUFFIX = f".{VERSION}.safetensors"


@dataclass
class _Collection:
    """A collection's segments, in the order of rows; `generation` is that of the collection at the last look.

    `lock` is held while it changes; `scorer` is replaced as a whole and may be read at any time.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    generation: int = -1
    scorer: Scorer | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.scorer.parts if self.scorer else ()

    @property
    def last(self) -> int:
        """The last row that is in a segment."""
        return max((int(part.segment.rows[-1]) for part in self.parts), default=0)


class LexicalIndex:
    """BM25 per collection, in memory and in files under `folder`. Thread-safe. Raises StorageError."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._collections: dict[int, _Collection] = {}
        self._hashes = postings.new_hashes()
        known = {str(collection.id) for collection in store.collection_rows()}
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name.isdigit() and path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def search(
        self, collection: CollectionRow, query: str, count: int, only: np.ndarray | None = None
    ) -> list[tuple[str, float, float]]:
        """Up to `count` (chunk id, BM25 score > 0, coverage), best score first, the earlier chunk first among equals.

        Coverage is how much of the question a chunk holds, 0 to 1 (`rag.bm25`).

        While `refresh` counts many new chunks, it looks at those that have been counted.

        Args:
            only: row numbers (int64, ascending) of the chunks that may be found, None for all.
        """
        scorer = self._current(collection)
        wanted = weighted_terms(
            query, lambda some: scorer.held(np.array(list(map(term_hash, some)), np.uint32)).tolist()
        )
        found = scorer.best({term_hash(term): weight for term, weight in wanted.items()}, count, only)
        names = self._store.chunk_names([match.row for match in found])
        return [(names[row], score, coverage) for row, score, coverage in found if row in names]

    def refresh(self, collection: CollectionRow) -> None:
        """Take in every change, and put what that gave into files."""
        state = self._state(collection)
        with state.lock:
            self._update(state, self._store.collection(collection.name))
            self._tidy(state, collection)

    def rebuild(self, collection: CollectionRow) -> None:
        """Count every chunk anew, into one file."""
        self.forget(collection)
        self.refresh(collection)

    def forget(self, collection: CollectionRow) -> None:
        """Drop a collection's index and its files; the next search builds it anew."""
        with self._lock:
            self._collections.pop(collection.id, None)
        shutil.rmtree(self._folder / str(collection.id), ignore_errors=True)

    def verify(self, collection: CollectionRow) -> list[str]:
        """Differences between the index and the passages, in words; [] if there are none."""
        self.refresh(collection)
        state = self._state(collection)
        with state.lock:
            parts, at, wrong = state.parts, 0, 0
            rows = np.concatenate([p.segment.rows[p.alive] for p in parts]) if parts else np.zeros(0, np.int64)
            sums = np.concatenate([_sums(p.segment)[p.alive] for p in parts]) if parts else np.zeros(0)
            while batch := self._store.chunk_texts(collection, after=at, limit=_BATCH):
                at = batch[-1][0]
                fresh = postings.count(batch, self._hashes)
                place = np.minimum(np.searchsorted(rows, fresh.rows), max(len(rows) - 1, 0))
                same = (rows[place] == fresh.rows) & np.isclose(sums[place], _sums(fresh)) if len(rows) else False
                wrong += len(batch) - int(np.sum(same))
            wrong += max(0, len(rows) - len(self._store.live_rows(collection)))
        return [f"{collection.title}: {wrong} passages are wrong in the keyword index"] if wrong else []

    # --- keeping up

    def _state(self, collection: CollectionRow) -> _Collection:
        with self._lock:
            return self._collections.setdefault(collection.id, _Collection())

    def _current(self, collection: CollectionRow) -> Scorer:
        state = self._state(collection)
        generation, scorer = state.generation, state.scorer  # in this order: the scorer is at least as new
        if scorer is not None and generation >= collection.generation:
            return scorer
        waits = self._store.count_after(collection, state.last) <= _AT_ONCE
        if not state.lock.acquire(blocking=waits):
            return state.scorer or Scorer(())  # `refresh` is at work and says what it has got so far
        try:
            self._update(state, collection)
            return state.scorer or Scorer(())
        finally:
            state.lock.release()

    def _update(self, state: _Collection, collection: CollectionRow) -> None:
        """Pass over what was deleted, count what is new."""
        if state.scorer is not None and state.generation >= collection.generation:
            return
        if state.scorer is None:
            state.scorer = Scorer(self._stored(collection))
        live = self._store.live_rows(collection)
        parts = [
            Part(part.segment, part.alive & np.isin(part.segment.rows, live, assume_unique=True), part.path)
            for part in state.parts
        ]
        at = state.last
        while batch := self._store.chunk_texts(collection, after=at, limit=_BATCH):
            at = batch[-1][0]
            parts = self._merged([*parts, Part(postings.count(batch, self._hashes), np.ones(len(batch), bool))])
            state.scorer = Scorer(parts)
        state.scorer = Scorer([part for part in parts if part.count])
        state.generation = collection.generation

    @staticmethod
    def _merged(parts: list[Part]) -> list[Part]:
        """Merge from the end while a segment is not twice as large as the next: so each is merged a few times only."""
        first = len(parts) - 1
        size = parts[first].count if parts else 0
        while first > 0 and parts[first - 1].count < 2 * size:
            first -= 1
            size += parts[first].count
        if first >= len(parts) - 1:
            return parts
        segment = postings.merge((part.segment, part.alive) for part in parts[first:])
        return [*parts[:first], Part(segment, np.ones(len(segment), bool))]

    # --- files

    def _stored(self, collection: CollectionRow) -> list[Part]:
        """What the files hold, as far as the store agrees."""
        folder = self._folder / str(collection.id)
        found: list[tuple[Path, Segment]] = []
        for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
            segment = postings.load(path)
            if segment is not None and len(segment):
                found.append((path, segment))
        found.sort(key=lambda item: (int(item[1].rows[0]), -len(item[1])))
        live = self._store.live_rows(collection)
        parts: list[Part] = []
        for path, segment in found:
            if parts and segment.rows[0] <= parts[-1].segment.rows[-1]:
                continue  # merged into the one before, when a kill came between writing that and deleting this
            alive = np.isin(segment.rows, live, assume_unique=True)
            names = self._store.chunk_names(segment.rows[alive].tolist())
            stored = np.array([int(names.get(row, "0")[:16], 16) for row in segment.rows[alive].tolist()], np.uint64)
            if not np.array_equal(stored, segment.ids[alive]):
                return []  # another database than the one they were made from
            part = Part(segment, alive, path)
            upto = int(np.searchsorted(live, segment.rows[-1], side="right"))
            if sum(p.count for p in (*parts, part)) != upto:
                break  # what came before has no file: it shrank, or its file is damaged. It is counted from there on
            parts.append(part)
        return parts

    def _tidy(self, state: _Collection, collection: CollectionRow) -> None:
        """Write segments that have no file, without what was deleted, and delete files that are not needed any more."""
        folder, parts = self._folder / str(collection.id), []
        try:
            for part in state.parts:
                dead = len(part.alive) - part.count
                if 4 * dead > len(part.alive):
                    segment = postings.merge([(part.segment, part.alive)])
                    part = Part(segment, np.ones(len(segment), bool))
                if part.path is None and len(part.segment) >= _KEPT_FROM:
                    folder.mkdir(parents=True, exist_ok=True)
                    path = folder / f"{uuid.uuid4().hex}{_SUFFIX}"
                    part.segment.save(path)
                    part = Part(part.segment, part.alive, path)
                parts.append(part)
            state.scorer = Scorer(parts)
            needed = {part.path for part in parts}
            for path in folder.iterdir() if folder.is_dir() else ():
                if path not in needed:
                    path.unlink()
        except OSError as error:
            log.warning("The keyword index of %s could not be written (%s); it is counted anew", collection.name, error)

    def close(self) -> None:
        """Forget everything that is in memory; files stay."""
        with self._lock:
            self._collections.clear()


def _sums(segment: Segment) -> np.ndarray:
    """One number for each chunk that any other set of terms would hardly give."""
    term = np.repeat(segment.terms.astype(np.float64), np.diff(segment.starts))
    return np.bincount(segment.chunks, weights=term * segment.counts, minlength=len(segment))
