"""The knowledge base: documents in, passages out.

>>> with KnowledgeBase(settings, load_embedder(settings)) as base:
...     recipes = base.create_collection("菜谱")
...     for event in base.ingest([Path("recipes")], recipes.name): print(event)
...     base.search("红烧肉要炖多久？", recipes.name)

SQLite is the truth; the vector index (Chroma) and BM25 are caches of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag import checks
from rag.background import Background
from rag.backup import BackupReport, backup, restore, sweep
from rag.calibration import store, stored
from rag.checks import Told, VerifyReport, quietly
from rag.dense import DenseIndex
from rag.embeddings import Embedder
from rag.errors import CollectionNotFoundError, RagError, StorageError
from rag.folder import lock, place, slug, tag
from rag.inbox import Inbox
from rag.ingest import Services, ingest
from rag.kept_questions import KeptQuestions
from rag.lexical import LexicalIndex
from rag.readers import Readers
from rag.records import CollectionRow, NewDocument
from rag.recut import recut
from rag.reembed import Vectors
from rag.rerank import Reranker
from rag.search import Search
from rag.settings import RagSettings
from rag.sources import collect
from rag.store import Store
from rag.types import Collection, Document, Filter, IngestEvent, Method, Passage
from rag.viewing import Viewer

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

log = logging.getLogger(__name__)


class KnowledgeBase:
    """Documents in collections, searched by meaning and by words. Thread-safe; one process per data folder.

    Opening heals what a crash left behind. Where the embedder is another one than before, documents are embedded again
    in the background, and found by their words until then.
    Wherever a collection is named, its name or its title will do.

    Raises:
        KnowledgeLockedError: another process (or another object here) has this data folder open.
        StorageError: the folder or the database cannot be used; later also from any method.
    """

    def __init__(self, settings: RagSettings, embedder: Embedder, reranker: Reranker | None = None) -> None:
        self._configured = settings.refuse_below
        self.settings, self.embedder, self.reranker = stored(settings), embedder, reranker
        self._lock = lock(settings.data_dir)
        try:
            self._store = Store(settings.data_dir / "knowledge.db")
            try:
                sweep(settings.data_dir)
                self._vectors = Vectors(self._store, embedder, self._embedded)
                self._dense = DenseIndex(self._store, place(settings), self._vectors.comparable)
                self._lexical = LexicalIndex(self._store, settings.data_dir / "keywords")
                self._search = Search(self._store, (self._dense, self._lexical), embedder, settings)
                self._search.reranker = reranker
            except BaseException:
                self._store.close()
                raise
        except BaseException:
            self._lock.release()
            raise
        self._indexing = Background(self._index)
        self._services = Services(self._store, embedder, Readers(settings), self._indexing.later)
        self.viewer = Viewer(self._store, settings)
        self.questions = KeptQuestions(self._store)
        self._bring_up()
        self.inbox = Inbox(self)
        self.inbox.sweep()
        self._open = True

    def _bring_up(self) -> None:
        """Have the indexes follow, and embed every collection again whose vectors another embedder made."""
        for row in self._store.collection_rows():
            self._indexing.later(row)
            self._vectors.bring_up(row)

    def _embedded(self, row: CollectionRow) -> None:
        """A collection has new vectors; `row` is what it was."""
        self._dense.drop(row)
        self._indexing.later(self._store.collection(row.name))

    def embedding(self, collection: str) -> tuple[int, int] | None:
        """How many passages of how many were embedded again since the embedder changed; None where all are level.

        Until all are, the collection is searched by words alone.
        """
        return self._vectors.progress.get(collection)

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending, close every file and release the folder. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._vectors.close()
        self._services.readers.close()
        self.viewer.close()
        self._indexing.close()
        try:
            self._dense.close()
            self._store.close()
        finally:
            self._lock.release()

    # --- collections

    def collections(self) -> list[Collection]:
        """All collections, by title."""
        return self._store.collections()

    def create_collection(self, title: str, name: str | None = None) -> Collection:
        """The collection with this name (or, without a name, this title), made if there is none.

        Args:
            title: shown to people, in any script.
            name: its id, made ASCII (a-z, 0-9, "-"); by default from the title, "c-1a2b3c" for a Chinese one.
        """
        title = " ".join(title.split())[:100] or (name or "").strip()
        if not title:
            raise StorageError(
                en="A collection needs a name: type one and try again.", zh="资料库需要一个名称，请输入后重试。"
            )
        known = self.collections()
        found = next((c for c in known if c.name == name or (name is None and title in (c.title, c.name))), None)
        if found is None:
            wanted = slug(name or title)
            taken = {c.name for c in known}
            if name is None and wanted in taken:
                wanted = f"{wanted[:50]}-{tag(title)}"
            self._store.add_collection(wanted, title, self._vectors.stamp, self.embedder.dimension)
            found = next(c for c in self.collections() if c.name == wanted)
        return found

    def collection(self, collection: str) -> Collection:
        """One collection. Raises CollectionNotFoundError."""
        name = self._store.collection(collection).name
        return next(c for c in self.collections() if c.name == name)

    def delete_collection(self, collection: str) -> None:
        """Erase a collection with all its documents, and what waits for it."""
        row = self._store.collection(collection)
        self._store.delete_collection(row)
        self._lexical.forget(row)
        self._dense.drop(row)
        self.inbox.sweep()

    # --- documents

    def ingest(
        self, paths: Iterable[Path], collection: str, names: Mapping[Path, str] | None = None
    ) -> Iterator[IngestEvent]:
        """Add files, folders (walked in order, hidden files left out) and zip archives of them.

        Args:
            names: source names for uploads, whose path on disk means nothing to the user.

        A file whose content is known is skipped, or takes over the document if that one's name is not among these
        files; a known name with new content replaces the old document. So adding a folder again brings in what
        changed, and goes on where an earlier time was interrupted.

        Raises:
            CollectionNotFoundError: at the call, before the first event.
        """
        row = self._store.collection(collection)
        return ingest(self._services, collect(paths, names or {}, self.settings), row)

    def add(self, document: NewDocument, collection: str) -> Document:
        """Write one document that is read, cut and embedded already."""
        row = self._store.collection(collection)
        added = self._store.add_document(row, document)
        self._indexing.later(row)
        return added

    def recut(self, collection: str, chunk_chars: int, folder: Path, embedder: Embedder | None = None) -> KnowledgeBase:
        """A collection cut to another length or embedded by another, in a base of its own that is to be closed."""
        return recut(self, self._store, self._store.collection(collection).name, chunk_chars, folder, embedder)

    def _index(self, collection: CollectionRow) -> None:
        """Bring the indexes level with the store."""
        try:
            self._lexical.refresh(collection)
        except RagError as error:  # a collection that was deleted meanwhile, or a disk that fails
            log.warning("The keyword index of %s stays behind: %s", collection.name, error)
        self._dense.flush_later(collection)

    def documents(self, collection: str) -> list[Document]:
        """The documents of a collection, by source name."""
        return self._store.documents(self._store.collection(collection))

    def document(self, document_id: str) -> Document:
        """One document. Raises DocumentNotFoundError."""
        return self._store.document(document_id)

    def document_text(self, document_id: str) -> str:
        """The text of a document, as passages and citations refer to it. Raises DocumentNotFoundError."""
        return self._store.text(document_id)

    def delete_document(self, document_id: str) -> None:
        """Erase a document: text, passages, vectors, file, and the questions that name it. Raises
        DocumentNotFoundError."""
        self._dense.flush_later(self._store.delete_document(document_id))

    # --- searching

    def search(
        self,
        query: str,
        collection: str,
        k: int | None = None,
        where: Filter | None = None,
        method: Method = "hybrid",
    ) -> list[Passage]:
        """The best passages for a query, best first; [] for a blank query or an empty collection.

        Dense and BM25 search give `settings.candidates` chunks each, fused by their scores; near-duplicates are
        dropped and neighbours joined. The same base gives the same answer in the same order.

        Args:
            k: number of passages; None takes `settings.k`, or 4 where that is 0.
            where: which documents to search, None for all.
            method: "bm25" or "dense" to search in one way alone.
        """
        row = self._store.collection(collection)
        k = (self.settings.k or 4) if k is None else k
        return self._search(row, query, k, where, method)

    def as_retriever(self, collection: str, k: int | None = None, where: Filter | None = None) -> BaseRetriever:
        """This search as a LangChain retriever; documents carry every field of the passage as metadata."""
        from rag.retriever import KnowledgeRetriever

        name = self._store.collection(collection).name
        return KnowledgeRetriever(knowledge_base=self, collection=name, k=k, where=where)

    # --- care

    def set_refuse_below(self, refuse_below: float) -> None:
        """Decline what is not found nearer than this (see `rag.calibration`), also after a restart."""
        store(self.settings.data_dir, refuse_below, self._configured)
        self.settings = replace(self.settings, refuse_below=refuse_below)

    @property
    def readers(self) -> int:
        """How many processes read files."""
        return self._services.readers.count

    def settle(self) -> None:
        """Wait until everything is embedded, and both indexes have taken in every change."""
        self._vectors.wait()
        self._indexing.wait()

    def verify(self, told: Told = quietly) -> VerifyReport:
        """Check the database, every passage against its text, and both indexes against the database."""
        problems = checks.check(self._store)
        for row in self._each(told):
            try:
                problems += self._dense.verify(row)
                problems += self._lexical.verify(row)
            except CollectionNotFoundError:
                continue  # deleted meanwhile
            except StorageError as error:
                problems.append(f"{row.title}: {error.en}")
        return VerifyReport(tuple(problems))

    def rebuild(self, told: Told = quietly) -> None:
        """Build both indexes of every collection anew from the database, without the embedder."""
        for row in self._each(told):
            self._dense.rebuild(row)
            self._lexical.rebuild(row)

    def _each(self, told: Told) -> Iterator[CollectionRow]:
        """Every collection, the oldest first, with a word on which it is."""
        rows = self._store.collection_rows()
        for number, row in enumerate(rows, start=1):
            told(row.title, number, len(rows))
            yield row

    def compact(self, told: Told = quietly) -> int:
        """Give back the room of what was deleted, in the database and (by building them anew) in the indexes.

        Returns:
            Bytes that the folder shrank by; adding while this goes on may make it negative.
        """
        before = self._size()
        self._store.database.vacuum()
        self.rebuild(told)
        return before - self._size()

    def _size(self) -> int:
        found = 0
        for path in self.settings.data_dir.rglob("*"):
            try:
                found += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                continue  # SQLite and Chroma come and go with files of their own
        return found

    def backup(self, target: Path) -> BackupReport:
        """Write everything to one zip, while documents are searched and added. Raises StorageError."""
        return backup(self.settings.data_dir, target)

    def restore(self, source: Path) -> None:
        """Put the content of a backup in place of everything that is here, in one step.

        Raises:
            StorageError: it cannot be used; nothing was changed.
        """
        for row in restore(self._store, source):
            self._lexical.forget(row)
            self._dense.drop(row)
        self._bring_up()
