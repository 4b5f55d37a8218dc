"""Conversations on the server: one SQLite file, so that they survive a reload, a restart and a kill."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llm.errors import ConversationError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL, updated REAL NOT NULL, settings TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS conversations_by_owner ON conversations (owner, updated DESC);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL, about TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS messages_by_conversation ON messages (conversation, id);
"""

Status = Literal["done", "running", "cancelled", "failed", "interrupted"]


@dataclass(frozen=True)
class Message:
    """One turn.

    `about` of an answer holds: adapter and its version, collection, system_prompt, sources, query, citations, refused,
    usage, timings, finish_reason, corrected (what the user wants instead), thumb, and error (en, zh) where it failed.
    An answer that was running when the app was killed is read back as "interrupted".
    """

    id: int
    role: Literal["user", "assistant"]
    content: str
    status: Status = "done"
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversation:
    """A conversation without its messages. `created` and `updated` are seconds since the epoch."""

    id: str
    owner: str
    title: str
    created: float
    updated: float
    settings: dict[str, Any] = field(default_factory=dict)


class ConversationStore:
    """Thread-safe store in `path` (WAL). Every change is on disk when its method returns.

    Whose a conversation is, `get` and `delete` check: what takes no owner is for callers that asked `get` before.
    Everything raises ConversationError where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._together = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA foreign_keys=ON")
            self._database.executescript(_SCHEMA)
            self._database.execute("UPDATE messages SET status = 'interrupted' WHERE status = 'running'")
        except (OSError, sqlite3.Error) as error:
            raise ConversationError(
                en=f"The saved conversations in {path} could not be opened ({error}). Nothing was changed; check that "
                "the data folder is writable and not full, or move this file away to start with none.",
                zh=f"无法打开 {path} 中保存的对话（{error}），没有改动任何内容。"
                "请检查数据文件夹是否可写、磁盘是否已满；也可移走该文件，从空白开始。",
            ) from error

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def create(self, owner: str) -> Conversation:
        """A new, empty conversation. Its id cannot be guessed."""
        now = time.time()
        conversation = Conversation(secrets.token_urlsafe(12), owner, "", now, now)
        with self._write() as db:
            db.execute(
                "INSERT INTO conversations (id, owner, created, updated) VALUES (?, ?, ?, ?)",
                (conversation.id, owner, now, now),
            )
        return conversation

    def of_owner(self, owner: str, limit: int = 200) -> list[Conversation]:
        """The owner's conversations that hold a message, latest first."""
        rows = self._rows(
            "SELECT id, owner, title, created, updated, settings FROM conversations c WHERE owner = ? AND EXISTS "
            "(SELECT 1 FROM messages WHERE conversation = c.id) ORDER BY updated DESC, id LIMIT ?",
            (owner, limit),
        )
        return [_conversation(row) for row in rows]

    def get(self, owner: str, conversation: str) -> Conversation:
        rows = self._rows(
            "SELECT id, owner, title, created, updated, settings FROM conversations WHERE id = ? AND owner = ?",
            (conversation, owner),
        )
        if not rows:
            raise ConversationError(
                en="This conversation does not exist any more, or belongs to someone else. Start a new one.",
                zh="这个对话已不存在，或属于其他人。请新建对话。",
            )
        return _conversation(rows[0])

    def messages(self, conversation: str) -> list[Message]:
        rows = self._rows(
            "SELECT id, role, content, status, about FROM messages WHERE conversation = ? ORDER BY id",
            (conversation,),
        )
        return [Message(id, role, text, status, json.loads(about)) for id, role, text, status, about in rows]

    def add(self, conversation: str, role: str, content: str, status: Status = "done") -> int:
        """Append a message; returns its id. The first question gives the conversation its title."""
        now = time.time()
        with self._write() as db:
            cursor = db.execute(
                "INSERT INTO messages (conversation, role, content, status) VALUES (?, ?, ?, ?)",
                (conversation, role, content, status),
            )
            db.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, conversation))
            if role == "user":
                title = " ".join(content.split())[:60]
                db.execute("UPDATE conversations SET title = ? WHERE id = ? AND title = ''", (title, conversation))
        return int(cursor.lastrowid or 0)

    def update(self, message: int, content: str, status: Status, about: dict[str, Any]) -> None:
        """Rewrite an answer while and after it is written."""
        with self._write() as db:
            db.execute(
                "UPDATE messages SET content = ?, status = ?, about = ? WHERE id = ?",
                (content, status, json.dumps(about, ensure_ascii=False), message),
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Changes made inside are all kept or none."""
        with self._write():
            yield

    def truncate(self, conversation: str, message: int) -> None:
        """Remove `message` and everything after it (retry, undo, edit)."""
        with self._write() as db:
            db.execute("DELETE FROM messages WHERE conversation = ? AND id >= ?", (conversation, message))

    def remember(self, conversation: str, settings: dict[str, Any]) -> None:
        """Keep what was chosen for the last message: self, collection, system prompt, sampling."""
        with self._write() as db:
            db.execute(
                "UPDATE conversations SET settings = ? WHERE id = ?",
                (json.dumps(settings, ensure_ascii=False), conversation),
            )

    def delete(self, owner: str, conversation: str) -> None:
        with self._write() as db:
            db.execute("DELETE FROM conversations WHERE id = ? AND owner = ?", (conversation, owner))

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise ConversationError(
                    en=f"The saved conversations could not be read ({error}). Nothing was changed; check the data "
                    "folder's disk, then reload the page.",
                    zh=f"无法读取保存的对话（{error}），没有改动任何内容；请检查数据文件夹所在磁盘，然后刷新页面。",
                ) from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._together:  # the outer one commits
                yield self._database
                return
            self._together = True
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.ProgrammingError):  # closed meanwhile: nothing to take back
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise _not_written(error) from error
                raise
            finally:
                self._together = False


def _conversation(row: tuple[Any, ...]) -> Conversation:
    id, owner, title, created, updated, settings = row
    return Conversation(id, owner, title, created, updated, json.loads(settings))


def _not_written(error: sqlite3.Error) -> ConversationError:
    return ConversationError(
        en=f"The conversation could not be saved ({error}). This message was not kept; check that the disk is not full "
        "and the data folder writable, then send it again.",
        zh=f"对话未能保存（{error}）。这条消息没有保留；请检查磁盘是否已满、数据文件夹是否可写，然后重新发送。",
    )
