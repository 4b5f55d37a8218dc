"""A stretch of a collection as BM25 reads it: which chunks hold a term, and how often.

Terms are kept as 32-bit hashes. Among a million terms, one in four thousand of a question's shares its hash with
another and counts as the same. So a segment needs no vocabulary, and holds no text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from rag.terms import terms


class _Hashes(dict[str, int]):
    def __missing__(self, term: str) -> int:
        if len(self) > 500_000:
            self.clear()
        value = self[term] = term_hash(term)
        return value


@dataclass(frozen=True)
class Segment:
    """Postings of chunks that were added after one another; the arrays are never changed.

    Attributes:
        rows: int64 [n], row numbers of the chunks, ascending.
        ids: uint64 [n], the first 16 digits of the chunk ids.
        lengths: float32 [n], terms of each chunk, with repeats.
        terms: uint32 [t], hashes, ascending.
        starts: int64 [t + 1], where each term's stretch of `chunks` and `counts` begins.
        chunks: int32 [p], places in `rows`.
        counts: uint8 [p], how often the term is in the chunk, 255 at most.
    """

    rows: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray
    terms: np.ndarray
    starts: np.ndarray
    chunks: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def postings(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """Places in `rows` and counts for the hash of a term."""
        at = int(np.searchsorted(self.terms, np.uint32(term)))
        if at == len(self.terms) or self.terms[at] != term:
            return self.chunks[:0], self.counts[:0]
        span = slice(self.starts[at], self.starts[at + 1])
        return self.chunks[span], self.counts[span]

    def save(self, path: Path) -> None:
        """Write a file, whole or not at all."""
        from safetensors.numpy import save_file

        part = path.with_suffix(".part")
        save_file({field.name: getattr(self, field.name) for field in fields(self)}, part)
        part.replace(path)


def load(path: Path) -> Segment | None:
    """A saved segment; None where the file is none (any more)."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return Segment(**load_file(path))
    except (OSError, SafetensorError, TypeError, KeyError, ValueError):
        return None


def count(rows: Sequence[tuple[int, str, str]], hashes: dict[str, int]) -> Segment:
    """The segment of (row number, chunk id, text) in ascending order; `hashes` as `new_hashes` gives them."""
    found = [np.fromiter(map(hashes.__getitem__, terms(text)), dtype=np.uint64) for *_, text in rows]
    lengths = np.array([len(chunk) for chunk in found], dtype=np.float32)
    chunk = np.repeat(np.arange(len(rows), dtype=np.uint64), lengths.astype(np.int64))
    keys, counts = np.unique((np.concatenate(found) << np.uint64(32)) | chunk, return_counts=True)
    numbers = np.array([row for row, *_ in rows], dtype=np.int64)
    ids = np.array([int(name[:16], 16) for _, name, _ in rows], dtype=np.uint64)
    return _segment(numbers, ids, lengths, keys, np.minimum(counts, 255).astype(np.uint8))


def new_hashes() -> dict[str, int]:
    """Hashes of terms, each computed once."""
    return _Hashes()


def term_hash(term: str) -> int:
    """The hash that stands for a term."""
    return zlib.crc32(term.encode("utf-8", "replace"))


def merge(parts: Iterable[tuple[Segment, np.ndarray]]) -> Segment:
    """One segment of those chunks whose flag (bool [n]) is set, in the order given."""
    numbers, ids, lengths, keys, counts = [], [], [], [], []
    base = 0
    for part, alive in parts:
        place = np.cumsum(alive) - 1 + base
        kept = alive[part.chunks]
        term = np.repeat(part.terms.astype(np.uint64), np.diff(part.starts))
        keys.append((term[kept] << np.uint64(32)) | place[part.chunks[kept]].astype(np.uint64))
        counts.append(part.counts[kept])
        numbers.append(part.rows[alive])
        ids.append(part.ids[alive])
        lengths.append(part.lengths[alive])
        base += int(alive.sum())
    joined = np.concatenate(keys)
    order = np.argsort(joined, kind="stable")  # sorted runs: it only has to merge them
    return _segment(
        np.concatenate(numbers), np.concatenate(ids), np.concatenate(lengths), joined[order],
        np.concatenate(counts)[order],
    )  # fmt: skip


def _segment(rows: np.ndarray, ids: np.ndarray, lengths: np.ndarray, keys: np.ndarray, counts: np.ndarray) -> Segment:
    """`keys`: hash of a term << 32 | place of a chunk, ascending."""
    term = (keys >> np.uint64(32)).astype(np.uint32)
    begins = np.flatnonzero(np.concatenate([[True], term[1:] != term[:-1]])) if len(term) else np.zeros(0, np.int64)
    starts = np.concatenate([begins, [len(term)]]).astype(np.int64)
    return Segment(rows, ids, lengths, term[begins], starts, (keys & np.uint64(0xFFFFFFFF)).astype(np.int32), counts)
