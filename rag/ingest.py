"""Files into a collection, one transaction per file; every outcome is an event."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.dense import DenseIndex
from rag.embeddings import Embedder
from rag.errors import RagError, UnreadableFileError
from rag.journal import BATCH
from rag.loaders import load
from rag.records import CollectionRow, NewDocument, index_text
from rag.settings import RagSettings
from rag.splitting import split
from rag.store import Store
from rag.types import Document, FileAdded, FileFailed, FileSkipped, FileStarted, IngestDone, IngestEvent

log = logging.getLogger(__name__)

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite text ends at NUL; half of a surrogate pair is no Unicode


@dataclass(frozen=True)
class Services:
    """What ingest works with."""

    store: Store
    dense: DenseIndex
    embedder: Embedder
    settings: RagSettings


def ingest(services: Services, files: Sequence[tuple[Path, str]], collection: CollectionRow) -> Iterator[IngestEvent]:
    """Add (path, source name) pairs; the file that fails says so and the rest goes on.

    A document is acknowledged after its commit and is found from then on; the vector index is written in large
    batches across files, and at the end (also when the caller stops half-way).
    """
    begun, waiting = time.perf_counter(), 0
    counts = {"added": 0, "skipped": 0, "failed": 0, "chunks": 0}
    try:
        for index, (path, source) in enumerate(files, 1):
            yield FileStarted(source, index, len(files))
            if index == 1:
                _flush(services, collection)  # opens the index while there is still room for one
            event = _one(services, path, source, collection)
            if isinstance(event, FileAdded):
                counts["added"] += 1
                counts["chunks"] += event.document.chunks
                waiting += event.document.chunks
            else:
                counts["skipped" if isinstance(event, FileSkipped) else "failed"] += 1
            yield event
            if waiting >= BATCH:
                _flush(services, collection)
                waiting = 0
    finally:
        _flush(services, collection)
    yield IngestDone(**counts, seconds=time.perf_counter() - begun)


def _flush(services: Services, collection: CollectionRow) -> None:
    try:
        services.dense.flush(collection)
    except RagError as error:
        # nothing is lost: what is committed stays searchable in memory, and the next flush or start tries again
        log.warning("The vector index of %s stays behind: %s", collection.name, error)


def _one(
    services: Services, path: Path, source: str, collection: CollectionRow
) -> FileAdded | FileSkipped | FileFailed:
    begun = time.perf_counter()
    try:
        document, added = _add(services, path, source, collection)
    except RagError as error:
        return FileFailed(source, error.message("en"), error.message("zh"))
    except Exception as error:
        log.exception("Unexpected failure with %s", source)
        return FileFailed(
            source,
            f"{source} could not be added because of an error in this app ({type(error).__name__}: {error}). "
            "Nothing of it was kept. The log has the details.",
            f"由于本应用内部错误，无法添加 {source}（{type(error).__name__}：{error}）。没有保存任何内容，详情见日志。",
        )
    if not added:
        return FileSkipped(source, document)
    return FileAdded(source, document, time.perf_counter() - begun)


def _add(services: Services, path: Path, source: str, collection: CollectionRow) -> tuple[Document, bool]:
    """The document of a file, and whether it was added now."""
    settings = services.settings
    size, sha256 = _content(path, source, settings.max_file_mb)
    known = services.store.same_document(collection, source, sha256)
    if known is not None:
        return known, False
    loaded = load(path, settings, source)
    if _UNSTORABLE.search(loaded.text):  # one for one, so that offsets stay
        loaded = replace(loaded, text=_UNSTORABLE.sub("\ufffd", loaded.text))
    chunks = split(loaded, settings)
    if not chunks:
        raise UnreadableFileError(
            en=f"{source} holds no text, so there is nothing to search in it. "
            "If it is a scan, run text recognition (OCR) on it first.",
            zh=f"{source} 中没有文字，无法检索。如果是扫描件，请先做文字识别（OCR）。",
        )
    vectors = services.embedder.encode([index_text(loaded.title, chunk.heading, chunk.text) for chunk in chunks])
    new = NewDocument(source, sha256, size, loaded, chunks, vectors)
    return services.store.add_document(collection, new), True


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
