"""Reads the word lists of the embedder's drills (embedder_words.yaml)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

WordPairs = tuple[tuple[str, str], ...]
"""(Chinese, English) of the same thing."""


@dataclass(frozen=True)
class Attribute:
    """Something a fact sheet says: its names, ways to ask for it (X is the subject), and values (# is a number)."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    ask_zh: tuple[str, ...]
    ask_en: tuple[str, ...]
    values: WordPairs


@dataclass(frozen=True)
class WordLists:
    """`subjects`: kind -> (names, endings or none); `attributes`: kind -> what is said of it; `words`: a dictionary."""

    subjects: dict[str, tuple[WordPairs, WordPairs]]
    attributes: dict[str, tuple[Attribute, ...]]
    words: WordPairs


def _pairs(text: str) -> WordPairs:
    items = (item.split("=") for item in text.split(";") if item.strip())
    return tuple((zh.strip(), en.strip()) for zh, en in items)


@lru_cache(maxsize=1)
def word_lists() -> WordLists:
    import yaml

    data = yaml.safe_load((Path(__file__).parent / "embedder_words.yaml").read_text(encoding="utf-8"))
    shared = data["values"]
    return WordLists(
        {kind: (_pairs(s["names"]), _pairs(s.get("endings", ""))) for kind, s in data["subjects"].items()},
        {
            kind: tuple(
                Attribute(
                    tuple(a["zh"]),
                    tuple(a["en"]),
                    tuple(a["ask_zh"]),
                    tuple(a["ask_en"]),
                    _pairs(shared.get(a["values"], a["values"])),
                )
                for a in attributes
            )
            for kind, attributes in data["attributes"].items()
        },
        _pairs(data["words"]),
    )
