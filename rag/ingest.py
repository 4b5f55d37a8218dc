"""Files into a collection, one transaction per file; every outcome is an event.

Reading processes run ahead of the process that embeds and stores, so both keep a processor busy.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from rag.embeddings import Embedder
from rag.errors import RagError
from rag.loaders import problems
from rag.reader import Parsed, Refused, Task
from rag.readers import Readers
from rag.records import CollectionRow, NewDocument, index_text
from rag.sources import SourceFile
from rag.store import Store
from rag.types import FileAdded, FileFailed, FileSkipped, FileStarted, IngestDone, IngestEvent

log = logging.getLogger(__name__)

_GROUP_FILES, _GROUP_SECONDS = 64, 0.1  # files that are embedded together, and the longest wait for them
_PATIENCE_SECONDS = 2.0  # with the next file, before the others overtake it
_AHEAD_FILES, _AHEAD_BYTES = 192, 64 * 2**20  # files read or being read before their turn


@dataclass(frozen=True)
class Services:
    """What ingest works with. `index_later(collection)` has the indexes follow, in the background."""

    store: Store
    embedder: Embedder
    readers: Readers
    index_later: Callable[[CollectionRow], None]


@dataclass(eq=False)
class _File:
    """One file on its way: being read (`parsed`), read (`new`, at first without vectors) or done with (`outcome`)."""

    file: SourceFile
    parsed: Future[Parsed | Refused]
    seconds: float = 0.0
    new: NewDocument | None = None
    outcome: FileAdded | FileSkipped | FileFailed | None = None

    @property
    def source(self) -> str:
        return self.file.source


def ingest(services: Services, files: Sequence[SourceFile], collection: CollectionRow) -> Iterator[IngestEvent]:
    """Add files; the one that fails says so and the rest goes on.

    Every file has its own transaction and is acknowledged after it and a sync to the disk; it is found from then on.
    Files that are read at about the same time are embedded at once, and wait for the disk once. They come in order,
    but for those that take long to read, which the others overtake. A caller that stops taking events pauses the
    work, one that closes the iterator ends it; what was acknowledged stays.
    """
    begun, done = time.perf_counter(), 0
    counts: Counter[str] = Counter()
    line = _Line(services, files, collection)
    with ThreadPoolExecutor(1, "embed") as embedding:  # the next group is embedded while one is stored
        try:
            groups: deque[tuple[list[_File], Future[None]]] = deque()
            while True:
                if group := line.group() if not groups else line.ready():
                    groups.append((group, embedding.submit(_embed, services, group, collection, line.sources)))
                if not groups:
                    break
                if group and len(groups) == 1:
                    continue
                group, embedded = groups.popleft()
                embedded.result()
                _write(services, group, collection, line.sources)
                for file in group:
                    assert file.outcome is not None
                    done += 1
                    yield FileStarted(file.source, done, len(files))
                    counts[file.outcome.type] += 1
                    counts["chunks"] += file.outcome.document.chunks if isinstance(file.outcome, FileAdded) else 0
                    yield file.outcome
        finally:
            line.drop()
            services.index_later(collection)
    yield IngestDone(
        added=counts["file_added"],
        skipped=counts["file_skipped"],
        failed=counts["file_failed"],
        chunks=counts["chunks"],
        seconds=time.perf_counter() - begun,
    )


class _Line:
    """The files that are being read, in order."""

    def __init__(self, services: Services, files: Sequence[SourceFile], collection: CollectionRow) -> None:
        self.sources = frozenset(file.source for file in files)
        self._readers = services.readers
        self._known = services.store.contents(collection)
        self._coming = deque(files)
        self._line: list[_File] = []
        self._late: list[_File] = []  # those that the others have overtaken

    def group(self) -> list[_File]:
        """The next files that have been read, at least one; [] once there are no more."""
        self._fill()
        while self._line:
            nearest = [file.parsed for file in (self._line[0], *self._late)]
            if wait(nearest, _PATIENCE_SECONDS, FIRST_COMPLETED).done:
                break
            self._late.append(self._line.pop(0))
            self._fill()
        if not self._line and self._late:
            wait([file.parsed for file in self._late], return_when=FIRST_COMPLETED)
        wait([file.parsed for file in self._line[:_GROUP_FILES]], timeout=_GROUP_SECONDS)
        return self.ready()

    def ready(self) -> list[_File]:
        """The next files, as far as they have been read."""
        ready = list(takewhile(lambda file: file.parsed.done(), self._line[:_GROUP_FILES]))
        del self._line[: len(ready)]
        self._fill()  # before these are embedded, so that reading goes on beside it
        late = [file for file in self._late if file.parsed.done()]
        self._late = [file for file in self._late if file not in late]
        return late + ready

    def _fill(self) -> None:
        size = sum(file.file.size for file in (*self._line, *self._late))
        while self._coming and len(self._line) < _AHEAD_FILES and (not self._line or size < _AHEAD_BYTES):
            file = self._coming.popleft()
            size += file.size
            self._line.append(_File(file, self._submit(file)))

    def _submit(self, file: SourceFile) -> Future[Parsed | Refused]:
        if file.refused is None:
            return self._readers.submit(Task(file.path, file.source, file.member, self._known.get(file.source)))
        refused: Future[Parsed | Refused] = Future()
        refused.set_result(Refused(file.refused.en, file.refused.zh))
        return refused

    def drop(self) -> None:
        """Give up what has not been read yet."""
        for file in (*self._line, *self._late):
            file.parsed.cancel()


@contextmanager
def _failures(*files: _File) -> Iterator[None]:
    """Turn any failure of the block into the outcome of these files."""
    try:
        yield
    except RagError as error:
        for file in files:
            file.outcome = FileFailed(file.source, error.en, error.zh)
    except Exception as error:
        log.exception("Unexpected failure with %s", ", ".join(file.source for file in files))
        for file in files:
            problem = problems.app_error(file.source, f"{type(error).__name__}: {error}")
            file.outcome = FileFailed(file.source, problem.en, problem.zh)


def _take(services: Services, file: _File, collection: CollectionRow, sources: frozenset[str]) -> None:
    """What the reading of a file came to: a failure, a document that is there, or one to be written."""
    parsed = file.parsed.result()
    if isinstance(parsed, Refused):
        if parsed.unexpected:
            log.error("Unexpected failure with %s\n%s", file.source, parsed.unexpected)
        file.outcome = FileFailed(file.source, parsed.en, parsed.zh)
        return
    known = services.store.same_document(collection, file.source, parsed.sha256)
    if known is not None and known.source in sources:
        if parsed.original:  # it was added by a version that did not keep originals
            services.store.keep_original(parsed.sha256, parsed.original)
        file.outcome = FileSkipped(file.source, known)
    elif parsed.loaded is None:
        file.outcome = FileFailed(
            file.source,
            f"The document of {file.source} was deleted while it was read, so it was not added. Add it again.",
            f"读取期间 {file.source} 对应的文档被删除，因此没有添加。请重新添加。",
        )
    else:
        file.new = NewDocument(
            file.source, parsed.sha256, parsed.size, parsed.loaded, parsed.chunks, np.empty((0, 0)), parsed.original
        )


def _embed(services: Services, group: Sequence[_File], collection: CollectionRow, sources: frozenset[str]) -> None:
    """Embed the chunks of these files together; those that cannot be added, or need not be, have an outcome then."""
    begun = time.perf_counter()
    for file in group:
        with _failures(file):
            _take(services, file, collection, sources)
    files = [(file, file.new) for file in group if file.new is not None]
    with _failures(*(file for file, _ in files)):
        texts = [index_text(new.loaded.title, c.heading, c.text) for _, new in files for c in new.chunks]
        ends = np.cumsum([len(new.chunks) for _, new in files])
        vectors = np.split(services.embedder.encode(texts), ends[:-1]) if files else []
        for (file, new), rows in zip(files, vectors, strict=True):
            file.new = replace(new, vectors=rows)
            file.seconds = (time.perf_counter() - begun) / len(files)


def _write(services: Services, group: Sequence[_File], collection: CollectionRow, sources: frozenset[str]) -> None:
    """Store each file by itself, and wait for the disk."""
    begun = time.perf_counter()
    for file in group:
        if file.outcome is None and file.new is not None:
            with _failures(file):
                file.outcome = _store(services, file.new, collection, sources)
    added = [file for file in group if isinstance(file.outcome, FileAdded)]
    with _failures(*added):
        services.store.sync()
    for file in added:
        if isinstance(file.outcome, FileAdded):
            seconds = file.seconds + (time.perf_counter() - begun) / len(added)
            file.outcome = replace(file.outcome, seconds=seconds)


def _store(
    services: Services, new: NewDocument, collection: CollectionRow, sources: frozenset[str]
) -> FileAdded | FileSkipped:
    """Write a document, in place of the one of the same content whose name is not among these files any more."""
    known = services.store.same_document(collection, new.source, new.sha256)
    if known is not None and known.source in sources:  # it came in this very group, or from another thread
        return FileSkipped(new.source, known)
    document = services.store.add_document(collection, new, known.id if known else "")
    return FileAdded(new.source, document, 0.0, known.source if known else "")
