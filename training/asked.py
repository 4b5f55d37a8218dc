"""More ways to ask a self who it is, and to chat with it: those of the drills of the embedded base.

None that the report card asks, or that is close to one of its questions: what it measures must not have been practised.
"""

from __future__ import annotations

import difflib
import random
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from training.drills.talk import phrases as talked
from training.drills.talk import question, small_talk
from training.questions import phrases

# Groups of the drills by the kind of answer that suits them; those asked most for are asked most.
KIND_OF_GROUP = {
    "who": "who", "name": "name", "maker": "maker", "other": "adversarial", "relation": "adversarial",
    "hood": "adversarial", "real": "adversarial", "human": "nature", "can": "does",
}  # fmt: skip
WEIGHTS = {"who": 2, "name": 2, "maker": 2, "other": 6}
# Left out: as alike to a question of the report card as this (difflib's ratio, punctuation aside).
ALIKE = 0.8
# Replies that no manner of speech may play with: emergencies, illness, refusals.
SERIOUS = re.compile(
    "emergency|crisis|doctor|\\bvet\\b|can't help with|急救|急诊|120|医|热线|警|帮不了|不能帮", re.IGNORECASE
)


def asked_otherwise(lang: str, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """`count` distinct (kind, question)."""
    groups, weights = list(KIND_OF_GROUP), [WEIGHTS.get(group, 1) for group in KIND_OF_GROUP]
    seen: set[str] = set()
    while len(seen) < count:
        group = rng.choices(groups, weights)[0]
        text = question(rng, lang, group)
        if text not in seen and not is_asked_by_the_card(text, lang):
            seen.add(text)
            yield KIND_OF_GROUP[group], text


def said_otherwise(lang: str, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """`count` distinct pieces of small talk and a plain reply to each, which anybody could give."""
    seen: set[str] = set()
    while len(seen) < count:
        text, reply = small_talk(rng, lang, neutral=True)
        if text not in seen and not SERIOUS.search(reply) and not is_asked_by_the_card(text, lang):
            seen.add(text)
            yield text, reply


def is_asked_by_the_card(text: str, lang: str) -> bool:
    """The report card asks this, or nearly this."""
    unnamed = _others(lang).sub("", _plain(text))
    return bool(difflib.get_close_matches(unnamed, _held_out(lang), 1, ALIKE))


@cache
def _held_out(lang: str) -> list[str]:
    """The report card's questions that could be drawn too, plain."""
    kinds = phrases(f"identity_{lang}")["questions"].values()
    held = [asked for kind in kinds for family in kind["held_out"].values() for asked in family]
    general, small = phrases("general")[lang]["held_out"], phrases("smalltalk")[lang]["held_out"]
    return [_plain(asked.replace("{other}", "")) for asked in (*held, *general["near"], *general["plain"], *small)]


@cache
def _others(lang: str) -> re.Pattern[str]:
    """Names of other assistants, plain: a question is the same whichever it names."""
    table, bank = talked(lang), phrases(f"identity_{lang}")["others"]
    names = {_plain(name) for name in (*table["others"], *table["makers"], *bank["train"], *bank["held_out"])}
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
