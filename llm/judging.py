"""A thumb under an answer from documents: what this room hands over, so that its question can be asked again later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from llm.conversations import Message

Thumb = Literal["Like", "Dislike", ""]
"""As Gradio names them; "" takes an earlier one back."""


@dataclass(frozen=True)
class Judgement:
    """A question to documents and whether its answer was right.

    Attributes:
        question: complete also where it followed another one.
        collection: slug of what it was answered from.
        source: the document that a right answer cites, "" where the right answer was that there is none, None where it
            is not known.
        owner: whose conversation it is.
    """

    question: str
    collection: str
    source: str | None
    thumb: Thumb
    owner: str


# Keeps it for good, or takes it back. Raises an LlmError where it cannot.
Judge = Callable[[Judgement], None]


def judgement_of(messages: Sequence[Message], message: int, thumb: Thumb, owner: str) -> Judgement | None:
    """What is handed over for the answer with the id `message`; None where it was not from documents, is not finished,
    or is said to be right and cites nothing."""
    at = next((i for i, one in enumerate(messages) if one.id == message), 0)
    if not at or messages[at - 1].role != "user" or messages[at].status != "done":
        return None
    about = messages[at].about
    sources, refused = about.get("sources", []), bool(about.get("refused"))
    collection = about.get("collection") or (sources[0].get("collection", "") if sources else "")
    if not collection or not (sources or refused):
        return None
    source: str | None = None
    if thumb == "Like":
        cited = [c for c in about.get("citations", []) if c["status"] != "unsupported"]
        if not refused and not cited:
            return None
        source = "" if refused else sources[cited[0]["number"] - 1]["source"]
    question = about.get("query") or (about.get("why") or {}).get("query") or messages[at - 1].content
    return Judgement(question, collection, source, thumb, owner)
