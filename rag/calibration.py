"""When to decline: what another threshold would do to questions whose answer is known, and which one suits them best.

The gate before the model (`rag.relevance`) is what is set here; the model may still decline what is let through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.database import storage_error
from rag.errors import QuestionError
from rag.questions import Question
from rag.relevance import Evidence, evidence, near_enough
from rag.settings import RagSettings

if TYPE_CHECKING:
    from rag.knowledge_base import KnowledgeBase

_FILE = "refusal.json"
_STEP = 0.01


@dataclass(frozen=True)
class Labelled:
    """A question with what was found for it; `answerable`: whether a document of the collection holds the answer."""

    question: str
    answerable: bool
    found: Evidence


@dataclass(frozen=True)
class Effect:
    """What a threshold does to labelled questions: of `answerable` so many are answered, of `others` declined."""

    answerable: int
    answered: int
    others: int
    declined: int

    @property
    def right(self) -> float:
        """Mean of the shares that are treated rightly, of those kinds of questions that there are."""
        shares = [a / n for a, n in ((self.answered, self.answerable), (self.declined, self.others)) if n]
        return sum(shares) / len(shares)


def look_up(base: KnowledgeBase, collection: str, questions: Sequence[Question], k: int) -> Iterator[Labelled]:
    """Search for every question, one after the other.

    Args:
        k: passages for each, as many as the app takes for an answer.

    Raises:
        QuestionError: a question names a document that is not in the collection.
        CollectionNotFoundError.
    """
    documents = base.documents(collection)
    known = {name.rsplit("/", 1)[-1].casefold() for d in documents for name in (d.source, d.title)}
    missing = [q.source for q in questions if q.source and q.source.rsplit("/", 1)[-1].casefold() not in known]
    if missing:
        raise QuestionError(
            en=f"“{missing[0]}” is not in this collection, nor are {len(missing) - 1} more that the questions name. "
            "Choose the collection they were written for, or correct their source.",
            zh=f"问题中提到的“{missing[0]}”等 {len(missing)} 个来源不在这个资料库中。请选择对应的资料库，或修改来源。",
        )
    for q in questions:
        yield Labelled(q.question, bool(q.source), evidence(q.question, base.search(q.question, collection, k)))


def effect(labelled: Sequence[Labelled], refuse_below: float) -> Effect:
    """What happens to these questions with this threshold."""
    passed = [near_enough(item.found, refuse_below) for item in labelled]
    answered = sum(on and item.answerable for on, item in zip(passed, labelled, strict=True))
    declined = sum(not on and not item.answerable for on, item in zip(passed, labelled, strict=True))
    answerable = sum(item.answerable for item in labelled)
    return Effect(answerable, answered, len(labelled) - answerable, declined)


def suggest(labelled: Sequence[Labelled], now: float) -> float:
    """The threshold that treats most questions rightly, both kinds counting alike; of equals the nearest to `now`."""
    steps = [round(step * _STEP, 2) for step in range(round(1 / _STEP) + 1)]
    return max([now, *steps], key=lambda value: (round(effect(labelled, value).right, 6), -abs(value - now)))


def stored(settings: RagSettings) -> RagSettings:
    """The settings with the threshold that was chosen in the app, unless the configuration was changed since."""
    try:
        found = json.loads((settings.data_dir / _FILE).read_text(encoding="utf-8"))
        chosen = float(found["refuse_below"]) if found["instead_of"] == settings.refuse_below else None
    except (OSError, ValueError, KeyError, TypeError):  # none was chosen, or the file was meddled with
        return settings
    return settings if chosen is None or not 0 <= chosen <= 1 else replace(settings, refuse_below=chosen)


def store(data_dir: Path, refuse_below: float, configured: float) -> None:
    """Keep a threshold for this data folder.

    Args:
        configured: what the configuration says; when that changes, it holds again.

    Raises:
        StorageError.
    """
    path = data_dir / _FILE
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps({"refuse_below": refuse_below, "instead_of": configured}), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise storage_error(error, path) from error
