"""What a thumb under an answer hands over, and that it stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from llm.conversations import ConversationStore
from llm.judging import Judgement
from tests.llm.scripted import CITATION, PASSAGE, done
from tests.llm.test_corrections import answered, store

__all__ = ["store"]
OTHER = {**PASSAGE, "source": "fish.md"}
SOURCES = {"type": "sources", "passages": [OTHER, PASSAGE], "query": "红烧肉要炖多久？"}
SECOND = {**CITATION, "number": 2}
WHY = {"query": "谁会飞？", "passages": (), "cosine": None, "needed": 0.4, "subject": None, "subject_needed": 0.5}
REFUSED = ({"type": "refusal", "reason": "no_passages", "why": WHY}, done("不知道。"))


def judged(store: ConversationStore, folder: Path, events: tuple[dict[str, Any], ...], liked: bool) -> list[Judgement]:
    conversation, tab = answered(store, folder, *events, collection="recipes")
    tab.thumb(conversation, 1, liked)
    return tab.judged


@pytest.mark.parametrize(
    ("events", "liked", "question", "source"),
    [
        ((SOURCES, SECOND, done("一小时[2]。")), True, "红烧肉要炖多久？", "meat.md"),
        ((SOURCES, SECOND, done("一小时[2]。")), False, "红烧肉要炖多久？", None),
        (REFUSED, True, "谁会飞？", ""),
        (REFUSED, False, "谁会飞？", None),
    ],
)
def test_a_question_is_handed_over_complete_with_what_should_be_cited(
    events: tuple[dict[str, Any], ...],
    liked: bool,
    question: str,
    source: str | None,
    store: ConversationStore,
    tmp_path: Path,
) -> None:
    thumb = "Like" if liked else "Dislike"
    assert judged(store, tmp_path, events, liked) == [Judgement(question, "recipes", source, thumb, "ann")]


@pytest.mark.parametrize(
    ("events", "liked"),
    [
        ((done("你好。"),), True),  # from no documents
        ((done("你好。"),), False),
        ((SOURCES, {**SECOND, "status": "unsupported"}, done("一小时[2]。")), True),  # what it cites does not hold
    ],
)
def test_what_cannot_be_measured_is_not_kept(
    events: tuple[dict[str, Any], ...], liked: bool, store: ConversationStore, tmp_path: Path
) -> None:
    assert judged(store, tmp_path, events, liked) == []


def test_a_thumb_stays_and_can_be_taken_back(store: ConversationStore, tmp_path: Path) -> None:
    conversation, tab = answered(store, tmp_path, SOURCES, SECOND, done("一小时[2]。"), collection="recipes")
    shown, *box = tab.thumb(conversation, 1, True)
    assert shown["feedback_value"] == ["Like"] and box == [gr.skip()] * 4
    assert tab.chat.show(conversation, "en")["feedback_value"] == ["Like"], "also when it is opened again"
    shown, panel, _, wanted, _ = tab.thumb(conversation, 1, False)
    assert shown["feedback_value"] == ["Dislike"] and panel["visible"] and wanted["value"] == "一小时[2]。"
    shown, *box = tab.thumb(conversation, 1, "")
    assert shown["feedback_value"] == [None] and box == [gr.skip()] * 4
    assert [one.thumb for one in tab.judged] == ["Like", "Dislike", ""]


def test_a_refusal_that_was_wrong_is_kept_though_it_cannot_be_corrected(
    store: ConversationStore, tmp_path: Path
) -> None:
    conversation, tab = answered(store, tmp_path, *REFUSED, collection="recipes")
    _, *box = tab.thumb(conversation, 1, False)
    assert len(tab.judged) == 1 and box == [gr.skip()] * 4
