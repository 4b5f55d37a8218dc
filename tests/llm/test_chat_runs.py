"""Answers in progress: watched, stopped, and ended whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llm.chat_runs import Turn
from llm.conversations import ConversationStore, Message
from llm.errors import ConversationError, PromptTooLongError
from tests.llm.scripted import CITATION, PASSAGE, Script, ask_one, done, follow, runs_of, token


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(tmp_path / "chats.db")
    yield store
    store.close()


def test_the_events_become_the_stored_answer(store: ConversationStore) -> None:
    script = Script(
        {"type": "waiting", "en": "loading", "zh": "加载", "done": 1, "total": 5},
        {"type": "sources", "passages": [PASSAGE], "query": "炖多久"},
        token("一小"),
        token("时"),
        CITATION,
        done("一小时[1]。"),
    )
    conversation, last = ask_one(runs_of(store, script), adapter="chef", sampling={"seed": 1})
    question, answer = store.messages(conversation)
    assert (question.role, question.content, question.status) == ("user", "要炖多久？", "done")
    assert answer == last
    assert (answer.role, answer.content, answer.status) == ("assistant", "一小时[1]。", "done")
    assert answer.about == {
        "adapter": "chef",
        "sources": [PASSAGE],
        "query": "炖多久",
        "citations": [CITATION],
        "finish_reason": "stop",
        "usage": {"output_tokens": 4},
        "timings": {"ttft_s": 0.1},
    }
    assert store.get("ann", conversation).settings == {"adapter": "chef", "sampling": {"seed": 1}}
    (turn,) = script.turns
    assert (turn.question, turn.history, turn.options) == (
        "要炖多久？",
        (),
        {"adapter": "chef", "sampling": {"seed": 1}},
    )


def test_a_refusal_is_kept(store: ConversationStore) -> None:
    _, last = ask_one(runs_of(store, Script({"type": "refusal", "reason": "model"}, done("I can't answer that."))))
    assert last.about["refused"] == "model"


def test_viewers_see_it_grow(store: ConversationStore) -> None:
    seen: list[Message] = []
    gates = [threading.Event() for _ in range(3)]

    def viewed(i: int) -> Callable[[], Any]:
        return lambda: gates[i].wait(30)

    script = Script(
        {"type": "waiting", "en": "e", "zh": "z", "done": 1, "total": 5},
        viewed(0),
        token("one "),
        viewed(1),
        token("two"),
        viewed(2),
        done("one two!"),
    )
    run = runs_of(store, script).start(store.create("ann").id, "q", {})
    for snapshot in run.follow(every=0):
        seen.append(snapshot)
        if "waiting" in snapshot.about:
            gates[0].set()
        elif snapshot.content in ("one ", "one two"):
            gates[1 if snapshot.content == "one " else 2].set()
    contents = [m.content for m in seen]
    assert [c for i, c in enumerate(contents) if c not in contents[:i]] == ["", "one ", "one two", "one two!"]
    assert any(m.about.get("waiting", {}).get("en") == "e" for m in seen)
    assert not any("waiting" in m.about for m in seen if m.content)
    assert [m.status for m in seen].count("running") == len(seen) - 1


def test_two_viewers_end_with_the_same_answer(store: ConversationStore) -> None:
    begin = threading.Event()
    script = Script(lambda: begin.wait(30), *[token(f"{i} ") for i in range(200)], CITATION, done("all of it"))
    runs = runs_of(store, script)
    conversation = store.create("ann").id
    run = runs.start(conversation, "q", {})
    lasts: list[Message] = []
    viewers = [threading.Thread(target=lambda: lasts.append(follow(run)[-1])) for _ in range(2)]
    for viewer in viewers:
        viewer.start()
    begin.set()
    for viewer in viewers:
        viewer.join(30)
    late = follow(run)
    assert lasts == [late[-1]] * 2
    assert len(late) == 1, "who comes after the end gets it at once"
    assert store.messages(conversation)[-1] == lasts[0]


def test_a_viewer_who_knows_of_the_end_finds_it_in_the_store_and_can_go_on(store: ConversationStore) -> None:
    runs = runs_of(store, Script(token("x"), done("x")))
    conversation = store.create("ann").id
    for i in range(30):
        last = follow(runs.start(conversation, str(i), {}))[-1]
        assert runs.find(conversation) is None
        assert store.messages(conversation)[-1] == last
    assert len(store.messages(conversation)) == 60


def test_a_second_message_is_refused_while_one_is_answered(store: ConversationStore) -> None:
    gate = threading.Event()
    runs = runs_of(store, Script(lambda: gate.wait(30), done("x")))
    conversation, other = store.create("ann").id, store.create("ann").id
    run = runs.start(conversation, "one", {})
    with pytest.raises(ConversationError) as caught:
        runs.start(conversation, "two", {})
    assert caught.value.zh
    assert [m.content for m in store.messages(conversation)] == ["one", ""]
    beside = runs.start(other, "another conversation", {})
    assert runs.find(conversation) is run
    gate.set()
    assert [follow(r)[-1].status for r in (run, beside)] == ["done", "done"]


def test_stopping_keeps_the_partial_answer_of_the_real_engine(
    store: ConversationStore, tiny: Any, selves: Path
) -> None:
    from llm.chat_model import AdapterChatModel
    from tests.llm.tiny import CONTEXT, running

    with running(tiny, selves) as engine:
        model = AdapterChatModel(engine=engine, max_tokens=CONTEXT)

        def answer(turn: Turn, cancel: threading.Event) -> Iterator[dict[str, Any]]:
            text, reason = "", ""
            for chunk in model.stream(turn.question, adapter=turn.options["adapter"], cancel=cancel):
                text += str(chunk.content)
                reason = chunk.response_metadata.get("finish_reason", "")
                yield token(str(chunk.content))
            yield done(text, reason)

        runs = runs_of(store, answer)
        conversation = store.create("ann").id
        run = runs.start(conversation, "Tell me a story.", {"adapter": "ann"})
        for snapshot in run.follow(every=0):
            if len(snapshot.content) > 20:
                runs.stop(conversation)
            last = snapshot
        assert engine.status().active == 0
        assert engine.status().generated_tokens < 1900
    assert last.status == "cancelled"
    assert len(last.content) > 20
    assert store.messages(conversation)[-1] == last
    runs.stop(conversation)  # nothing runs: nothing happens
    runs.stop("unknown")


@pytest.mark.parametrize(
    ("error", "en", "zh"),
    [
        (PromptTooLongError(en="too long", zh="太长"), "too long", "太长"),
        (ValueError("secret detail"), "unexpected", "意外"),
        (KeyError("secret detail"), "unexpected", "意外"),
    ],
)
def test_an_error_becomes_a_stored_failed_message(store: ConversationStore, error: Exception, en: str, zh: str) -> None:
    def fail() -> None:
        raise error

    runs = runs_of(store, Script({"type": "waiting", "en": "e", "zh": "z", "done": 1, "total": 5}, token("par"), fail))
    conversation, last = ask_one(runs)
    assert (last.status, last.content) == ("failed", "par")
    assert en in last.about["error"]["en"]
    assert zh in last.about["error"]["zh"]
    assert "secret" not in str(last.about)
    assert "waiting" not in last.about
    assert store.messages(conversation)[-1] == last
    assert runs.find(conversation) is None


def test_an_answer_without_an_end_fails(store: ConversationStore) -> None:
    conversation, last = ask_one(runs_of(store, Script(token("par"))))
    assert last.status == "failed"
    assert store.messages(conversation)[-1].status == "failed"


def test_the_history_is_what_was_answered(store: ConversationStore) -> None:
    conversation = store.create("ann").id
    for question, answer, status in (
        ("q1", "a1", "done"),
        ("q2", "par", "cancelled"),
        ("q3", "", "cancelled"),
        ("q4", "par", "failed"),
        ("q5", "par", "interrupted"),
        ("q6", "a6", "done"),
    ):
        store.add(conversation, "user", question)
        message = store.add(conversation, "assistant", "", "running")
        store.update(message, answer, status, {"sources": [PASSAGE]} if status == "done" else {})  # type: ignore[arg-type]
    script = Script(done("x"))
    follow(runs_of(store, script).start(conversation, "q7", {}))
    history = script.turns[0].history
    assert [(m["role"], m["content"]) for m in history] == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "par"),
        ("user", "q6"),
        ("assistant", "a6"),
    ]
    assert [m["sources"] for m in history] == [[], ["红烧肉"], [], [], [], ["红烧肉"]]


def test_a_turn_says_whose_it_is(store: ConversationStore) -> None:
    """The engine's line goes round by owners, so that one visitor's questions do not delay another's."""
    script = Script(token("x"), done("x"))
    runs = runs_of(store, script)
    for owner in ("ann", "bob"):
        follow(runs.start(store.create(owner).id, "q", {}, owner))
    assert [turn.owner for turn in script.turns] == ["ann", "bob"]
