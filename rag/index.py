"""Vector indexes in Chroma: embedded, or on a Chroma server. No other file names chromadb.

Embedded, each index has a folder and a Chroma client of its own: deleting it deletes the folder (Chroma itself leaves
the vectors of a deleted collection on disk), a damaged one is replaced without touching the others, and a new one is
built beside the old. Only ids and vectors are given to Chroma: text stays in SQLite, which also makes writing twice
as fast, because Chroma would build a full-text index over it.

Facts of chromadb 1.5.9 that shape this file: distance is L2 unless told; its default embedding function downloads a
model; `get` of more than about 32,000 rows fails unless paged; two processes on one folder give stale results (the
knowledge base holds a file lock); cosine distance of a zero vector is 1; its client waits for a server for ever.
"""

from __future__ import annotations

import logging
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from rag.database import sqlite_module, storage_error
from rag.errors import IndexUnreachableError, StorageError

log = logging.getLogger(__name__)

_PAGE = 5000
_NUMBERS_AT_ONCE = 1_000_000  # sent to a server, which takes 40 MB at once; 20 bytes each
_CONNECT_SECONDS, _ANSWER_SECONDS = 3.0, 30.0
_SILENT_SECONDS = 5.0  # no second try with a server that did not answer
_COLLECTION = "chunks"
_FOLDER = re.compile("[0-9a-f]{16}")  # what new_index_name gives: nothing else in the folder is ever deleted


def _chromadb() -> Any:
    module = sqlite_module()
    if module.__name__ != "sqlite3":
        sys.modules["sqlite3"] = module  # chromadb refuses to be imported over an old one
    import chromadb

    return chromadb


