"""Answers of real passages replaced by others of their kind."""

from __future__ import annotations

from random import Random

import pytest

from training.drills.swaps import Swaps, kind_of

ROWS = [
    ("Who wrote it?", "Ada Lovelace", "en"),
    ("Who led them?", "Karl Marx", "en"),
    ("Where was it?", "Paris", "en"),
    ("谁写的？", "李白", "zh"),
    ("由谁执导？", "张艺谋", "zh"),
]


@pytest.mark.parametrize(
    ("question", "answer", "lang", "kind"),
    [
        ("When was it built?", "in 1932", "en", "digits"),
        ("Who built it?", "Henry Yevele", "en", "who"),
        ("Which city is it in?", "New York", "en", "where"),
        ("Why did it fall?", "because of rain", "en", None),
        ("谁建的？", "鲁班", "zh", "who"),
        ("位于何处？", "九龙湾", "zh", "where"),
        ("为什么？", "下雨", "zh", None),
    ],
)
def test_kinds(question: str, answer: str, lang: str, kind: str | None) -> None:
    assert kind_of(question, answer, lang) == kind


def test_the_answer_is_replaced_everywhere_and_by_its_kind() -> None:
    swaps, rng = Swaps(ROWS), Random(1)
    text = "Ada Lovelace was born in 1815. Ada Lovelace's notes are famous."
    context, answer = swaps.swap(rng, text, "Who wrote famous notes?", "Ada Lovelace", "en") or ("", "")
    assert answer == "Karl Marx" and context == text.replace("Ada Lovelace", "Karl Marx")
    context, answer = swaps.swap(rng, text, "When was she born?", "1815", "en") or ("", "")
    assert answer.isdigit() and answer != "1815" and f"born in {answer}." in context
    zh = swaps.swap(rng, "此诗为李白所作。", "谁写的？", "李白", "zh")
    assert zh == ("此诗为张艺谋所作。", "张艺谋")


def test_no_swap_where_it_could_mislead() -> None:
    swaps, rng = Swaps(ROWS), Random(1)
    assert swaps.swap(rng, "Karl Marx met Ada Lovelace.", "Who met Marx?", "Ada Lovelace", "en") is None, (
        "other is there"
    )
    assert swaps.swap(rng, "It rained.", "Why?", "rained", "en") is None
    assert swaps.swap(rng, "Ada Lovelace wrote.", "Is it Ada Lovelace who wrote?", "Ada Lovelace", "en") is None
