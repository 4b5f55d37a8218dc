"""Search by meaning: Chroma against exact cosines, and an index that is level with the store whatever happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag import dense as dense_module
from rag import index as index_module
from rag.dense import DenseIndex
from rag.errors import StorageError
from rag.index import Folders, VectorIndex
from rag.records import CollectionRow
from rag.store import Store
from tests.rag.bases import DIMENSION, a_collection, add, ids, unit

# --- Chroma


@pytest.fixture
def index(tmp_path: Path):
    opened = VectorIndex(tmp_path / "index")
    yield opened
    opened.close()


def test_the_nearest_are_those_of_an_exact_search(index: VectorIndex) -> None:
    vectors, queries = unit(400), unit(20, seed=1)
    index.upsert([f"{n:03}" for n in range(400)], vectors * 3)  # cosine takes no notice of the length
    for query in queries:
        exact = vectors @ query
        found = index.query(query, 10)
        assert [int(name) for name, _ in found] == list(np.argsort(-exact)[:10])
        assert np.allclose([score for _, score in found], np.sort(exact)[::-1][:10], atol=1e-5)


def test_upsert_delete_and_paging(index: VectorIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(index_module, "_PAGE", 7)
    assert index.query(unit(1)[0], 5) == [] and index.ids() == set() and index.count() == 0
    names, vectors = [f"{n:03}" for n in range(50)], unit(50)
    index.upsert(names, vectors)
    index.upsert(names[:20], vectors[:20])
    assert index.ids() == set(names) and index.count() == 50
    stored = index.vectors([*names, "unknown"])
    assert set(stored) == set(names) and all(np.allclose(stored[n], v) for n, v in zip(names, vectors, strict=True))
    index.delete([*names[:30], "unknown"])
    assert index.ids() == set(names[30:])
    assert len(index.query(vectors[0], 100)) == 20
    index.destroy()
    assert not (tmp_path / "index").exists()


def test_no_text_and_no_wrong_vector_goes_in(index: VectorIndex) -> None:
    index.upsert(["a"], unit(1))
    with pytest.raises(StorageError):
        index.upsert(["b"], np.ones((1, DIMENSION + 1), np.float32))
    with pytest.raises(StorageError):
        index.upsert(["c"], np.full((1, DIMENSION), np.nan, np.float32))
    assert index.ids() == {"a"}
    page = index._chunks.get(include=["documents", "metadatas"])
    assert page["documents"] == [None] and page["metadatas"] == [None]


# --- the index beside the store


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "knowledge.db")
    yield opened
    opened.close()


@pytest.fixture
def recipes(store: Store) -> CollectionRow:
    return a_collection(store)


@pytest.fixture(autouse=True)
def indexed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few chunks do what many would."""
    monkeypatch.setattr(dense_module, "INDEX_FROM", 1)
    monkeypatch.setattr(dense_module, "_WRITE_FROM", 1)


def index_of(dense: DenseIndex, collection: CollectionRow) -> VectorIndex:
    index = dense._states[collection.id].index
    assert index is not None
    return index


def searched(dense: DenseIndex, store: Store, count: int = 1000) -> list[tuple[str, float]]:
    return dense.search(store.collection("recipes"), unit(1, seed=7)[0], count)


def test_a_committed_chunk_is_found_before_and_after_it_is_written(
    store: Store, recipes: CollectionRow, tmp_path: Path
) -> None:
    dense = DenseIndex(store, Folders(tmp_path / "vector_db"))
    assert searched(dense, store) == []
    add(store, "a", 50)
    assert dense.pending(store.collection("recipes")) == 50
    before = searched(dense, store)
    dense.flush(recipes)
    assert dense.pending(store.collection("recipes")) == 0
    assert {name for name, _ in before} == ids(store)
    assert [name for name, _ in searched(dense, store, 10)] == [name for name, _ in before[:10]]
    deleted = add(store, "b", 30)
    dense.flush(recipes)
    store.delete_document(deleted)
    assert {name for name, _ in searched(dense, store)} == ids(store), "deleted, but still in Chroma"
    deleted = add(store, "c", 10)
    searched(dense, store)
    store.delete_document(deleted)
    for _ in range(2):
        assert {name for name, _ in searched(dense, store)} == ids(store), "deleted, and never was in Chroma"
        dense.flush(recipes)
    assert dense.verify(recipes) == []
    dense.close()


