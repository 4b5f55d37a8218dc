"""One collection's vector index in embedded Chroma. No other file names chromadb.

Each index has a folder and a Chroma client of its own: deleting it deletes the folder (Chroma itself leaves the
vectors of a deleted collection on disk), a damaged one is replaced without touching the others, and a new one is
built beside the old. Only ids and vectors are given to Chroma: text stays in SQLite, which also makes writing twice
as fast, because Chroma would build a full-text index over it.

Facts of chromadb 1.5.9 that shape this file: distance is L2 unless told; its default embedding function downloads a
model; `get` of more than about 32,000 rows fails unless paged; two processes on one folder give stale results (the
knowledge base holds a file lock); cosine distance of a zero vector is 1.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rag.database import sqlite_module, storage_error

_PAGE = 5000
_COLLECTION = "chunks"


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    """Chroma's failures as StorageError."""
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, OSError, ValueError, RuntimeError, AttributeError) as error:
        # AttributeError is what a client says that another thread has just closed
        raise storage_error(error, folder) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a panic of Chroma's Rust side is no Exception
            raise
        raise storage_error(error, folder) from error


class VectorIndex:
    """Ids and unit vectors under one folder, searched by cosine (HNSW, Malkov and Yashunin 2016). Thread-safe.

    Raises (all methods): StorageError.
    """

    def __init__(self, folder: Path) -> None:
        module = sqlite_module()
        if module.__name__ != "sqlite3":
            sys.modules["sqlite3"] = module  # chromadb refuses to be imported over an old one
        import chromadb
        from chromadb.config import Settings

        self.folder = folder
        with _errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._client: Any = chromadb.PersistentClient(
                path=str(folder), settings=Settings(anonymized_telemetry=False)
            )
            self._chunks: Any = self._client.get_or_create_collection(
                _COLLECTION,
                embedding_function=None,
                # twice the default breadth of search: at 5,000 vectors it finds 99.9% of the exact 30, not 99.5%
                configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
            )

    def count(self) -> int:
        """How many vectors it holds."""
        with _errors(self.folder):
            return int(self._chunks.count())

    def ids(self) -> set[str]:
        """Every id."""
        found: set[str] = set()
        with _errors(self.folder):
            while page := self._chunks.get(include=[], limit=_PAGE, offset=len(found))["ids"]:
                found.update(page)
        return found

    def vectors(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """The vectors (float32 [d]) of those ids that it holds."""
        found: dict[str, np.ndarray] = {}
        with _errors(self.folder):
            for start in range(0, len(ids), _PAGE):
                page = self._chunks.get(ids=list(ids[start : start + _PAGE]), include=["embeddings"])
                found.update(zip(page["ids"], page["embeddings"], strict=True))
        return found

    def upsert(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Write vectors, float32 [n, d]. Ids that are there already are rewritten, at a tenth of the speed."""
        with _errors(self.folder):
            for start in range(0, len(ids), _PAGE):
                end = start + _PAGE
                self._chunks.upsert(ids=list(ids[start:end]), embeddings=vectors[start:end])

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these ids; those that it does not hold are no error."""
        with _errors(self.folder):
            for start in range(0, len(ids), _PAGE):
                self._chunks.delete(ids=list(ids[start : start + _PAGE]))

    def query(self, vector: np.ndarray, count: int) -> list[tuple[str, float]]:
        """The `count` nearest ids with their cosine to `vector` (float32 [d]), nearest first."""
        with _errors(self.folder):
            found = self._chunks.query(query_embeddings=vector[None, :], n_results=count, include=["distances"])
        return [(name, 1.0 - distance) for name, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def close(self) -> None:
        """Let go of the folder's files."""
        with _errors(self.folder):
            self._client.close()

    def destroy(self) -> None:
        """Close, and delete the folder."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)  # a file still open on Windows goes at the next start