@contextmanager
def _embedded_errors(folder: Path) -> Iterator[None]:
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
        chromadb = _chromadb()
        self.folder = folder
        with self._errors():
            folder.mkdir(parents=True, exist_ok=True)
            settings = chromadb.config.Settings(anonymized_telemetry=False)
            self._client: Any = chromadb.PersistentClient(path=str(folder), settings=settings)
            self._chunks = self._collection(_COLLECTION)

    def _collection(self, name: str) -> Any:
        return self._client.get_or_create_collection(
            name,
            embedding_function=None,
            # twice the default breadth of search: at 5,000 vectors it finds 99.9% of the exact 30, not 99.5%
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )

    def _errors(self) -> AbstractContextManager[None]:
        """Chroma's failures as StorageError."""
        return _embedded_errors(self.folder)

    def count(self) -> int:
        """How many vectors it holds."""
        with self._errors():
            return int(self._chunks.count())

    def ids(self) -> set[str]:
        """Every id."""
        found: set[str] = set()
        with self._errors():
            while page := self._chunks.get(include=[], limit=_PAGE, offset=len(found))["ids"]:
                found.update(page)
        return found

    def vectors(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """The vectors (float32 [d]) of those ids that it holds."""
        found: dict[str, np.ndarray] = {}
        with self._errors():
            for start in range(0, len(ids), _PAGE):
                page = self._chunks.get(ids=list(ids[start : start + _PAGE]), include=["embeddings"])
                found.update(zip(page["ids"], page["embeddings"], strict=True))
        return found

    def upsert(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Write vectors, float32 [n, d]. Ids that are there already are rewritten, at a tenth of the speed."""
        page = self._rows_at_once(vectors.shape[-1])
        with self._errors():
            for start in range(0, len(ids), page):
                end = start + page
                self._chunks.upsert(ids=list(ids[start:end]), embeddings=vectors[start:end])

    @staticmethod
    def _rows_at_once(dimension: int) -> int:
        return _PAGE

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these ids; those that it does not hold are no error."""
        with self._errors():
            for start in range(0, len(ids), _PAGE):
                self._chunks.delete(ids=list(ids[start : start + _PAGE]))

    def query(self, vector: np.ndarray, count: int) -> list[tuple[str, float]]:
        """The `count` nearest ids with their cosine to `vector` (float32 [d]), nearest first."""
        with self._errors():
            found = self._chunks.query(query_embeddings=vector[None, :], n_results=count, include=["distances"])
        return [(name, 1.0 - distance) for name, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def close(self) -> None:
        """Let go of the folder's files."""
        with self._errors():
            self._client.close()

    def destroy(self) -> None:
        """Close, and delete the folder."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)  # a file still open on Windows goes at the next start


class Folders:
    """Embedded indexes, by the names of their folders in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> set[str]:
        """Those that are there."""
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        return {path.name for path in paths if path.is_dir() and _FOLDER.fullmatch(path.name)}

    def open(self, name: str) -> VectorIndex:
        """One of them, or a new one. Raises StorageError."""
        return VectorIndex(self._folder / name)

    def delete(self, name: str) -> None:
        """Delete one, if it is there and can be; open or not."""
        shutil.rmtree(self._folder / name, ignore_errors=True)


class Server:
    """Indexes on a Chroma server (`chroma run`), as collections whose names begin with a mark.

    A server that does not answer is left alone for some seconds. Raises (all methods but `delete`):
    IndexUnreachableError, StorageError.

    Args:
        url: "http://host:port".
        mark: what tells this knowledge base's indexes from others' on that server; a-z, 0-9 and "-".
    """

    def __init__(self, url: str, mark: str) -> None:
        self.url, self.mark = url, mark
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise _no_address(url)
        self._host, self._ssl = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._ssl else 8000)
        self._silent_until = 0.0

    def connect(self) -> Any:
        """A new client; to be called within `errors`."""
        import httpx

        chromadb = _chromadb()
        with socket.create_connection((self._host, self._port), _CONNECT_SECONDS):
            pass  # the client's own first call has no limit of time
        settings = chromadb.config.Settings(anonymized_telemetry=False)
        client = chromadb.HttpClient(host=self._host, port=self._port, ssl=self._ssl, settings=settings)
        client._server._session.timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        return client

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the server refuses as StorageError, all else that goes wrong with it as IndexUnreachableError."""
        from chromadb.errors import ChromaError

        if time.monotonic() < self._silent_until:
            raise _unreachable(self.url, "it did not answer a moment ago", "刚才没有应答")
        try:
            yield
        except Exception as error:  # its client raises plain Exception for what is not in the server's own words
            if isinstance(error, ChromaError) and error.code() < 500:
                raise storage_error(error, Path(self.url)) from error
            self._silent_until = time.monotonic() + _SILENT_SECONDS
            raise _unreachable(self.url, str(error), str(error)) from error

    def names(self) -> set[str]:
        """Those that are there."""
        found: list[str] = []
        with self.errors():
            client = self.connect()
            while page := client.list_collections(limit=_PAGE, offset=len(found)):
                found += [collection.name for collection in page]
            client.close()
        return {name.removeprefix(self.mark) for name in found if name.startswith(self.mark)}

    def open(self, name: str) -> VectorIndex:
        """One of them, or a new one."""
        return _Remote(self, name)

    def delete(self, name: str) -> None:
        """Delete one, if it is there; where that cannot be done now, the next opening of the knowledge base does."""
        try:
            with self.errors():
                client = self.connect()
                client.delete_collection(self.mark + name)
                client.close()
        except StorageError as error:
            log.info("A vector index is left on %s: %s", self.url, error)


class _Remote(VectorIndex):
    """An index on a server."""

    def __init__(self, server: Server, name: str) -> None:
        self._server, self._name = server, name
        with self._errors():
            self._client = server.connect()
            self._chunks = self._collection(server.mark + name)

    def _errors(self) -> AbstractContextManager[None]:
        return self._server.errors()

    @staticmethod
    def _rows_at_once(dimension: int) -> int:
        return max(1, min(_PAGE, _NUMBERS_AT_ONCE // dimension))

    def close(self) -> None:
        """End the connection, without a word to the server."""
        self._client.close()

    def destroy(self) -> None:
        """Close, and delete the collection."""
        self.close()
        self._server.delete(self._name)


def _no_address(url: str) -> StorageError:
    return StorageError(
        en=f"{url!r} is no address of a Chroma server. Set chroma to one like http://127.0.0.1:8000, or to nothing "
        "for the embedded index.",
        zh=f"“{url}”不是 Chroma 服务器的地址。请把 chroma 设为类似 http://127.0.0.1:8000 的地址，"
        "或留空以使用内置索引。",
    )


def _unreachable(url: str, why: str, why_zh: str) -> IndexUnreachableError:
    return IndexUnreachableError(
        en=f"The Chroma server {url} cannot be reached ({why}). Nothing is lost; until it answers, large collections "
        "are searched by words alone. Start it (chroma run), or empty the setting chroma for the embedded index.",
        zh=f"无法连接 Chroma 服务器 {url}（{why_zh}）。数据没有丢失；恢复之前，大的资料库只按关键词检索。"
        "请启动它（chroma run），或清空 chroma 设置以使用内置索引。",
    )
