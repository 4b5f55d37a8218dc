"""Answers that the user corrected in the chat, kept until they are taught: one SQLite file.

Whether a correction is taught is not written down, it is read off: a correction names the training it went into, and a
version names the training it came from. So a training that failed, or a version that was deleted, gives its corrections
back.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import CorrectionError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS corrections (
    id INTEGER PRIMARY KEY AUTOINCREMENT, prompt TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, created REAL NOT NULL, messages TEXT NOT NULL, question TEXT NOT NULL, said TEXT NOT NULL,
    wanted TEXT NOT NULL, documents TEXT NOT NULL, job TEXT NOT NULL DEFAULT '', UNIQUE (owner, name, prompt)
)
"""
_COLUMNS = "id, owner, name, version, created, messages, question, said, wanted, documents, job"
# Another process (a command beside the app) may be writing, seconds.
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Correction:
    """One answer and what it should have been.

    Attributes:
        name, version: of the self that answered; "" for the base.
        messages: what it was asked with, as the model sees it: system prompt or passages, the conversation so far, the
            question.
        question, said, wanted: as the user typed it, as it was answered, as it should be.
        documents: titles of the passages it was to answer from.
        owner: who corrected it.
        job: the training it went into; "" while it is in none.
        id, created: given by the store; created is seconds since the epoch.
    """

    name: str
    version: str
    messages: tuple[dict[str, Any], ...]
    question: str
    said: str
    wanted: str
    documents: tuple[str, ...] = ()
    owner: str = ""
    job: str = ""
    id: int = 0
    created: float = 0.0


class CorrectionStore:
    """Corrections in `path`; any thread and any number of processes may use one.

    Every change is on the disk itself when its method returns, and either whole or not made. Nothing is opened before
    it is asked for. Everything raises CorrectionError where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, correction: Correction) -> int:
        """Keep one; returns its id. The same answer corrected again takes the earlier one's place."""
        messages = json.dumps(correction.messages, ensure_ascii=False)
        prompt = hashlib.sha256(messages.encode()).hexdigest()
        values = (
            prompt, correction.owner, correction.name, correction.version, time.time(), messages, correction.question,
            correction.said, correction.wanted, json.dumps(correction.documents, ensure_ascii=False),
        )  # fmt: skip
        with self._open() as db:
            db.execute(
                "INSERT INTO corrections (prompt, owner, name, version, created, messages, question, said, wanted, "
                "documents) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name, prompt) DO UPDATE SET "
                "version = excluded.version, created = excluded.created, said = excluded.said, "
                "wanted = excluded.wanted, job = ''",
                values,
            )
            key = (correction.owner, correction.name, prompt)
            found = db.execute("SELECT id FROM corrections WHERE owner = ? AND name = ? AND prompt = ?", key)
            return int(found.fetchone()[0])

    def all(self, owner: str | None = None) -> list[Correction]:
        """The owner's, or everybody's, oldest first."""
        if not self.path.exists():
            return []
        with self._open() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM corrections WHERE owner = ? OR ? IS NULL ORDER BY id", (owner, owner)
            ).fetchall()
        return [_correction(row) for row in rows]

    def edit(self, identity: int, wanted: str, owner: str | None = None) -> None:
        """Change what the answer should have been; it is to be taught again.

        Raises:
            CorrectionError: there is no such correction of this owner, or nothing is left of the answer.
        """
        if not wanted.strip():
            raise CorrectionError(
                en="An answer cannot be empty, so nothing was changed. To teach it no more, remove the correction.",
                zh="回答不能为空，没有改动。若不想再教，请移除这条更正。",
            )
        with self._open() as db:
            found = db.execute(
                "UPDATE corrections SET wanted = ?, job = '' WHERE id = ? AND (owner = ? OR ? IS NULL)",
                (wanted.strip(), identity, owner, owner),
            )
            if not found.rowcount:
                raise _none(identity)

    def remove(self, identities: Iterable[int], owner: str | None = None) -> int:
        """Delete those of the owner; returns how many there were."""
        with self._open() as db:
            return sum(
                db.execute(
                    "DELETE FROM corrections WHERE id = ? AND (owner = ? OR ? IS NULL)", (one, owner, owner)
                ).rowcount
                for one in identities
            )

    def given(self, corrections: Iterable[Correction], job: str) -> None:
        """Say which training they went into."""
        with self._open() as db:
            # one that was edited meanwhile is not what the training learns
            values = [(job, one.id, one.wanted) for one in corrections]
            db.executemany("UPDATE corrections SET job = ? WHERE id = ? AND wanted = ?", values)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode=WAL")
                # on the disk at every commit, not only in the system's memory
                db.execute("PRAGMA synchronous=FULL")
                db.execute(_SCHEMA)
                db.execute("BEGIN IMMEDIATE")
                # closing takes back what is not committed
                yield db
                db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise CorrectionError(
                en=f"The corrections in {self.path} could not be read or written ({error}). Nothing was changed; check "
                "that the disk is not full and the data folder writable, then try again.",
                zh=f"无法读写 {self.path} 中的更正（{error}），没有任何改动。"
                "请检查磁盘是否已满、数据文件夹是否可写，然后重试。",
            ) from error


def chosen(corrections: Sequence[Correction], identities: Iterable[int]) -> list[Correction]:
    """Those with these ids, in their order.

    Raises:
        CorrectionError: one is not there.
    """
    known = {one.id: one for one in corrections}
    wanted = list(identities)
    if missing := [one for one in wanted if one not in known]:
        raise _none(missing[0])
    return [known[one] for one in wanted]


def _correction(row: tuple[Any, ...]) -> Correction:
    identity, owner, name, version, created, messages, question, said, wanted, documents, job = row
    return Correction(
        name, version, tuple(json.loads(messages)), question, said, wanted, tuple(json.loads(documents)), owner, job,
        identity, created,
    )  # fmt: skip


def _none(identity: int) -> CorrectionError:
    return CorrectionError(
        en=f"There is no correction {identity} any more. Nothing was changed; look at the list again.",
        zh=f"更正 {identity} 已不存在，没有改动；请重新查看列表。",
    )
