"""Files into a collection: what became of each, again and again, one bad one, a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.embeddings import Embedder, load_embedder
from rag.errors import CollectionNotFoundError, EmbedderError
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from rag.types import FileAdded, FileFailed, FileSkipped, FileStarted, IngestDone
from tests.rag.bases import RECIPES, filled, outcomes, write_recipes


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(RagSettings(Path("unused")))


@pytest.fixture
def settings(tmp_path: Path) -> RagSettings:
    return RagSettings(tmp_path / "data")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_recipes(tmp_path / "files")


@pytest.fixture
def base(settings: RagSettings, embedder: Embedder):
    with KnowledgeBase(settings, embedder) as opened:
        yield opened


def test_the_events_of_an_ingest(base: KnowledgeBase, files: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 this is none")
    (files / ".hidden.md").write_text("hidden")
    events = list(base.ingest([files, files / "gone.md"], "recipes"))
    kinds = [event.type for event in events]
    total = len(RECIPES) + 2
    assert kinds[0::2] == ["file_started"] * total + ["ingest_done"]
    assert sorted(kinds[1::2]) == ["file_added"] * len(RECIPES) + ["file_failed"] * 2
    assert [(e.index, e.total) for e in events if isinstance(e, FileStarted)] == [(n + 1, total) for n in range(total)]
    failed = {e.source: e for e in events if isinstance(e, FileFailed)}
    assert set(failed) == {"broken.pdf", "gone.md"}
    assert all(e.error_en and any("\u4e00" <= c <= "\u9fff" for c in e.error_zh) for e in failed.values())
    done = events[-1]
    assert isinstance(done, IngestDone)
    assert (done.added, done.skipped, done.failed) == (len(RECIPES), 0, 2)
    assert done.chunks == base.collections()[0].chunks == sum(d.chunks for d in base.documents("recipes"))
    assert base.verify().ok


def test_adding_again_changes_nothing_and_a_change_replaces(base: KnowledgeBase, files: Path) -> None:
    documents = filled(base, files)
    again = outcomes(base, files)
    assert all(isinstance(event, FileSkipped) for event in again)
    assert (
        [event.document for event in again if isinstance(event, FileSkipped)] == documents == base.documents("recipes")
    )
    (files / "红烧肉.md").write_text("# 红烧肉\n\n改用高压锅，上汽后压25分钟。", encoding="utf-8")
    (added,) = outcomes(base, files / "红烧肉.md")
    assert isinstance(added, FileAdded) and len(base.documents("recipes")) == len(documents)
    found = base.search("红烧肉要炖多久", "recipes", k=10)
    assert any("25分钟" in p.text for p in found) and not any("60分钟" in p.text for p in found)
    assert base.verify().ok


def test_names_of_files(base: KnowledgeBase, files: Path, tmp_path: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    for name in ("a", "b"):
        (files / name).mkdir()
        (files / name / "notes.md").write_text(f"笔记{name}的内容", encoding="utf-8")
    upload = tmp_path / "tmp1234"
    upload.write_text("上传的文件", encoding="utf-8")
    events = outcomes(base, files / "a", files / "b", upload, names={upload: "../../evil.txt"})
    sources = [e.source for e in events if isinstance(e, FileAdded)]
    assert sources == ["notes.md", "b/notes.md", "evil.txt"]
    assert {"a/notes.md", "b/notes.md"} <= {getattr(e, "source", "") for e in outcomes(base, files)}
    with pytest.raises(CollectionNotFoundError):
        base.ingest([files], "unknown")


def test_a_caller_that_stops_half_way_keeps_what_was_acknowledged(base: KnowledgeBase, files: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    events = base.ingest([files], "recipes")
    acknowledged = []
    for event in events:
        if isinstance(event, FileAdded):
            acknowledged.append(event.source)
        if len(acknowledged) == 3:
            break
    events.close()  # type: ignore[attr-defined]
    assert set(acknowledged) <= {d.source for d in base.documents("recipes")}
    assert base.verify().ok


def test_the_same_content_twice_in_one_go(base: KnowledgeBase, files: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    (files / "a.md").write_bytes((files / "红烧肉.md").read_bytes())
    events = {getattr(e, "source", ""): e for e in outcomes(base, files)}
    assert isinstance(events["a.md"], FileAdded) and isinstance(events["红烧肉.md"], FileSkipped)
    assert events["红烧肉.md"].document == events["a.md"].document
    assert len(base.documents("recipes")) == len(RECIPES)


def test_a_failing_embedder_fails_the_files_and_keeps_nothing(
    base: KnowledgeBase, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.create_collection("菜谱", name="recipes")
    outcomes(base, files / "红烧肉.md")

    def encode(self: Embedder, texts: list[str]) -> None:
        raise EmbedderError(en="the model is gone", zh="模型不见了")

    with monkeypatch.context() as patch:
        patch.setattr(Embedder, "encode", encode)
        events = outcomes(base, files)
    failed = [e for e in events if isinstance(e, FileFailed)]
    assert len(failed) == len(RECIPES) - 1 and {e.error_zh for e in failed} == {"模型不见了"}
    assert sum(isinstance(e, FileSkipped) for e in events) == 1
    assert [d.source for d in base.documents("recipes")] == ["红烧肉.md"]
    assert all(isinstance(e, (FileAdded, FileSkipped)) for e in outcomes(base, files))


def test_a_file_of_another_name_takes_its_document_along(base: KnowledgeBase, files: Path) -> None:
    documents = filled(base, files)
    (files / "copy.md").write_bytes((files / "红烧肉.md").read_bytes())
    assert all(isinstance(e, FileSkipped) for e in outcomes(base, files)), "both are there: one document is enough"
    assert base.documents("recipes") == sorted(documents, key=lambda d: d.source)
    (files / "红烧肉.md").rename(files / "braised pork.md")
    (files / "copy.md").unlink()
    moved = [e for e in outcomes(base, files) if not isinstance(e, FileSkipped)]
    assert [(e.source, e.moved_from) for e in moved if isinstance(e, FileAdded)] == [("braised pork.md", "红烧肉.md")]
    assert {d.source for d in base.documents("recipes")} == {path.name for path in files.iterdir()}
    assert base.search("红烧肉要炖多久", "recipes")[0].source == "braised pork.md"
    assert len(base.documents("recipes")) == len(documents) and base.verify().ok


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_full_disk_during_ingest(tmp_path: Path, embedder: Embedder) -> None:
    disk, files = tmp_path / "disk", tmp_path / "files"
    disk.mkdir()
    files.mkdir()
    for n in range(30):
        text = f"# 第{n}篇\n\n" + f"第{n}篇的第一句话，说的是别的事情。" * 400
        (files / f"{n:02}.md").write_text(text, encoding="utf-8")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mount is not permitted here: {mounted.stderr.decode().strip()}")
    try:
        settings = RagSettings(disk / "data")
        with KnowledgeBase(settings, embedder) as base:
            base.create_collection("菜谱", name="recipes")
            events = outcomes(base, files)
            added = [e.source for e in events if isinstance(e, FileAdded)]
            failed = [e for e in events if isinstance(e, FileFailed)]
            assert added and failed and "full" in failed[0].error_en and "已满" in failed[0].error_zh
            assert [d.source for d in base.documents("recipes")] == sorted(added)
            title = f"第{int(added[0][:2])}篇"
            assert title in {p.title for p in base.search(f"{title}的第一句话", "recipes", k=10)}
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            assert base.verify().problems == ()
            assert all(isinstance(e, (FileAdded, FileSkipped)) for e in outcomes(base, files))
        with KnowledgeBase(settings, embedder) as base:
            assert len(base.documents("recipes")) == 30 and base.verify().ok
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
