"""Is what the store holds sound? Every passage is checked against the id that was computed from its text."""

from __future__ import annotations

from rag.records import chunk_id
from rag.store import Store
from rag.types import Chunk


def check(store: Store) -> list[str]:
    """Problems of the SQLite file in words; [] for a sound one.

    Raises:
        StorageError: it cannot be read at all.
    """
    problems = store.database.integrity()
    with store.database.reading() as db:
        for row in db.execute(
            """SELECT d.source FROM documents d LEFT JOIN chunks k ON k.document_id = d.id
               GROUP BY d.id HAVING count(k.row) = 0 OR max(k.ordinal) + 1 <> count(k.row)
               OR max(k.collection_id <> d.collection_id)"""
        ):
            problems.append(f"{row[0]}: passages are missing")
        for document_id, source, title, text in db.execute("SELECT id, source, title, text FROM documents"):
            wrong = 0
            for row in db.execute(
                "SELECT id, start_at, end_at, heading, page FROM chunks WHERE document_id = ?", (document_id,)
            ):
                chunk = Chunk(text[row[1] : row[2]], row[1], row[2], row[3], row[4])
                wrong += chunk_id(document_id, title, chunk) != row[0]
            if wrong:
                problems.append(f"{source}: {wrong} passages do not match the text they were made from")
    return problems
