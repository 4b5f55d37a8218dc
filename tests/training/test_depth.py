"""An adapter on the upper layers: the same states and gradients as through the whole base, from states kept below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.small import CONFIG, SIGNS, rows
from training import depth
from training.answers import BaseAnswers
from training.base_model import Base
from training.data import Encoded, batches, encode_rows
from training.depth import remember, through
from training.report_card import Examiner

UPPER = CONFIG.with_values({"depth": 0.5})


@pytest.fixture
def base(loaded: Base) -> Iterator[Base]:
    """With a strong random adapter on its upper half."""
    import torch

    bare = loaded.model
    loaded.add_adapter(UPPER)
    torch.manual_seed(1)
    for name, parameter in loaded.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.05)
    yield loaded
    loaded.model.unload()
    loaded.model, loaded.first = bare, 0


def encoded(base: Base) -> list[Encoded]:
    return encode_rows(base.tokenizer, [row for row in rows() if row.split == "train"], base.end_ids, 100)


def states_and_gradients(base: Base, hidden: Any) -> tuple[Any, Any]:
    import torch

    base.model.zero_grad()
    hidden.float().pow(2).sum().backward()
    found = [p.grad.flatten() for p in base.model.parameters() if p.requires_grad]
    return hidden.detach(), torch.cat(found)


def test_only_the_upper_layers_are_adapted(base: Base) -> None:
    layers = {int(n.split("layers.")[1].split(".")[0]) for n, p in base.model.named_parameters() if p.requires_grad}
    assert base.first == 9 and layers == set(range(9, 18))


def test_kept_states_give_what_the_whole_base_gives(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    held = encoded(base)[:1]
    ids = torch.tensor([held[0].ids])
    remember(base, held)
    assert len(base.states) == 1
    kept, slopes = states_and_gradients(base, through(base, held))
    whole, expected = states_and_gradients(base, base.hidden(ids, torch.ones_like(ids)))
    assert torch.allclose(kept, whole, atol=1e-2) and torch.allclose(slopes, expected, rtol=1e-2, atol=1e-2)
    # control: the adapter matters, and so does what lies below it
    with base.alone():
        assert not torch.allclose(through(base, held), whole, atol=1e-1)
    base.states = {key: state.flip(0) for key, state in base.states.items()}
    assert not torch.allclose(through(base, held), whole, atol=1e-1)
    # rows that are too many to be kept are computed anew
    base.states = {}
    monkeypatch.setattr(depth, "KEPT_AT_MOST", 0)
    remember(base, held)
    assert not base.states and torch.allclose(through(base, held), whole, atol=1e-2)


def test_answers_that_stay_the_bases_own_are_not_written(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    config = UPPER.with_values({"leak_prompts": 4})
    with base.alone():
        examiner = Examiner(BaseAnswers(base), rows(), SIGNS, config)
        as_before = examiner._retention(4)[2]
        assert all(as_before)
    # the answers really are what the base would write
    assert not all(examiner._retention(4)[2])
    asked: list[Any] = []
    monkeypatch.setattr(base, "generate", lambda messages, most: [asked.append(m) or "我是灶王。" for m in messages])
    assert examiner._leak([True, False, True, False]) == 0.5 and len(asked) == 2
    assert examiner._leak([True] * 4) == 0.0


def test_batches_hold_every_row_once_and_not_too_many_tokens() -> None:
    lengths = [3, 90, 3, 50, 7, 200, 4]
    found = list(batches(lengths, 2, tokens=100))
    assert sorted(i for part in found for i in part) == list(range(len(lengths)))
    assert all(
        len(part) <= 2 and (len(part) == 1 or len(part) * max(lengths[i] for i in part) <= 100) for part in found
    )
