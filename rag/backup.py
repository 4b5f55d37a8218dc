"""Everything that a knowledge base knows in one zip, and back; both while it is in use.

The zip holds a copy of the SQLite file, taken in one read transaction, and a note of what it is. The files that
were added and the vectors are in it; the indexes are caches and are made anew. Restoring is one transaction: whatever
stops it leaves what was there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.database import SCHEMA_VERSION, sqlite_module, storage_error
from rag.errors import StorageError
from rag.records import CollectionRow
from rag.store import Store

_WORK = "backup-"  # begins the name of a folder in the data folder for what is on its way

_DATABASE, _NOTE = "knowledge.db", "fenshen-backup.json"
_RATIO = 200  # text and float16 vectors shrink to a third; no backup of ours comes near


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds; `size` is that of the zip, in bytes."""

    collections: int
    documents: int
    size: int


def backup(data_dir: Path, target: Path) -> BackupReport:
    """Write the knowledge base of a data folder to the zip `target`, whole or not at all.

    It only reads, so it needs no lock, and another process may have the folder open.

    Raises:
        StorageError: there is no knowledge base, or the disk failed.
    """
    database = data_dir / _DATABASE
    if not database.is_file():
        raise StorageError(
            en=f"There is no knowledge base in {data_dir}, so there is nothing to back up. Check --data-dir.",
            zh=f"{data_dir} 中没有知识库，无可备份。请检查 --data-dir。",
        )
    part = target.with_name(target.name + ".part")
    sqlite = sqlite_module()
    try:
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=data_dir))
    except OSError as error:
        raise storage_error(error, data_dir) from error
    try:
        copy = work / _DATABASE
        with closing(sqlite.connect(str(database), timeout=60)) as db:
            db.execute("VACUUM INTO ?", (str(copy),))
        with closing(sqlite.connect(str(copy))) as db:
            collections = db.execute("SELECT count(*) FROM collections").fetchone()[0]
            documents = db.execute("SELECT count(*) FROM documents").fetchone()[0]
        note = {"format": 1, "schema": SCHEMA_VERSION, "made": time.time(), "sha256": _sha256(copy)}
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.write(copy, _DATABASE)
            archive.writestr(_NOTE, json.dumps(note))
        part.replace(target)
    except (OSError, sqlite.Error) as error:
        part.unlink(missing_ok=True)
        raise storage_error(error, target) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return BackupReport(collections, documents, target.stat().st_size)


def restore(store: Store, source: Path) -> list[CollectionRow]:
    """Put what a backup holds in place of everything in the store; returns the collections that were there.

    All rows get new numbers, so that no index can take an old one for a new one.

    Raises:
        StorageError: it is no backup, is damaged, or is of a newer version; nothing was changed.
    """
    data_dir = store.database.path.parent
    try:
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=data_dir))
    except OSError as error:
        raise storage_error(error, data_dir) from error
    try:
        copy = _unpacked(source, work)
        old = store.collection_rows()
        with store.database.attached(copy) as db:
            _check(db, source)
            db.execute("DELETE FROM collections")
            version = db.execute("PRAGMA other.user_version").fetchone()[0]
            for statement in (*_COPY, *(_COPY_2 if version > 1 else ())):
                db.execute(statement)
        store.database.checkpoint()
    except OSError as error:
        raise storage_error(error, source) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return old


def sweep(data_dir: Path) -> None:
    """Delete what backups left that were killed."""
    for path in data_dir.glob(f"{_WORK}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


_COPY = (
    """INSERT INTO collections(name, title, fingerprint, dimension, index_name, created_at)
       SELECT name, title, fingerprint, dimension, lower(hex(randomblob(8))), created_at
       FROM other.collections ORDER BY id""",
    """INSERT INTO documents
       SELECT d.id, c.id, d.sha256, d.source, d.title, d.loader, d.size, d.warnings, d.added_at, d.text
       FROM other.documents d JOIN other.collections o ON o.id = d.collection_id
       JOIN main.collections c ON c.name = o.name""",
    """INSERT INTO chunks(id, collection_id, document_id, ordinal, start_at, end_at, heading, page, vector)
       SELECT k.id, c.id, k.document_id, k.ordinal, k.start_at, k.end_at, k.heading, k.page, k.vector
       FROM other.chunks k JOIN other.collections o ON o.id = k.collection_id
       JOIN main.collections c ON c.name = o.name ORDER BY k.row""",
)
_COPY_2 = (  # what version 2 of the format brought
    """INSERT INTO originals
       SELECT o.sha256, o.data FROM other.originals o
       WHERE EXISTS (SELECT 1 FROM main.documents d WHERE d.sha256 = o.sha256)""",
    """INSERT INTO questions(collection_id, owner, question, source, answer, failed)
       SELECT c.id, q.owner, q.question, q.source, q.answer, q.failed
       FROM other.questions q JOIN other.collections o ON o.id = q.collection_id
       JOIN main.collections c ON c.name = o.name ORDER BY q.id""",
    "INSERT INTO recognised SELECT * FROM other.recognised",
)


def _unpacked(source: Path, work: Path) -> Path:
    """The database in a backup, checked against its note."""
    copy = work / _DATABASE
    try:
        with zipfile.ZipFile(source) as archive:
            note = json.loads(archive.read(_NOTE)) if archive.getinfo(_NOTE).file_size < 4096 else {}
            entry = archive.getinfo(_DATABASE)
            if entry.file_size > _RATIO * max(1, entry.compress_size):
                raise _unusable(source, "it would expand far too much", "解压后异常膨胀")
            with archive.open(entry) as packed, copy.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError) as error:
        raise _unusable(
            source, f"it is no backup of this app, or damaged: {error}", "不是本应用的备份或已损坏"
        ) from error
    if note.get("sha256") != _sha256(copy):
        raise _unusable(source, "its content is not what was written", "内容与备份时不一致")
    if note.get("schema", 0) > SCHEMA_VERSION:
        raise _unusable(source, "a newer version of this app wrote it; update first", "由更新版本的应用写成，请先升级")
    return copy


def _check(db: Any, source: Path) -> None:
    found = [row[0] for row in db.execute("PRAGMA other.integrity_check(3)")]
    if found != ["ok"]:
        raise _unusable(source, f"its database is damaged: {found[0]}", "其中的数据库已损坏")


def _unusable(source: Path, en: str, zh: str) -> StorageError:
    return StorageError(
        en=f"{source.name} cannot be restored: {en}. Nothing was changed. Choose another backup.",
        zh=f"无法从 {source.name} 恢复：{zh}。现有内容没有改变，请选择其他备份。",
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
