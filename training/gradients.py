"""The gradients of one step: the rows of both losses go through the model together, in as many lanes as there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.base_model import Base
from training.data import Encoded, batches, collate
from training.depth import through

# tokens, padding included, that go through the model together
PADDED = 1536


@dataclass(frozen=True)
class Held:
    """A replay row and what it is held to: the base's last hidden states [trained tokens, width] there."""

    row: Encoded
    reference: Any


class Gradients:
    """Adds up CE on own rows + `kl_weight` KL(base || adapter) on replay rows, in nats per trained token of each kind.

    Args:
        parameters: those of the adapter; their `grad` is set.
    """

    def __init__(self, base: Base, parameters: list[Any], kl_weight: float) -> None:
        self.base, self.parameters, self.kl_weight = base, parameters, kl_weight

    def add(self, own: Sequence[Encoded], held: Sequence[Held]) -> tuple[float, float]:
        """One step's gradients; returns (CE, KL), nats per trained token."""
        rows: list[Encoded | Held] = [*own, *held]
        shares = _shares([len(_encoded(row).ids) for row in rows], self.base.at_once, self.base.lanes.count)
        totals = sum(map(_predicted, own)), sum(len(each.reference) for each in held)
        lanes = [[[rows[i] for i in part] for part in share] for share in shares]
        done = self.base.lanes.map(lambda parts: self._lane(parts, totals), lanes)
        for i, parameter in enumerate(self.parameters):
            found = [lane.grads[i] for lane in done if lane.grads[i] is not None]
            parameter.grad = sum(found[1:], found[0]) if found else None
        return sum(lane.loss for lane in done), sum(lane.kl for lane in done)

    def _lane(self, parts: list[list[Encoded | Held]], totals: tuple[int, int]) -> _Lane:
        import torch

        lane = _Lane(0.0, 0.0, [None] * len(self.parameters))
        for part in parts:
            loss, kl = self._losses(part, totals)
            grads = torch.autograd.grad(loss + self.kl_weight * kl, self.parameters, allow_unused=True)
            for i, grad in enumerate(grads):
                if grad is not None:
                    mine = lane.grads[i]
                    lane.grads[i] = grad if mine is None else mine.add_(grad)
            lane.loss += loss.item()
            lane.kl += kl.item()
        return lane

    def _losses(self, part: list[Encoded | Held], totals: tuple[int, int]) -> tuple[Any, Any]:
        """This part's share of both losses."""
        import torch

        rows = [_encoded(row) for row in part]
        labels = collate(rows, self.base.pad_id)["labels"].to(self.base.device)[:, 1:]
        # the token at t is predicted from position t - 1
        hidden = through(self.base, rows)[:, :-1]
        learned = torch.tensor([isinstance(row, Encoded) for row in part], device=self.base.device)[:, None]
        loss = kl = hidden.new_zeros((), dtype=torch.float32)
        mine = (labels >= 0) & learned
        if mine.any():
            logits = self.base.logits(hidden[mine])
            loss = torch.nn.functional.cross_entropy(logits, labels[mine], reduction="sum") / totals[0]
        replayed = (labels >= 0) & ~learned
        if replayed.any():
            with torch.no_grad():
                references = torch.cat([row.reference for row in part if isinstance(row, Held)])
                p = self.base.logits(references).log_softmax(-1)
            q = self.base.logits(hidden[replayed]).log_softmax(-1)
            kl = torch.nn.functional.kl_div(q, p, reduction="sum", log_target=True) / totals[1]
        return loss, kl


@dataclass
class _Lane:
    """What one lane adds."""

    loss: float
    kl: float
    grads: list[Any]


def _encoded(row: Encoded | Held) -> Encoded:
    return row.row if isinstance(row, Held) else row


def _predicted(row: Encoded) -> int:
    """Trained tokens that have one before them."""
    return sum(label >= 0 for label in row.labels[1:])


def _shares(lengths: Sequence[int], most: int, lanes: int) -> list[list[list[int]]]:
    """Row indices by lane and part: rows of like length together, so that a long one does not pad the short ones, and
    every lane about as long at work."""
    wanted = lanes * math.ceil(sum(lengths) / (lanes * PADDED))
    limit = min(PADDED, math.ceil(sum(lengths) / wanted))
    while len(parts := list(batches(lengths, most, limit))) > wanted and limit < PADDED:
        limit = math.ceil(limit * 1.04)
    size = [len(part) * max(lengths[i] for i in part) for part in parts]
    shares: list[list[int]] = [[] for _ in range(min(lanes, len(parts)))]
    for i in sorted(range(len(parts)), key=lambda i: -size[i]):
        min(shares, key=lambda share: sum(size[j] for j in share)).append(i)
    return [[parts[i] for i in sorted(share)] for share in shares]
