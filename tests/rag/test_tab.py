"""What the knowledge tab's buttons do to uploads: added, paused, gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rag import ingest, tab
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from tests.rag.bases import RECIPES, write_recipes

REQUEST: Any = gr.Request()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    settings = RagSettings(tmp_path / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as opened:
        opened.create_collection("菜谱", name="recipes")
        yield opened


@pytest.fixture
def page(base: KnowledgeBase) -> tab._Tab:
    later: Any = SimpleNamespace(ready=True, get=lambda: base)
    return tab._Tab(later, lambda request: "en")


def test_uploads_are_added_and_leave_no_copy(page: tab._Tab, base: KnowledgeBase, tmp_path: Path) -> None:
    uploads = sorted(write_recipes(tmp_path / "uploads").iterdir())
    shown = list(page.ingest([str(path) for path in uploads], "recipes", REQUEST))
    progress, files, pause, resume = shown[-1]
    assert f"{len(RECIPES)} added" in progress and files is None
    assert pause["visible"] is False and resume["visible"] is False
    assert len(base.documents("recipes")) == len(RECIPES) and not any(path.exists() for path in uploads)


def test_paused_uploads_wait_until_they_are_gone_on_with(
    page: tab._Tab, base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_GROUP_FILES", 1)
    uploads = [str(path) for path in sorted(write_recipes(tmp_path / "uploads").iterdir())]
    adding = page.ingest(uploads, "recipes", REQUEST)
    assert next(adding)[2]["visible"] is True, "it can be paused"
    page.pause("recipes")
    *_, pause, resume = list(adding)[-1]
    left = len(base.inbox.waiting("recipes"))
    assert 0 < left < len(RECIPES) + 1 and pause["visible"] is False
    assert resume["visible"] is True and str(left) in resume["value"]
    assert page.waiting("recipes", REQUEST)["visible"] is True, "also for a page that is opened later"
    assert list(page.add("recipes", REQUEST))[-1][3]["visible"] is False
    assert len(base.documents("recipes")) == len(RECIPES) and base.verify().ok


def test_what_is_chosen_stays_so_while_it_is_in_the_list(page: tab._Tab, base: KnowledgeBase, tmp_path: Path) -> None:
    for _ in base.ingest([write_recipes(tmp_path / "files")], "recipes"):
        pass
    chosen = base.documents("recipes")[0].id
    table, _, *kept = page.documents("recipes", chosen, REQUEST)
    assert len(table["value"]["data"]) == len(RECIPES) and kept == [gr.skip(), gr.skip()]
    base.delete_document(chosen)
    table, _, remove, none = page.documents("recipes", chosen, REQUEST)
    assert len(table["value"]["data"]) == len(RECIPES) - 1 and remove["visible"] is False and none == ""
