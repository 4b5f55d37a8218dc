"""Vector indexes on a real Chroma server: found there, gone from there, and searched by words while it is down."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag import dense, index
from rag.embeddings import load_embedder
from rag.errors import IndexUnreachableError, StorageError
from rag.index import Server
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings
from tests.rag.bases import filled, write_recipes

COMMAND = "import sys; from chromadb.cli.cli import app; sys.argv = ['chroma', *sys.argv[1:]]; app()"


class ChromaServer:
    """`chroma run` on a port of this machine's own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.process = folder, None
        self.start()

    def start(self) -> None:
        options = ("--path", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port))
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "run", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
        )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, "it does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path):
    started = ChromaServer(tmp_path / "server")
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def indexed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "INDEX_FROM", 1)
    monkeypatch.setattr(dense, "_WRITE_FROM", 1)
    monkeypatch.setattr(index, "_SILENT_SECONDS", 0.0)


def test_an_index_on_a_server(server: ChromaServer, tmp_path: Path) -> None:
    settings = RagSettings(tmp_path / "data", chroma=f"http://127.0.0.1:{server.port}")
    embedder = load_embedder(settings)
    other = Server(settings.chroma, "another-").open("0123456789abcdef")  # of another knowledge base

    def found(base: KnowledgeBase, method: str = "dense") -> list[str]:
        return [passage.title for passage in base.search("红烧肉要炖多久？", "recipes", 3, method=method)]

    with KnowledgeBase(settings, embedder) as base:
        documents = {document.title: document for document in filled(base, write_recipes(tmp_path / "files"))}
        base.settle()
        there = base._dense._place.names()
        row = base._store.collection("recipes")
        assert there == {row.index_name} and base._dense.pending(row) == 0, "or this shows nothing"
        expected = found(base)
        assert expected[0] == "红烧肉" and base.verify().ok
        base.delete_document(documents["红烧肉"].id)
        assert "红烧肉" not in found(base) and base._dense._state(row).index.count() == len(documents) - 1
        list(base.ingest([tmp_path / "files"], "recipes"))
        base.settle()
        assert found(base) == expected

        server.stop()
        with pytest.raises(IndexUnreachableError, match="chroma run"):
            found(base)
        assert found(base, "hybrid")[0] == "红烧肉", "by words"
        assert "cannot be reached" in base.verify().problems[0]
        (tmp_path / "files" / "新.md").write_text("# 新\n\n红烧肉要炖多久，这里也说了。", encoding="utf-8")
        list(base.ingest([tmp_path / "files"], "recipes"))
        server.start()
        base.rebuild()
        assert "新" in found(base) and base.verify().ok

    server.stop()
    with KnowledgeBase(settings, embedder) as base:  # opened while it is down
        assert found(base, "hybrid")[0] in ("红烧肉", "新")
        server.start()
        assert "新" in found(base) and base.verify().ok, "there again without a word"
        base.delete_collection("recipes")
        assert base._dense._place.names() == set()
    assert other.count() == 0, "another's index is let alone"
    other.destroy()


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://127.0.0.1:8000/api"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    settings = RagSettings(tmp_path, chroma=address)
    with pytest.raises(StorageError, match="no address"):
        KnowledgeBase(settings, load_embedder(settings))
