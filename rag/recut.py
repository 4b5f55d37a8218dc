"""A collection's documents cut to another length, or embedded by another, in a knowledge base of their own."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rag.embeddings import Embedder
from rag.records import NewDocument, index_text
from rag.splitting import split
from rag.types import Document, LoadedDocument, Section

if TYPE_CHECKING:
    from rag.knowledge_base import KnowledgeBase
    from rag.store import Store


def recut(
    base: KnowledgeBase, store: Store, collection: str, chunk_chars: int, folder: Path, embedder: Embedder | None = None
) -> KnowledgeBase:
    """The documents of `collection` of `base`, under the same name, in a new base in `folder`.

    They are taken as they are stored: pages and headings are those of the passages there. Without an `embedder` the
    vectors are made by that of `base`.

    Raises:
        StorageError.
    """
    overlap = round(base.settings.chunk_overlap * chunk_chars / max(1, base.settings.chunk_chars))
    settings = replace(base.settings, data_dir=folder, chunk_chars=chunk_chars, chunk_overlap=overlap, chroma="")
    made = type(base)(settings, embedder or base.embedder, base.reranker)
    try:
        made.create_collection(collection, name=collection)
        for document in base.documents(collection):
            loaded = _loaded(store, document)
            chunks = split(loaded, settings)
            vectors = made.embedder.encode([index_text(loaded.title, c.heading, c.text) for c in chunks])
            made.add(NewDocument(document.source, document.sha256, document.size, loaded, chunks, vectors), collection)
    except BaseException:
        made.close()
        raise
    return made


def _loaded(store: Store, document: Document) -> LoadedDocument:
    text = store.text(document.id)
    starts: list[tuple[int, str, int | None]] = []
    for (heading, page), chunks in groupby(store.outline(document.id), key=lambda row: row[1:]):
        starts.append((next(chunks)[0], heading, page))
    starts = starts or [(0, "", None)]
    starts[0] = (0, *starts[0][1:])
    ends = [*(start for start, *_ in starts[1:]), len(text)]
    sections = [Section(a, b, heading, page) for (a, heading, page), b in zip(starts, ends, strict=True) if b > a]
    return LoadedDocument(text, document.title, document.loader, tuple(sections))
