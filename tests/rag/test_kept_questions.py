"""Questions kept from the chat: whose they are, what is measured, and that they go with what they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rag.embeddings import load_embedder
from rag.evaluation_tab import _Events
from rag.kept_questions import Kept, as_csv, to_measure
from rag.kept_questions_tab import _List
from rag.knowledge_base import KnowledgeBase
from rag.questions import Question, read_questions
from rag.services import KnowledgeServices
from rag.settings import RagSettings
from tests.rag.bases import filled, outcomes, write_recipes

REQUEST: Any = gr.Request()
PORK, FISH, NONE = Kept("要炖多久？", "红烧肉.md", "60分钟|一小时"), Kept("要蒸多久？", "?", "", True), Kept("谁会飞？")


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    settings = RagSettings(tmp_path / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as opened:
        filled(opened, write_recipes(tmp_path / "files"))
        opened.questions.change("ann", "recipes", kept=[PORK, FISH, NONE])
        yield opened


def named(base: KnowledgeBase, source: str) -> str:
    return next(document.id for document in base.documents("recipes") if document.source == source)


def services(base: KnowledgeBase) -> KnowledgeServices:
    later: Any = SimpleNamespace(ready=True, get=lambda: base)
    return KnowledgeServices(later, lambda request: "en", lambda request: "ann")


def test_each_sees_their_own_and_they_are_measured_as_a_file_would_be(base: KnowledgeBase, tmp_path: Path) -> None:
    assert base.questions.of("ann", "recipes") == [PORK, FISH, NONE] and base.questions.of("bob", "recipes") == []
    path = tmp_path / "mine.csv"
    path.write_text(as_csv(base.questions.of("ann", "recipes")), encoding="utf-8")
    wanted = [Question("要炖多久？", "红烧肉.md", ("60分钟", "一小时")), Question("谁会飞？")]
    assert read_questions(path) == to_measure([PORK, FISH, NONE]) == wanted, "“?” is not yet said to be known"
    shown = list(_Events(services(base)).run(None, "recipes", 5, [], [], False, REQUEST))
    table = [value[3]["value"] for value in shown if "value" in (value[3] or {})][-1]
    assert table["data"][0][2] == "100.0"
    base.questions.change("ann", "recipes", gone=["要炖多久？", "谁会飞？"])
    with pytest.raises(gr.Error, match="no questions to measure"):
        list(_Events(services(base)).run(None, "recipes", 5, [], [], False, REQUEST))


def test_what_names_a_document_goes_with_it(base: KnowledgeBase) -> None:
    told = Kept("红烧肉.md 说要炖多久？", "?")
    base.questions.change("bob", "recipes", kept=[Kept("几分钟？", "红烧肉"), told, Kept("烤多久？", "烤曲奇.md")])
    base.backup(base.settings.data_dir / "one.zip")

    def on_disk() -> bool:
        files = base.settings.data_dir.glob("knowledge.db*")
        return any(told.question.encode() in path.read_bytes() for path in files)

    assert on_disk(), "the control"
    base.delete_document(named(base, "红烧肉.md"))
    assert base.questions.of("ann", "recipes") == [FISH, NONE]
    assert base.questions.of("bob", "recipes") == [Kept("烤多久？", "烤曲奇.md")]
    assert not on_disk(), "erased, not only taken out of the list"
    base.restore(base.settings.data_dir / "one.zip")
    assert base.questions.of("ann", "recipes") == [PORK, FISH, NONE] and len(base.questions.of("bob", "recipes")) == 3
    base.delete_collection("recipes")
    base.create_collection("菜谱", name="recipes")
    assert base.questions.of("ann", "recipes") == []


def test_a_renamed_or_changed_file_keeps_its_questions(base: KnowledgeBase, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "红烧肉.md").rename(files / "pork.md")
    outcomes(base, files)
    assert base.questions.of("ann", "recipes")[0].source == "pork.md"
    (files / "pork.md").write_text("# 红烧肉\n\n炖70分钟。", encoding="utf-8")
    outcomes(base, files / "pork.md")
    assert base.questions.of("ann", "recipes")[0].source == "pork.md"


def test_the_list_is_changed_in_place(base: KnowledgeBase) -> None:
    tab = _List(services(base))
    part, table, link, shown = tab.show("recipes", REQUEST)
    assert part["visible"] and table["value"]["data"][0] == ["要炖多久？", "红烧肉.md", "60分钟|一小时", False]
    assert "1 with the source" in link and "data:text/csv" in link
    base.questions.change("ann", "recipes", kept=[Kept("kept meanwhile?")])  # in the chat, on another page
    rows = [["要炖多久？", "红烧肉.md", "60分钟", False], ["", "?", "", True], ["谁会飞？", "", "", "true"]]
    link, shown = tab.change("recipes", rows, shown, REQUEST)
    assert base.questions.of("ann", "recipes") == [
        Kept("要炖多久？", "红烧肉.md", "60分钟"), Kept("谁会飞？", "", "", True), Kept("kept meanwhile?"),
    ]  # fmt: skip
    assert shown == ["要炖多久？", "谁会飞？"] and "1 with" not in link
    assert tab.show(None, REQUEST)[0]["visible"] is False


def test_a_cell_is_no_formula_in_a_spreadsheet() -> None:
    assert "\n'=1+1,'@x,,\r\n" in as_csv([Kept("=1+1", "@x")])
