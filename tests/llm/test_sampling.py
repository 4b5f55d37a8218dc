"""Choosing a token, against references written straight from the definitions."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.errors import SamplingError
from llm.sampling import Sampling, choose, choose_many

QUICK = settings(max_examples=60, deadline=None)
SCORES = st.lists(st.integers(-80, 80), min_size=2, max_size=12, unique=True).map(lambda xs: [x / 10 for x in xs])


def _draw(scores: list[float], draws: int = 1500, generated: tuple[int, ...] = (), **sampling: Any) -> Counter[int]:
    generator = torch.Generator().manual_seed(0)
    chosen = Sampling(**{"temperature": 1.0, **sampling})
    return Counter(choose(torch.tensor(scores), list(generated), chosen, generator) for _ in range(draws))


def _softmax(scores: list[float]) -> list[float]:
    exponents = [math.exp(score - max(scores)) for score in scores]
    return [e / sum(exponents) for e in exponents]


def _near(drawn: Counter[int], expected: dict[int, float]) -> None:
    """Within five standard deviations of a binomial."""
    draws = drawn.total()
    assert set(drawn) <= {token for token, p in expected.items() if p > 0}
    for token, p in expected.items():
        assert abs(drawn[token] / draws - p) <= 5 * math.sqrt(p * (1 - p) / draws) + 1e-9, (token, p, drawn)


@QUICK
@given(scores=SCORES)
def test_greedy_takes_the_largest(scores: list[float]) -> None:
    best = scores.index(max(scores))
    assert choose(torch.tensor(scores), [], Sampling(), None) == best
    assert choose(torch.tensor(scores).bfloat16(), [], Sampling(temperature=1e-300), torch.Generator()) == int(
        torch.tensor(scores).bfloat16().argmax()
    )


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_temperature_divides_the_scores(temperature: float) -> None:
    scores = [1.0, 0.2, -0.5, 2.0]
    expected = _softmax([score / temperature for score in scores])
    _near(_draw(scores, temperature=temperature), dict(enumerate(expected)))
    other = dict(enumerate(_softmax([score / (temperature * 3) for score in scores])))
    with pytest.raises(AssertionError):
        _near(_draw(scores, temperature=temperature), other)


@QUICK
@given(scores=SCORES, k=st.integers(1, 12))
def test_top_k_keeps_the_k_largest(scores: list[float], k: int) -> None:
    kept = sorted(range(len(scores)), key=lambda i: -scores[i])[:k]
    drawn = _draw(scores, 60, top_k=k, temperature=5.0)
    assert set(drawn) <= set(kept)


def test_top_k_draws_by_what_is_left() -> None:
    expected = _softmax([2.0, 1.0])
    _near(_draw([1.0, -1.0, 2.0, 0.0], top_k=2), {2: expected[0], 0: expected[1]})


@QUICK
@given(scores=SCORES, p=st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_reaches_p(scores: list[float], p: float) -> None:
    probabilities = _softmax(scores)
    nucleus: list[int] = []
    for token in sorted(range(len(scores)), key=lambda i: -probabilities[i]):
        nucleus.append(token)
        if sum(probabilities[i] for i in nucleus) >= p + 1e-5:
            break
    assert set(_draw(scores, 60, top_p=p)) <= set(nucleus)


def test_top_p_draws_by_what_is_left() -> None:
    scores = [math.log(0.5), math.log(0.3), math.log(0.15), math.log(0.05)]
    _near(_draw(scores, top_p=0.75), {0: 0.5 / 0.8, 1: 0.3 / 0.8})
    _near(_draw(scores, top_p=0.85), {0: 0.5 / 0.95, 1: 0.3 / 0.95, 2: 0.15 / 0.95})
    assert set(_draw(scores, 50, top_p=1e-9)) == {0}


def test_top_p_sees_what_temperature_and_top_k_left() -> None:
    scores = [math.log(0.4), math.log(0.3), math.log(0.2), math.log(0.1)]
    # Of the two that top-k keeps, the first holds 4/7: alone it passes 0.5, but not 0.6.
    assert set(_draw(scores, 200, top_k=2, top_p=0.5)) == {0}
    assert set(_draw(scores, 200, top_k=2, top_p=0.6)) == {0, 1}


@QUICK
@given(scores=SCORES, penalty=st.sampled_from([0.5, 0.8, 1.1, 1.5, 3.0]), data=st.data())
def test_the_penalty_weakens_what_was_said(scores: list[float], penalty: float, data: st.DataObject) -> None:
    said = data.draw(st.lists(st.integers(0, len(scores) - 1), max_size=6))
    expected = [
        (score / penalty if score > 0 else score * penalty) if token in said else score
        for token, score in enumerate(scores)
    ]
    ranked = sorted(expected)
    logits = torch.tensor(scores)
    chosen = choose(logits, said, Sampling(repetition_penalty=penalty), None)
    if ranked[-1] - ranked[-2] > 1e-4:
        assert chosen == expected.index(ranked[-1])
    assert torch.equal(logits, torch.tensor(scores)), "the caller's scores are not changed"


def test_the_penalty_makes_negative_scores_smaller() -> None:
    assert choose(torch.tensor([-1.0, -2.0]), [0], Sampling(repetition_penalty=3), None) == 1
    assert choose(torch.tensor([-1.0, -0.9]), [0], Sampling(repetition_penalty=0.5), None) == 0
    assert choose(torch.tensor([-1.0, -2.0]), [], Sampling(repetition_penalty=3), None) == 0


def test_the_penalty_counts_a_token_once() -> None:
    scores = [2.0, 1.5]
    assert choose(torch.tensor(scores), [0, 0, 0], Sampling(repetition_penalty=1.2), None) == 0
    assert choose(torch.tensor(scores), [0], Sampling(repetition_penalty=1.5), None) == 1


def test_a_seed_fixes_the_draws() -> None:
    def draws(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return [choose(torch.zeros(50), [], Sampling(temperature=1.0), generator) for _ in range(12)]

    assert draws(1) == draws(1) != draws(2)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -0.1},
        {"temperature": 5.1},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_k": -1},
        {"top_k": 2.5},
        {"repetition_penalty": 0.4},
        {"repetition_penalty": 3.1},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"seed": -1},
        {"seed": 2**63},
        {"seed": 1.0},
        {"stop": ("",)},
        {"stop": ("x",) * 17},
    ],
)
def test_values_out_of_range_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(SamplingError) as caught:
        Sampling(**values)
    (name,) = values
    assert name in caught.value.en
    assert name in caught.value.zh


def test_the_ends_of_the_ranges_are_allowed() -> None:
    Sampling(temperature=5, top_p=1, top_k=0, repetition_penalty=0.5, max_tokens=1, seed=0, stop=("x",) * 16)
    Sampling(temperature=0, top_p=0.001, repetition_penalty=3, seed=2**63 - 1)


def test_a_last_bit_does_not_change_what_a_seed_draws() -> None:
    """Near equals may change ranks between batches; the draw must not follow them."""
    logits = torch.randn(10_000, generator=torch.Generator().manual_seed(3)) * 1e-3
    noisy = logits * (1 + 1e-6 * torch.randn(10_000, generator=torch.Generator().manual_seed(4)))
    assert not torch.equal(logits.argsort(), noisy.argsort())
    for options in ({}, {"top_p": 0.9}):
        sampling = Sampling(temperature=1.0, **options)
        drawn = [
            [choose(scores, [], sampling, torch.Generator().manual_seed(seed)) for seed in range(60)]
            for scores in (logits, noisy)
        ]
        assert drawn[0] == drawn[1] and len(set(drawn[0])) > 50


# As many draws in one call, a row each.
MANY: tuple[dict[str, Any], ...] = (
    {"temperature": 1.0},
    {"temperature": 0.5, "top_k": 2},
    {"temperature": 2.0, "top_p": 0.7},
    {"temperature": 1.0, "top_k": 3, "top_p": 0.8, "repetition_penalty": 1.5},
    {"temperature": 1.0, "top_k": 100},
    {"temperature": 0.0},
    {"temperature": 0.0, "repetition_penalty": 3.0},
)


def _draw_many(scores: list[float], samplings: list[dict[str, Any]], draws: int) -> list[Counter[int]]:
    """What each of `samplings` draws, mixed in the same calls, token 3 said before."""
    generators = [torch.Generator().manual_seed(number) for number in range(len(samplings))]
    asked = [(Sampling(**s), [3], generator) for s, generator in zip(samplings, generators, strict=True)]
    rows = torch.tensor([scores] * (draws * len(samplings)))
    drawn = choose_many(rows, asked * draws).view(draws, len(samplings)).T.tolist()
    assert rows.equal(torch.tensor([scores] * len(rows))), "the scores are not changed"
    return [Counter(row) for row in drawn]


def test_many_at_once_are_drawn_as_each_alone() -> None:
    scores = [1.0, 0.2, -0.5, 2.0, 0.9]
    together = _draw_many(scores, list(MANY), 3000)
    expected = [_draw(scores, 3000, (3,), **sampling) for sampling in MANY]
    for sampling, drawn, single in zip(MANY, together, expected, strict=True):
        assert set(drawn) == set(single), sampling
        for token in single:
            assert abs(drawn[token] - single[token]) <= 5 * math.sqrt(2 * 3000 * 0.25), (sampling, drawn, single)
        alone = _draw_many(scores, [sampling], 3000)[0]
        assert set(alone) == set(drawn)
    assert together[0] != together[4], "the control: another seed"
    assert _draw_many(scores, [MANY[0]], 3000)[0] == together[0], "whoever shares the call"
