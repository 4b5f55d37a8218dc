"""Keyword search: its terms, its scores against bm25s, and how it keeps up with the store."""

from __future__ import annotations

from pathlib import Path

import bm25s
import numpy as np
import pytest

from rag import lexical, postings
from rag.lexical import LexicalIndex
from rag.postings import Segment
from rag.records import CollectionRow, NewDocument
from rag.store import Store
from rag.terms import terms
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


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the chunks whose terms are counted from now on."""
    found: list[str] = []
    real = postings.count

    def counting(rows: list[tuple[int, str, str]], hashes: dict[str, int]) -> Segment:
        found.extend(name for _, name, _ in rows)
        return real(rows, hashes)

    monkeypatch.setattr(postings, "count", counting)
    return found


def test_terms_of_chinese_numbers_and_codes() -> None:
    found = terms("烤箱预热到１８０度，500g面粉，WPA2密码，1.5小时，腌制 Recipes berries glass 😀")
    wanted = ["烤箱", "预热", "180", "度", "500", "g", "500g", "wpa2", "1.5", "小时", "腌", "腌制"]
    assert {*wanted, "recipe", "berry", "glass"} <= set(found)
    assert "," not in found and "😀" not in found and " " not in found and "\n" not in found
    assert terms("") == terms("😀，。！") == []


def test_scores_are_those_of_bm25s(store: Store, recipes: CollectionRow, tmp_path: Path) -> None:
    """Over several segments, with deleted chunks among them, and after they are merged."""
    rng = np.random.default_rng(3)
    words = list("糖盐油酱醋葱姜蒜肉鱼鸡蛋米面水火")
    index = LexicalIndex(store, tmp_path / "keywords")
    kept: dict[str, str] = {}
    for n in range(60):
        text = "".join(rng.choice(words, size=rng.integers(1, 60)))
        loaded = LoadedDocument(text, "T", "text", (Section(0, len(text)),))
        new = NewDocument(f"{n}", f"{n}", 1, loaded, [Chunk(text, 0, len(text))], unit(1))
        document = store.add_document(recipes, new).id
        index.search(store.collection("recipes"), "糖", 1)  # makes a segment
        if n % 4 == 0:
            store.delete_document(document)
    kept = {name: text for _, name, text in store.chunk_texts(recipes)}
    theirs = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    theirs.index([terms(text) for text in kept.values()], show_progress=False)
    current = store.collection("recipes")
    parts = index._current(current).parts
    assert len(parts) > 1 and not all(part.alive.all() for part in parts), "or this shows nothing"
    for _ in range(2):
        for query in ("糖醋鱼", "蒜", "姜葱火锅", list(kept.values())[11]):
            expected = theirs.get_scores([t for t in terms(query) if t in theirs.vocab_dict])
            got = {name: score for name, score, _ in index.search(current, query, 1000)}
            assert expected.max() > 0
            assert np.allclose([got.get(name, 0.0) for name in kept], expected, rtol=1e-4, atol=1e-5)
        index.rebuild(current)
        assert len(index._current(current).parts) == 1


def test_coverage_is_the_share_of_the_question_by_rarity(store: Store, recipes: CollectionRow, tmp_path: Path) -> None:
    """Against figures by hand; over two segments, with a deleted passage in the second one."""
    index, question = LexicalIndex(store, tmp_path / "keywords"), "salt saffron zorblax"
    texts = ["salt", "salt salt salt", "salt saffron", "dill", "thyme", "mint", "saffron zorblax", "salt pepper"]
    made = {}
    for text in texts:
        loaded = LoadedDocument(text, "", "text", (Section(0, len(text)),))
        new = NewDocument(text, text, 1, loaded, [Chunk(text, 0, len(text))], unit(1))
        made[text] = store.add_document(recipes, new).id
        if text in ("mint", "salt pepper"):  # a segment each
            index.search(store.collection("recipes"), question, 1)
    store.delete_document(made["saffron zorblax"])
    found = index.search(store.collection("recipes"), question, 10)
    assert len(index._current(store.collection("recipes")).parts) == 2, "or this shows less"
    by_text = {store.hits([name])[name].text: coverage for name, _, coverage in found}
    salt, saffron = (np.log1p((7 - held + 0.5) / (held + 0.5)) ** 2 for held in (4, 1))
    part = salt / (salt + saffron)  # no passage holds zorblax any more, so it counts for nothing
    expected = {"salt saffron": 1.0, "salt": part, "salt salt salt": part, "salt pepper": part}
    assert by_text == pytest.approx(expected) and 0.05 < part < 0.2


def test_only_what_is_new_is_counted(store: Store, recipes: CollectionRow, tmp_path: Path, counted: list[str]) -> None:
    index = LexicalIndex(store, tmp_path / "keywords")

    def search(query: str) -> list[str]:
        counted.clear()
        found = index.search(store.collection("recipes"), query, 10)
        return [store.hits([name])[name].source for name, *_ in found]

    assert search("红烧肉") == []
    add(store, "a", 3)
    assert search("红烧肉") == ["a"] * 3 and len(counted) == 3
    assert search("红烧肉") == ["a"] * 3 and counted == []
    gone = add(store, "b", 2, words="清蒸鲈鱼WPA2")
    assert search("wpa2") == ["b"] * 2 and len(counted) == 2
    store.delete_document(gone)
    assert search("wpa2") == [] and counted == []
    assert search("😀") == search("zzz") == []
    assert index.verify(store.collection("recipes")) == []


def test_the_next_start_reads_files_and_counts_the_rest(
    store: Store, recipes: CollectionRow, tmp_path: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "_KEPT_FROM", 10)
    folder = tmp_path / "keywords"
    gone = add(store, "a", 20)
    add(store, "bb", 20)
    index = LexicalIndex(store, folder)
    index.refresh(store.collection("recipes"))
    store.delete_document(gone)
    add(store, "ccc", 3, words="清蒸鲈鱼")
    counted.clear()
    again = LexicalIndex(store, folder)
    current = store.collection("recipes")
    assert {name for name, *_ in again.search(current, "红烧肉 清蒸", 100)} == ids(store)
    assert len(counted) == 3 and again.verify(current) == []
    (path,) = (folder / str(recipes.id)).iterdir()
    path.write_bytes(path.read_bytes()[:100])
    again = LexicalIndex(store, folder)
    assert {name for name, *_ in again.search(current, "红烧肉 清蒸", 100)} == ids(store), "a damaged file is left out"
    again.forget(current)
    assert list(folder.iterdir()) == []


def test_no_passage_is_lost_between_two_files(
    store: Store, recipes: CollectionRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two files has shrunk, by deletions, to less than a file is made of; then it is damaged."""
    monkeypatch.setattr(lexical, "_KEPT_FROM", 10)
    folder = tmp_path / "keywords" / str(recipes.id)
    index = LexicalIndex(store, tmp_path / "keywords")

    def refresh() -> list[Path]:
        index.refresh(store.collection("recipes"))
        return sorted(folder.iterdir(), key=lambda path: -path.stat().st_size)

    add(store, "a", 5, words="清蒸鲈鱼")
    gone = add(store, "bb", 45)
    refresh()
    add(store, "ccc", 12)
    assert len(refresh()) == 2, "or this shows nothing"
    store.delete_document(gone)
    assert len(refresh()) == 1, "or this shows nothing"

    def sound() -> bool:
        again, current = LexicalIndex(store, tmp_path / "keywords"), store.collection("recipes")
        found = {name for name, *_ in again.search(current, "红烧肉 清蒸", 100)}
        return found == ids(store) and again.verify(current) == []

    assert sound()
    index.rebuild(store.collection("recipes"))
    add(store, "dddd", 25)
    refresh()
    add(store, "eeeee", 12)
    damaged, *rest = refresh()
    assert rest, "or this shows nothing"
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert sound()


