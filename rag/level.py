"""A vector index against the store, chunk by chunk: what differs, and how to make it level."""

from __future__ import annotations

import logging

import numpy as np

from rag.index import VectorIndex
from rag.journal import IndexJournal
from rag.records import CollectionRow

log = logging.getLogger(__name__)


def heal(journal: IndexJournal, index: VectorIndex, collection: CollectionRow) -> int:
    """Add the ids that are missing and delete those that are too many; returns the last row in the index.

    Raises:
        StorageError.
    """
    there, row, added = index.ids(), 0, 0
    for batch in journal.batches(collection):
        missing = [i for i, name in enumerate(batch.ids) if name not in there]
        there.difference_update(batch.ids)
        if missing:
            index.upsert([batch.ids[i] for i in missing], batch.vectors[missing])
        row, added = batch.rows[-1], added + len(missing)
    if there:
        index.delete(sorted(there))
    journal.advance(collection, row, 0)
    log.info("Healed the vector index of %s: %d added, %d deleted", collection.name, added, len(there))
    return row


def differences(journal: IndexJournal, index: VectorIndex, collection: CollectionRow) -> list[str]:
    """What is wrong with an index that should hold every chunk up to row `collection.indexed`, in words.

    Raises:
        StorageError.
    """
    problems, there = [], index.ids()
    for batch in journal.batches(collection):
        due = [name for name, row in zip(batch.ids, batch.rows, strict=True) if row <= collection.indexed]
        vectors = index.vectors(due)
        there.difference_update(vectors)
        stored = dict(zip(batch.ids, batch.vectors, strict=True))
        counts = {
            "passages are missing from the vector index": len(due) - len(vectors),
            "passages have another vector in the index": sum(
                not np.allclose(vector, stored[name], atol=1e-6) for name, vector in vectors.items()
            ),
        }
        problems += [f"{count} {what}" for what, count in counts.items() if count]
    if there:
        problems.append(f"the vector index holds {len(there)} passages that were deleted")
    return problems
