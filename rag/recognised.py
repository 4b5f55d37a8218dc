"""Which stretches of a document were read by text recognition (OCR): kept beside it, so that passages can say so."""

from __future__ import annotations

from typing import Any

from rag.types import LoadedDocument

OF_CHUNK = """EXISTS (SELECT 1 FROM recognised r
    WHERE r.document_id = k.document_id AND r.start_at < k.end_at AND r.end_at > k.start_at)"""
"""SQL: whether some of the chunk `k` was."""


def write(db: Any, document_id: str, loaded: LoadedDocument) -> None:
    """Note the stretches of a new document. `db`: in a transaction."""
    rows = [(document_id, section.start, section.end) for section in loaded.sections if section.recognised]
    db.executemany("INSERT INTO recognised VALUES (?, ?, ?)", rows)