def test_files_of_another_database_are_left_out(
    store: Store, recipes: CollectionRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same row numbers, but other passages: somebody put an older copy of the database in place."""
    monkeypatch.setattr(lexical, "_KEPT_FROM", 1)
    add(store, "a", 5)
    LexicalIndex(store, tmp_path / "keywords").refresh(store.collection("recipes"))
    other = Store(tmp_path / "other.db")
    try:
        a_collection(other)
        add(other, "b", 5, words="清蒸鲈鱼")
        index = LexicalIndex(other, tmp_path / "keywords")
        assert index.search(other.collection("recipes"), "红烧肉", 10) == []
        assert len(index.search(other.collection("recipes"), "清蒸鲈鱼", 10)) == 5
    finally:
        other.close()


def test_a_search_does_not_wait_while_many_chunks_are_counted(
    store: Store, recipes: CollectionRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "a", 3)
    index = LexicalIndex(store, tmp_path / "keywords")
    index.refresh(store.collection("recipes"))
    monkeypatch.setattr(lexical, "_AT_ONCE", 2)
    add(store, "b", 5)
    state = index._state(recipes)
    with state.lock:  # as `refresh` holds it
        assert len(index.search(store.collection("recipes"), "红烧肉", 10)) == 3
    assert len(index.search(store.collection("recipes"), "红烧肉", 10)) == 8


def test_a_collection_without_any_word_is_searched_in_vain(
    store: Store, recipes: CollectionRow, tmp_path: Path
) -> None:
    text = "😀！？" * 5
    loaded = LoadedDocument(text, "!", "text", (Section(0, len(text)),))
    store.add_document(recipes, NewDocument("!", "sha", 1, loaded, [Chunk(text, 0, len(text))], unit(1)))
    index = LexicalIndex(store, tmp_path / "keywords")
    assert index.search(store.collection("recipes"), "红烧肉", 10) == []
    index.refresh(store.collection("recipes"))
