"""Follow-up questions made complete: "那要炖多久？" after a question about 红烧肉 is "红烧肉要炖多久？".

Both the search and the model get the complete question. Rules, no model: they cost nothing, always give the same,
and leave a question alone that says itself what it is about. The topic of a conversation is what its last complete
question was about, by the name the document has (source titles of the answer) where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag import followup_en, followup_zh
from rag.folding import compact, fold, grams
from rag.followup_types import Topic
from rag.prompts import MARKER

_HAN = re.compile(r"[\u3400-\u9fff]")
_TURNS = 8
"""Earlier messages looked at: what was said before those is no longer the topic."""


def resolve(question: str, history: Sequence[BaseMessage]) -> str:
    """The question with its subject named, or unchanged where it is complete or nothing came before.

    Args:
        question: as the user wrote it.
        history: earlier turns, oldest first. An AIMessage may carry the titles of its sources in
            `additional_kwargs["sources"]` (a list of strings).
    """
    topic = Topic()
    for message in list(history)[-_TURNS:]:
        if isinstance(message, HumanMessage):
            topic = _after_question(message.text.strip(), topic)
        elif isinstance(message, AIMessage):
            topic = _after_answer(message, topic)
    return _resolve(question.strip(), topic)


def _resolve(question: str, topic: Topic) -> str:
    if not topic.subject or _names(topic.subject, question):
        return question
    return (followup_zh if _HAN.search(question) else followup_en).resolve(question, topic)


def _after_question(question: str, topic: Topic) -> Topic:
    complete = _resolve(question, topic)
    subject = (followup_zh if _HAN.search(complete) else followup_en).subject(complete)
    if topic.subject and _names(topic.subject, complete):
        subject = topic.subject
    return Topic(subject or topic.subject, complete, topic.answer)


def _after_answer(message: AIMessage, topic: Topic) -> Topic:
    """The topic under its document's name: of the titles the one most like the question, if one is."""
    sources = message.additional_kwargs.get("sources") or []
    titles = [title for title in sources if isinstance(title, str) and title.strip()]
    best = max(titles, key=lambda title: _likeness(title, topic.asked), default="")
    subject = topic.subject
    if best and (not subject or _names(subject, best) or _likeness(best, topic.asked) >= 0.5):
        subject = best
    return Topic(subject, topic.asked, MARKER.sub("", message.text))


def _likeness(title: str, question: str) -> float:
    """Share of a title's words that stand in the question."""
    wanted, asked = grams(fold(title).text), grams(fold(question).text)
    total = sum(wanted.values())
    return sum(weight for gram, weight in wanted.items() if gram in asked) / total if total else 0.0


def _names(subject: str, question: str) -> bool:
    name = compact(fold(subject).text)[0]
    return bool(name) and name in compact(fold(question).text)[0]
