"""Keyword search: its terms, its scores against the library's own, and when it is rebuilt."""

from __future__ import annotations

from pathlib import Path

import bm25s
import numpy as np
import pytest

from rag import lexical
from rag.lexical import LexicalIndex, terms
from rag.records import CollectionRow, NewDocument
from rag.store import Store
from rag.types import Chunk, LoadedDocument, Section
from tests.rag.bases import a_collection, add, ids, unit


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "knowledge.db")
    yield opened
    opened.close()


@pytest.fixture
def recipes(store: Store) -> CollectionRow:
    return a_collection(store)


def test_terms_of_chinese_numbers_and_codes() -> None:
    found = terms("烤箱预热到１８０度，500g面粉，WPA2密码，1.5小时，腌制 Recipes berries glass 😀")
    wanted = ["烤箱", "预热", "180", "度", "500", "g", "500g", "wpa2", "1.5", "小时", "腌", "腌制"]
    assert {*wanted, "recipe", "berry", "glass"} <= set(found)
    assert "," not in found and "😀" not in found and " " not in found
    assert terms("") == terms("😀，。！") == []


def test_scores_are_those_of_bm25s_itself() -> None:
    rng = np.random.default_rng(3)
    words = list("糖盐油酱醋葱姜蒜肉鱼鸡蛋米面水火")
    texts = ["".join(rng.choice(words, size=rng.integers(1, 60))) for _ in range(80)]
    vocabulary: dict[str, int] = {}
    ours = lexical.build_scorer(
        [lexical._count(iter(texts[:30]), vocabulary), lexical._count(iter(texts[30:]), vocabulary)], vocabulary
    )
    theirs = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    theirs.index([terms(text) for text in texts], show_progress=False)
    for query in ("糖醋鱼", "蒜", "姜葱火锅", texts[11]):
        wanted = terms(query)
        expected = theirs.get_scores([t for t in wanted if t in theirs.vocab_dict])
        got = ours.get_scores_from_ids([vocabulary[t] for t in wanted if t in vocabulary])
        assert expected.max() > 0 and np.allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_the_index_is_rebuilt_when_the_collection_changed_and_only_then(
    store: Store, recipes: CollectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def counting(text: str) -> list[str]:
        counted.append(text)
        return terms(text)

    monkeypatch.setattr(lexical, "terms", counting)
    index = LexicalIndex(store)

    def search(query: str) -> list[str]:
        counted.clear()
        found = index.search(store.collection("recipes"), query, 10)
        return [store.hits([name])[name].source for name, _ in found if name in store.hits([name])]

    assert search("红烧肉") == []
    add(store, "a", 3)
    assert search("红烧肉") == ["a"] * 3 and len(counted) == 4
    built = index._collections[recipes.id].scorer
    assert search("红烧肉") == ["a"] * 3 and len(counted) == 1, "the query alone"
    assert index._collections[recipes.id].scorer is built
    gone = add(store, "b", 2, words="清蒸鲈鱼WPA2")
    assert search("wpa2") == ["b"] * 2 and len(counted) == 3, "the new document and the query"
    store.delete_document(gone)
    assert search("wpa2") == [] and len(counted) == 1
    assert search("😀") == search("zzz") == []
    assert set(index.chunk_ids(store.collection("recipes"))) == ids(store)


def test_a_collection_without_any_word_is_searched_in_vain(store: Store, recipes: CollectionRow) -> None:
    text = "😀！？" * 5
    loaded = LoadedDocument(text, "!", "text", (Section(0, len(text)),))
    store.add_document(recipes, NewDocument("!", "sha", 1, loaded, [Chunk(text, 0, len(text))], unit(1)))
    assert LexicalIndex(store).search(store.collection("recipes"), "红烧肉", 10) == []
