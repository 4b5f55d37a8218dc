"""From two ranked lists of chunks to passages: fused, near-duplicates dropped, neighbours joined. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rag.records import Hit
from rag.types import Passage

_SHINGLE = 5
_SAME = 0.9
_TELLING = re.compile(
    r"\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千万半]+|[不没無无非未勿别]|\b(?:not?|never|without)\b"
)
_WORDS = re.compile(r"[\W_]+")

Ranked = Sequence[tuple[str, float]]
"""(chunk id, score), best first."""

Matched = Sequence[tuple[str, float, float]]
"""(chunk id, BM25 score, share of the question that it holds), best score first."""


@dataclass(frozen=True)
class Found:
    """A chunk's place in both searches; fields as in `Passage`."""

    id: str
    score: float
    dense_rank: int | None = None
    dense_score: float | None = None
    bm25_rank: int | None = None
    bm25_score: float | None = None


def fuse(dense: Ranked, bm25: Matched, k: int) -> list[Found]:
    """Both lists as one, best first, by meaning and words in equal parts.

    Meaning is the cosine; words are the mean of the BM25 score over the best one's and of the coverage. A convex
    combination (Bruch, Gai and Ingber 2023). Reciprocal rank fusion forgets how far apart the scores are and ranked
    below BM25 alone on people's questions over encyclopaedias; without the coverage, which neither the length of a
    passage nor a word said often changes, this found no more than BM25 there (docs/benchmarks.md). A chunk that one
    search did not return gets nothing for it. Among equals the better BM25 rank comes first, then the id. From k = 3
    on the first of either list is among the first `k`, at their end if need be: what one search is sure of is not to
    be lost.
    """
    found: dict[str, Found] = {}
    for rank, (name, score) in enumerate(dense, 1):
        found[name] = Found(name, max(score, 0.0) / 2, dense_rank=rank, dense_score=score)
    best = bm25[0][1] if bm25 else 1.0
    for rank, (name, score, coverage) in enumerate(bm25, 1):
        known = found.get(name, Found(name, 0.0))
        both = known.score + (score / best + coverage) / 4
        found[name] = replace(known, score=both, bm25_rank=rank, bm25_score=score)
    last = len(bm25) + 1
    order = sorted(found.values(), key=lambda f: (-f.score, f.bm25_rank or last, f.id))
    if k < 3:
        return order
    others = [f for f in order if 1 not in (f.dense_rank, f.bm25_rank)]
    firsts = [f for f in order if 1 in (f.dense_rank, f.bm25_rank)]
    head = {f.id for f in (*others[: k - len(firsts)], *firsts)}
    return [f for f in order if f.id in head] + [f for f in order if f.id not in head]


class _Fingerprint:
    """A text as compared for near-duplicates: letters and digits only, cut into shingles.

    Two passages that differ in a number or a negation are never near-duplicates, however much of the rest is equal.
    """

    def __init__(self, text: str) -> None:
        folded = unicodedata.normalize("NFKC", text).casefold()
        self.telling = Counter(_TELLING.findall(folded))
        self.text = _WORDS.sub("", folded)
        self.shingles = {self.text[i : i + _SHINGLE] for i in range(max(1, len(self.text) - _SHINGLE + 1))}

    def repeats(self, other: _Fingerprint) -> bool:
        """Whether this says nothing that `other` does not say."""
        if self.text in other.text:
            return True
        if self.telling != other.telling:
            return False
        return len(self.shingles & other.shingles) >= _SAME * len(self.shingles | other.shingles)


@dataclass
class _Joined:
    """Neighbouring chunks of one document, `first` to `last` by ordinal."""

    passage: Passage
    first: int
    last: int
    fingerprint: _Fingerprint


def passages(
    found: Iterable[Found],
    hits: dict[str, Hit],
    collection: str,
    k: int,
    join_chars: int,
    span: Callable[[str, int, int], str],
) -> list[Passage]:
    """The best `k` passages, best first.

    A chunk next to a passage that is already taken extends it, as long as that stays within `join_chars`; it keeps
    the score and takes the better of each rank. `span(document_id, start, end)` reads a document's text.
    """
    taken: list[_Joined] = []
    for item in found:
        if len(taken) == k:
            break
        hit = hits.get(item.id)
        if hit is None:  # deleted since it was found
            continue
        fingerprint = _Fingerprint(hit.text)
        if any(fingerprint.repeats(joined.fingerprint) for joined in taken):
            continue
        neighbour = next((joined for joined in taken if _adjacent(joined, hit, join_chars)), None)
        if neighbour is None:
            taken.append(_Joined(_passage(item, hit, collection), hit.ordinal, hit.ordinal, fingerprint))
        else:
            _extend(neighbour, item, hit, span)
    return [joined.passage for joined in taken]


def _passage(item: Found, hit: Hit, collection: str) -> Passage:
    return Passage(
        document_id=hit.document_id, collection=collection, source=hit.source, title=hit.title, text=hit.text,
        start=hit.start, end=hit.end, heading=hit.heading, page=hit.page, score=item.score,
        dense_rank=item.dense_rank, dense_score=item.dense_score,
        bm25_rank=item.bm25_rank, bm25_score=item.bm25_score, recognised=bool(hit.recognised),
    )  # fmt: skip


def _adjacent(joined: _Joined, hit: Hit, join_chars: int) -> bool:
    passage = joined.passage
    return (
        passage.document_id == hit.document_id
        and hit.ordinal in (joined.first - 1, joined.last + 1)
        and max(passage.end, hit.end) - min(passage.start, hit.start) <= join_chars
    )


def _extend(joined: _Joined, item: Found, hit: Hit, span: Callable[[str, int, int], str]) -> None:
    passage = joined.passage
    start, end = min(passage.start, hit.start), max(passage.end, hit.end)
    text = span(hit.document_id, start, end)
    if len(text) != end - start:  # the document was deleted or replaced since
        return
    joined.first, joined.last = min(joined.first, hit.ordinal), max(joined.last, hit.ordinal)
    joined.passage = replace(
        passage, text=text, start=start, end=end,
        heading=_common(passage.heading, hit.heading),
        page=hit.page if hit.ordinal == joined.first else passage.page,
        dense_rank=_least(passage.dense_rank, item.dense_rank),
        dense_score=_most(passage.dense_score, item.dense_score),
        bm25_rank=_least(passage.bm25_rank, item.bm25_rank),
        bm25_score=_most(passage.bm25_score, item.bm25_score),
        recognised=passage.recognised or bool(hit.recognised),
    )  # fmt: skip
    joined.fingerprint = _Fingerprint(text)


def _common(a: str, b: str) -> str:
    """The part of two heading paths that is the same, from the outside in."""
    kept = []
    for left, right in zip(a.split(" > "), b.split(" > "), strict=False):
        if left != right:
            break
        kept.append(left)
    return " > ".join(kept)


def _least(a: int | None, b: int | None) -> int | None:
    return min((rank for rank in (a, b) if rank is not None), default=None)


def _most(a: float | None, b: float | None) -> float | None:
    return max((score for score in (a, b) if score is not None), default=None)
