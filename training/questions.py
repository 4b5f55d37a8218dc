"""Questions that have nothing to do with who answers: replayed in training (held on to) and asked by the report card.

Both come from phrases/*.yaml, with separate templates, topics and passages for training (`train`) and for the report
card (`held_out`), so that the card measures what was not practised.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from training.data import Row, chat
from training.drills.prompts import reading_prompt

PHRASES = Path(__file__).parent / "phrases"
LANGUAGES = ("zh", "en")


@cache
def phrases(name: str) -> dict[str, Any]:
    """One of phrases/*.yaml (read once)."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((PHRASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def unrelated(part: str, split: str, count: int, seed: int = 0) -> list[Row]:
    """Up to `count` distinct questions of `part` ("train" or "held_out") as rows awaiting the base's answer.

    A fifth are asked about passages (in practice a few), a quarter sound like identity questions ("who is he?") or
    are everyday ones, the rest are templates about topics; Chinese and English in equal parts.
    """
    rng = random.Random(seed)
    plain: list[Row] = []
    documents: list[Row] = []
    topical: list[Row] = []
    for lang in LANGUAGES:
        bank = phrases("general")[lang][part]
        plain += [chat(q, split=split, tag=lang) for q in (*bank["near"], *bank["plain"])]
        documents += list(_documents(lang, part, split, rng))
        pairs = [(t, topic) for t in bank["templates"] for topic in bank["topics"]]
        topical += [chat(t.format(t=topic), split=split, tag=lang) for t, topic in rng.sample(pairs, len(pairs))]
    for rows in (plain, documents):
        rng.shuffle(rows)
    # topical rows: Chinese first half, English second half; interleave so that any prefix is balanced
    half = len(topical) // 2
    topical = [row for pair in zip(topical[:half], topical[half:], strict=True) for row in pair]
    # those about passages are long, and what they are answered hardly changes: few of them hold on to it
    head = [*documents[: count // (32 if part == "train" else 5)], *plain[: count // 4]]
    chosen = [*head, *topical[: max(0, count - len(head))]][:count]
    rng.shuffle(chosen)
    return chosen


def _documents(lang: str, part: str, split: str, rng: random.Random) -> Iterable[Row]:
    bank = phrases("documents")[lang][part]
    for index, document in enumerate(bank):
        for question in (*document["ask"], *document["absent"]):
            passages = [(document["title"], document["text"])]
            if rng.random() < 0.5:
                other = bank[(index + 1 + rng.randrange(len(bank) - 1)) % len(bank)]
                passages.insert(rng.randrange(2), (other["title"], other["text"]))
            system = reading_prompt(passages, lang, question=question)
            yield chat(question, system=system, split=split, tag=f"documents-{lang}")
