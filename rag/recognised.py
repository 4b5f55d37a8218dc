"""Which stretches of a document were read by text recognition (OCR): kept beside it, so that passages can say so."""

from __future__ import annotations

from typing import Any

from rag.types import LoadedDocument

_TABLE = """CREATE TABLE IF NOT EXISTS recognised(
    document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    PRIMARY KEY (document_id, start_at)
) WITHOUT ROWID"""

OF_CHUNK = """EXISTS (SELECT 1 FROM recognised r
    WHERE r.document_id = k.document_id AND r.start_at < k.end_at AND r.end_at > k.start_at)"""
"""SQL: whether some of the chunk `k` was."""


def prepare(db: Any) -> None:
    """Make the table, which knowledge bases of before have not got. `db`: in a transaction, as everywhere here."""
    db.execute(_TABLE)


def write(db: Any, document_id: str, loaded: LoadedDocument) -> None:
    """Note the stretches of a new document."""
    rows = [(document_id, section.start, section.end) for section in loaded.sections if section.recognised]
    db.executemany("INSERT INTO recognised VALUES (?, ?, ?)", rows)


def restore(db: Any) -> None:
    """Take over what a backup, attached as `other`, says of the documents that were taken over from it."""
    if db.execute("SELECT 1 FROM other.sqlite_master WHERE name = 'recognised'").fetchone():
        db.execute("INSERT INTO main.recognised SELECT * FROM other.recognised")
