"""What the chat hands over when an answer is corrected, and what the page shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from llm.adapters import AdapterRegistry
from llm.chat_runs import ChatRuns
from llm.chat_tab_corrections import CorrectEvents
from llm.chat_tab_events import ChatEvents, ChatServices
from llm.chat_tab_thumbs import ThumbEvents
from llm.conversations import ConversationStore
from llm.corrections import Correction
from llm.errors import ConversationError
from llm.judging import Judgement
from llm.settings import LlmSettings
from tests.llm.scripted import CITATION, PASSAGE, Script, ask_one, done, follow, runs_of, token

ANN = SimpleNamespace(headers={"accept-language": "en"}, username="ann")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(tmp_path / "chats.db")
    yield store
    store.close()


class Tab:
    """The tab's handlers without a page; `kept` is what was handed over."""

    def __init__(self, runs: ChatRuns, folder: Path) -> None:
        self.kept: list[Correction] = []
        self.judged: list[Judgement] = []
        self.refuse = False
        services = ChatServices(
            runs, AdapterRegistry((folder,)), LlmSettings(folder), lambda: [], lambda slug: [], "", lambda lang: [],
            lambda request: str(request.username), 1, self.accept, self.judged.append, lambda passage, spans: {},
        )  # fmt: skip
        self.chat = ChatEvents(services)
        self.corrections = CorrectEvents(services, self.chat)
        self.thumbs = ThumbEvents(services, self.chat)

    def accept(self, correction: Correction) -> None:
        if self.refuse:
            raise ConversationError(en="full", zh="满")
        self.kept.append(correction)

    def open(self, conversation: str, position: int) -> tuple[Any, ...]:
        ids = [message.id for message in self.chat._store.messages(conversation)]
        pointed = f"{ids[position]}-0" if position < len(ids) else ""
        return self.corrections.open(conversation, pointed, ANN)  # type: ignore[arg-type]

    def thumb(self, conversation: str, position: int, liked: bool | str) -> tuple[Any, ...]:
        data = gr.LikeData(None, {"index": position, "value": "", "liked": liked})
        return self.thumbs.judge(conversation, data, ANN)  # type: ignore[arg-type]

    def save(self, conversation: str, target: int, wanted: str, request: Any = ANN) -> tuple[Any, ...]:
        return self.corrections.save(conversation, target, wanted, request)


def answered(store: ConversationStore, folder: Path, *events: dict[str, Any], **options: Any) -> tuple[str, Tab]:
    runs = runs_of(store, Script(*events))
    conversation, _ = ask_one(runs, **options)
    return conversation, Tab(runs, folder)


def test_a_correction_holds_all_that_the_answer_was_asked_with(store: ConversationStore, tmp_path: Path) -> None:
    script = (
        {"type": "sources", "passages": [PASSAGE], "query": "炖多久"},
        token("一小时"),
        CITATION,
        {**done("一小时[1]。"), "version": "v3"},
    )
    conversation, tab = answered(store, tmp_path, *script, adapter="chef", system_prompt="Be short.")
    *_, shown, target = tab.open(conversation, 1)
    assert shown["value"] == "一小时[1]。"
    tab.save(conversation, target, " 两小时[1]。 ")
    (kept,) = tab.kept
    assert (kept.question, kept.said, kept.wanted) == ("要炖多久？", "一小时[1]。", "两小时[1]。")
    assert (kept.adapter, kept.version, kept.system_prompt) == ("chef", "v3", "Be short.")
    assert (kept.query, kept.passages, kept.history, kept.owner) == ("炖多久", (PASSAGE,), (), "ann")


def test_what_follows_is_asked_after_the_corrected_answer(store: ConversationStore, tmp_path: Path) -> None:
    script = Script(done("Salt fish."))
    runs = runs_of(store, script)
    conversation, last = ask_one(runs)
    tab = Tab(runs, tmp_path)
    view, _ = tab.save(conversation, last.id, "Lemons & <b>bread</b>.")
    assert "Your correction: Lemons &amp; &lt;b&gt;bread&lt;/b&gt;." in view["value"][1]["content"]
    follow(runs.start(conversation, "And tomorrow?", {}, "ann"))
    assert [m["content"] for m in script.turns[-1].history] == ["要炖多久？", "Lemons & <b>bread</b>."]
    tab.save(conversation, store.messages(conversation)[-1].id, "Bread.")
    assert tab.kept[-1].history == script.turns[-1].history
    assert tab.open(conversation, 1)[2]["value"] == "Lemons & <b>bread</b>.", "corrected again from where it stood"


@pytest.mark.parametrize(
    ("events", "wanted", "why"),
    [
        ((done("Salt fish."),), "Salt fish.", "as it was"),
        ((done("Salt fish."),), "  ", "empty"),
        ((token("Salt"),), "Lemons.", "not finished"),
        (({"type": "refusal", "reason": "no_passages"}, done("I can't.")), "Lemons.", "No self gave this answer"),
    ],
)
def test_what_cannot_be_corrected_is_said(
    events: tuple[dict[str, Any], ...], wanted: str, why: str, store: ConversationStore, tmp_path: Path
) -> None:
    conversation, tab = answered(store, tmp_path, *events)
    with pytest.raises(gr.Error, match=why):
        tab.save(conversation, store.messages(conversation)[-1].id, wanted)
    assert tab.kept == []


def test_nobody_corrects_anothers_answer_or_one_that_is_gone(store: ConversationStore, tmp_path: Path) -> None:
    conversation, tab = answered(store, tmp_path, done("Salt fish."))
    answer = store.messages(conversation)[-1].id
    with pytest.raises(gr.Error, match="someone else"):
        tab.save(conversation, answer, "Lemons.", SimpleNamespace(headers={}, username="bob"))
    for target in (answer - 1, 99, 0):
        with pytest.raises(gr.Error, match="not there any more"):
            tab.save(conversation, target, "Lemons.")
    with pytest.raises(gr.Error, match="not there any more"):
        tab.open(conversation, 7)
    assert tab.kept == []


def test_an_answer_is_marked_only_when_its_correction_is_kept(store: ConversationStore, tmp_path: Path) -> None:
    conversation, tab = answered(store, tmp_path, done("Salt fish."))
    answer = store.messages(conversation)[-1].id
    tab.refuse = True
    with pytest.raises(gr.Error, match="full"):
        tab.save(conversation, answer, "Lemons.")
    assert "corrected" not in store.messages(conversation)[-1].about
    tab.refuse = False
    tab.save(conversation, answer, "Lemons.")
    assert store.messages(conversation)[-1].about["corrected"] == "Lemons."


def test_an_answer_that_ended_before_it_was_followed_is_shown(store: ConversationStore, tmp_path: Path) -> None:
    conversation, tab = answered(store, tmp_path, done("Salt fish."))
    ((view, question),) = tab.chat.follow(conversation, ANN)  # type: ignore[arg-type]
    assert "Salt fish." in view["value"][1]["content"] and question["submit_btn"]
    ((nothing, _),) = tab.chat.follow("", ANN)  # type: ignore[arg-type]
    assert "value" not in nothing, "a new visitor's log keeps what it holds"
