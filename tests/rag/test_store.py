"""The SQLite file: transactions, snapshots, a full disk, erasure, and checks that notice damage."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from rag import database
from rag.checks import check
from rag.errors import CollectionNotFoundError, DocumentNotFoundError, StorageError
from rag.records import CollectionRow, NewDocument
from rag.store import Store
from rag.types import Chunk, LoadedDocument, Section


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "knowledge.db")
    yield opened
    opened.close()


def a_collection(store: Store, name: str = "recipes") -> CollectionRow:
    store.add_collection(name, name.title(), "hash", 4)
    return store.collection(name)


def a_document(source: str, text: str, size: int = 20) -> NewDocument:
    chunks = [Chunk(text[i : i + size], i, min(i + size, len(text)), "菜谱") for i in range(0, len(text), size)]
    loaded = LoadedDocument(text, source, "text", (Section(0, len(text)),), ("a warning",))
    vectors = np.random.default_rng(len(text)).normal(size=(len(chunks), 4))
    return NewDocument(source, f"sha of {text[:50]}", len(text), loaded, chunks, vectors)


def rows(store: Store, table: str) -> int:
    with store.database.reading() as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_document_comes_back_as_it_went_in(store: Store) -> None:
    recipes = a_collection(store)
    text = "红烧肉😀要炖60分钟。" * 30
    new = a_document("红烧肉.md", text)
    document = store.add_document(recipes, new)
    assert document == store.document(document.id) == store.documents(recipes)[0]
    assert document.warnings == ("a warning",) and document.chunks == len(new.chunks)
    assert store.text(document.id) == text
    assert store.span(document.id, 37, 91) == text[37:91]
    names = [name for _, name, _ in store.chunk_texts(recipes)]
    hits = store.hits([*names, "unknown"])
    assert len(hits) == len(new.chunks)
    assert all(hit.text == text[hit.start : hit.end] for hit in hits.values())
    assert check(store) == []


def test_every_connection_is_safe(store: Store) -> None:
    with store.database.transaction() as writer, store.database.reading() as reader:
        for db in (writer, reader):
            pragmas = [
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("foreign_keys", "secure_delete", "synchronous", "journal_mode")
            ]
            assert pragmas == [1, 1, 1, "wal"]


def test_nothing_of_a_failed_transaction_is_kept(store: Store) -> None:
    recipes = a_collection(store)
    broken = a_document("a.md", "x" * 100)
    broken.chunks[3] = broken.chunks[2]  # type: ignore[index]  # the same id twice breaks a UNIQUE rule half-way
    with pytest.raises(StorageError):
        store.add_document(recipes, broken)
    assert rows(store, "documents") == rows(store, "chunks") == 0
    store.add_document(recipes, a_document("a.md", "x" * 100))  # and the file goes on working
    assert rows(store, "chunks") == 5


def test_a_reader_keeps_its_snapshot_while_a_document_is_added(store: Store) -> None:
    recipes = a_collection(store)
    count = "SELECT count(*) FROM documents"
    with store.database.reading() as db:
        assert db.execute(count).fetchone()[0] == 0
        store.add_document(recipes, a_document("a.md", "text"))
        assert db.execute(count).fetchone()[0] == 0
    assert rows(store, "documents") == 1


def test_new_content_replaces_the_old_and_a_failure_leaves_the_old(store: Store) -> None:
    recipes = a_collection(store)
    first = store.add_document(recipes, a_document("a.md", "old " * 50))
    broken = a_document("a.md", "new " * 50)
    broken.chunks[3] = broken.chunks[2]  # type: ignore[index]
    with pytest.raises(StorageError):
        store.add_document(recipes, broken)
    assert store.documents(recipes) == [first]
    second = store.add_document(recipes, a_document("a.md", "new " * 50))
    assert store.documents(recipes) == [second] and second.id != first.id
    assert check(store) == []


def test_what_makes_adding_needless(store: Store) -> None:
    recipes, other = a_collection(store), a_collection(store, "other")
    a, b = (store.add_document(recipes, a_document(name, text)) for name, text in (("a", "one"), ("b", "two")))
    same = store.same_document
    assert same(recipes, "a", a.sha256) == a
    assert same(recipes, "renamed", a.sha256) == a
    assert same(recipes, "a", "sha of something else") is None
    assert same(recipes, "a", b.sha256) is None, "a changed to what b holds: its old text has to go"
    assert same(other, "a", a.sha256) is None


def fill(store: Store, recipes: CollectionRow, error: str) -> list[str]:
    kept = []
    with pytest.raises(StorageError, match=error) as raised:
        for n in range(1000):
            store.add_document(recipes, a_document(f"{n}.md", f"{n} " * 3000, 400))
            kept.append(f"{n}.md")
    assert "已满" in raised.value.zh
    return sorted(kept)


def test_a_full_disk_keeps_whole_documents_only(store: Store) -> None:
    recipes = a_collection(store)
    with store.database.transaction() as db:
        db.execute("PRAGMA max_page_count=100")
    kept = fill(store, recipes, "full")
    assert kept and [d.source for d in store.documents(recipes)] == kept
    assert check(store) == []
    with store.database.transaction() as db:
        db.execute("PRAGMA max_page_count=100000")
    store.add_document(recipes, a_document("later.md", "there is room again"))


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mount is not permitted here: {mounted.stderr.decode().strip()}")
    try:
        store = Store(disk / "knowledge.db")
        recipes = a_collection(store)
        kept = fill(store, recipes, "full")
        assert kept and [d.source for d in store.documents(recipes)] == kept
        assert check(store) == []
        store.close()
        store = Store(disk / "knowledge.db")
        assert [d.source for d in store.documents(recipes)] == kept
        store.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def on_disk(folder: Path, words: str) -> bool:
    return any(words.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_deleting_erases_the_text_from_the_disk(store: Store, tmp_path: Path) -> None:
    recipes = a_collection(store)
    secret, kept = "保险箱密码是4711。", "这一句要留下。"
    long = a_document("secret.md", (secret + "别的内容。" * 20) * 40)
    document = store.add_document(recipes, long)
    store.add_document(recipes, a_document("kept.md", kept * 10))
    assert on_disk(tmp_path, secret)
    store.delete_document(document.id)
    assert not on_disk(tmp_path, secret)
    assert on_disk(tmp_path, kept)
    with pytest.raises(DocumentNotFoundError):
        store.document(document.id)
    store.delete_collection(recipes)
    assert not on_disk(tmp_path, kept)
    assert rows(store, "chunks") == rows(store, "removed") == 0
    with pytest.raises(CollectionNotFoundError, match="recipes"):
        store.collection("recipes")


def test_replacing_erases_the_old_text_from_the_disk(store: Store, tmp_path: Path) -> None:
    recipes = a_collection(store)
    store.add_document(recipes, a_document("a.md", "旧的秘密 secret-old。" * 100))
    assert on_disk(tmp_path, "secret-old")
    store.add_document(recipes, a_document("a.md", "新的内容 new-text。" * 100))
    assert not on_disk(tmp_path, "secret-old") and on_disk(tmp_path, "new-text")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE documents SET text = replace(text, '60', '90')", "do not match"),
        ("UPDATE chunks SET heading = 'another'", "do not match"),
        ("UPDATE chunks SET start_at = start_at + 1 WHERE ordinal = 2", "do not match"),
        ("DELETE FROM chunks WHERE ordinal = 1", "missing"),
        ("DELETE FROM chunks", "missing"),
    ],
)
def test_the_check_notices_damage(store: Store, change: str, found: str) -> None:
    store.add_document(a_collection(store), a_document("a.md", "炖60分钟。" * 30))
    assert check(store) == []
    with store.database.transaction() as db:
        db.execute(change)
    assert found in " ".join(check(store))


def test_files_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    Store(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StorageError, match="newer version") as raised:
        Store(newer)
    assert "升级" in raised.value.zh
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database " * 1000)
    with pytest.raises(StorageError, match="damaged"):
        Store(garbage)
    with pytest.raises(StorageError, match="cannot be written"):
        Store(tmp_path / "no such folder" / "knowledge.db")


def test_an_old_sqlite_is_replaced_by_pysqlite3_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.sqlite_module() is sqlite3
    monkeypatch.setattr(database, "OLDEST_SQLITE", (99, 0, 0))
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    with pytest.raises(StorageError, match="pip install pysqlite3-binary"):
        database.sqlite_module()
    newer = types.ModuleType("pysqlite3")
    monkeypatch.setitem(sys.modules, "pysqlite3", newer)
    assert database.sqlite_module() is newer
