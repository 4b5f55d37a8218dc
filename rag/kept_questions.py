"""Questions that users kept from the chat, to measure a collection with: whose, about which, and what should be cited.

They stand in the knowledge base's file, so that they go with a collection, come back with a backup, and are erased with
the document that they name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.questions import Question, known, means, question_of
from rag.types import Document

if TYPE_CHECKING:
    from rag.store import Store

_LONGEST = 1000  # characters of a cell


@dataclass(frozen=True)
class Kept:
    """A question as a row of the list; `source` and `answer` as in the CSV files of `rag.questions`.

    `failed`: its answer was pointed at as wrong.
    """

    question: str
    source: str = ""
    answer: str = ""
    failed: bool = False


class KeptQuestions:
    """Reads and writes. Thread-safe; every change is on the disk when its method returns.

    Raises (all methods): CollectionNotFoundError, StorageError.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, owner: str, collection: str) -> list[Kept]:
        """The owner's questions to a collection, the oldest first."""
        row = self._store.collection(collection)
        with self._store.database.reading() as db:
            rows = db.execute(
                """SELECT question, source, answer, failed FROM questions
                   WHERE collection_id = ? AND owner = ? ORDER BY id""",
                (row.id, owner),
            )
            return [Kept(found[0], found[1], found[2], bool(found[3])) for found in rows]

    def change(self, owner: str, collection: str, gone: Sequence[str] = (), kept: Sequence[Kept] = ()) -> None:
        """Forget questions, then keep others; one that is kept already changes."""
        row = self._store.collection(collection)
        with self._store.database.transaction() as db:
            db.executemany(
                "DELETE FROM questions WHERE collection_id = ? AND owner = ? AND question = ?",
                [(row.id, owner, question) for question in gone],
            )
            db.executemany(
                """INSERT INTO questions(collection_id, owner, question, source, answer, failed)
                   VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (collection_id, owner, question) DO UPDATE
                   SET source = excluded.source, answer = excluded.answer, failed = excluded.failed""",
                [
                    (row.id, owner, one.question[:_LONGEST], one.source[:_LONGEST], one.answer[:_LONGEST], one.failed)
                    for one in kept
                ],
            )
        if gone:
            self._store.database.checkpoint()  # also out of the log
        self._store.sync()


def forget(db: Any, collection: int, document: Document) -> None:
    """Within a transaction: forget what names a document of a collection, whosoever kept it."""
    rows = db.execute("SELECT id, question, source FROM questions WHERE collection_id = ?", (collection,)).fetchall()
    naming = [(row[0],) for row in rows if means(row[2], document) or document.source in row[1]]
    db.executemany("DELETE FROM questions WHERE id = ?", naming)


def rename(db: Any, collection: int, old: str, new: str) -> None:
    """Within a transaction: a document has another source name."""
    db.execute("UPDATE questions SET source = ? WHERE collection_id = ? AND source = ?", (new, collection, old))


def to_measure(kept: Sequence[Kept]) -> list[Question]:
    """Those of which it is said what should be cited."""
    return [question_of(one.question, one.source, one.answer) for one in kept if known(one.source)]


def as_csv(kept: Sequence[Kept]) -> str:
    """The list as `rag.questions` reads it, with what was failed marked."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["question", "source", "answer", "failed"])
    rows.writerows([_plain(one.question), _plain(one.source), _plain(one.answer), "x" * one.failed] for one in kept)
    return out.getvalue()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
