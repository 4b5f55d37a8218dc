"""Backups: taken and put back with the knowledge base in use, and nothing lost by one that cannot be used."""

from __future__ import annotations

import json
import threading
import zipfile
from pathlib import Path

import pytest

from rag import dense, lexical
from rag.backup import backup
from rag.embeddings import Embedder, load_embedder
from rag.errors import CollectionNotFoundError, StorageError
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from tests.rag.bases import RECIPES, filled, outcomes, write_recipes
from tests.rag.files import repack
from tests.rag.test_knowledge_base import Turned


@pytest.fixture(autouse=True)
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few passages have the indexes that many would."""
    monkeypatch.setattr(dense, "INDEX_FROM", 1)
    monkeypatch.setattr(dense, "_WRITE_FROM", 1)
    monkeypatch.setattr(lexical, "_KEPT_FROM", 1)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(RagSettings(Path("unused")))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_recipes(tmp_path / "files")


@pytest.fixture
def base(tmp_path: Path, embedder: Embedder):
    with KnowledgeBase(RagSettings(tmp_path / "data"), embedder) as opened:
        yield opened


def test_back_and_forth(base: KnowledgeBase, files: Path, tmp_path: Path) -> None:
    documents = {d.title: d for d in filled(base, files)}
    base.settle()
    found = base.search("烤箱预热到180度", "recipes")
    told = base.backup(tmp_path / "one.zip")
    assert (told.collections, told.documents) == (1, len(RECIPES)) and told.size == (
        tmp_path / "one.zip"
    ).stat().st_size

    base.delete_document(documents["红烧肉"].id)
    (files / "新的.md").write_text("# 新的\n\n备份以后才有的内容", encoding="utf-8")
    outcomes(base, files / "新的.md")
    base.create_collection("later")
    base.restore(tmp_path / "one.zip")
    assert [c.name for c in base.collections()] == ["recipes"]
    assert base.documents("recipes") == sorted(documents.values(), key=lambda d: d.source)
    assert base.search("烤箱预热到180度", "recipes") == found
    assert "红烧肉" in {p.title for p in base.search("红烧肉要炖多久", "recipes")}
    base.settle()
    assert base.verify().problems == ()
    assert not any("备份以后才有".encode() in p.read_bytes() for p in base.settings.data_dir.rglob("*") if p.is_file())
    with pytest.raises(CollectionNotFoundError):
        base.documents("later")


def test_a_backup_fits_another_folder_and_another_embedder(
    base: KnowledgeBase, files: Path, tmp_path: Path, embedder: Embedder
) -> None:
    filled(base, files)
    found = base.search("鱼怎么蒸", "recipes")
    base.backup(tmp_path / "one.zip")
    with KnowledgeBase(RagSettings(tmp_path / "other"), Turned(embedder)) as other:
        other.restore(tmp_path / "one.zip")
        other.settle()
        assert other.search("鱼怎么蒸", "recipes") == found, "the vectors of the other embedder would give other scores"
        assert other.verify().ok


def test_a_backup_while_documents_are_added_holds_whole_documents(
    base: KnowledgeBase, files: Path, tmp_path: Path, embedder: Embedder
) -> None:
    filled(base, files)
    more = tmp_path / "more"
    more.mkdir()
    for n in range(80):
        (more / f"{n}.md").write_text(f"# 第{n}号文件\n\n" + f"这里是第{n}号的内容。" * 60, encoding="utf-8")
    adding = threading.Thread(target=lambda: list(base.ingest([more], "recipes")))
    adding.start()
    taken = [tmp_path / f"{n}.zip" for n in range(3)]
    for path in taken:
        backup(base.settings.data_dir, path)  # as another process does: without the lock
    adding.join()
    assert len(base.documents("recipes")) == len(RECIPES) + 80
    for n, path in enumerate(taken):
        with KnowledgeBase(RagSettings(tmp_path / f"restored{n}"), embedder) as other:
            other.restore(path)
            assert len(other.documents("recipes")) >= len(RECIPES) and other.verify().problems == ()
    assert not list(base.settings.data_dir.glob("backup-*"))


@pytest.mark.parametrize("fault", ["no zip", "another zip", "changed", "newer", "cut"])
def test_what_cannot_be_used_changes_nothing(base: KnowledgeBase, files: Path, tmp_path: Path, fault: str) -> None:
    documents = filled(base, files)
    path = tmp_path / "one.zip"
    base.backup(path)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        note = json.loads(archive.read("fenshen-backup.json"))
        database = archive.read("knowledge.db")
    path.write_bytes(
        {
            "no zip": b"hello",
            "another zip": repack(data, {"fenshen-backup.json": None}),
            "changed": repack(data, {"knowledge.db": database[:-1] + b"!"}),
            "newer": repack(data, {"fenshen-backup.json": json.dumps({**note, "schema": 99}).encode()}),
            "cut": data[: len(data) // 2],
        }[fault]
    )
    with pytest.raises(StorageError, match=r"one\.zip cannot be restored") as raised:
        base.restore(path)
    assert "one.zip" in raised.value.zh
    assert base.documents("recipes") == sorted(documents, key=lambda d: d.source) and base.verify().ok
    assert not list(base.settings.data_dir.glob("backup-*"))


def test_compact_gives_room_back_and_leaves_no_trace(base: KnowledgeBase, tmp_path: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    path = tmp_path / "long.txt"
    path.write_text("".join(f"第{n}行是独一无二的内容{n * 7919}。\n" for n in range(20_000)), encoding="utf-8")
    (document,) = [e.document for e in outcomes(base, path)]  # type: ignore[union-attr]
    base.settle()
    base.delete_document(document.id)
    assert base.compact() > 500_000
    base.settle()
    assert base.verify().ok
    assert not list((base.settings.data_dir / "keywords").rglob("*.safetensors"))
