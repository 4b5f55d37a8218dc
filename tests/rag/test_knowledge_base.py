"""The knowledge base as its callers use it, with the shipped embedder, real SQLite, Chroma and BM25."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import dense, lexical
from rag.embeddings import Embedder, load_embedder
from rag.errors import CollectionNotFoundError, DocumentNotFoundError, KnowledgeLockedError, StorageError
from rag.knowledge_base import KnowledgeBase, slug
from rag.settings import RagSettings
from rag.types import FileAdded, FileSkipped
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


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few passages have a vector index, as many would."""
    monkeypatch.setattr(dense, "INDEX_FROM", 1)
    monkeypatch.setattr(dense, "_WRITE_FROM", 1)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("红烧肉要炖多久？", "红烧肉"),
        ("鱼怎么蒸", "清蒸鲈鱼"),
        ("烤箱预热到180度", "烤曲奇"),
        ("预热到１５０度的是哪个", "戚风蛋糕"),
        ("wpa2", "无线网络"),
        ("192.168.1.1", "无线网络"),
        ("how do I make a pancake?", "Pancakes"),
    ],
)
def test_questions_find_their_document(base: KnowledgeBase, files: Path, query: str, title: str) -> None:
    filled(base, files)
    assert base.search(query, "recipes")[0].title == title


def test_passages_are_exact_and_say_how_they_were_found(base: KnowledgeBase, files: Path) -> None:
    filled(base, files)
    found = base.search("红烧肉要炖多久？", "recipes", k=4)
    assert found == base.search("红烧肉要炖多久？", "菜谱", k=4), "same order, and the title names it too"
    assert len(found) == 4 and len({p.document_id for p in found}) == 4
    for passage in found:
        assert passage.text == base.document_text(passage.document_id)[passage.start : passage.end]
        assert passage.collection == "recipes" and 0 < passage.score <= 1
        assert (passage.dense_rank is None) == (passage.dense_score is None)
        assert (passage.bm25_rank is None) == (passage.bm25_score is None)
    assert (found[0].dense_rank, found[0].bm25_rank) == (1, 1)
    assert found[0].score == pytest.approx((1 + found[0].dense_score) / 2)
    question = np.array(base.embedder.embed_query("红烧肉要炖多久？"))
    said = base.embedder.encode([f"红烧肉\n{found[0].text}"])[0]
    assert found[0].dense_score == pytest.approx(float(question @ said), abs=1e-3)


def test_strange_queries_are_safe(base: KnowledgeBase, files: Path) -> None:
    base.create_collection("空的")
    assert base.search("红烧肉", "空的") == []
    filled(base, files)
    for query in ("", "  \n", "\0"):
        assert base.search(query, "recipes") == [] or query == "\0"
    for query in ("炖" * 100_000, "x " * 50_000, "😀🍖", "كم من الوقت؟", "\ud800", "%_'\";--", "(((", "。！？"):
        assert len(base.search(query, "recipes")) <= 4
    assert base.search("红烧肉", "recipes", k=0) == []
    assert len(base.search("红烧肉", "recipes", k=500)) == len(RECIPES)
    with pytest.raises(CollectionNotFoundError) as raised:
        base.search("红烧肉", "unknown")
    assert "recipes" in raised.value.en and "recipes" in raised.value.zh


def test_long_documents_give_joined_passages(base: KnowledgeBase, tmp_path: Path) -> None:
    base.create_collection("菜谱", name="recipes")
    path = tmp_path / "long.txt"
    filler = "".join(f"第{n}段说的是另外一件不相干的事情，内容各不相同，编号{n * 37}。\n" for n in range(400))
    middle = "".join(f"独角兽号帆船第{n}天航行了{n * 13}海里，船长记下了风向。\n" for n in range(28))
    path.write_text(filler + middle + filler[:3000].replace("段", "节"), encoding="utf-8")
    outcomes(base, path)
    found = base.search("独角兽号帆船的船长记下风向", "recipes", k=3)
    assert any(len(p.text) > base.settings.chunk_chars for p in found), "neighbours were joined"
    assert all(len(p.text) <= base.settings.join_chars for p in found)
    text = base.document_text(found[0].document_id)
    assert all(p.text == text[p.start : p.end] for p in found)


