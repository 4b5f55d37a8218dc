"""From a file's rows to a training's: none twice, none too long, some kept back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.training.small import ROOT
from training.data import chat, encode
from training.dataset.found import Dataset
from training.dataset.preparing import cut, fitted, lengths, split, without_duplicates, without_placeholders
from training.errors import DataError
from training.settings import EMBEDDED_BASE


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ROOT / EMBEDDED_BASE)


def found(*pairs: tuple[str, str]) -> Dataset:
    return Dataset("csv", tuple(chat(*pair) for pair in pairs), tuple(range(2, 2 + len(pairs))))


def test_what_is_said_twice_is_kept_once() -> None:
    kept = without_duplicates(found(("Ｑ 1", "a"), ("q1", "A"), ("q1", "b")))
    assert kept.numbers == (2, 4) and kept.duplicates == 1
    assert without_duplicates(kept) == kept


def test_placeholders_are_left_out_and_named() -> None:
    kept = without_placeholders(found(("who?", "I am {{name}}."), ("who?", "I am {name}.")))
    assert kept.numbers == (3,) and [p.number for p in kept.problems] == [2]


def test_the_split_is_seeded_and_keeps_a_question_on_one_side() -> None:
    pairs = [(f"question {n // 2}", f"answer {n}") for n in range(40)]
    rows = split(found(*pairs), 0.3, seed=1)
    test = {i for i, row in enumerate(rows) if row.split == "test"}
    assert len(test) == 12 and all((i ^ 1) in test for i in test)
    assert split(found(*pairs), 0.3, seed=1) == rows and split(found(*pairs), 0.3, seed=2) != rows
    assert {row.split for row in split(found(*pairs), 0.0)} == {"train"}
    for share in (1.0, -0.1, 0.01):
        with pytest.raises(DataError):
            split(found(*pairs[:2]), share)


def test_lengths_are_those_that_are_trained(tokenizer: Any) -> None:
    ends = (tokenizer.eos_token_id,)
    data = found(("Hi", "Hello"), ("What is tea?", "A drink. " * 40), ("How?", "So. " * 10))
    told = lengths(tokenizer, data, ends, 60, bins=6)
    assert told.tokens == tuple(len(encode(tokenizer, row, ends).ids) for row in data.rows)
    assert told.over == (3,) and told.bins[-1][2] == 1
    assert sum(count for *_, count in told.bins) == 3 and told.bins[0][:2] == (1, 10)
    kept = fitted(tokenizer, data, told)
    assert kept.numbers == (2, 4) and kept.problems[0].number == 3 and str(told.tokens[1]) in kept.problems[0].en


@pytest.mark.parametrize("text", ["一句话。" * 200 + "结尾", "word " * 300, "🎐" * 90, "no end" * 100])
def test_text_is_cut_without_loss(tokenizer: Any, text: str) -> None:
    pieces = cut(tokenizer, text, 50)
    assert "".join(pieces) == text and len(pieces) > 1
    assert all(len(tokenizer(piece, add_special_tokens=False)["input_ids"]) <= 50 for piece in pieces)


def test_what_is_far_too_long_costs_little(tokenizer: Any) -> None:
    class Counting:
        """The tokenizer, told how much it reads."""

        chat_template, read = tokenizer.chat_template, 0

        def __call__(self, text: str, **options: Any) -> Any:
            self.read += len(text)
            return tokenizer(text, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(tokenizer, name)

    text = "一句话。And another. " * 40_000
    asked, counting = found(("Hi", text)), Counting()
    (count,) = lengths(counting, asked, (tokenizer.eos_token_id,), 100).tokens
    exact = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert abs(count - exact) < 0.01 * exact and counting.read < 0.2 * len(text)
    pieces = cut(counting, text[:100_000], 400)
    assert "".join(pieces) == text[:100_000] and counting.read < 20 * 100_000
