"""The whole way of a question as a LangChain `Runnable`.

>>> chain = answer_chain(model, knowledge_base, AnswerOptions(collection="recipes"))
>>> chain.invoke("红烧肉要炖多久？")["answer"]
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, convert_to_messages
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import run_in_executor

from rag.answering import PassageSearch, answer
from rag.types import AnswerEvent, AnswerOptions, Citation, Done, Refusal, Sources

Question = str | dict[str, Any]
_END = object()


def answer_chain(
    model: BaseChatModel, knowledge_base: PassageSearch | None, options: AnswerOptions
) -> Runnable[Question, Any]:
    """A runnable over `answering.answer`.

    Input: a question, or {"question": str, "history": messages in any form LangChain takes}.
    `invoke` gives {"answer", "sources", "citations", "refused", "usage", "timings", "adapter", "finish_reason"};
    `stream` gives the events as they come, and closing it stops the model. Errors as of `answer`.
    """
    return _AnswerChain(model, knowledge_base, options)


class _AnswerChain(Runnable[Question, Any]):
    def __init__(self, model: BaseChatModel, knowledge_base: PassageSearch | None, options: AnswerOptions) -> None:
        self.model, self.knowledge_base, self.options = model, knowledge_base, options

    def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        return self._call_with_config(lambda value: _collect(self._events(value)), input, config, run_type="chain")

    def stream(
        self, input: Question, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> Iterator[AnswerEvent]:
        yield from self._events(input)

    async def astream(
        self, input: Question, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[AnswerEvent]:
        events = await run_in_executor(config, self._events, input)
        try:
            while (event := await run_in_executor(config, next, events, _END)) is not _END:
                yield event  # type: ignore[misc]
        finally:
            events.close()

    def _events(self, value: Question) -> Any:
        if isinstance(value, str):
            value = {"question": value}
        history = convert_to_messages(value.get("history") or [])
        return answer(value["question"], history, self.model, self.knowledge_base, self.options)


def _collect(events: Iterator[AnswerEvent]) -> dict[str, Any]:
    result: dict[str, Any] = {"sources": [], "citations": [], "refused": False}
    for event in events:
        if isinstance(event, Sources):
            result["sources"] = list(event.passages)
        elif isinstance(event, Citation):
            result["citations"].append(event)
        elif isinstance(event, Refusal):
            result["refused"] = True
        elif isinstance(event, Done):
            result |= {
                "answer": event.answer,
                "usage": event.usage,
                "timings": event.timings,
                "adapter": event.adapter,
                "finish_reason": event.finish_reason,
            }
    return result


def to_message(result: dict[str, Any]) -> AIMessage:
    """A result as a message for the next question's history; it carries its sources' titles."""
    titles = [passage.title for passage in result["sources"]]
    return AIMessage(result["answer"], additional_kwargs={"sources": titles})
