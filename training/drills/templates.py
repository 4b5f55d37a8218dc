"""Values and names that a table spells out itself: "=每{n:2-9}(天/周)" or "=the {stem} (ferry/barge)".

(a/b/c) is one of these (each may hold more of them), {n:2-90} a number in the range, {d:1-9} one with a decimal,
{kind} a value of a named kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random

from training.drills import values_en, values_zh, words_en, words_zh

Maker = Callable[[Random], str]
_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{([^{}]*)\}")
_WORDS: dict[str, dict[str, Maker]] = {
    "zh": {"chars": lambda r: words_zh.chars(r, 2, 3), "stem": lambda r: words_zh.chars(r, 2, 2)},
    "en": {"coin": words_en.coin, "stem": words_en.stem},
}
_VALUES: dict[str, Mapping[str, Maker]] = {
    "zh": {**values_zh.VALUES, **_WORDS["zh"]},
    "en": {**values_en.VALUES, **_WORDS["en"]},
}
NAMES: dict[str, Mapping[str, Maker]] = {"zh": words_zh.NAMES, "en": words_en.NAMES}


def value_maker(kind: str, lang: str) -> Maker:
    """Makes values of a kind: a named one, or a template that starts with "=".

    Raises:
        KeyError: for a kind, or a slot of a template, that does not exist.
    """
    return _template(kind, lang) if kind.startswith("=") else _VALUES[lang][kind]


def name_maker(kind: str, lang: str) -> Maker:
    """Makes names of entities, as `value_maker` does values."""
    return _template(kind, lang) if kind.startswith("=") else NAMES[lang][kind]


@lru_cache(maxsize=4096)
def _template(text: str, lang: str) -> Maker:
    for slot in _SLOT.findall(text):
        if slot[:2] not in ("n:", "d:") and slot not in _VALUES[lang]:
            raise KeyError(f"{text}: there is no {slot}")

    def filled(rng: Random, name: str) -> str:
        if name[:2] not in ("n:", "d:"):
            return _VALUES[lang][name](rng)
        low, high = map(int, name[2:].split("-"))
        return str(rng.randint(low, high)) + (f".{rng.randint(1, 9)}" if name[0] == "d" else "")

    def make(rng: Random) -> str:
        chosen = text[1:]
        while "(" in chosen:  # innermost first
            chosen = _CHOICE.sub(lambda m: rng.choice(m[1].split("/")), chosen)
        return _SLOT.sub(lambda m: filled(rng, m[1]), chosen)

    return make
