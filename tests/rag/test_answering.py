"""The way of a question over a real knowledge base: with the real engine, and with scripted answers for odd ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda

from rag.answering import MAX_QUESTION_CHARS, answer
from rag.chain import answer_chain, to_message
from rag.errors import CollectionNotFoundError, QuestionError
from rag.knowledge_base import KnowledgeBase
from rag.prompts import REFUSALS
from rag.relevance import is_small_talk
from rag.types import AnswerEvent, AnswerOptions, Citation, Done, Refusal, Sources, Token

if TYPE_CHECKING:
    from llm.chat_model import AdapterChatModel
    from llm.engine import Engine

RECIPES = AnswerOptions(collection="recipes", sampling={"temperature": 0, "max_tokens": 24})
HOW_LONG = "红烧肉要小火炖多长时间？"


@pytest.fixture
def model(engine: Engine) -> AdapterChatModel:
    from llm.chat_model import AdapterChatModel

    return AdapterChatModel(engine=engine)


class Scripted(GenericFakeChatModel):
    """Says what it is told to, word by word, and remembers what it was asked and how."""

    asked: list[Any] = []  # noqa: RUF012 - pydantic copies it

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> Iterator[Any]:
        self.asked.append((messages, options))
        yield from super()._stream(messages, stop, run_manager, **options)


def scripted(text: str) -> Scripted:
    return Scripted(messages=iter([AIMessage(text)]))


def run(
    question: str, model: Any, knowledge: KnowledgeBase | None, options: AnswerOptions = RECIPES, history: Any = ()
) -> list[AnswerEvent]:
    return list(answer(question, list(history), model, knowledge, options))


def kinds(events: list[AnswerEvent]) -> list[str]:
    """Event types in order, runs of one type as one."""
    types = [event.type for event in events]
    return [kind for i, kind in enumerate(types) if i == 0 or types[i - 1] != kind]


def last(events: list[AnswerEvent]) -> Done:
    assert isinstance(events[-1], Done)
    assert sum(isinstance(event, Done) for event in events) == 1
    return events[-1]


# --- the whole way


def test_the_whole_way_with_the_real_engine(knowledge: KnowledgeBase, model: AdapterChatModel) -> None:
    events = run(HOW_LONG, model, knowledge)
    done = last(events)
    assert kinds(events)[:2] == ["sources", "token"]
    sources = events[0]
    assert isinstance(sources, Sources) and 1 <= len(sources.passages) <= RECIPES.k
    assert "红烧肉" in [passage.title for passage in sources.passages]
    assert set(kinds(events)) <= {"sources", "token", "refusal", "citation", "done"}
    assert 0 < done.usage["output_tokens"] <= 24 and done.usage["total_tokens"] > done.usage["input_tokens"] > 100
    assert 0 < done.timings["search_s"] < done.timings["ttft_s"] <= done.timings["total_s"]
    assert done.timings["tokens_per_second"] > 0
    assert done.finish_reason in ("stop", "length")
    for event in events:
        if isinstance(event, Citation):
            text = sources.passages[event.number - 1].text
            assert 0 <= event.span_start <= event.span_end <= len(text)
            assert 0 <= event.start < event.end <= len(done.answer)


def test_plain_chat_needs_no_knowledge(model: AdapterChatModel) -> None:
    events = run("你好！", model, None, AnswerOptions(sampling={"temperature": 0, "max_tokens": 12}))
    assert kinds(events) == ["token", "done"]
    assert last(events).answer == "".join(e.text for e in events if isinstance(e, Token)).strip()


def idle(engine: Engine) -> bool:
    for _ in range(200):
        if engine.status().active == engine.status().waiting == 0:
            return True
        time.sleep(0.02)
    return False


def test_closing_stops_the_model(knowledge: KnowledgeBase, model: AdapterChatModel) -> None:
    options = replace(RECIPES, sampling={"temperature": 0, "max_tokens": 400, "stop": ["\0"]})
    events = answer("写一篇红烧肉的长文章", [], model, knowledge, options)
    assert isinstance(next(events), Sources)
    assert isinstance(next(events), Token)
    assert model.engine.status().active == 1, "the control: it is at work"
    events.close()
    assert idle(model.engine)
    assert model.engine.status().generated_tokens < 400


def test_cancelling_keeps_what_was_written(knowledge: KnowledgeBase, model: AdapterChatModel) -> None:
    cancel = threading.Event()
    options = replace(RECIPES, sampling={"temperature": 1.5, "seed": 1, "max_tokens": 400})
    seen: list[AnswerEvent] = []
    for event in answer(HOW_LONG, [], model, knowledge, options, cancel):
        seen.append(event)
        if sum(isinstance(e, Token) for e in seen) == 2:
            cancel.set()
    done = last(seen)
    assert done.finish_reason == "cancelled"
    assert done.answer and done.usage["output_tokens"] < 400
    assert idle(model.engine)


def test_cancelled_before_it_began(knowledge: KnowledgeBase) -> None:
    cancel = threading.Event()
    cancel.set()
    model = scripted("never")
    events = list(answer(HOW_LONG, [], model, knowledge, RECIPES, cancel))
    assert kinds(events) == ["done"] and last(events).finish_reason == "cancelled"
    assert not model.asked


def test_a_model_that_ignores_cancel_is_closed(knowledge: KnowledgeBase) -> None:
    cancel = threading.Event()
    text = " ".join(f"word{n}" for n in range(500))
    seen: list[AnswerEvent] = []
    for event in answer(HOW_LONG, [], scripted(text), knowledge, RECIPES, cancel):
        seen.append(event)
        if isinstance(event, Token):
            cancel.set()
    assert last(seen).finish_reason == "cancelled"
    assert 0 < len(last(seen).answer) < len(text) / 5


# --- what the model is given


def test_the_model_gets_the_complete_question(knowledge: KnowledgeBase) -> None:
    model = scripted("60分钟。")
    history = [
        HumanMessage("红烧肉要放多少冰糖？"),
        AIMessage("35克。[1]", additional_kwargs={"sources": ["红烧肉"]}),
    ]
    options = replace(RECIPES, adapter="chef", system_prompt="你是大厨。", sampling={"temperature": 0, "seed": 3})
    events = run("那要炖多久？", model, knowledge, options, history)
    messages, given = model.asked[0]
    assert isinstance(messages[0], SystemMessage) and messages[0].text.startswith("你是大厨。\n\n你是一个依据资料")
    assert [m.text for m in messages[1:]] == ["红烧肉要放多少冰糖？", "35克。", "红烧肉要炖多久？"]
    assert given["adapter"] == "chef" and given["seed"] == 3 and isinstance(given["cancel"], threading.Event)
    assert isinstance(events[0], Sources) and events[0].query == "红烧肉要炖多久？"
    # the handbook quotes this very question in an example
    assert {p.title for p in events[0].passages[:2]} == {"红烧肉", "分身使用手册"}
    assert last(events).adapter == "chef"


@pytest.mark.parametrize("question", ["你好", "谢谢！", "你好，你是谁？", "hello there", "Who are you?"])
def test_a_greeting_is_for_the_self(knowledge: KnowledgeBase, question: str) -> None:
    assert is_small_talk(question)
    model = scripted("在下分身。")
    assert kinds(run(question, model, knowledge)) == ["token", "done"]
    assert [type(m) for m in model.asked[0][0]] == [HumanMessage]


# --- what becomes of the model's answer


def test_citations_are_corrected(knowledge: KnowledgeBase) -> None:
    events = run(HOW_LONG, scripted("红烧肉要小火炖60分钟[9]。 放500克盐[1]。"), knowledge)
    done = last(events)
    sources = events[0]
    assert isinstance(sources, Sources)
    right = [p.title for p in sources.passages].index("红烧肉") + 1
    assert kinds(events) == ["sources", "token", "citation", "done"]
    assert done.answer == f"红烧肉要小火炖60分钟。[{right}] 放500克盐。"
    good, bad = (event for event in events if isinstance(event, Citation))
    assert (good.number, bad.status) == (right, "unsupported")
    assert good.status in ("verified", "paraphrased")
    assert "60" in sources.passages[right - 1].text[good.span_start : good.span_end]
    assert done.answer[bad.start : bad.end] == "放500克盐。"


def test_an_answer_from_nowhere_is_marked_throughout(knowledge: KnowledgeBase) -> None:
    events = run(HOW_LONG, scripted("皇帝喜欢吃猪肉罐头。 大臣们也很爱吃。"), knowledge)
    found = [event for event in events if isinstance(event, Citation)]
    assert [c.status for c in found] == ["unsupported", "unsupported"]
    assert last(events).answer == "皇帝喜欢吃猪肉罐头。 大臣们也很爱吃。"


@pytest.mark.parametrize("refusal", [REFUSALS["zh"], "抱歉，资料中没有提到这个问题的答案[1]。"])
def test_the_model_may_decline(knowledge: KnowledgeBase, refusal: str) -> None:
    events = run("红烧肉是谁发明的？", scripted(refusal), knowledge)
    assert kinds(events) == ["sources", "token", "refusal", "done"]
    assert events[-2] == Refusal("model")
    assert "[" not in last(events).answer


def test_an_empty_answer(knowledge: KnowledgeBase) -> None:
    events = run(HOW_LONG, scripted(" "), knowledge)
    assert last(events).answer == "" and not any(isinstance(e, (Citation, Refusal)) for e in events)


# --- nothing near enough


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("法国的首都是哪里？", "zh"),
        ("佛跳墙怎么做？", "zh"),
        ("What is the capital of France?", "en"),
        ("How do I make tiramisu?", "en"),
    ],
)
def test_nothing_found_is_said_without_the_model(knowledge: KnowledgeBase, question: str, language: str) -> None:
    model = scripted("never")
    events = run(question, model, knowledge)
    assert events[:2] == [Token(REFUSALS[language]), Refusal("no_passages")]  # type: ignore[index]
    assert last(events).answer == REFUSALS[language]  # type: ignore[index]
    assert not model.asked


def test_an_empty_collection(knowledge: KnowledgeBase) -> None:
    knowledge.create_collection("Empty", "empty")
    assert run(HOW_LONG, scripted("never"), knowledge, AnswerOptions(collection="empty"))[1] == Refusal("no_passages")


# --- bad input


@pytest.mark.parametrize("question", ["", "  \n\t", "\u200b"])
def test_an_empty_question(question: str) -> None:
    with pytest.raises(QuestionError) as caught:
        answer(question, [], scripted("never"), None, AnswerOptions())
    assert "问题" in caught.value.message("zh")


def test_a_far_too_long_question() -> None:
    with pytest.raises(QuestionError, match="8,001 characters, at most 8,000"):
        answer("问" * (MAX_QUESTION_CHARS + 1), [], scripted("never"), None, AnswerOptions())
    assert last(run("问" * MAX_QUESTION_CHARS, scripted("好"), None, AnswerOptions())).answer == "好"


def test_an_unknown_collection(knowledge: KnowledgeBase) -> None:
    with pytest.raises(CollectionNotFoundError):
        run(HOW_LONG, scripted("never"), knowledge, AnswerOptions(collection="nowhere"))
    with pytest.raises(ValueError, match="knowledge base"):
        answer(HOW_LONG, [], scripted("never"), None, RECIPES)


def test_a_failing_model_is_heard(knowledge: KnowledgeBase) -> None:
    class Failing(GenericFakeChatModel):
        def _stream(self, *_: Any, **__: Any) -> Iterator[Any]:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run(HOW_LONG, Failing(messages=iter([])), knowledge)


# --- for LangChain


def test_the_chain(knowledge: KnowledgeBase) -> None:
    chain = answer_chain(scripted("红烧肉要小火炖60分钟。"), knowledge, RECIPES)
    result = chain.invoke(HOW_LONG)
    assert set(result) == {
        "answer", "sources", "citations", "refused", "usage", "timings", "adapter", "finish_reason",
    }  # fmt: skip
    assert result["answer"].startswith("红烧肉要小火炖60分钟。[") and not result["refused"]
    assert result["citations"] and len(result["sources"]) == 3

    chain = answer_chain(scripted("要炖60分钟。"), knowledge, RECIPES)
    follow_up = {"question": "那要炖多久？", "history": [("user", "红烧肉要放多少冰糖？"), to_message(result)]}
    events = list(chain.stream(follow_up))
    assert isinstance(events[0], Sources) and events[0].query == "红烧肉要炖多久？"

    piped = answer_chain(scripted("never"), knowledge, RECIPES) | RunnableLambda(lambda r: r["refused"])
    assert piped.invoke("法国的首都是哪里？") is True


async def _collect(chain: Any, question: str) -> list[AnswerEvent]:
    return [event async for event in chain.astream(question)]


def test_the_chain_asynchronously(knowledge: KnowledgeBase) -> None:
    import asyncio

    events = asyncio.run(_collect(answer_chain(scripted("60分钟。"), knowledge, RECIPES), HOW_LONG))
    assert kinds(events) == ["sources", "token", "citation", "done"]
