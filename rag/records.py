"""Rows of the knowledge base as its modules hand them on, and the ids that are computed from content."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.types import Chunk, LoadedDocument


@dataclass(frozen=True)
class CollectionRow:
    """A row of `collections`; `indexed` and `generation` as in the schema."""

    id: int
    name: str
    title: str
    fingerprint: str
    dimension: int
    index_name: str
    indexed: int
    generation: int


@dataclass(frozen=True)
class NewDocument:
    """A document ready to be written. `vectors`: float [n, d], one row for each of the n chunks; `original`: as
    `rag.originals` packs it, b"" where it is not kept."""

    source: str
    sha256: str
    size: int
    loaded: LoadedDocument
    chunks: Sequence[Chunk]
    vectors: np.ndarray
    original: bytes = b""


@dataclass(frozen=True)
class Hit:
    """A chunk as search needs it: `text == document text[start:end]`."""

    id: str
    document_id: str
    source: str
    title: str
    ordinal: int
    start: int
    end: int
    heading: str
    page: int | None
    text: str
    recognised: bool | int = False  # SQLite knows no bool


def index_text(title: str, heading: str, text: str) -> str:
    """What is embedded and tokenised for a chunk: a step of a recipe is found by the name of the dish above it."""
    head = title if heading in ("", title) else f"{title} {heading}"
    return f"{head}\n{text}"


def new_index_name() -> str:
    """A fresh folder name for a vector index."""
    return uuid.uuid4().hex[:16]


def chunk_id(document_id: str, title: str, chunk: Chunk) -> str:
    """Same id: the same text, at the same place, under the same title and heading, so the same vector too."""
    return digest(document_id, chunk.start, chunk.end, index_text(title, chunk.heading, chunk.text))


def digest(*parts: object) -> str:
    """A short id of these values, the same in every run and on every machine."""
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=12).hexdigest()
