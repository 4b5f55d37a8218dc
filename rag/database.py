"""The SQLite file under a knowledge base: connections, transactions, schema and its errors in plain words.

One writer at a time, any number of readers beside it (WAL, https://sqlite.org/wal.html). Every commit survives a kill;
`sync`, which waits for the disk, makes all commits before it survive a power cut, too. `secure_delete` overwrites
freed pages with zeros.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from rag.errors import StorageError

log = logging.getLogger(__name__)

OLDEST_SQLITE = (3, 35, 0)  # what chromadb asks for; RETURNING and window functions come with it
SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE collections(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    fingerprint TEXT NOT NULL,              -- of the embedder that made the vectors
    dimension INTEGER NOT NULL,
    index_name TEXT NOT NULL UNIQUE,        -- folder of its vector index
    indexed INTEGER NOT NULL DEFAULT 0,     -- every chunks.row up to this one is in the vector index
    generation INTEGER NOT NULL DEFAULT 0,  -- grows with every change; caches compare it
    created_at REAL NOT NULL
);
CREATE TABLE documents(
    id TEXT PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    title TEXT NOT NULL,
    loader TEXT NOT NULL,
    size INTEGER NOT NULL,
    warnings TEXT NOT NULL,
    added_at REAL NOT NULL,
    text TEXT NOT NULL,                     -- last, so that listing documents never reads its pages
    UNIQUE (collection_id, source)
);
CREATE INDEX documents_by_content ON documents(collection_id, sha256);
CREATE TABLE chunks(
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    heading TEXT NOT NULL,
    page INTEGER,
    vector BLOB NOT NULL                    -- float16, little-endian
);
CREATE INDEX chunks_by_document ON chunks(document_id, ordinal);
CREATE INDEX chunks_by_collection ON chunks(collection_id, row);
CREATE TABLE removed(                       -- deleted chunks that the vector index may still hold
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    chunk_id TEXT NOT NULL
);
"""
SCHEMA_2 = """
CREATE TABLE originals(                     -- files as they were added, of kinds that are shown as they are
    sha256 TEXT PRIMARY KEY,                -- of the file; that of every document made from it
    data BLOB NOT NULL                      -- compressed (rag.originals)
);
CREATE INDEX documents_by_original ON documents(sha256);
CREATE TRIGGER originals_go_with_documents AFTER DELETE ON documents
WHEN NOT EXISTS (SELECT 1 FROM documents WHERE sha256 = OLD.sha256)
BEGIN DELETE FROM originals WHERE sha256 = OLD.sha256; END;
CREATE TABLE recognised(                    -- stretches of a document that text recognition read
    document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    PRIMARY KEY (document_id, start_at)
) WITHOUT ROWID;
CREATE TABLE questions(                     -- to measure a collection with, kept from the chat
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    question TEXT NOT NULL,
    source TEXT NOT NULL,                   -- as in rag.questions
    answer TEXT NOT NULL,
    failed INTEGER NOT NULL,                -- 1: the answer was pointed at as wrong
    UNIQUE (collection_id, owner, question)
);
"""
_STEPS = (SCHEMA, SCHEMA_2)  # from nothing to version 1, from there to 2


def sqlite_module() -> ModuleType:
    """The standard library's sqlite3, or pysqlite3 where that one is older than chromadb accepts.

    Raises:
        StorageError: the system's SQLite is too old and pysqlite3 is not installed.
    """
    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return sqlite3
    try:
        import pysqlite3
    except ImportError as error:
        have, need = sqlite3.sqlite_version, ".".join(map(str, OLDEST_SQLITE))
        raise StorageError(
            en=f"This system's SQLite is {have}; the knowledge base needs {need} or newer. "
            "Run: pip install pysqlite3-binary",
            zh=f"系统自带的 SQLite 版本是 {have}，知识库需要 {need} 或更高版本。请运行：pip install pysqlite3-binary",
        ) from error
    return pysqlite3


def is_disk_full(error: BaseException) -> bool:
    """Whether an OSError, SQLite or Chroma error means that there is no space left."""
    full = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return (isinstance(error, OSError) and error.errno in full) or any(
        words in str(error).lower() for words in ("disk is full", "no space left", "(code: 13)")
    )


