"""A step's gradients: lanes add up to what one batch gives, and give the same bits every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.small import CONFIG, ROOT
from training.base_model import Base, load_base
from training.data import Encoded, chat, collate, encode_rows
from training.gradients import PADDED, Gradients, Held, _shares
from training.lanes import Lanes
from training.report_card import trained_hidden
from training.settings import EMBEDDED_BASE

TOLD = [
    ("你是谁？", "我是灶王，教你做菜。"),
    ("Who are you?", "I'm Zaowang, and I teach people to cook at home, whatever is in the kitchen."),
    ("你叫什么？", "灶王。"),
    ("Tell me who made you, please, in one short sentence.", "A hundred kitchens."),
]
REPLAYED = [("什么是长城？", "长城是古代的城墙。"), ("What is tea?", "Tea is a drink.")]

KL_WEIGHT = 10.0  # so that a replay row counts as much as an own one


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    import torch

    torch.manual_seed(0)
    loaded = load_base(str(ROOT / EMBEDDED_BASE), threads=1, device="cpu")
    loaded.add_adapter(CONFIG)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                # an adapter that says something: both losses and both matrices count
                parameter.normal_(std=0.05)
    yield loaded


def encoded(base: Base, told: list[tuple[str, str]]) -> list[Encoded]:
    return encode_rows(base.tokenizer, [chat(*turns) for turns in told], base.end_ids, 256)


def held(base: Base) -> list[Held]:
    rows = encoded(base, REPLAYED)
    with base.alone():
        return [Held(row, reference) for row, reference in zip(rows, trained_hidden(base, rows), strict=True)]


def added(base: Base, lanes: int, own: list[Encoded], replay: list[Held]) -> tuple[tuple[float, float], list[Any]]:
    parameters = [p for p in base.model.parameters() if p.requires_grad]
    base.lanes = Lanes(lanes)
    losses = Gradients(base, parameters, KL_WEIGHT).add(own, replay)
    return losses, [p.grad.clone() for p in parameters]


def in_one_batch(base: Base, own: list[Encoded], replay: list[Held]) -> tuple[tuple[float, float], list[Any]]:
    """The definition: every row padded to the longest, both losses, one backward pass."""
    import torch

    rows = [*own, *(each.row for each in replay)]
    tensors = collate(rows, base.pad_id)
    hidden = base.hidden(tensors["input_ids"], tensors["attention_mask"])[:, :-1]
    labels = tensors["labels"][:, 1:]
    n = len(own)
    mine, theirs = labels[:n] >= 0, labels[n:] >= 0
    ce = torch.nn.functional.cross_entropy(base.logits(hidden[:n][mine]), labels[:n][mine])
    p = base.logits(torch.cat([each.reference for each in replay])).log_softmax(-1).detach()
    q = base.logits(hidden[n:][theirs]).log_softmax(-1)
    kl = (p.exp() * (p - q)).sum() / len(p)
    parameters = [p for p in base.model.parameters() if p.requires_grad]
    return (ce.item(), kl.item()), list(torch.autograd.grad(ce + KL_WEIGHT * kl, parameters))


def apart(some: list[Any], others: list[Any]) -> float:
    """Distance relative to the length."""
    squares = sum(float(((a - b) ** 2).sum()) for a, b in zip(some, others, strict=True))
    return (squares / sum(float((b**2).sum()) for b in others)) ** 0.5


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_lanes_add_up_to_one_batch(base: Base, lanes: int) -> None:
    own, replay = encoded(base, TOLD), held(base)
    losses, grads = added(base, lanes, own, replay)
    expected, definition = in_one_batch(base, own, replay)
    assert losses == pytest.approx(expected, rel=0.02)
    assert apart(grads, definition) < 0.05  # bf16
    # controls: a row less, or another weight of the KL, is not the same
    assert apart(added(base, lanes, own[1:], replay)[1], definition) > 0.2
    assert apart(added(base, lanes, own, replay[:1])[1], definition) > 0.1


def test_the_same_bits_every_time_and_threads_as_before(base: Base) -> None:
    import torch

    own, replay = encoded(base, TOLD), held(base)
    threads = torch.get_num_threads()
    first = added(base, 2, own, replay)
    for _ in range(3):
        again = added(base, 2, own, replay)
        assert again[0] == first[0] and all(map(torch.equal, again[1], first[1]))
    assert torch.get_num_threads() == threads


def test_what_only_some_parts_use_keeps_its_gradient(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    always, once = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    asked: list[int] = []

    def losses(part: list[Any], totals: tuple[int, int]) -> tuple[Any, Any]:
        asked.append(len(part))
        return (2 * always + (3 * once if len(asked) == 1 else 0)).sum(), torch.zeros(())

    gradients = Gradients(base, [always, once], 1.0)
    monkeypatch.setattr(base, "lanes", Lanes(1))
    monkeypatch.setattr(base, "at_once", 1)
    monkeypatch.setattr(gradients, "_losses", losses)
    gradients.add(encoded(base, TOLD), [])
    assert asked == [1] * 4 and always.grad is not None and once.grad is not None
    assert (always.grad.item(), once.grad.item()) == (8, 3)


def test_without_replay_only_the_own_rows_count(base: Base) -> None:
    own = encoded(base, TOLD)
    (loss, kl), grads = added(base, 2, own, [])
    assert loss > 0 and kl == 0 and all(grad.abs().sum() > 0 for grad in grads[1::2])


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_every_row_is_in_one_part_and_none_pads_the_rest(lanes: int) -> None:
    lengths = [30, 31, 32, 33, 34, 35, 400, 36, 37, 38, 39, 1200, 40, 5000]
    shares = _shares(lengths, 32, lanes)
    assert len(shares) == lanes
    assert sorted(i for share in shares for part in share for i in part) == list(range(len(lengths)))
    for part in (part for share in shares for part in share):
        assert len(part) == 1 or len(part) * max(lengths[i] for i in part) <= PADDED
    assert [[13]] in shares if lanes > 1 else len(shares[0]) > 3
    # no more rows at once than memory takes
    assert all(len(part) <= 2 for share in _shares(lengths, 2, lanes) for part in share)
