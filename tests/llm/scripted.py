"""Scripted answers, for what happens around them: in the app rag's answering writes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from llm.chat_runs import Answer, ChatRuns, Run, Turn
from llm.conversations import ConversationStore, Message
from llm.errors import LlmError

PASSAGE = {"title": "红烧肉", "text": "炖一小时。", "heading": "做法", "source": "meat.md"}
CITATION = {"type": "citation", "number": 1, "start": 0, "end": 3, "span_start": 0, "span_end": 3, "status": "verified"}


def token(text: str) -> dict[str, Any]:
    return {"type": "token", "text": text}


def done(answer: str, reason: str = "stop") -> dict[str, Any]:
    return {
        "type": "done",
        "answer": answer,
        "adapter": "chef",
        "finish_reason": reason,
        "usage": {"output_tokens": 4},
        "timings": {"ttft_s": 0.1},
    }


class Script:
    """An answer that yields these events; the ones that are callables are called in their turn."""

    def __init__(self, *events: dict[str, Any] | Callable[[], Any]) -> None:
        self.events = events
        self.turns: list[Turn] = []
        self.cancels: list[threading.Event] = []

    def __call__(self, turn: Turn, cancel: threading.Event) -> Iterator[dict[str, Any]]:
        self.turns.append(turn)
        self.cancels.append(cancel)
        for event in self.events:
            if callable(event):
                event()
            else:
                yield event


def runs_of(store: ConversationStore, answer: Answer) -> ChatRuns:
    return ChatRuns(store, answer, (LlmError,))


def follow(run: Run) -> list[Message]:
    return list(run.follow(every=0))


def ask_one(runs: ChatRuns, question: str = "要炖多久？", **options: Any) -> tuple[str, Message]:
    conversation = runs.store.create("ann").id
    return conversation, follow(runs.start(conversation, question, options))[-1]
