"""Files into a collection, one transaction per file; every outcome is an event."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.dense import DenseIndex
from rag.embeddings import Embedder
from rag.errors import RagError, UnreadableFileError
from rag.loaders import load
from rag.records import CollectionRow, NewDocument, index_text
from rag.settings import RagSettings
from rag.splitting import split
from rag.store import Store
from rag.types import FileAdded, FileFailed, FileSkipped, FileStarted, IngestDone, IngestEvent

log = logging.getLogger(__name__)

_GROUP_FILES, _GROUP_CHUNKS, _GROUP_SECONDS = 64, 256, 0.5  # read ahead until one of these is reached
_FLUSH_CHUNKS = 1024
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite text ends at NUL; half of a surrogate pair is no Unicode


@dataclass(frozen=True)
class Services:
    """What ingest works with."""

    store: Store
    dense: DenseIndex
    embedder: Embedder
    settings: RagSettings


@dataclass
class _File:
    """One file on its way: read (`new`, still without vectors) or done with (`outcome`)."""

    source: str
    seconds: float = 0.0
    new: NewDocument | None = None
    outcome: FileAdded | FileSkipped | FileFailed | None = None


def ingest(services: Services, files: Sequence[tuple[Path, str]], collection: CollectionRow) -> Iterator[IngestEvent]:
    """Add (path, source name) pairs; the file that fails says so and the rest goes on.

    Every file has its own transaction and is acknowledged after it and a sync to the disk; it is found from then on.
    Small files are read ahead for up to half a second, to embed their passages at once and to wait for the disk
    once. The vector index is written in large batches beside the reading, and at the end (also when the caller stops
    half-way).
    """
    begun, flushed, done = time.perf_counter(), 0, 0
    counts: Counter[str] = Counter()
    writer = ThreadPoolExecutor(1, "index")
    try:
        while done < len(files):
            yield FileStarted(files[done][1], done + 1, len(files))
            if not done:
                writer.submit(
                    services.dense.flush_later, collection
                )  # opens the index while there is still room for one
            for n, event in enumerate(_group(services, files[done : done + _GROUP_FILES], collection)):
                if n:
                    yield FileStarted(event.source, done + 1, len(files))
                counts[event.type] += 1
                counts["chunks"] += event.document.chunks if isinstance(event, FileAdded) else 0
                done += 1
                yield event
            if counts["chunks"] - flushed >= _FLUSH_CHUNKS:
                writer.submit(services.dense.flush_later, collection)
                flushed = counts["chunks"]
    finally:
        writer.submit(services.dense.flush_later, collection)
        writer.shutdown()
    yield IngestDone(
        added=counts["file_added"],
        skipped=counts["file_skipped"],
        failed=counts["file_failed"],
        chunks=counts["chunks"],
        seconds=time.perf_counter() - begun,
    )


def _group(
    services: Services, files: Sequence[tuple[Path, str]], collection: CollectionRow
) -> list[FileAdded | FileSkipped | FileFailed]:
    """The outcomes of the first of these files (at least one), once they are on the disk."""
    group: list[_File] = []
    begun, chunks = time.perf_counter(), 0
    for path, source in files:
        started, file = time.perf_counter(), _File(source)
        with _failures(file):
            _read(services, path, file, collection)
        file.seconds = time.perf_counter() - started
        group.append(file)
        chunks += len(file.new.chunks) if file.new else 0
        if chunks >= _GROUP_CHUNKS or time.perf_counter() - begun >= _GROUP_SECONDS:
            break
    _write(services, group, collection)
    return [file.outcome for file in group if file.outcome is not None]


@contextmanager
def _failures(*files: _File) -> Iterator[None]:
    """Turn any failure of the block into the outcome of these files."""
    try:
        yield
    except RagError as error:
        for file in files:
            file.outcome = FileFailed(file.source, error.message("en"), error.message("zh"))
    except Exception as error:
        log.exception("Unexpected failure with %s", ", ".join(file.source for file in files))
        for file in files:
            name = f"{type(error).__name__}: {error}"
            file.outcome = FileFailed(
                file.source,
                f"{file.source} could not be added because of an error in this app ({name}). "
                "Nothing of it was kept. The log has the details.",
                f"由于本应用内部错误，无法添加 {file.source}（{name}）。没有保存任何内容，详情见日志。",
            )


def _read(services: Services, path: Path, file: _File, collection: CollectionRow) -> None:
    """Load and split one file, unless it is known."""
    settings = services.settings
    size, sha256 = _content(path, file.source, settings.max_file_mb)
    known = services.store.same_document(collection, file.source, sha256)
    if known is not None:
        file.outcome = FileSkipped(file.source, known)
        return
    loaded = load(path, settings, file.source)
    if _UNSTORABLE.search(loaded.text):  # one for one, so that offsets stay
        loaded = replace(loaded, text=_UNSTORABLE.sub("\ufffd", loaded.text))
    chunks = split(loaded, settings)
    if not chunks:
        raise UnreadableFileError(
            en=f"{file.source} holds no text, so there is nothing to search in it. "
            "If it is a scan, run text recognition (OCR) on it first.",
            zh=f"{file.source} 中没有文字，无法检索。如果是扫描件，请先做文字识别（OCR）。",
        )
    file.new = NewDocument(file.source, sha256, size, loaded, chunks, np.empty((0, 0)))


def _write(services: Services, group: Sequence[_File], collection: CollectionRow) -> None:
    """Embed the chunks of these files together, store each file by itself, and wait for the disk."""
    files = [(file, file.new) for file in group if file.new is not None]
    if not files:
        return
    begun = time.perf_counter()
    vectors: list[np.ndarray] = []
    with _failures(*(file for file, _ in files)):
        texts = [index_text(new.loaded.title, c.heading, c.text) for _, new in files for c in new.chunks]
        ends = np.cumsum([len(new.chunks) for _, new in files])
        vectors = np.split(services.embedder.encode(texts), ends[:-1])
    if not vectors:
        return  # the embedder failed, and they with it
    added = [
        file
        for (file, new), rows in zip(files, vectors, strict=True)
        if _store(services, file, replace(new, vectors=rows), collection)
    ]
    with _failures(*added):
        services.store.sync()
    share = (time.perf_counter() - begun) / len(files)
    for file in added:
        if isinstance(file.outcome, FileAdded):
            file.outcome = replace(file.outcome, seconds=file.seconds + share)


def _store(services: Services, file: _File, new: NewDocument, collection: CollectionRow) -> bool:
    with _failures(file):
        known = services.store.same_document(collection, new.source, new.sha256)
        if known is not None:  # the same content came in this very group, or from another thread
            file.outcome = FileSkipped(new.source, known)
        else:
            file.outcome = FileAdded(new.source, services.store.add_document(collection, new), 0.0)
    return isinstance(file.outcome, FileAdded)


def _content(path: Path, source: str, max_mb: int) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a regular file; of one over the limit only as much as shows that it is."""
    digest, size = hashlib.sha256(), 0
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
                if size > max_mb << 20:
                    break  # load() refuses it with the reason
    except OSError as error:
        raise UnreadableFileError(
            en=f"{source} could not be opened ({error.strerror or 'no such file'}). Check that it still exists and "
            "may be read.",
            zh=f"无法打开 {source}（{error.strerror or '文件不存在'}）。请确认文件存在且有读取权限。",
        ) from error
    return size, digest.hexdigest()