def test_search_goes_on_while_documents_are_added(base: KnowledgeBase, files: Path, tmp_path: Path) -> None:
    filled(base, files)
    more = tmp_path / "more"
    more.mkdir()
    for n in range(60):
        (more / f"{n}.md").write_text(f"# 第{n}号文件\n\n" + f"这里是第{n}号的内容。" * 60, encoding="utf-8")
    stop = threading.Event()
    failures: list[Exception] = []
    searches: list[bool] = []

    def search() -> None:
        while not stop.is_set():
            try:
                searches.append(base.search("红烧肉要炖多久？", "recipes")[0].title == "红烧肉")
                base.documents("recipes")
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for event in base.ingest([more], "recipes"):
        if isinstance(event, FileAdded):
            assert event.document.title in {p.title for p in base.search(event.document.title, "recipes", k=5)}
    base.rebuild()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == [] and searches and all(searches)
    assert base.verify().ok


def test_langchain_retriever(base: KnowledgeBase, files: Path) -> None:
    filled(base, files)
    documents = base.as_retriever("菜谱", k=2).invoke("红烧肉要炖多久？")
    passages = base.search("红烧肉要炖多久？", "recipes", k=2)
    assert [d.page_content for d in documents] == [p.text for p in passages]
    assert documents[0].metadata["title"] == "红烧肉" and documents[0].metadata["bm25_rank"] == 1
    assert set(documents[0].metadata) == {name for name in passages[0].__dataclass_fields__ if name != "text"}


# --- deleting, collections


def test_deleted_documents_are_nowhere(
    base: KnowledgeBase, files: Path, settings: RagSettings, indexed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "_KEPT_FROM", 1)
    documents = {d.title: d for d in filled(base, files)}
    base.settle()
    assert all(any((settings.data_dir / folder).rglob("*")) for folder in ("vector_db", "keywords"))
    words = "冰糖炒成糖色".encode()

    def on_disk() -> bool:
        return any(words in path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())

    assert on_disk()
    base.delete_document(documents["红烧肉"].id)
    assert not on_disk()
    assert "红烧肉" not in {p.title for p in base.search("红烧肉 冰糖炒成糖色", "recipes", k=50)}
    assert base.verify().ok and base.collections()[0].documents == len(RECIPES) - 1
    for use in (base.document, base.document_text, base.delete_document):
        with pytest.raises(DocumentNotFoundError):
            use(documents["红烧肉"].id)
    base.delete_collection("recipes")
    assert base.collections() == [] and base.verify().ok
    assert [p for name in ("vector_db", "keywords") for p in (settings.data_dir / name).iterdir()] == []
    with pytest.raises(CollectionNotFoundError):
        base.documents("recipes")


class _BusyOnce:
    """SQLite's writer while another connection runs a checkpoint: the first one asked for does nothing."""

    def __init__(self, writer: Any) -> None:
        self.writer, self.asked = writer, 0

    def execute(self, sql: str, *rest: Any) -> Any:
        if "wal_checkpoint" in sql:
            self.asked += 1
            if self.asked == 1:
                return self.writer.execute("SELECT 1, -1, -1")
        return self.writer.execute(sql, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)


