"""When to decline: the effect of a threshold on labelled questions, the suggestion, and that it is kept."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rag.answering import answer
from rag.calibration import Labelled, effect, look_up, suggest
from rag.calibration_tab import _Calibration
from rag.embeddings import load_embedder
from rag.errors import QuestionError
from rag.knowledge_base import KnowledgeBase
from rag.questions import Question, read_questions
from rag.relevance import Evidence
from rag.settings import RagSettings
from rag.types import AnswerOptions, Refusal
from tests.rag.bases import filled, write_recipes
from tests.rag.test_answering import scripted

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions" / "recipes.jsonl"


def a(answerable: bool, cosine: float, subject: float = 0.0) -> Labelled:
    return Labelled("?", answerable, Evidence(cosine, subject, 0.0))


def test_the_effect_and_the_suggestion() -> None:
    labelled = [a(True, 0.9), a(True, 0.5), a(True, 0.1, subject=1.0), a(False, 0.4), a(False, 0.2)]
    assert (effect(labelled, 0.43).answered, effect(labelled, 0.43).declined) == (3, 2)
    low, high = effect(labelled, 0.3), effect(labelled, 0.6)
    assert (low.answered, low.declined) == (3, 1) and (high.answered, high.declined) == (2, 2)
    assert suggest(labelled, 0.45) == 0.45, "what holds stays where nothing is better"
    assert 0.4 < suggest(labelled, 0.1) <= 0.5 and 0.4 < suggest(labelled, 0.8) <= 0.5


def test_real_labelled_questions(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    """Every third written question without history, as a file; the shipped threshold is about as good as any."""
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if not row["history"]][::3]
    file = tmp_path / "questions.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerows([("问题", "来源"), *((row["question"], row["document"] or "") for row in rows)])
    later: Any = SimpleNamespace(ready=True, get=lambda: knowledge)
    page = _Calibration(later, lambda request: "en", 1)
    labelled, best, shown = list(page.look(str(file), "recipes", gr.Request()))[-1]
    assert len(labelled) == len(rows) and f"of {len(rows)} questions" in shown
    now, top, none = (effect(labelled, value) for value in (knowledge.settings.refuse_below, best, 0.0))
    assert now.answered >= 0.95 * now.answerable and top.right >= now.right > none.right
    assert none.declined < now.declined, "the control: a lower threshold lets more through"
    assert "Against" in page.show(labelled, 0.0, gr.Request())


def test_a_source_that_is_not_there_is_named(knowledge: KnowledgeBase) -> None:
    with pytest.raises(QuestionError, match=r"nowhere\.md"):
        list(look_up(knowledge, "recipes", [Question("红烧肉？", "nowhere.md")], 1))
    assert len(list(look_up(knowledge, "recipes", [Question("红烧肉？", "红烧肉.md"), Question("天气？")], 1))) == 2


def test_a_chosen_threshold_holds_at_once_and_after_a_restart(tmp_path: Path) -> None:
    settings = RagSettings(tmp_path / "data")
    embedder = load_embedder(settings)

    def declines(base: KnowledgeBase) -> bool:
        events = answer("海鲜怎么烹调？", [], scripted("蒸8分钟。"), base, AnswerOptions(collection="recipes"))
        return any(isinstance(event, Refusal) for event in events)

    with KnowledgeBase(settings, embedder) as base:
        filled(base, write_recipes(tmp_path / "files"))
        base.set_refuse_below(0.0)
        assert not declines(base)
        base.set_refuse_below(1.0)
        assert declines(base)
    with KnowledgeBase(settings, embedder) as base:
        assert base.settings.refuse_below == 1.0 and declines(base)
    with KnowledgeBase(RagSettings(tmp_path / "data", refuse_below=0.2), embedder) as base:
        assert base.settings.refuse_below == 0.2, "a changed configuration speaks again"
    (tmp_path / "data" / "refusal.json").write_text("[", encoding="utf-8")
    with KnowledgeBase(settings, embedder) as base:
        assert base.settings.refuse_below == settings.refuse_below


def test_the_questions_file(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("question,source\n多久？,红烧肉.md\nweather?,\n", encoding="utf-8")
    assert read_questions(file) == [Question("多久？", "红烧肉.md"), Question("weather?")]
