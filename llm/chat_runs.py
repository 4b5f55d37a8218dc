"""Answers in progress: each is written by a thread of its own, watched by any number of pages.

The page is only a viewer: closing or reloading it loses nothing, and a page that opens later joins the running answer.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from llm.conversations import ConversationStore, Message, Status
from llm.errors import ConversationError

log = logging.getLogger(__name__)

# Partial answers go to disk this often (seconds): what a kill can cost.
SAVE_EVERY = 1.0


class UserFacing(Protocol):
    """What the rooms' errors have in common."""

    en: str
    zh: str


@dataclass(frozen=True)
class Turn:
    """What an answer is asked with; everything JSON-serialisable.

    `history` holds earlier {"role", "content", "sources"} entries; `options`: adapter, collection, system_prompt and
    sampling; those of one `owner` take turns with those of others.
    """

    question: str
    history: tuple[dict[str, Any], ...]
    options: dict[str, Any]
    owner: str = ""


# Yields the answer's events as dicts with a "type": waiting, sources, token, citation, refusal, done (rag.types).
Answer = Callable[[Turn, threading.Event], Iterator[dict[str, Any]]]


@dataclass
class Run:
    """One answer in progress; `version` grows with every change, `changed` wakes those who follow.

    `outcome` is the `status` it will have once that is saved.
    """

    conversation: str
    message: int
    cancel: threading.Event = field(default_factory=threading.Event)
    content: str = ""
    status: Status = "running"
    outcome: Status = "running"
    about: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, event: dict[str, Any]) -> None:
        """Apply one event of the answer."""
        with self.changed:
            kind = event["type"]
            if event.get("why"):
                self.about["why"] = event["why"]
            if kind == "waiting":
                self.about["waiting"] = event
            elif kind == "sources":
                self.about |= {"sources": event["passages"], "query": event["query"], "citations": []}
            elif kind == "token":
                self.content += event["text"]
                self.about.pop("waiting", None)
            elif kind == "citation":
                self.about["citations"] = [*self.about.get("citations", []), event]
            elif kind == "refusal":
                self.about["refused"] = event["reason"]
            elif kind == "done":
                self.content = event["answer"]
                self.about.pop("waiting", None)
                self.about |= {key: event[key] for key in ("adapter", "finish_reason", "usage", "timings")}
                if event.get("version"):
                    self.about["version"] = event["version"]
                self.outcome = "cancelled" if event["finish_reason"] == "cancelled" else "done"
            self._bump()

    def fail(self, error: UserFacing) -> None:
        with self.changed:
            self.about.pop("waiting", None)
            self.about["error"] = {"en": error.en, "zh": error.zh}
            self.outcome = "failed"
            self._bump()

    def end(self) -> None:
        """Tell those who follow; only once the end is saved, because they read it from the store next."""
        with self.changed:
            self.status = self.outcome
            self._bump()

    def follow(self, every: float = 0.06) -> Iterator[Message]:
        """Snapshots until the end, at most one each `every` seconds; the last one is final."""
        seen = -1
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.version != seen, timeout=30)  # noqa: B023
                seen = self.version
                snapshot = Message(self.message, "assistant", self.content, self.status, dict(self.about))
            yield snapshot
            if snapshot.status != "running":
                return
            time.sleep(every)

    def _bump(self) -> None:
        self.version += 1
        self.changed.notify_all()


class ChatRuns:
    """Starts, finds and stops the answers of all conversations, and keeps them in the store.

    Args:
        answer: does the work; injected by app.py (rag's answering over this room's chat model).
        errors: exception types that carry `en` and `zh` for the user.
    """

    def __init__(self, store: ConversationStore, answer: Answer, errors: tuple[type[Exception], ...]) -> None:
        self.store, self._answer, self._errors = store, answer, errors
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, conversation: str, question: str, options: dict[str, Any], owner: str = "") -> Run:
        """Save the question and begin to answer it.

        Raises:
            ConversationError: this conversation is being answered already, or cannot be saved.
        """
        with self._lock:
            if conversation in self._runs:
                raise ConversationError(
                    en="This conversation is still being answered. Wait for the end or press stop, then send again.",
                    zh="这个对话正在回答中。请等它结束或按停止，然后再发送。",
                )
            history = history_of(self.store.messages(conversation))
            with self.store.together():
                self.store.add(conversation, "user", question)
                self.store.remember(conversation, options)
                run = Run(conversation, self.store.add(conversation, "assistant", "", "running"))
            run.about["adapter"] = options.get("adapter")
            if options.get("collection"):
                run.about["collection"] = options["collection"]
            if options.get("system_prompt"):
                run.about["system_prompt"] = options["system_prompt"]
            self._runs[conversation] = run
        turn = Turn(question, history, options, owner)
        threading.Thread(target=self._work, args=(run, turn), name="answer", daemon=True).start()
        return run

    def find(self, conversation: str) -> Run | None:
        """The running answer of this conversation, if there is one."""
        with self._lock:
            return self._runs.get(conversation)

    def stop(self, conversation: str) -> None:
        """End the running answer within a step; what is written so far is kept."""
        run = self.find(conversation)
        if run:
            run.cancel.set()

    def wait(self, timeout: float = 5.0) -> None:
        """Stop every answer and wait until all are saved (at shutdown)."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.cancel.set()
        end = time.monotonic() + timeout
        while time.monotonic() < end and any(self.find(run.conversation) for run in runs):
            time.sleep(0.02)

    def _work(self, run: Run, turn: Turn) -> None:
        saved = time.monotonic()
        try:
            for event in self._answer(turn, run.cancel):
                run.take(event)
                if run.outcome == "running" and time.monotonic() - saved > SAVE_EVERY:
                    self._save_part(run)
                    saved = time.monotonic()
            if run.outcome == "running":
                raise ValueError("the answer ended without its last event")
        except self._errors as error:
            run.fail(error)  # type: ignore[arg-type]
        except Exception:
            # The thread's last line of defence: the page must hear of it, and the log must hold the trace.
            log.exception("answer failed")
            run.fail(
                ConversationError(
                    en="Something unexpected went wrong; the log has the details. Your question is kept: press retry.",
                    zh="发生了意外错误，详情见日志。你的问题已保留，请点重试。",
                )
            )
        finally:
            # In this order: a page that no longer finds the run finds its end in the store, and a page that is told
            # of the end can send the next message.
            try:
                self._save(run)
            except ConversationError as error:
                log.error("answer not saved: %s", error.en)
                run.fail(error)
            with self._lock:
                self._runs.pop(run.conversation, None)
            run.end()

    def _save_part(self, run: Run) -> None:
        try:
            self._save(run)
        except ConversationError as error:
            # The disk may have room again by the next time; the answer goes on.
            log.warning("partial answer not saved: %s", error.en)

    def _save(self, run: Run) -> None:
        about = {key: value for key, value in run.about.items() if key != "waiting"}
        self.store.update(run.message, run.content, run.outcome, about)


def history_of(messages: Sequence[Message]) -> tuple[dict[str, Any], ...]:
    """The questions that were answered, with their answers as the user corrected them: templates want the roles in
    turn."""
    kept: list[Message] = []
    for question, answer in itertools.pairwise(messages):
        if (question.role, answer.role) == ("user", "assistant") and answer.status in ("done", "cancelled"):
            kept += [question, answer] if answer.content else []
    return tuple(
        {
            "role": m.role,
            "content": m.about.get("corrected") or m.content,
            "sources": [s["title"] for s in m.about.get("sources", [])],
        }
        for m in kept
    )
