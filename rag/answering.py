"""The way of a question: search, prompt, model, citations.

>>> for event in answer("红烧肉要炖多久？", [], model, knowledge_base, AnswerOptions(collection="recipes")):
...     print(event)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rag import conflicts
from rag.citations import cite, strip_markers
from rag.errors import QuestionError
from rag.explain import explain
from rag.followup import resolve
from rag.prompts import REFUSALS, build_messages, is_refusal, language_of
from rag.relevance import evidence, is_small_talk, near_enough
from rag.settings import RagSettings
from rag.types import AnswerEvent, AnswerOptions, Done, Filter, Passage, Refusal, Sources, Token

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

MAX_QUESTION_CHARS = 8000
"""A longer question is refused with this number: it would push the passages out of a small model's context."""

_LATE_CHUNKS = 16
"""How much a cancelled model may still send (its usage comes last) before the stream is closed on it."""

_LOOK_ROUND = 6
"""Passages among which one is looked for that gives another amount than the answer."""


class PassageSearch(Protocol):
    """What is needed of a `KnowledgeBase`."""

    settings: RagSettings

    def search(
        self, query: str, collection: str, k: int | None = None, where: Filter | None = None
    ) -> list[Passage]: ...


@dataclass
class _Run:
    """What has come of the model's answer so far; times are `time.perf_counter` seconds."""

    started: float
    search_s: float = 0.0
    first_token: float | None = None
    text: str = ""
    finish_reason: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    tokens_per_second: float = 0.0

    def timings(self) -> dict[str, float]:
        now = time.perf_counter()
        first = self.first_token if self.first_token is not None else now
        return {
            "search_s": self.search_s,
            "ttft_s": first - self.started,
            "total_s": now - self.started,
            "tokens_per_second": self.tokens_per_second,
        }


def answer(
    question: str,
    history: Sequence[BaseMessage],
    model: BaseChatModel,
    knowledge_base: PassageSearch | None,
    options: AnswerOptions,
    cancel: threading.Event | None = None,
) -> Generator[AnswerEvent, None, None]:
    """Answer a question as a stream of events: [Sources] Token* [Sources] [Refusal] Citation* Done.

    With a collection the answer comes from its passages and is cited; without one it is plain chat, as it is for a
    greeting. Where another document gives another amount, the answer says so and the sources come again with that one
    added. A follow-up is made complete before search, and asked in that form. Closing the generator, or setting
    `cancel`, stops the model; with `cancel` what was written so far is kept and cited, and `finish_reason` is
    "cancelled".

    Args:
        history: earlier turns, oldest first (for `sources` see `followup.resolve`).
        model: streams with the keyword arguments adapter, cancel and `options.sampling`.
        knowledge_base: may be None where `options.collection` is.

    Raises:
        QuestionError: at the call, for an empty or far too long question.
        CollectionNotFoundError: while iterating; and whatever the model raises.
    """
    text = question.strip()
    if not any(char.isprintable() and not char.isspace() for char in text):
        raise QuestionError(
            en="The question is empty. Type a question and send it again.", zh="问题是空的。请输入问题后再发送。"
        )
    if len(text) > MAX_QUESTION_CHARS:
        raise QuestionError(
            en=f"The question has {len(text):,} characters, at most {MAX_QUESTION_CHARS:,} can be answered. "
            "Shorten it, or add the long text to the documents and ask about it.",
            zh=f"问题有 {len(text)} 个字符，最多只能处理 {MAX_QUESTION_CHARS} 个。请缩短问题，"
            "或者把长文本加入知识库后再提问。",
        )
    if options.collection is not None and knowledge_base is None:
        raise ValueError("a collection is named, but there is no knowledge base to search")
    return _answer(text, history, model, knowledge_base, options, cancel or threading.Event())


def _answer(
    question: str,
    history: Sequence[BaseMessage],
    model: BaseChatModel,
    knowledge_base: PassageSearch | None,
    options: AnswerOptions,
    cancel: threading.Event,
) -> Generator[AnswerEvent, None, None]:
    run = _Run(time.perf_counter())
    if cancel.is_set():
        yield Done("", options.adapter, "cancelled", {}, run.timings())
        return
    if knowledge_base is None or options.collection is None or is_small_talk(question):
        messages = build_messages(question, history, system_prompt=options.system_prompt)
        yield from _tokens(run, model, messages, options, cancel)
        yield Done(run.text.strip(), options.adapter, run.finish_reason, run.usage, run.timings())
        return
    language = language_of(question)
    query = resolve(question, history)
    passages = tuple(knowledge_base.search(query, options.collection, options.k, options.where))
    run.search_s = time.perf_counter() - run.started
    found, refuse_below = evidence(query, passages), knowledge_base.settings.refuse_below
    why = explain(query, passages, found, refuse_below)
    if not near_enough(found, refuse_below):
        run.first_token = time.perf_counter()
        yield Token(REFUSALS[language])
        yield Refusal("no_passages", why)
        yield Done(REFUSALS[language], options.adapter, "stop", {}, run.timings())
        return
    yield Sources(passages, query, why)
    messages = build_messages(query, history, passages, system_prompt=options.system_prompt, language=language)
    yield from _tokens(run, model, messages, options, cancel)
    if is_refusal(run.text):
        yield Refusal("model")
        yield Done(strip_markers(run.text), options.adapter, run.finish_reason, run.usage, run.timings())
        return
    cited = cite(run.text, passages, query)
    if conflicts.has_amounts(cited):
        others = [
            p for p in knowledge_base.search(query, options.collection, _LOOK_ROUND, options.where) if p not in passages
        ]
        other = conflicts.find(query, cited, passages, [*passages, *others])
        if other is not None:
            if other.passage not in passages:
                passages = (*passages, other.passage)
                yield Sources(passages, query, why)
            cited = conflicts.told(cited, other, passages.index(other.passage) + 1, language)
    yield from cited.citations
    yield Done(cited.text, options.adapter, run.finish_reason, run.usage, run.timings())


def _tokens(
    run: _Run, model: BaseChatModel, messages: list[BaseMessage], options: AnswerOptions, cancel: threading.Event
) -> Iterator[Token]:
    """Stream the model and fill `run`. `model.stream` is called directly: stopping a chain does not stop its model."""
    sampling: dict[str, Any] = dict(options.sampling)
    late = 0
    # the declared type is an iterator, but every LangChain model streams by a generator
    with closing(model.stream(messages, adapter=options.adapter, cancel=cancel, **sampling)) as stream:  # type: ignore[type-var]
        for chunk in stream:
            if piece := str(chunk.text):
                if run.first_token is None:
                    run.first_token = time.perf_counter()
                run.text += piece
                yield Token(piece)
            if usage := getattr(chunk, "usage_metadata", None):
                run.usage = {name: usage[name] for name in ("input_tokens", "output_tokens", "total_tokens")}
            about = chunk.response_metadata
            run.finish_reason = about.get("finish_reason") or run.finish_reason
            run.tokens_per_second = about.get("tokens_per_second") or run.tokens_per_second
            if cancel.is_set() and not run.finish_reason:
                late += 1
                if late > _LATE_CHUNKS:
                    break
    run.finish_reason = run.finish_reason or ("cancelled" if cancel.is_set() else "stop")
    if not run.tokens_per_second and run.first_token is not None and run.usage:
        seconds = time.perf_counter() - run.first_token
        run.tokens_per_second = run.usage["output_tokens"] / seconds if seconds > 0 else 0.0
