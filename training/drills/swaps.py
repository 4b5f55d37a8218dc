"""Other values in real passages: the answer is replaced by one of its kind, so that it must be read, not remembered.

Dates and numbers get other digits; persons, places and named things are drawn from the answers to other questions
that ask for the same kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random

_KINDS = {
    "en": (
        (re.compile(r"\b(?:who|whom|whose)\b", re.I), "who"),
        (
            re.compile(r"\bwhere\b|\b(?:which|what) (?:city|country|state|town|river|island|county|region)\b", re.I),
            "where",
        ),
        (re.compile(r"\b(?:what|which)\b", re.I), "what"),
    ),
    "zh": (
        (re.compile(r"谁|何人|哪位|哪一位|什么人"), "who"),
        (re.compile(r"哪里|何处|哪儿|什么地方|何地|哪[个一]?(?:国|城|省|市|县|地|岛|州|洲)"), "where"),
    ),
}
_NAME_EN = re.compile(r"(?:[A-Z][\w'’.-]*)(?: (?:of|the|de|van|[A-Z][\w'’.-]*)){0,3}")
_NAME_ZH = re.compile(r"[\u4e00-\u9fff·]{2,7}")
_DIGITS = re.compile(r"\d+")


def kind_of(question: str, answer: str, lang: str) -> str | None:
    """ "digits", "who", "where" or "what" where the answer can be replaced by another of its kind."""
    if _DIGITS.search(answer):
        return "digits" if len(answer) < 24 else None
    if not (_NAME_EN if lang == "en" else _NAME_ZH).fullmatch(answer):
        return None
    return next((kind for pattern, kind in _KINDS[lang] if pattern.search(question)), None)


def _other_digits(rng: Random, answer: str) -> str:
    def put(match: re.Match[str]) -> str:
        old = match[0]
        if len(old) == 4 and old[0] in "12":
            return str(rng.randint(1100, 2025))
        if old[0] == "0" or len(old) > 9:
            return old
        return str(rng.randint(10 ** (len(old) - 1), 10 ** len(old) - 1))

    return _DIGITS.sub(put, answer)


class Swaps:
    """Answers by kind, to put in one another's place."""

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """`rows` holds (question, answer, lang)."""
        found: dict[tuple[str, str], set[str]] = {}
        for question, answer, lang in rows:
            kind = kind_of(question, answer, lang)
            if kind and kind != "digits":
                found.setdefault((lang, kind), set()).add(answer)
        self.pools = {key: sorted(values) for key, values in found.items()}

    def swap(self, rng: Random, context: str, question: str, answer: str, lang: str) -> tuple[str, str] | None:
        """(context, answer) with another answer in every place of the first; None where it cannot be done safely."""
        kind = kind_of(question, answer, lang)
        if kind is None or len(answer) < 2 or answer.casefold() in question.casefold():
            return None
        pool = self.pools.get((lang, kind), [])
        if kind != "digits" and not pool:
            return None
        edge = r"(?<!\w)" if lang == "en" else r"(?<!\d)", r"(?!\w)" if lang == "en" else r"(?!\d)"
        pattern = re.compile(edge[0] + re.escape(answer) + edge[1])
        if not pattern.search(context):
            return None
        for _ in range(8):
            new = _other_digits(rng, answer) if kind == "digits" else rng.choice(pool)
            if new not in context:
                return pattern.sub(new.replace("\\", ""), context), new
        return None
