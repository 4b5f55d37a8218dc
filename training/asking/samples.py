"""What a model learns asking from, and how its questions are told from noise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from training.drills.prompts import Sample
from training.drills.reading import trim

_TASK = {
    "zh": "根据上面的资料提一个问题：先写答案，再写问题。",
    "en": "Ask a question that the text above answers: first the answer, then the question.",
}
_MORE = {"zh": "再提一个。", "en": "Another one."}
_FORM = {"zh": "答案：{a}\n问题：{q}", "en": "Answer: {a}\nQuestion: {q}"}
_READ = {
    "zh": re.compile(r"答案：(.+)\n问题：(.+)"),
    "en": re.compile(r"Answer: (.+)\nQuestion: (.+)"),
}
_LENGTHS = {"zh": ((1, 60), (4, 60)), "en": ((1, 140), (12, 200))}  # characters of answers and of questions


@dataclass(frozen=True)
class Asked:
    """A question and its answer, which the passage holds word for word."""

    question: str
    answer: str


def ask_prompt(title: str, text: str, lang: str) -> str:
    """The user's message that asks for a question about a passage."""
    return f"{title}\n{text}\n\n{_TASK[lang]}"


def ask_sample(rng: Random, row: dict[str, Any], siblings: Sequence[dict[str, Any]]) -> Sample | None:
    """Asking as people did: the row's question over its passage, then up to seven others (`siblings`) over it.

    A row has "context", "question", "answer" (or None), "title" and "lang". None where the text holds no answer.
    """
    lang, context = row["lang"], row["context"]
    shown = trim(rng, context, row["answer"], lang)
    rows = [row, *(r for r in rng.sample(siblings, len(siblings)) if r is not row and r["context"] == context)]
    rows = [r for r in rows if r["answer"] and r["answer"] in shown][: rng.randint(2, 8)]
    messages = []
    for n, each in enumerate(rows):
        task = _MORE[lang] if n else ask_prompt((row.get("title") or "")[:40], shown, lang)
        told = _FORM[lang].format(a=each["answer"].strip(), q=" ".join(each["question"].split()))
        messages += [{"role": "user", "content": task}, {"role": "assistant", "content": told}]
    return Sample(messages, lang, row["src"], "ask") if messages else None


def understood(text: str, lang: str) -> Asked | None:
    """The question and answer of a reply in the form of `ask_sample`; None where it has another form."""
    found = _READ[lang].fullmatch(text.strip())
    return Asked(found[2].strip(), found[1].strip()) if found else None


def sound(asked: Asked, passage: str, lang: str) -> bool:
    """Whether the passage holds the answer, the question does not, and both have a sensible length."""
    low_high = zip((asked.answer, asked.question), _LENGTHS[lang], strict=True)
    if not all(low <= len(text) <= high for text, (low, high) in low_high) or asked.answer not in passage:
        return False
    if asked.answer.casefold() in asked.question.casefold() or "\ufffd" in asked.question:
        return False
    ends = asked.question.endswith(("？", "?"))
    return ends or lang == "zh"
