"""The reading prompt, letter for letter as the knowledge room builds it, and what a drill sample is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

REFUSAL = {"zh": "根据现有资料，我无法回答这个问题。", "en": "I can't answer that from the given documents."}
_HEAD = {
    "zh": (
        "你是一个依据资料回答问题的助手。只根据下面的资料回答，句末用[编号]注明出处；资料里没有答案时，"
        "回答“根据现有资料，我无法回答这个问题。”"
    ),
    "en": (
        "You answer questions from the passages below. Use only the passages and cite them as [number] at the end of a "
        'sentence; if they do not contain the answer, reply "I can\'t answer that from the given documents."'
    ),
}
_QUESTION = {"zh": "\n\n问题：", "en": "\n\nQuestion: "}
_PASSAGES = {"zh": "\n\n资料：\n", "en": "\n\nPassages:\n"}
Message = dict[str, str]
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


@dataclass(frozen=True)
class Sample:
    """One conversation to learn from.

    Attributes:
        messages: {"role", "content"} in order, the last one the assistant's.
        lang: "zh" or "en".
        family: where it comes from (a domain of fact sheets, "recipe", "talk", a source of real text, ...).
        kind: what is practised (lookup, unanswerable, howto, follow_up, ...).
        gold: the value asked for, as the passage has it; None where there is not exactly one.
        cite: the passage that holds it, counted from 1.
    """

    messages: list[Message]
    lang: str
    family: str
    kind: str
    gold: str | None = None
    cite: int | None = None
    extra: dict[str, str] = field(default_factory=dict)


def reading_prompt(passages: Sequence[tuple[str, str]], lang: str, own: str = "", question: str = "") -> str:
    """The system message for numbered (title, text) passages; `own` is a user's own system prompt, put first.

    As in the app, blank lines part passages, so none is left inside one, and `question` stands before them, on one
    line.
    """
    body = "\n\n".join(
        f"[{i}] {title}\n{_BLANK_LINES.sub(chr(10), text.strip())}" for i, (title, text) in enumerate(passages, 1)
    )
    asked = _QUESTION[lang] + " ".join(question.split()) if question else ""
    return (own + "\n\n" if own else "") + _HEAD[lang] + asked + _PASSAGES[lang] + body


def reads(messages: Sequence[Message]) -> str | None:
    """The language of a conversation over passages whose question does not stand before them; else None."""
    first = messages[0]
    found = (lang for lang in _HEAD if _HEAD[lang] + _PASSAGES[lang] in first["content"])
    return next(found, None) if first["role"] == "system" else None


def ask_first(messages: Sequence[Message], turns: int) -> list[Message]:
    """A conversation over passages up to its `turns`-th exchange, whose question comes before the passages too.

    A conversation without a reading prompt, or with a question there already, is given back as it is.
    """
    system = messages[0]["content"]
    lang = reads(messages)
    if lang is None:
        return list(messages)
    kept = list(messages[: 1 + 2 * turns])
    asked = next(m["content"] for m in reversed(kept) if m["role"] == "user")
    question = " ".join(asked.split())
    start = _HEAD[lang] + _PASSAGES[lang]
    told = _HEAD[lang] + _QUESTION[lang] + question + _PASSAGES[lang]
    return [{"role": "system", "content": system.replace(start, told, 1)}, *kept[1:]]


def cited(text: str, number: int | None, lang: str) -> str:
    """`text` as an answer that ends in its citation: "20分钟[2]。" or "20 minutes [2]."; no number, no citation."""
    text = text.rstrip("。.；;，, ")
    if lang == "zh":
        return text + (f"[{number}]" if number else "") + "。"
    return text + (f" [{number}]" if number else "") + "."
