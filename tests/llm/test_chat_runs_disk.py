"""Answers in progress and the disk: partial saves, a full disk, a kill."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm import chat_runs
from llm.chat_runs import Turn
from llm.conversations import ConversationStore, Message
from llm.errors import ConversationError
from tests.llm.scripted import Script, ask_one, done, follow, runs_of, token

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(tmp_path / "chats.db")
    yield store
    store.close()


def test_what_is_written_so_far_is_on_disk(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_runs, "SAVE_EVERY", 0)
    saved: list[Message] = []
    conversation = store.create("ann").id
    look = lambda: saved.append(store.messages(conversation)[-1])  # noqa: E731
    waiting = {"type": "waiting", "en": "e", "zh": "z", "done": 1, "total": 5}
    script = Script(waiting, look, token("half"), look, token(" whole"), done("half whole"))
    follow(runs_of(store, script).start(conversation, "q", {"adapter": "chef"}))
    assert [(m.content, m.status) for m in saved] == [("", "running"), ("half", "running")]
    assert saved[0].about == {"adapter": "chef"}, "what it waits for is not worth keeping"


def _fill(store: ConversationStore) -> None:
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")


def test_a_question_that_cannot_be_saved_is_not_asked(store: ConversationStore) -> None:
    script = Script(done("x"))
    runs = runs_of(store, script)
    conversation = store.create("ann").id
    _fill(store)
    with pytest.raises(ConversationError):
        runs.start(conversation, "short", {"system_prompt": "x" * 50_000})
    assert store.messages(conversation) == []
    assert script.turns == []
    assert runs.find(conversation) is None
    assert follow(runs.start(conversation, "short", {}))[-1].status == "done"


def test_an_answer_that_cannot_be_saved_says_so(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_runs, "SAVE_EVERY", 0)
    script = Script(lambda: _fill(store), token("x" * 50_000), token("y"), done("x" * 50_000))
    runs = runs_of(store, script)
    conversation = store.create("ann").id
    seen = follow(runs.start(conversation, "q", {}))
    assert seen[-1].status == "failed"
    assert "disk" in seen[-1].about["error"]["en"]
    assert seen[-1].content.startswith("xxx"), "the page still has it"
    assert runs.find(conversation) is None


def test_a_disk_that_is_full_for_a_while_does_not_end_the_answer(
    store: ConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_runs, "SAVE_EVERY", 0)
    room = lambda: store._database.execute("PRAGMA max_page_count = 100000")  # noqa: E731
    script = Script(lambda: _fill(store), token("x" * 50_000), room, done("x" * 50_000))
    conversation, last = ask_one(runs_of(store, script))
    assert last.status == "done"
    assert store.messages(conversation)[-1] == last


def test_waiting_at_shutdown_stops_and_saves_everything(store: ConversationStore) -> None:
    def until_cancelled(turn: Turn, cancel: threading.Event) -> Iterator[dict[str, Any]]:
        yield token("par")
        assert cancel.wait(30)
        yield done("par", "cancelled")

    runs = runs_of(store, until_cancelled)
    conversations = [store.create("ann").id for _ in range(3)]
    for conversation in conversations:
        runs.start(conversation, "q", {})
    runs.wait()
    assert [store.messages(c)[-1].status for c in conversations] == ["cancelled"] * 3
    assert not any(runs.find(c) for c in conversations)


KILLED = """
import sys, threading, time
from pathlib import Path
from llm import chat_runs
from llm.conversations import ConversationStore

chat_runs.SAVE_EVERY = 0
store = ConversationStore(Path(sys.argv[1]))

def answer(turn, cancel):
    yield {"type": "sources", "passages": [{"title": "t"}], "query": "q"}
    yield {"type": "token", "text": "half an "}
    print("written", flush=True)
    time.sleep(600)

conversation = store.create("ann").id
print(conversation, flush=True)
chat_runs.ChatRuns(store, answer, ()).start(conversation, "炖多久？", {"adapter": "chef"})
threading.Event().wait()
"""


def test_a_kill_in_mid_answer_keeps_question_and_partial_answer(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT
    )
    assert process.stdout is not None
    conversation = process.stdout.readline().strip()
    assert process.stdout.readline().strip() == "written"
    process.kill()
    process.wait()
    process.stdout.close()
    store = ConversationStore(path)
    question, answer = store.messages(conversation)
    assert (question.content, question.status) == ("炖多久？", "done")
    assert (answer.content, answer.status) == ("half an ", "interrupted")
    assert answer.about["sources"] == [{"title": "t"}]
    assert answer.about["adapter"] == "chef"
    last = follow(runs_of(store, Script(done("x"))).start(conversation, "again", {}))[-1]
    assert last.status == "done"
    store.close()
