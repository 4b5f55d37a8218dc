"""BM25 (Robertson and Zaragoza 2009, the variant of Lucene) over segments of postings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.postings import Segment

_K1, _B = 1.5, 0.75
_FREQUENT = 0.1  # a term in this share of a segment's chunks is scored for all of them at once
_KEPT_TERMS = 128  # of those, per segment; 4 bytes for each chunk


@dataclass(frozen=True)
class Part:
    """A segment and which of its chunks are still there (bool [n]). `path`: its file, if it has one."""

    segment: Segment
    alive: np.ndarray
    path: Path | None = None

    @property
    def count(self) -> int:
        """How many chunks are still there."""
        return int(np.count_nonzero(self.alive))


class Match(NamedTuple):
    """A chunk's row number, its BM25 score, and how much of what was asked it holds at all (0 to 1)."""

    row: int
    score: float
    coverage: float


class _Asked(NamedTuple):
    """A term of the question: its weights in score and coverage, and its chunks and counts in each part."""

    weight: np.float32
    share: float
    found: list[tuple[np.ndarray, np.ndarray]]


class Scorer:
    """Scores over some parts, which do not change. Thread-safe."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self._total = sum(part.count for part in parts)
        length = sum(float(part.segment.lengths[part.alive].sum()) for part in parts)
        mean = max(length / max(self._total, 1), 1.0)
        self._norms = [_K1 * (1 - _B + _B * part.segment.lengths / np.float32(mean)) for part in parts]
        self._whole = [bool(part.alive.all()) for part in parts]
        self._frequent: list[dict[int, np.ndarray]] = [{} for _ in parts]

    def held(self, hashes: np.ndarray) -> np.ndarray:
        """How many chunks hold each of some terms, by their hashes (uint32 [n]); int64 [n].

        Chunks that were deleted count until their part is merged.
        """
        found = np.zeros(len(hashes), np.int64)
        for segment in (part.segment for part in self.parts if len(part.segment.terms)):
            at = np.minimum(np.searchsorted(segment.terms, hashes), len(segment.terms) - 1)
            found += np.where(segment.terms[at] == hashes, segment.starts[at + 1] - segment.starts[at], 0)
        return found

    def best(self, wanted: Mapping[int, float], count: int, only: np.ndarray | None = None) -> list[Match]:
        """Up to `count` chunks that hold a term, best BM25 score first, the earlier row first among equals.

        Args:
            wanted: hashes of terms, and how much each counts.
            only: row numbers (int64, ascending) of the chunks that may be found, None for all.
        """
        if not self._total:
            return []
        asked = [self._asked(term, times) for term, times in wanted.items()]
        scores = [np.zeros(len(part.segment), np.float32) for part in self.parts]
        for term, (weight, _, found) in zip(wanted, asked, strict=True):
            for n, (chunks, counts) in enumerate(found):
                if len(chunks) > _FREQUENT * len(scores[n]):
                    scores[n] += weight * self._impacts(n, term, chunks, counts)
                elif len(chunks):
                    scores[n][chunks] += weight * (counts / (counts + self._norms[n][chunks]))
        for part, whole, score in zip(self.parts, self._whole, scores, strict=True):
            if not whole:
                score[~part.alive] = 0.0
            if only is not None:
                score[~np.isin(part.segment.rows, only, assume_unique=True)] = 0.0
        score = np.concatenate(scores)
        best = np.flatnonzero(score > 0)
        if len(best) > count:
            best = np.flatnonzero(score >= np.partition(score, -count)[-count])
        best = best[np.argsort(-score[best], kind="stable")][:count]
        rows = np.concatenate([part.segment.rows for part in self.parts])
        coverage = self._coverage(asked, best)
        return [Match(int(rows[i]), float(score[i]), float(c)) for i, c in zip(best, coverage, strict=True)]

    def _asked(self, term: int, times: float) -> _Asked:
        found = [part.segment.postings(term) for part in self.parts]
        held_by = sum(
            len(chunks) if whole else int(np.count_nonzero(part.alive[chunks]))
            for part, whole, (chunks, _) in zip(self.parts, self._whole, found, strict=True)
        )
        idf = np.log1p((self._total - held_by + 0.5) / (held_by + 0.5))
        return _Asked(np.float32(times * idf), float(times * idf**2) if held_by else 0.0, found)

    def _coverage(self, asked: Sequence[_Asked], best: np.ndarray) -> np.ndarray:
        """Which share of the terms each chunk holds, float [n]; `best`: places in all parts, one after the other.

        A term counts by its squared idf, so that rare ones decide; one that no chunk holds counts for nothing.
        """
        held, start = np.zeros(len(best)), 0
        whole = sum(term.share for term in asked)
        for n, part in enumerate(self.parts):
            mine = np.flatnonzero((best >= start) & (best < start + len(part.segment)))
            for _, share, found in asked:
                chunks = found[n][0]
                if len(chunks) and len(mine):
                    local = (best[mine] - start).astype(chunks.dtype)
                    at = np.minimum(np.searchsorted(chunks, local), len(chunks) - 1)
                    held[mine[chunks[at] == local]] += share
            start += len(part.segment)
        return held / whole if whole else held

    def _impacts(self, part: int, term: int, chunks: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """What a frequent term adds to every chunk, but for its weight; such terms come in many questions."""
        known = self._frequent[part]
        found = known.get(term)
        if found is None:
            found = np.zeros(len(self._norms[part]), np.float32)
            found[chunks] = counts / (counts + self._norms[part][chunks])
            if len(known) >= _KEPT_TERMS:
                known.clear()
            known[term] = found
        return found
