"""What a knowledge base keeps: collections, documents, chunks and their vectors. SQLite is the truth.

Vectors are kept here too, as little-endian float16. They cost half of a float32 copy (512 bytes for 256 dimensions,
less than the text they stand for), and they buy three things: the vector index can be rebuilt, healed after a crash
and checked number by number without running the embedder, and chunks that are committed but not yet in the index can
already be searched. Rounding moves a cosine by less than 0.001; the index is given the rounded numbers, so that both
hold the same. A chunk's text is not kept twice: it is `documents.text[start:end]`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from rag import recognised
from rag.database import Database
from rag.errors import CollectionNotFoundError, DocumentNotFoundError
from rag.kept_questions import forget, rename
from rag.originals import KEPT, keep
from rag.records import CollectionRow, Hit, NewDocument, chunk_id, digest, index_text, new_index_name
from rag.types import Collection, Document

_MARKS = 900  # parameters of one statement; old builds of SQLite take 999

_DOCUMENT = """d.id, c.name, d.source, d.title, d.loader, d.size,
    (SELECT count(*) FROM chunks k WHERE k.document_id = d.id), d.sha256, d.added_at, d.warnings
    FROM documents d JOIN collections c ON c.id = d.collection_id"""


class Store:
    """Reads and writes of `<data_dir>/knowledge.db`. Thread-safe.

    Raises (all methods): StorageError, and CollectionNotFoundError or DocumentNotFoundError where one is named.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)

    # --- collections

    def collections(self) -> list[Collection]:
        """All collections with their counts, by title."""
        with self.database.reading() as db:
            rows = db.execute(
                """SELECT name, title, (SELECT count(*) FROM documents d WHERE d.collection_id = c.id),
                   (SELECT count(*) FROM chunks k WHERE k.collection_id = c.id)
                   FROM collections c ORDER BY title, name"""
            ).fetchall()
        return [Collection(*row) for row in rows]

    def collection_rows(self) -> list[CollectionRow]:
        """All collections, oldest first."""
        with self.database.reading() as db:
            return [self._collection(row) for row in db.execute("SELECT * FROM collections ORDER BY id")]

    def collection(self, name: str) -> CollectionRow:
        """The collection with this name, or else with this title."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT * FROM collections WHERE name = ? OR title = ? ORDER BY name <> ?, id LIMIT 1", (name,) * 3
            ).fetchone()
            known = [r[0] for r in db.execute("SELECT name FROM collections ORDER BY name LIMIT 20")]
        if row is None:
            raise CollectionNotFoundError(
                en=f"There is no collection called {name!r}. Known: {', '.join(known) or 'none yet'}.",
                zh=f"没有名为“{name}”的资料库。现有：{'、'.join(known) or '（暂无）'}。",
            )
        return self._collection(row)

    @staticmethod
    def _collection(row: Any) -> CollectionRow:
        return CollectionRow(*(row[name] for name in CollectionRow.__dataclass_fields__))

    def add_collection(self, name: str, title: str, fingerprint: str, dimension: int) -> None:
        """Add an empty collection; a name that is taken is left as it is."""
        with self.database.transaction() as db:
            db.execute(
                """INSERT OR IGNORE INTO collections(name, title, fingerprint, dimension, index_name, created_at)
                   VALUES (?, ?, ?, ?, ?, ?)""",
                (name, title, fingerprint, dimension, new_index_name(), time.time()),
            )

    def delete_collection(self, collection: CollectionRow) -> None:
        """Remove a collection with its documents, chunks and vectors."""
        with self.database.transaction() as db:
            db.execute("DELETE FROM collections WHERE id = ?", (collection.id,))
        self.database.checkpoint()

    # --- documents

    def documents(self, collection: CollectionRow) -> list[Document]:
        """The documents of a collection, by source name."""
        with self.database.reading() as db:
            rows = db.execute(f"SELECT {_DOCUMENT} WHERE c.id = ? ORDER BY d.source", (collection.id,)).fetchall()
        return [self._document(row) for row in rows]

    def document(self, document_id: str) -> Document:
        """One document by id."""
        with self.database.reading() as db:
            row = db.execute(f"SELECT {_DOCUMENT} WHERE d.id = ?", (document_id,)).fetchone()
        if row is None:
            raise _no_document(document_id)
        return self._document(row)

    @staticmethod
    def _document(row: Any) -> Document:
        *values, warnings = row
        return replace(Document(*values), warnings=tuple(json.loads(warnings)))

    def same_document(self, collection: CollectionRow, source: str, sha256: str) -> Document | None:
        """The document that makes adding this content under this name needless, if there is one.

        A source that is known keeps its own document, even where another one has the same content: the file
        changed, and what it held before must go.
        """
        with self.database.reading() as db:
            row = None
            for column, value in (("source", source), ("sha256", sha256)):  # one by one: each has its index
                row = (
                    row
                    or db.execute(
                        f"SELECT {_DOCUMENT} WHERE d.collection_id = ? AND d.{column} = ? ORDER BY d.rowid LIMIT 1",
                        (collection.id, value),
                    ).fetchone()
                )
        found = None if row is None else self._document(row)
        return found if found is not None and found.sha256 == sha256 else None

    def text(self, document_id: str) -> str:
        """The whole text of a document."""
        with self.database.reading() as db:
            row = db.execute("SELECT text FROM documents WHERE id = ?", (document_id,)).fetchone()
        if row is None:
            raise _no_document(document_id)
        return str(row[0])

    def span(self, document_id: str, start: int, end: int) -> str:
        """`text[start:end]` of a document, in characters; "" where the document is gone."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT substr(text, ?, ?) FROM documents WHERE id = ?", (start + 1, end - start, document_id)
            ).fetchone()
        return str(row[0]) if row else ""

    def outline(self, document_id: str) -> list[tuple[int, str, int | None]]:
        """Where each chunk of a document begins, its heading and page, in order."""
        with self.database.reading() as db:
            query = "SELECT start_at, heading, page FROM chunks WHERE document_id = ? ORDER BY ordinal"
            return [tuple(row) for row in db.execute(query, (document_id,))]

    def contents(self, collection: CollectionRow) -> dict[str, str]:
        """SHA-256 of what every document was made from, by source name; without those whose original is to be had
        yet."""
        with self.database.reading() as db:
            rows = db.execute(
                f"""SELECT source, sha256 FROM documents d WHERE collection_id = ? AND (loader NOT IN {KEPT}
                    OR EXISTS (SELECT 1 FROM originals o WHERE o.sha256 = d.sha256))""",
                (collection.id,),
            )
            return {row[0]: row[1] for row in rows}

    def original(self, document: Document) -> bytes:
        """The file that a document was made from, as `rag.originals` packs it; b"" where it was not kept."""
        with self.database.reading() as db:
            row = db.execute("SELECT data FROM originals WHERE sha256 = ?", (document.sha256,)).fetchone()
        return row[0] if row else b""

    def keep_original(self, sha256: str, packed: bytes) -> None:
        """Keep the original of documents that have none, if there are any (b"" is not kept)."""
        with self.database.transaction() as db:
            keep(db, sha256, packed)

    def add_document(self, collection: CollectionRow, new: NewDocument, replaces: str = "") -> Document:
        """Write a document with its chunks and vectors in one transaction, in place of any of the same source and
        of the one with the id `replaces`.

        When this returns a kill cannot lose it; after the next `sync` a power cut cannot either.
        """
        document_id = digest(collection.name, new.source, new.sha256)
        title, now = new.loaded.title, time.time()
        half = np.ascontiguousarray(new.vectors, dtype="<f2")
        with self.database.transaction() as db:
            if db.execute("SELECT 1 FROM collections WHERE id = ?", (collection.id,)).fetchone() is None:
                raise CollectionNotFoundError(
                    en=f"The collection {collection.title!r} was deleted meanwhile; the file was not added.",
                    zh=f"资料库“{collection.title}”已被删除，文件未添加。",
                )
            old = db.execute(
                "SELECT id, source FROM documents WHERE collection_id = ? AND (source = ? OR id = ?)",
                (collection.id, new.source, replaces),
            ).fetchall()
            for row in old:
                self._delete(db, row[0])
                rename(db, collection.id, row[1], new.source)
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (document_id, collection.id, new.sha256, new.source, title, new.loaded.loader, new.size,
                 json.dumps(new.loaded.warnings, ensure_ascii=False), now, new.loaded.text),
            )  # fmt: skip
            keep(db, new.sha256, new.original)
            db.executemany(
                """INSERT INTO chunks(id, collection_id, document_id, ordinal, start_at, end_at, heading, page, vector)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    (chunk_id(document_id, title, c), collection.id, document_id, n,
                     c.start, c.end, c.heading, c.page, half[n].tobytes())
                    for n, c in enumerate(new.chunks)
                ),
            )  # fmt: skip
            recognised.write(db, document_id, new.loaded)
            db.execute("UPDATE collections SET generation = generation + 1 WHERE id = ?", (collection.id,))
        if old:
            self.database.checkpoint()
        return Document(
            id=document_id, collection=collection.name, source=new.source, title=title, loader=new.loaded.loader,
            size=new.size, chunks=len(new.chunks), sha256=new.sha256, added_at=now,
            warnings=tuple(new.loaded.warnings),
        )  # fmt: skip

    def delete_document(self, document_id: str) -> CollectionRow:
        """Erase a document, its chunks and vectors, its file and the kept questions that name it; returns its
        collection."""
        with self.database.transaction() as db:
            document = db.execute(f"SELECT {_DOCUMENT} WHERE d.id = ?", (document_id,)).fetchone()
            row = db.execute(
                """UPDATE collections SET generation = generation + 1
                   WHERE id = (SELECT collection_id FROM documents WHERE id = ?) RETURNING *""",
                (document_id,),
            ).fetchone()
            if row is None:
                raise _no_document(document_id)
            forget(db, row["id"], self._document(document))
            self._delete(db, document_id)
        self.database.checkpoint()
        return self._collection(row)

    @staticmethod
    def _delete(db: Any, document_id: str) -> None:
        db.execute(
            "INSERT INTO removed(collection_id, chunk_id) SELECT collection_id, id FROM chunks WHERE document_id = ?",
            (document_id,),
        )
        db.execute("DELETE FROM documents WHERE id = ?", (document_id,))

    # --- chunks

    def hits(self, chunk_ids: Sequence[str]) -> dict[str, Hit]:
        """The chunks with these ids; ids that are not there (any more) are left out."""
        marks = ",".join("?" * len(chunk_ids))
        with self.database.reading() as db:
            rows = db.execute(
                f"""SELECT k.id, d.id, d.source, d.title, k.ordinal, k.start_at, k.end_at, k.heading, k.page,
                    substr(d.text, k.start_at + 1, k.end_at - k.start_at), {recognised.OF_CHUNK}
                    FROM chunks k JOIN documents d ON d.id = k.document_id WHERE k.id IN ({marks})""",
                tuple(chunk_ids),
            ).fetchall()
        return {row[0]: Hit(*row) for row in rows}

    def chunk_texts(self, collection: CollectionRow, after: int = 0, limit: int = -1) -> list[tuple[int, str, str]]:
        """(row number, chunk id, text to index) of at most `limit` chunks (-1: all) after row `after`, in order."""
        found: list[tuple[int, str, str]] = []
        with self.database.reading() as db:
            rows = db.execute(
                """SELECT row, id, document_id, heading, start_at, end_at FROM chunks
                   WHERE collection_id = ? AND row > ? ORDER BY row LIMIT ?""",
                (collection.id, after, limit),
            ).fetchall()
            for document_id, chunks in groupby(rows, key=lambda row: row[2]):
                title, text = db.execute("SELECT title, text FROM documents WHERE id = ?", (document_id,)).fetchone()
                found += [(row[0], row[1], index_text(title, row[3], text[row[4] : row[5]])) for row in chunks]
        return found

    def chunk_names(self, rows: Sequence[int]) -> dict[int, str]:
        """Chunk ids by row number; rows that are not there (any more) are left out."""
        found: dict[int, str] = {}
        with self.database.reading() as db:
            for start in range(0, len(rows), _MARKS):
                some = rows[start : start + _MARKS]
                marks = ",".join("?" * len(some))
                found.update(db.execute(f"SELECT row, id FROM chunks WHERE row IN ({marks})", tuple(some)).fetchall())
        return found

    def live_rows(self, collection: CollectionRow) -> np.ndarray:
        """The row numbers of all chunks, ascending (int64)."""
        with self.database.reading() as db:
            rows = db.execute("SELECT row FROM chunks WHERE collection_id = ? ORDER BY row", (collection.id,))
            return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def count_after(self, collection: CollectionRow, row: int) -> int:
        """How many chunks come after a row number."""
        with self.database.reading() as db:
            query = "SELECT count(*) FROM chunks WHERE collection_id = ? AND row > ?"
            return int(db.execute(query, (collection.id, row)).fetchone()[0])

    def sync(self) -> None:
        """Wait until everything committed so far is on the disk."""
        self.database.sync()

    def close(self) -> None:
        """Close the file."""
        self.database.close()


def _no_document(document_id: str) -> DocumentNotFoundError:
    return DocumentNotFoundError(
        en=f"There is no document with the id {document_id!r}; it may have been deleted or replaced.",
        zh=f"没有 id 为“{document_id}”的文档，可能已被删除或替换。",
    )
