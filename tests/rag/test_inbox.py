"""Uploads that wait: paused, interrupted and gone on with, and none of them left lying about."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import ingest
from rag.embeddings import Embedder, load_embedder
from rag.errors import CollectionNotFoundError
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from rag.types import FileAdded, FileFailed, FileSkipped
from tests.rag.bases import RECIPES, write_recipes
from tests.rag.test_sources import archive


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(RagSettings(Path("unused")))


def traces(base: KnowledgeBase) -> list[Path]:
    return [path for path in (base.settings.data_dir / "inbox").rglob("*") if path.is_file()]


def test_a_pause_and_a_restart_lose_nothing(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_GROUP_FILES", 1)
    settings = RagSettings(tmp_path / "data")
    uploads = sorted(write_recipes(tmp_path / "uploads").iterdir())
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7 no more")
    zipped = archive(tmp_path, {"inner/茶.md": "# 茶\n\n水开后泡三分钟。".encode()})
    with KnowledgeBase(settings, embedder) as base:
        base.create_collection("菜谱", name="recipes")
        base.inbox.put([*uploads, bad], "recipes")
        assert not any(path.exists() for path in (*uploads, bad)), "moved, not copied"
        assert len(base.inbox.waiting("recipes")) == len(RECIPES) + 1
        events = base.inbox.add("recipes")
        added = [next(e for e in events if isinstance(e, FileAdded)) for _ in range(2)]
        events.close()  # type: ignore[attr-defined]
        assert len(base.documents("recipes")) >= 2
        left = base.inbox.waiting("recipes")
        assert not {e.source for e in added[:1]} & {path.name for path in left} and left
    with KnowledgeBase(settings, embedder) as base:  # as after a kill: what waits is in the folder
        assert base.inbox.waiting("recipes") == left
        base.inbox.put([zipped], "recipes")
        rest = [e for e in base.inbox.add("recipes") if isinstance(e, (FileAdded, FileSkipped, FileFailed))]
        assert [e.source for e in rest if isinstance(e, FileFailed)] == ["bad.pdf"]
        assert {d.source for d in base.documents("recipes")} == {f"{name}.md" for name in RECIPES} | {"inner/茶.md"}
        assert base.inbox.waiting("recipes") == [] and traces(base) == []
        assert base.verify().ok


def test_what_waits_for_a_collection_goes_with_it(tmp_path: Path, embedder: Embedder) -> None:
    settings = RagSettings(tmp_path / "data")
    with KnowledgeBase(settings, embedder) as base:
        for name in ("one", "two"):
            base.create_collection(name)
            base.inbox.put(write_recipes(tmp_path / name).iterdir(), name)
        base.delete_collection("one")
        assert len(traces(base)) == len(RECIPES) == len(base.inbox.waiting("two"))
        (settings.data_dir / "inbox" / "two" / "abc.part").mkdir()
        (settings.data_dir / "inbox" / "two" / "abc.part" / "half.md").write_text("half of it")
        assert len(base.inbox.waiting("two")) == len(RECIPES)
        with pytest.raises(CollectionNotFoundError):
            base.inbox.put([], "one")
    with KnowledgeBase(settings, embedder) as base:
        assert len(traces(base)) == len(RECIPES), "what never came over as a whole is gone"
