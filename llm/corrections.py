"""An answer as the user wants it: what this room hands over when somebody corrects one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llm.chat_runs import history_of
from llm.conversations import Message
from llm.errors import ConversationError


@dataclass(frozen=True)
class Correction:
    """One answer and what it should have been, with all that it was asked with.

    Attributes:
        question, said, wanted: as the user typed it, as it was answered, as it should be.
        history: earlier {"role", "content", "sources"} entries, as in a `Turn`.
        adapter, version: the self that answered and which of its versions; None and "" for the base.
        query, passages: what was searched for and what was read; "" and () where no documents were.
        owner: whose conversation it is.
    """

    question: str
    said: str
    wanted: str
    history: tuple[dict[str, Any], ...] = ()
    adapter: str | None = None
    version: str = ""
    system_prompt: str = ""
    query: str = ""
    passages: tuple[dict[str, Any], ...] = ()
    owner: str = ""


# Keeps it for good; it is on disk when this returns. Raises an LlmError where it cannot be kept.
Accept = Callable[[Correction], None]


def correctable(messages: Sequence[Message], message: int) -> tuple[Message, Message]:
    """(question, answer) of the answer with the id `message`.

    Raises:
        ConversationError: there is none, it is not finished, or no self gave it.
    """
    at = next((i for i, one in enumerate(messages) if one.id == message), 0)
    answer, question = messages[at] if messages else None, messages[at - 1] if at else None
    if answer is None or question is None or answer.role != "assistant" or question.role != "user":
        raise ConversationError(
            en="This answer is not there any more, so there is nothing to correct. Reload the page.",
            zh="这个回答已不存在，无从更正。请刷新页面。",
        )
    if answer.status not in ("done", "cancelled") or not answer.content:
        raise ConversationError(
            en="This answer is not finished, so it cannot be corrected. Wait for its end, or press retry.",
            zh="这个回答没有写完，还不能更正。请等它结束，或点重试。",
        )
    if answer.about.get("refused") and not answer.about.get("sources"):
        raise ConversationError(
            en="No self gave this answer: nothing near the question was found in the documents, so nobody was asked, "
            "and a correction would teach nothing. Add a document that holds the answer, or ask with documents off.",
            zh="这个回答并非分身所写：资料中没有找到相近的内容，因此没有问它，更正也教不会什么。"
            "请加入含有答案的资料，或关闭依据文档再问。",
        )
    return question, answer


def correction_of(messages: Sequence[Message], message: int, wanted: str, owner: str) -> Correction:
    """What is handed over where the answer with the id `message` should be `wanted`.

    Raises:
        ConversationError: it cannot be corrected, or `wanted` is empty or what was said anyway.
    """
    question, answer = correctable(messages, message)
    wanted = wanted.strip()
    if not wanted or wanted == answer.content.strip():
        raise ConversationError(
            en="The answer is empty or as it was, so nothing was kept. Write what it should have said.",
            zh="回答是空的或没有改动，因此没有保存。请写下它应该怎样回答。",
        )
    about = answer.about
    return Correction(
        question=question.content,
        said=answer.content,
        wanted=wanted,
        history=history_of([one for one in messages if one.id < question.id]),
        adapter=about.get("adapter"),
        version=about.get("version", ""),
        system_prompt=about.get("system_prompt", ""),
        query=about.get("query", ""),
        passages=tuple(about.get("sources", ())),
        owner=owner,
    )
