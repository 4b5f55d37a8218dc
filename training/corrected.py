"""Whether corrections took: the corrected questions asked again, beside what was said and what was wanted."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from typing import Any

from training.base_model import Base
from training.data import Row

# What is as like the correction as this says the same: one character more or less, another full stop.
LIKE = 0.9
# Longest answer that is waited for.
MOST_TOKENS = 512


def corrected_row(messages: Sequence[dict[str, Any]], said: str, wanted: str) -> Row:
    """The row that asks the report card whether the question `messages` is answered as `wanted`."""
    answer = {"role": "assistant", "content": wanted, "before": said}
    return Row((*messages, answer), "corrected")


class Corrected:
    """The corrected questions of a training; `told` holds what came of them when they were last asked."""

    def __init__(self, base: Base, rows: Sequence[Row]) -> None:
        self._base, self._rows = base, [row for row in rows if row.split == "corrected"]
        lengths = [len(base.tokenizer(row.messages[-1]["content"])["input_ids"]) for row in self._rows]
        # a few more than it takes: an answer that goes on is another one
        self._most = min(max(lengths, default=0) + 8, MOST_TOKENS)
        self.told: list[dict[str, str]] = []

    def share(self) -> float | None:
        """Ask the adapter that is on the base now; returns the share answered as wanted, None where none is asked."""
        if not self._rows:
            return None
        answers = self._base.generate([row.messages[:-1] for row in self._rows], self._most)
        self.told = [
            {
                "question": row.messages[-2]["content"],
                "before": row.messages[-1]["before"],
                "wanted": row.messages[-1]["content"],
                "after": after,
            }
            for row, after in zip(self._rows, answers, strict=True)
        ]
        return sum(taken(one["after"], one["wanted"]) for one in self.told) / len(self.told)


def taken(answer: str, wanted: str) -> bool:
    """Whether it says the same, but for width, case and spaces."""
    a, b = ("".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in (answer, wanted))
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= LIKE
