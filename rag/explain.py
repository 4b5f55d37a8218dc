"""Why these passages: the ranks, scores and words that they were found by, for people to see."""

from __future__ import annotations

from collections.abc import Sequence

from rag.folding import STOP_CHARS, STOP_WORDS
from rag.query import weighted_terms
from rag.records import index_text
from rag.relevance import NAMED, Evidence
from rag.terms import terms
from rag.types import Passage, Trace, Why

_MOST_WORDS = 8


def explain(query: str, passages: Sequence[Passage], found: Evidence, refuse_below: float) -> Why:
    """What `passages` were found by and judged on.

    Args:
        query: the complete question, as it was searched.
        found: their evidence for it.
        refuse_below: the cosine they were held against.
    """
    traces = tuple(
        Trace(p.title, p.score, p.dense_rank, p.dense_score, p.bm25_rank, p.bm25_score, shared_words(query, p))
        for p in passages
    )
    return Why(query, traces, found.cosine, refuse_below, found.subject, NAMED)


def shared_words(query: str, passage: Passage) -> tuple[str, ...]:
    """The longest terms of keyword search that question and passage share, without stop words.

    Those that a slip or another unit in the question stands for are among them.
    """
    held = set(terms(index_text(passage.title, passage.heading, passage.text)))
    shared = [term for term in weighted_terms(query, lambda some: [t in held for t in some]) if term in held]
    shared = [t for t in shared if t not in STOP_WORDS and not all(char in STOP_CHARS for char in t)]
    shared.sort(key=len, reverse=True)  # stable: in the question's order where equally long
    kept: list[str] = []
    for term in shared:
        if not any(term in longer for longer in kept):
            kept.append(term)
    return tuple(kept[:_MOST_WORDS])
