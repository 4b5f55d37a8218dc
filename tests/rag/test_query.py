"""Questions as people type them: slips, other figures and units, English within Chinese; and within some documents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.postings import term_hash
from rag.query import weighted_terms
from rag.settings import RagSettings
from rag.types import Filter
from tests.rag.bases import write_recipes

NOTES = {
    "牛肉": "牛腱子1公斤，加盐三十五克，卤九十分钟，浸泡过夜。",
    "面团": "面粉800克，温水420毫升，和好后醒二十分钟。",
    "跑步": "每周跑三次，每次6公里，心率不要超过150。",
    "报价": "服务器每台12,500元，机柜另计，三年保修。",
    "部署": "先在 Docker 里启动 PostgreSQL，再运行 migrate，端口是5432。",
    "Pie": "Simmer the mushrooms for a quarter of an hour, then cover with pastry.",
}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("query")
    files = folder / "notes"
    files.mkdir()
    for title, said in NOTES.items():
        (files / f"{title}.txt").write_text(said, encoding="utf-8")
    settings = RagSettings(folder / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as base:
        base.create_collection("notes")
        write_recipes(files / "recipes")
        list(base.ingest([files], "notes"))
        yield base


def first_by_words(base: KnowledgeBase, query: str) -> str | None:
    """What keyword search alone puts first."""
    found = base.search(query, "notes", k=1, method="bm25")
    return found[0].title if found else None


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("35克", "牛肉"),
        ("1000克", "牛肉"),
        ("90分钟", "牛肉"),
        ("1.5小时", "牛肉"),
        ("0.8kg", "面团"),
        ("6000米", "跑步"),
        ("12500元", "报价"),
        ("12,500元", "报价"),
        ("怎么用docker启动postgresql？", "部署"),
        ("５４３２", "部署"),
        ("用postgresq怎么部署", "部署"),
        ("mushroms", "Pie"),
        ("psatry", "Pie"),
    ],
)
def test_found_by_words_alone(notes: KnowledgeBase, query: str, title: str) -> None:
    assert first_by_words(notes, query) == title


@pytest.mark.parametrize("query", ["zorblax", "pstr", "mshrms", "9999 KB"])
def test_nothing_is_found_where_nothing_is_near(notes: KnowledgeBase, query: str) -> None:
    """Negative control: not everything is a slip of something."""
    assert first_by_words(notes, query) is None


def test_stand_ins_count_less_and_only_for_words_that_nobody_holds() -> None:
    held = {"simmer": 3, "timer": 1, "dimer": 1, "miner": 1, "butter": 2, "batter": 9}
    wanted = weighted_terms("simer the butter", lambda some: [held.get(term, 0) for term in some])
    assert wanted["butter"] == 1.0 and "batter" not in wanted, "a word that stands there is no slip"
    assert wanted["simmer"] == pytest.approx(0.7 / 3) and len([w for w in wanted if w in held]) == 4
    assert set(weighted_terms("WPA3", lambda some: [5 * (term == "wpa2") for term in some])) == {"wpa3", "wpa", "3"}


def test_what_is_held_is_counted_over_all_parts(notes: KnowledgeBase) -> None:
    row = notes._store.collection("notes")
    scorer = notes._lexical._current(row)
    hashes = np.array([term_hash(term) for term in ("克", "docker", "zorblax")], np.uint32)
    expected = [sum(len(part.segment.postings(int(h))[0]) for part in scorer.parts) for h in hashes]
    assert scorer.held(hashes).tolist() == expected and expected[0] > 1 and expected[2] == 0


def test_only_some_documents_are_searched(notes: KnowledgeBase) -> None:
    question = "要多少克？"
    everywhere = notes.search(question, "notes", k=8)
    assert len({p.source for p in everywhere}) > 3
    some = Filter(sources=("牛肉.txt", "报价.txt"))
    for method in ("hybrid", "bm25", "dense"):
        assert {p.source for p in notes.search(question, "notes", 8, some, method)} <= set(some.sources)
    assert {p.source for p in notes.search(question, "notes", 8, some)} == set(some.sources)
    folder = notes.search(question, "notes", 20, Filter(sources=("recipes/",)))
    assert folder and all(p.source.startswith("recipes/") for p in folder)
    markdown = notes.search(question, "notes", 20, Filter(types=("markdown",)))
    assert {p.source for p in markdown} == {p.source for p in folder}
    now = time.time()
    assert notes.search(question, "notes", 8, Filter(since=now + 60)) == []
    assert notes.search(question, "notes", 8, Filter(until=now + 60)) == everywhere
    assert notes.search(question, "notes", 8, Filter(sources=("nowhere.txt",))) == []
    assert notes.search(question, "notes", 8, Filter()) == everywhere
    hostile = Filter(sources=("' OR 1=1 --", "%/"))
    assert notes.search(question, "notes", 8, hostile) == []


def test_the_retriever_takes_the_filter_too(notes: KnowledgeBase) -> None:
    retriever = notes.as_retriever("notes", 3, Filter(sources=("跑步.txt",)))
    assert [d.metadata["source"] for d in retriever.invoke("每次跑多远？")] == ["跑步.txt"]


def test_one_way_of_searching_alone(notes: KnowledgeBase) -> None:
    assert all(p.dense_rank is None for p in notes.search("牛肉要卤多久", "notes", 3, method="bm25"))
    assert all(p.bm25_rank is None for p in notes.search("牛肉要卤多久", "notes", 3, method="dense"))


def test_files_of_an_older_keyword_index_are_not_used(tmp_path: Path) -> None:
    """Their terms were cut differently: numbers with a comma would not be found."""
    settings = RagSettings(tmp_path / "data")
    embedder = load_embedder(settings)
    (tmp_path / "报价.txt").write_text(NOTES["报价"], encoding="utf-8")
    with KnowledgeBase(settings, embedder) as base:
        base.create_collection("notes")
        list(base.ingest([tmp_path / "报价.txt"], "notes"))
        row = base._store.collection("notes")
        old = settings.data_dir / "keywords" / str(row.id) / "0123.safetensors"
        old.parent.mkdir(parents=True, exist_ok=True)
        old.write_bytes(b"of another version")
    with KnowledgeBase(settings, embedder) as base:
        assert base.search("12500", "notes", 1, method="bm25") and base.verify().ok
        assert not old.exists()
