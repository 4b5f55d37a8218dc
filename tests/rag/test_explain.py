"""Why these passages: what the panel under an answer is told."""

from __future__ import annotations

from typing import Any

import pytest

from rag.answering import answer
from rag.explain import shared_words
from rag.knowledge_base import KnowledgeBase
from rag.types import AnswerOptions, Filter, Passage, Refusal, Sources

NEVER: Any = None  # no model: the events looked at come before it is asked
RECIPES = AnswerOptions(collection="recipes", k=3)


def test_sources_say_how_they_were_found(knowledge: KnowledgeBase) -> None:
    events = answer("红烧肉要小火炖多久？", [], NEVER, knowledge, RECIPES)
    sources = next(events)
    events.close()
    assert isinstance(sources, Sources) and sources.why is not None
    why = sources.why
    assert [t.title for t in why.passages] == [p.title for p in sources.passages]
    first, passage = why.passages[0], sources.passages[0]
    assert first.title == "红烧肉" and "红烧肉" in first.words and "炖" in "".join(first.words)
    assert (first.dense_rank, first.bm25_rank, first.score) == (passage.dense_rank, passage.bm25_rank, passage.score)
    assert why.cosine is not None and why.subject is not None
    assert why.cosine >= why.needed or why.subject >= why.subject_needed
    assert why.query == sources.query


def test_a_refusal_says_what_was_nearest(knowledge: KnowledgeBase) -> None:
    refusal = list(answer("怎么修理自行车轮胎？", [], NEVER, knowledge, RECIPES))[1]
    assert isinstance(refusal, Refusal) and refusal.reason == "no_passages" and refusal.why is not None
    assert len(refusal.why.passages) == 3
    assert refusal.why.cosine is not None and refusal.why.cosine < refusal.why.needed
    assert refusal.why.subject is None or refusal.why.subject < refusal.why.subject_needed


def test_an_answer_is_made_from_the_chosen_documents_only(knowledge: KnowledgeBase) -> None:
    source = next(d.source for d in knowledge.documents("recipes") if d.title == "糖醋排骨")
    options = AnswerOptions(collection="recipes", k=3, where=Filter(sources=(source,)))
    events = answer("红烧肉要小火炖多久？", [], NEVER, knowledge, options)
    first = next(events)
    events.close()
    passages = first.passages if isinstance(first, Sources) else ()
    assert {p.source for p in passages} <= {source}
    elsewhere = next(answer("糖醋排骨要焖多久？", [], NEVER, knowledge, options))
    assert isinstance(elsewhere, Sources) and {p.source for p in elsewhere.passages} == {source}


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("红烧肉要炖多久？", "红烧肉炖60分钟", {"红烧肉", "炖"}),
        ("how long to simer the sauce", "Simmer for an hour.", {"simmer"}),
        ("1000克面粉", "面粉1公斤", {"面粉", "公斤", "1"}),
        ("怎么用Docker", "先装 docker。", {"docker"}),
        ("的是什么？", "的是什么", set()),
        ("火星", "红烧肉", set()),
    ],
)
def test_shared_words(query: str, text: str, words: set[str]) -> None:
    assert set(shared_words(query, Passage("d", "c", "s.md", "T", text, 0, len(text)))) == words
