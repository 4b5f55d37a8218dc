"""Whether anything near enough was found: on labelled questions, and rule by rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.followup import resolve
from rag.knowledge_base import KnowledgeBase
from rag.relevance import Evidence, evidence, is_small_talk, near_enough

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions" / "recipes.jsonl"


@pytest.mark.parametrize("question", ["你好，红烧肉要炖多久？", "早餐吃什么", "hello world in python"])
def test_a_question_is_no_greeting(question: str) -> None:
    assert not is_small_talk(question)


def labelled() -> list[dict[str, Any]]:
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_gate_on_labelled_questions(knowledge: KnowledgeBase) -> None:
    """The half that did not set the threshold: what can be answered is let through, what is not there is not."""
    held_out = [row for i, row in enumerate(labelled()) if i % 2 == 0]
    refused: dict[bool, list[str]] = {True: [], False: []}
    for row in held_out:
        history = [(HumanMessage if m["role"] == "user" else AIMessage)(m["content"]) for m in row["history"]]
        query = resolve(row["question"], history)
        if not near_enough(evidence(query, knowledge.search(query, "recipes", 3)), knowledge.settings.refuse_below):
            refused[row["document"] is not None].append(row["id"])
    answerable = sum(row["document"] is not None for row in held_out)
    assert len(refused[True]) <= 0.05 * answerable, refused[True]
    assert len(refused[False]) >= 3, "the control: it does refuse"


def test_near_enough_weighs_meaning_and_names() -> None:
    assert near_enough(Evidence(0.5, 0.0, 0.0), 0.43), "alike in meaning, though under another name"
    assert not near_enough(Evidence(0.42, 0.0, 0.5), 0.43), "the dish is not there"
    assert near_enough(Evidence(0.1, 1.0, 0.5), 0.43), "the dish is named"
    assert near_enough(Evidence(None, None, 0.2), 0.43)
    assert not near_enough(Evidence(None, None, 0.0), 0.43)
    assert not near_enough(Evidence(0.5, 0.0, 0.0), 0.6), "the setting counts"
