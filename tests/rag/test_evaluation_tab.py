"""What the evaluation's button shows, and its texts."""

from __future__ import annotations

import re
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rag.evaluation import Miss, UnknownSources
from rag.evaluation_tab import _Events
from rag.evaluation_texts import TEXTS
from rag.evaluation_view import as_html, as_text
from rag.knowledge_base import KnowledgeBase
from rag.questions import Question
from rag.services import KnowledgeServices

REQUEST: Any = gr.Request()


def events_of(base: KnowledgeBase, asking: Any = None) -> _Events:
    later: Any = SimpleNamespace(ready=True, get=lambda: base)
    return _Events(KnowledgeServices(later, lambda request: "en", lambda request: "ann", asking))


def test_rows_come_one_by_one_and_the_buttons_change(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("question,source\n红烧肉要炖多久？,红烧肉\n鱼要蒸多久？,nowhere.md\n", encoding="utf-8")
    shown = list(events_of(knowledge).run(str(path), "recipes", 5, ["bm25"], [200], False, REQUEST))
    tables = [value[3]["value"] for value in shown if "value" in (value[3] or {})]
    assert [len(table["data"]) for table in tables] == [1, 2, 3, 3]
    plots = [value[-1].value for value in shown if isinstance(value[-1], gr.BarPlot)]
    assert len(plots) == 1, "drawn once, when all is measured"
    assert len({row[0] for row in plots[0]["data"]}) == 3
    assert tables[-1]["headers"][:3] == ["Search", "Passages", "Found in 5, %"]
    assert [row[0] for row in tables[-1]["data"]] == [
        "words and meaning", "words alone", "words and meaning · passages of 200",
    ]  # fmt: skip
    assert tables[-1]["data"][0][2] == "50.0" and len(tables[-1]["headers"]) == 5, "nothing was answered"
    notes, run, stop, *_ = shown[-1]
    assert "nowhere.md" in notes and run["visible"] is True and stop["visible"] is False
    assert shown[0][1]["visible"] is False and shown[0][2]["visible"] is True


@pytest.mark.parametrize(("file", "collection"), [(None, "recipes"), ("q.csv", None), ("nowhere.csv", "recipes")])
def test_what_is_missing_is_said(knowledge: KnowledgeBase, file: str | None, collection: str | None) -> None:
    with pytest.raises(gr.Error):
        list(events_of(knowledge).run(file, collection, 5, [], [], False, REQUEST))


def test_questions_and_titles_are_data() -> None:
    told = [UnknownSources(("<img src=x>",)), Miss(Question("<script>", "a"), ("<b>",))]
    shown = as_html(told, "en")
    assert not re.search("<(img|script|b)[ >]", shown) and "&lt;script&gt;" in shown
    assert "<script>" in as_text(told, 5, "en"), "in a terminal it is only text"


def test_both_languages_say_the_same() -> None:
    assert list(TEXTS["en"]) == list(TEXTS["zh"])
    for key, english in TEXTS["en"].items():
        fields = [{name for _, name, _, _ in string.Formatter().parse(said) if name} for said in
                  (english, TEXTS["zh"][key])]  # fmt: skip
        assert fields[0] == fields[1], key