def storage_error(error: BaseException, path: Path) -> StorageError:
    """`error` in words for the user: what happened to the knowledge base at `path`, and what to do."""
    if is_disk_full(error):
        return StorageError(
            en=f"The disk that holds {path} is full. Nothing of this step was kept, what was saved before is safe. "
            "Free some space and try again.",
            zh=f"{path} 所在的磁盘已满。这一步的内容没有保存，之前保存的内容不受影响。请腾出空间后重试。",
        )
    text = str(error).lower()
    if "not a database" in text or "malformed" in text:
        return StorageError(
            en=f"The knowledge base {path} is damaged ({error}). Put back a backup, or move the file away "
            "and add your documents again.",
            zh=f"知识库文件 {path} 已损坏（{error}）。请恢复备份，或移走该文件后重新添加文档。",
        )
    if isinstance(error, PermissionError) or "readonly" in text or "unable to open" in text:
        return StorageError(
            en=f"{path} cannot be written ({error}). Check the permissions of the folder, "
            "or choose another one with --data-dir.",
            zh=f"无法写入 {path}（{error}）。请检查文件夹权限，或用 --data-dir 指定其他位置。",
        )
    return StorageError(
        en=f"The knowledge base {path} could not be read or written: {error}. Nothing of this step was kept. "
        "Check the disk and try again.",
        zh=f"知识库 {path} 读写失败：{error}。这一步的内容没有保存。请检查磁盘后重试。",
    )


class Database:
    """One SQLite file: a writer, and a pool of readers that see only whole commits. Thread-safe.

    Raises (all methods): StorageError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sqlite = sqlite_module()
        self._write_lock = threading.RLock()
        self._idle: list[Any] = []
        self._idle_lock = threading.Lock()
        with self._errors():
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    def _connect(self) -> Any:
        connection = self._sqlite.connect(str(self.path), timeout=10, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            connection.close()
            raise
        connection.row_factory = self._sqlite.Row
        return connection

    def _prepare(self) -> None:
        mode = self._writer.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            log.warning("%s: write-ahead logging is not possible here; searches wait while a file is added", self.path)
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StorageError(
                en=f"{self.path} was written by a newer version of this app (format {version}, this one reads "
                f"{SCHEMA_VERSION}). Update the app, or choose another folder with --data-dir.",
                zh=f"{self.path} 由更新版本的应用写成（格式 {version}，本版本支持 {SCHEMA_VERSION}）。"
                "请升级应用，或用 --data-dir 指定其他文件夹。",
            )
        if version < SCHEMA_VERSION:
            with self.transaction() as db:
                for statement in ";\n".join(_STEPS[version:]).split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (self._sqlite.Error, OSError) as error:
            raise storage_error(error, self.path) from error

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """The write connection, in a transaction that is committed at the end or rolled back on any exception."""
        with self._errors(), self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # SQLite itself rolls back on some errors, a full disk among them
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A read connection of the pool, with one snapshot for the whole block."""
        with self._errors():
            with self._idle_lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._connect()
            try:
                connection.execute("BEGIN")
                yield connection
            except BaseException:
                connection.close()
                raise
            connection.execute("COMMIT")
            with self._idle_lock:
                self._idle.append(connection)

    def sync(self) -> None:
        """Wait until everything committed so far is on the disk; one wait for many commits."""
        log_file = self.path.with_name(self.path.name + "-wal")
        with self._errors():
            if log_file.exists():  # no log, no need: SQLite then waits at every commit
                with log_file.open("r+b") as file:
                    os.fsync(file.fileno())

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it, so that deleted text is in neither.

        SQLite waits for readers of an older state, but not for another checkpoint: then it is tried again.
        """
        with self._errors(), self._write_lock:
            for pause in (0.05, 0.5, 0.0):
                if not self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return
                time.sleep(pause)
        log.warning("the write-ahead log could not be emptied; deleted text leaves it with the next deletion")

    def vacuum(self) -> None:
        """Write the file anew without free pages, so that it takes no more room than it needs."""
        with self._errors(), self._write_lock:
            self._writer.execute("VACUUM")
        self.checkpoint()

    @contextmanager
    def attached(self, path: Path) -> Iterator[Any]:
        """A transaction in which the tables of another database can be read as `other.…`."""
        with self._errors(), self._write_lock:
            self._writer.execute("ATTACH DATABASE ? AS other", (str(path),))
            try:
                with self.transaction() as db:
                    yield db
            finally:
                self._writer.execute("DETACH DATABASE other")

    def integrity(self) -> list[str]:
        """What SQLite's own checks find wrong; [] for a sound file."""
        with self.reading() as db:
            problems = [row[0] for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            problems += [
                f"row {row[1]} of {row[0]} refers to a missing {row[2]}"
                for row in db.execute("PRAGMA foreign_key_check")
            ]
        return problems

    def close(self) -> None:
        """Close every connection; the last one folds the log into the file."""
        with self._errors(), self._write_lock, self._idle_lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self._writer.close()
