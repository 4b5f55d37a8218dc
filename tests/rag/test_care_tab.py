"""The knowledge tab's buttons for the whole knowledge base, on a real one."""

from __future__ import annotations

import contextlib
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rag.care_tab import _Care
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from tests.rag.bases import RECIPES, filled, write_recipes

REQUEST: Any = gr.Request()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("care")
    settings = RagSettings(folder / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as opened:
        filled(opened, write_recipes(folder / "files"))
        yield opened


@pytest.fixture
def page(base: KnowledgeBase, tmp_path: Path) -> _Care:
    later: Any = SimpleNamespace(ready=True, get=lambda: base)
    return _Care(later, lambda request: "en", tmp_path / "cache")


def test_check_rebuild_and_compact_tell_how_it_went(page: _Care, base: KnowledgeBase) -> None:
    for action, said in (("verify", "All is well"), ("rebuild", "built anew"), ("compact", "freed")):
        first, *_, last = [told for told, _ in page.run(action, REQUEST)]  # type: ignore[arg-type]
        assert "<progress" in first and said in last and f"{len(RECIPES)} documents" in last
    with contextlib.closing(sqlite3.connect(base.settings.data_dir / "knowledge.db")) as db, db:
        db.execute("UPDATE documents SET text = replace(text, '60分钟', '90分钟')")
    assert "do not match" in list(page.run("verify", REQUEST))[-1][0], "the control: it finds what is wrong"
    with contextlib.closing(sqlite3.connect(base.settings.data_dir / "knowledge.db")) as db, db:
        db.execute("UPDATE documents SET text = replace(text, '90分钟', '60分钟')")


def test_a_backup_is_offered_and_can_be_restored(page: _Care, base: KnowledgeBase, tmp_path: Path) -> None:
    told, file = list(page.run("backup", REQUEST))[-1]
    saved = Path(file["value"])
    assert file["visible"] and f"{len(RECIPES)} documents" in told and zipfile.is_zipfile(saved)
    upload = saved.rename(tmp_path / "<b>saved.zip")
    base.delete_document(base.documents("recipes")[0].id)
    shown, question = page.ask(str(upload), REQUEST)
    assert shown["visible"] and "everything" in question and "<b>" not in question
    assert "in place" in list(page.restore(str(upload), REQUEST))[-1][0]
    assert len(base.documents("recipes")) == len(RECIPES) and not upload.exists(), "the upload holds every document"


def test_what_is_no_backup_changes_nothing(page: _Care, base: KnowledgeBase, tmp_path: Path) -> None:
    upload = tmp_path / "x.zip"
    upload.write_bytes(b"PK nothing")
    with pytest.raises(gr.Error, match="cannot be restored"):
        list(page.restore(str(upload), REQUEST))
    assert len(base.documents("recipes")) == len(RECIPES)


def test_one_thing_at_a_time(page: _Care) -> None:
    first = page.run("verify", REQUEST)
    next(first)
    with pytest.raises(gr.Error, match="Something else"):
        next(page.run("rebuild", REQUEST))
    assert "All is well" in list(first)[-1][0]
    assert "built anew" in list(page.run("rebuild", REQUEST))[-1][0]