def test_deleted_text_leaves_the_log_after_another_checkpoint(
    base: KnowledgeBase, files: Path, settings: RagSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {d.title: d for d in filled(base, files)}
    words = "冰糖炒成糖色".encode()
    busy = _BusyOnce(base._store.database._writer)
    monkeypatch.setattr(base._store.database, "_writer", busy)
    base.delete_document(documents["红烧肉"].id)
    assert busy.asked == 2
    assert not any(words in path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())


def test_collections_and_their_names(base: KnowledgeBase, files: Path) -> None:
    recipes = base.create_collection("菜谱")
    assert recipes == base.create_collection("菜谱") and recipes.title == "菜谱"
    assert recipes.name == slug("菜谱") and recipes.name.isascii() and recipes.name.startswith("c-")
    assert base.create_collection("My Recipes!").name == "my-recipes"
    assert base.create_collection("my recipes?").name.startswith("my-recipes-"), "another title, another name"
    assert base.create_collection("另一个标题", name="my-recipes").title == "My Recipes!", "the name is taken: that one"
    assert slug("Crème brûlée") == "creme-brulee"
    assert all(slug(t).isascii() and len(slug(t)) <= 60 for t in ("Приветы", "a" * 200, "😀", "--"))
    with pytest.raises(StorageError):
        base.create_collection("  ")
    outcomes(base, files / "红烧肉.md", collection="菜谱")
    assert base.search("红烧肉", "my-recipes") == [] and base.search("红烧肉", recipes.name)


# --- opening


def test_one_process_per_folder(base: KnowledgeBase, settings: RagSettings, embedder: Embedder) -> None:
    with pytest.raises(KnowledgeLockedError, match=settings.data_dir.name) as raised:
        KnowledgeBase(settings, embedder)
    assert str(settings.data_dir) in raised.value.zh
    code = (
        "import sys; from pathlib import Path; from rag.knowledge_base import KnowledgeBase;"
        "from rag.embeddings import load_embedder; from rag.settings import RagSettings;"
        "s = RagSettings(Path(sys.argv[1])); KnowledgeBase(s, load_embedder(s))"
    )
    other = subprocess.run([sys.executable, "-c", code, settings.data_dir], capture_output=True, text=True)
    assert other.returncode == 1 and "KnowledgeLockedError" in other.stderr
    base.close()
    base.close()
    KnowledgeBase(settings, embedder).close()


def test_a_folder_that_cannot_be_used(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(StorageError) as raised:
        KnowledgeBase(RagSettings(tmp_path / "file"), embedder)
    assert not isinstance(raised.value, KnowledgeLockedError)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "knowledge.db").write_bytes(b"garbage" * 1000)
    for _ in range(2):  # the first failure must not keep the lock
        with pytest.raises(StorageError, match="damaged"):
            KnowledgeBase(RagSettings(tmp_path / "data"), embedder)


def test_everything_is_there_after_a_restart(settings: RagSettings, embedder: Embedder, files: Path) -> None:
    with KnowledgeBase(settings, embedder) as base:
        documents = filled(base, files)
        found = base.search("烤箱预热到180度", "recipes")
    with KnowledgeBase(settings, embedder) as base:
        assert base.documents("recipes") == sorted(documents, key=lambda d: d.source)
        assert base.search("烤箱预热到180度", "recipes") == found
        assert all(isinstance(event, FileSkipped) for event in outcomes(base, files))
        base.rebuild()
        assert base.search("烤箱预热到180度", "recipes") == found
        assert base.verify().ok


def test_verify_sees_damage_in_every_part(base: KnowledgeBase, files: Path, indexed: None) -> None:
    filled(base, files)
    base.settle()
    assert base.verify().ok
    row = base._store.collection("recipes")
    index = base._dense._states[row.id].index
    assert index is not None
    index.delete(sorted(index.ids())[:1])
    parts = base._lexical._collections[row.id].parts
    parts[0].segment.counts[3] += 1
    with base._store.database.transaction() as db:
        db.execute("UPDATE documents SET text = replace(text, '60分钟', '90分钟')")
    problems = base.verify().problems
    assert len(problems) == 3 and not base.verify().ok
    with base._store.database.transaction() as db:
        db.execute("UPDATE documents SET text = replace(text, '90分钟', '60分钟')")
    base.rebuild()
    assert base.verify().ok


class Turned(Embedder):
    """The shipped embedder with its dimensions in reverse: another space, told apart by the fingerprint."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.fingerprint = replace(inner.fingerprint, name="turned")

    def _vectors(self, texts: list[str], *, query: bool) -> np.ndarray:
        return self.inner._vectors(texts, query=query)[:, ::-1]


def test_another_embedder_embeds_everything_again(
    settings: RagSettings, embedder: Embedder, files: Path, indexed: None
) -> None:
    with KnowledgeBase(settings, embedder) as base:
        filled(base, files)
        base.settle()
        found = base.search("鱼怎么蒸", "recipes")
        before = base._store.collection("recipes")
    with KnowledgeBase(settings, embedder) as base:
        assert base._store.collection("recipes") == before, "the same embedder changes nothing"
    with KnowledgeBase(settings, Turned(embedder)) as base:
        base.settle()
        after = base._store.collection("recipes")
        assert after.fingerprint != before.fingerprint and after.index_name != before.index_name
        assert base.search("鱼怎么蒸", "recipes") == found, "stale vectors would give other scores"
        assert base.verify().ok
        base.settle()
        assert len(list((settings.data_dir / "vector_db").iterdir())) == 1
