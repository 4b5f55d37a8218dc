"""The panel "why these passages?", in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from llm.chat_render import answer
from llm.conversations import Message
from llm.why_render import why_panel
from tests.llm.pages import TITLES, harmless

TRACE = {
    "title": "红烧肉",
    "score": 0.83,
    "dense_rank": 1,
    "dense_score": 0.66,
    "bm25_rank": 2,
    "bm25_score": 12.34,
    "words": ["红烧肉", "炖"],
}
WHY: dict[str, Any] = {
    "query": "红烧肉要炖多久？",
    "passages": [TRACE, {**TRACE, "title": "东坡肉", "dense_rank": None, "dense_score": None, "words": []}],
    "cosine": 0.66,
    "needed": 0.43,
    "subject": 1.0,
    "subject_needed": 0.55,
}


@pytest.mark.parametrize(("lang", "title"), [("en", "Why these passages?"), ("zh-CN", "为什么是这些段落？")])
def test_ranks_scores_words_and_the_measure(lang: str, title: str) -> None:
    shown = harmless(why_panel({"why": WHY}, lang)).text
    for part in (title, "1. 红烧肉", "#1 (0.66)", "#2 (12.3)", "0.83", "炖", "2. 东坡肉", "0.43", "55%", WHY["query"]):
        assert part in shown
    assert ("not found" if lang == "en" else "未找到") in shown
    assert "\n\n" not in why_panel({"why": WHY}, lang), "a blank line would end the HTML block"


def test_why_it_was_refused() -> None:
    far = {**WHY, "cosine": 0.2, "subject": None}
    shown = why_panel({"why": far, "refused": "no_passages"}, "en")
    assert "Neither is reached" in shown and "named to" not in shown
    assert "read the passages" in why_panel({"why": far, "refused": "model"}, "en")
    assert "Neither" not in why_panel({"why": WHY}, "en")
    assert "nothing at all" in why_panel({"why": {**far, "passages": []}, "refused": "no_passages"}, "en")


def test_it_stands_under_an_answer_that_has_one() -> None:
    with_it = Message(1, "assistant", "答", "done", {"why": WHY, "sources": []})
    assert "fs-why" in answer(with_it, "en", TITLES)
    assert "fs-why" not in answer(Message(1, "assistant", "答", "running", {"why": WHY}), "en", TITLES)
    assert "fs-why" not in answer(Message(1, "assistant", "答", "done", {}), "en", TITLES)
    assert why_panel({"why": None}, "en") == ""


def test_what_a_document_brought_is_shown_as_text() -> None:
    hostile = {**TRACE, "title": "<img src=x onerror=alert(1)>", "words": ["<script>", "a\n\nb"]}
    page = harmless(why_panel({"why": {**WHY, "passages": [hostile], "query": "</details><b>x"}}, "en"))
    assert "img" not in page.elements and "script" not in page.elements and "b" not in page.elements