@pytest.mark.parametrize("crash", ["before Chroma", "after Chroma", "folder gone", "folder damaged", "Chroma behind"])
def test_the_next_start_heals_whatever_a_crash_left(
    store: Store, recipes: CollectionRow, tmp_path: Path, crash: str
) -> None:
    """The store is ahead of Chroma, or Chroma of the store's mark; both end level, and the mark with them."""
    dense = DenseIndex(store, Folders(tmp_path / "vector_db"))
    gone = add(store, "a", 40)
    add(store, "b", 40)
    dense.flush(recipes)
    folder = tmp_path / "vector_db" / store.collection("recipes").index_name
    state, index = dense._states[recipes.id], index_of(dense, recipes)
    if crash in ("before Chroma", "after Chroma"):
        store.delete_document(gone)
        add(store, "c", 25)
    if crash == "after Chroma":  # written, but killed before the mark was moved
        batch = dense._journal.batch(recipes, state.indexed)
        assert batch is not None
        index.upsert(batch.ids, batch.vectors)
    if crash == "Chroma behind":  # a power cut took its last writes
        index.delete(sorted(ids(store))[:10])
        index.upsert(["ghost"], unit(1))
    index.close()  # and `dense` is dropped without close(), which would write what is pending
    if crash == "folder gone":
        folder.rename(tmp_path / "elsewhere")
    if crash == "folder damaged":
        (folder / "chroma.sqlite3").write_bytes(b"garbage" * 1000)

    healed = DenseIndex(store, Folders(tmp_path / "vector_db"))
    row = store.collection("recipes")
    assert {name for name, _ in searched(healed, store)} == ids(store)
    healed.flush(row)
    assert {name for name, _ in searched(healed, store)} == ids(store)
    row = store.collection("recipes")
    assert healed._journal.removed(row) == (0, []) and healed.pending(row) == 0
    assert index_of(healed, row).ids() == ids(store)
    assert healed.verify(row) == []
    healed.close()
    assert len(list((tmp_path / "vector_db").iterdir())) == 1


def test_a_sound_index_is_opened_without_comparing_ids(
    store: Store, recipes: CollectionRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense = DenseIndex(store, Folders(tmp_path / "vector_db"))
    add(store, "a", 20)
    dense.flush(recipes)
    dense.close()
    monkeypatch.setattr(VectorIndex, "ids", lambda self: pytest.fail("compared ids"))
    again = DenseIndex(store, Folders(tmp_path / "vector_db"))
    assert again._states == {}, "opened at first use"
    assert len(searched(again, store)) == 20
    again.close()


def test_verify_names_every_difference_and_rebuild_removes_it(
    store: Store, recipes: CollectionRow, tmp_path: Path
) -> None:
    dense = DenseIndex(store, Folders(tmp_path / "vector_db"))
    add(store, "a", 20)
    dense.flush(recipes)
    index = index_of(dense, recipes)
    names = sorted(ids(store))
    index.delete(names[:2])
    index.upsert(names[2:5], unit(3, seed=99))
    index.upsert(["ghost"], unit(1))
    problems = " / ".join(dense.verify(recipes))
    assert "2 passages are missing" in problems
    assert "3 passages have another vector" in problems
    assert "1 passages that were deleted" in problems
    old = store.collection("recipes").index_name
    dense.rebuild(store.collection("recipes"))
    assert dense.verify(recipes) == []
    new = store.collection("recipes").index_name
    assert new != old and [path.name for path in (tmp_path / "vector_db").iterdir()] == [new]
    dense.close()


@pytest.mark.parametrize("failing", ["upsert", "query"])
def test_an_index_that_fails_is_given_up_and_replaced(
    store: Store, recipes: CollectionRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    dense = DenseIndex(store, Folders(tmp_path / "vector_db"))
    add(store, "a", 30)
    dense.flush(recipes)
    before = [name for name, _ in searched(dense, store, 10)]
    broken = index_of(dense, recipes)
    add(store, "bb", 5)
    with monkeypatch.context() as patch:
        real = getattr(VectorIndex, failing)

        def fail(self: VectorIndex, *args: object) -> object:
            if self is broken:
                raise StorageError(en="broken", zh="坏了")
            return real(self, *args)

        patch.setattr(VectorIndex, failing, fail)
        if failing == "upsert":
            with pytest.raises(StorageError, match="broken"):
                dense.flush(recipes)
        found = searched(dense, store)
        assert {name for name, _ in found} == ids(store), "searched in memory"
        assert [name for name, _ in found if name in before] == before
        assert dense.pending(store.collection("recipes")) == 35
        dense.flush(recipes)
        assert searched(dense, store) == found and dense.pending(store.collection("recipes")) == 0
    assert dense.verify(recipes) == []
    dense.close()
    again = DenseIndex(store, Folders(tmp_path / "vector_db"))
    assert searched(again, store) == found
    again.close()


def test_only_our_own_leftover_folders_are_deleted(store: Store, recipes: CollectionRow, tmp_path: Path) -> None:
    folder = tmp_path / "vector_db"
    for name in ("0123456789abcdef", "3f2b8c1e-aaaa-bbbb-cccc-0123456789ab", "notes"):
        (folder / name).mkdir(parents=True)
    DenseIndex(store, Folders(folder)).close()
    assert sorted(path.name for path in folder.iterdir()) == ["3f2b8c1e-aaaa-bbbb-cccc-0123456789ab", "notes"]
