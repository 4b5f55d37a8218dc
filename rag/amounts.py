"""Amounts with what they are amounts of: "炖60分钟" is not supported by "腌60分钟"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.folding import grams
from rag.quantities import Quantity, quantities

CLAUSE_END = re.compile(r"(?<!\d),|,(?!\d)|[;。、!?\n()]|\.(?=\s|$)")
_LINE_END = re.compile(r"[;。!?\n]|\.(?=\s|$)")
_NEAR = 100  # characters to either side that can say what an amount is of
_CONTEXT_END = re.compile(CLAUSE_END.pattern + r"|\b(?:and|plus|then)\b|[和与及再]|然后|以及")


@dataclass(frozen=True)
class Amount:
    """A quantity and the weighted words (`folding.grams`) left and right of it in its clause, and in its line."""

    quantity: Quantity
    left: dict[str, float]
    right: dict[str, float]
    line: dict[str, float]

    def meant_by(self, rivals: Sequence[Amount], question: dict[str, float]) -> list[Amount]:
        """Those of a passage's amounts that are this amount of this thing.

        Of all the amounts that could be meant, the one whose surroundings are most like this one's has to be
        equal: "糖5克" is not supported by "盐5克，糖10克". Where it has none ("60分钟。"), the question's count.
        """
        rivals = [rival for rival in rivals if self.quantity.comparable(rival.quantity)]
        if not self.equal(rivals):
            return []
        own = {**self.left, **self.right} or self.line
        if own:
            scores = [self._likeness(rival) for rival in rivals]
            if not any(scores):
                scores = [_overlap(own, rival.line) for rival in rivals]
            if not any(scores):
                return []
        else:
            scores = [_overlap(question, r.line) + _overlap(question, {**r.left, **r.right}) for r in rivals]
        best = max(scores)
        likest = [rival for rival, score in zip(rivals, scores, strict=True) if score == best]
        return self.equal(likest)

    def equal(self, rivals: Sequence[Amount]) -> list[Amount]:
        """Those of the same value, whatever they are amounts of."""
        return [rival for rival in rivals if self.quantity.same(rival.quantity)]

    def _likeness(self, other: Amount) -> float:
        same_side = _overlap(self.left, other.left) + _overlap(self.right, other.right)
        return 2 * same_side + _overlap(self.left, other.right) + _overlap(self.right, other.left)

    def within(self, start: int, end: int) -> bool:
        return start <= self.quantity.start and self.quantity.end <= end


def amounts_in(text: str) -> list[Amount]:
    """The amounts of a folded text, in order."""
    found = quantities(text)
    blank = _without(found, text)
    amounts = []
    for i, q in enumerate(found):
        before = blank[max(found[i - 1].end if i else 0, q.start - _NEAR) : q.start]
        behind = blank[q.end : min(found[i + 1].start if i + 1 < len(found) else len(text), q.end + _NEAR)]
        line = _LINE_END.split(blank[max(0, q.start - _NEAR) : q.start])[-1] + " "
        line += _LINE_END.split(blank[q.end : q.end + _NEAR])[0]
        left, right = _CONTEXT_END.split(before)[-1], _CONTEXT_END.split(behind)[0]
        amounts.append(Amount(q, grams(left), grams(right), grams(line)))
    return amounts


def wording(text: str) -> dict[str, float]:
    """`folding.grams` of a folded text without its amounts, whose units say nothing."""
    return grams(_without(quantities(text), text))


def _without(found: Sequence[Quantity], text: str) -> str:
    """`text` with spaces in the place of its amounts."""
    at, out = 0, []
    for q in found:
        out += [text[at : q.start], " " * (q.end - q.start)]
        at = q.end
    return "".join(out) + text[at:]


def _overlap(a: dict[str, float], b: dict[str, float]) -> float:
    return round(sum(weight for gram, weight in a.items() if gram in b), 6)
