"""Another embedder: documents are found by their words while they are embedded again, then by meaning as before."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.embeddings import Embedder, load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from tests.rag.bases import RECIPES, filled, outcomes, write_recipes


class Halved(Embedder):
    """The first half of the shipped embedder's dimensions: vectors of another length. Embedding waits for `go`."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.fingerprint = replace(inner.fingerprint, name="halved", dimension=inner.dimension // 2)
        self.go, self.begun = threading.Event(), threading.Event()
        self.texts = 0

    def _vectors(self, texts: list[str], *, query: bool) -> np.ndarray:
        if not query and threading.current_thread().name == "index":
            self.begun.set()
            assert self.go.wait(60)
            self.texts += len(texts)
        return self.inner._vectors(texts, query=query)[:, : self.dimension]


@pytest.fixture
def settings(tmp_path: Path) -> RagSettings:
    return RagSettings(tmp_path / "data")


@pytest.fixture
def embedder(settings: RagSettings, tmp_path: Path) -> Halved:
    """The embedder that comes after the one which made the base."""
    shipped = load_embedder(settings)
    with KnowledgeBase(settings, shipped) as base:
        filled(base, write_recipes(tmp_path / "files"))
    return Halved(shipped)


def test_search_goes_on_by_words_until_all_is_swapped(settings: RagSettings, embedder: Halved, tmp_path: Path) -> None:
    with KnowledgeBase(settings, embedder) as base:
        assert embedder.begun.wait(60), "opening did not wait for it"
        before = base.search("红烧肉要炖多久？", "recipes")
        assert before[0].title == "红烧肉" and all(p.dense_rank is None for p in before)
        assert base.embedding("recipes") == (0, len(RECIPES))
        (tmp_path / "茶.md").write_text("# 绿茶\n\n水温80度，泡三分钟。\n", encoding="utf-8")
        outcomes(base, tmp_path / "茶.md")
        gone = next(d for d in base.documents("recipes") if d.title == "烤曲奇")
        base.delete_document(gone.id)
        assert base.verify().ok
        base.rebuild()
        assert base.search("绿茶泡多久？", "recipes")[0].title == "绿茶"
        embedder.go.set()
        base.settle()
        assert base.embedding("recipes") is None
        after = base.search("红烧肉要炖多久？", "recipes")
        assert after[0].title == "红烧肉" and after[0].dense_rank == 1
        assert base.search("绿茶泡多久？", "recipes")[0].dense_rank == 1
        assert base.verify().ok and not any(p.title == "烤曲奇" for p in base.search("曲奇", "recipes", 10))
        row = base._store.collection("recipes")
        assert row.dimension == embedder.dimension
        with base._store.database.reading() as db:
            assert {len(r[0]) for r in db.execute("SELECT vector FROM chunks")} == {2 * embedder.dimension}
            assert db.execute("SELECT count(*) FROM fresh_vectors").fetchone()[0] == 0


def test_what_is_embedded_outlasts_a_stop(
    settings: RagSettings, embedder: Halved, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag import reembed

    monkeypatch.setattr(reembed, "_BATCH", 2)
    base = KnowledgeBase(settings, embedder)
    assert embedder.begun.wait(60)
    base._vectors._closing.set()  # the batch that is being embedded is the last
    embedder.go.set()
    base.close()
    assert embedder.texts == 2
    with KnowledgeBase(settings, embedder) as again:
        again.settle()
        assert embedder.texts == len(RECIPES), "it went on where it was"
        assert again.search("红烧肉要炖多久？", "recipes")[0].dense_rank == 1 and again.verify().ok
