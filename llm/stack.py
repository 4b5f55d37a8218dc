"""Adapters side by side in one step: every row of a batch gets its own.

Hu et al. 2021 (arXiv:2106.09685): y = W x + s B A x. Here s is multiplied into B once, in float32; layers that read the
same input are one pair with B block-diagonal; and a weighted mix of adapters is one pair of the sum of their ranks,
which is exact. Several adapters in a step are one batched product (as BGMV of Punica, arXiv:2310.18547, without its
kernel) where their rows are evenly shared out, else a product for each; a single one is two products and no more. On a
GPU `llm.grouped` does the same with kernels, and this is what they are tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

    from llm.lora import LoraWeights
    from llm.projections import Place


T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """An adapter at one place: `a` [in, rank], `b` [rank, out], the scale inside.

    `bounds` of the ranks: layer i of the place takes bounds[i] ≤ rank < bounds[i + 1], elsewhere its part of b is 0.
    """

    a: torch.Tensor
    b: torch.Tensor
    bounds: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Adapter:
    """One version of an adapter, or a mix of several, ready for the decoder; immutable.

    Attributes:
        pairs: by place, None where it changes nothing.
    """

    pairs: tuple[Pair | None, ...]

    @property
    def bytes(self) -> int:
        return sum(pair.a.nbytes + pair.b.nbytes for pair in self.pairs if pair)

    @cached_property
    def touched(self) -> int:
        """Bit i is set where it changes place i."""
        return sum(1 << place for place, pair in enumerate(self.pairs) if pair)

    @cached_property
    def layer_rank(self) -> int:
        """The largest rank at any single layer."""
        bounds = [pair.bounds for pair in self.pairs if pair]
        return max((last - first for b in bounds for first, last in pairwise(b)), default=0)


def make_adapter(
    parts: Sequence[tuple[LoraWeights, float]], places: Sequence[Place], dtype: torch.dtype, grain: int = 1
) -> Adapter:
    """The sum of `parts`, each times its weight, on the parts' device; ranks are filled up with zeros to `grain`."""
    return Adapter(tuple(_pair(parts, place, dtype, grain) for place in places))


def _pair(parts: Sequence[tuple[LoraWeights, float]], place: Place, dtype: torch.dtype, grain: int) -> Pair | None:
    import torch

    rows, columns, start, bounds = [], [], 0, [0]
    for path, width in zip(place.paths, place.outputs, strict=True):
        for weights, share in parts:
            if layer := weights.layers.get(path):
                rows.append(layer.a)
                columns.append((start, layer.b.float() * (layer.scale * share)))
        start += width
        bounds.append(sum(len(a) for a in rows))
    if not rows:
        return None
    a = torch.cat(rows)
    a = torch.nn.functional.pad(a, (0, 0, 0, -len(a) % grain))
    b = torch.zeros(a.shape[0], start, dtype=torch.float32, device=a.device)
    rank = 0
    for first, block in columns:
        b[rank : rank + block.shape[1], first : first + block.shape[0]] = block.T
        rank += block.shape[1]
    return Pair(a.T.to(dtype).contiguous(), b.to(dtype), tuple(bounds))


class Stack:
    """Several adapters in one block a place: `a` [adapters, in, rank], `b` [adapters, rank, out], padded with zeros."""

    def __init__(self, adapters: tuple[Adapter, ...]) -> None:
        self.adapters = adapters
        self.pairs = tuple(_stacked(pairs) for pairs in zip(*(adapter.pairs for adapter in adapters), strict=True))


def _stacked(pairs: tuple[Pair | None, ...]) -> Pair | None:
    import torch

    some = [pair for pair in pairs if pair]
    if not some:
        return None
    rank, like = max(pair.a.shape[1] for pair in some), some[0]
    a = torch.zeros(len(pairs), like.a.shape[0], rank, dtype=like.a.dtype, device=like.a.device)
    b = torch.zeros(len(pairs), rank, like.b.shape[1], dtype=like.b.dtype, device=like.b.device)
    for index, pair in enumerate(pairs):
        if pair:
            a[index, :, : pair.a.shape[1]] = pair.a
            b[index, : pair.b.shape[0]] = pair.b
    return Pair(a, b)


class Stacks:
    """Decides, step by step, in what order rows stand and whether their adapters are worth stacking.

    One stack is kept. It is made when the same adapters have been together for a few steps: making it takes about as
    long as one step, which a request that only passes by would not earn back.
    """

    def __init__(self, patience: int = 8) -> None:
        self._patience = patience
        self._stack: Stack | None = None
        self._seen: frozenset[Adapter] = frozenset()
        self._steps = 0

    @property
    def bytes(self) -> int:
        return sum(p.a.nbytes + p.b.nbytes for p in self._stack.pairs if p) if self._stack else 0

    def arrange(self, rows: list[tuple[Adapter | None, T]]) -> tuple[Stack | None, list[T]]:
        """The rows in the order in which they should stand, those without an adapter first, and the stack to use."""
        groups: dict[Adapter | None, list[T]] = {None: []}
        for adapter, row in rows:
            groups.setdefault(adapter, []).append(row)
        adapters = [adapter for adapter in groups if adapter]
        stack = None
        if len(adapters) > 1 and len({len(groups[adapter]) for adapter in adapters}) == 1:
            stack = self._for(adapters)
        order = [None, *(stack.adapters if stack else adapters)]
        return stack, [row for adapter in order for row in groups[adapter]]

    def _for(self, adapters: list[Adapter]) -> Stack | None:
        together = frozenset(adapters)
        self._steps = self._steps + 1 if together == self._seen else 0
        self._seen = together
        if self._stack and together == frozenset(self._stack.adapters):
            return self._stack
        if self._steps < self._patience:
            return None
        self._stack = Stack(tuple(adapters))
        return self._stack


@dataclass(frozen=True)
class Span:
    """The rows start ≤ row < stop of a step, which have the same adapter."""

    start: int
    stop: int
    adapter: Adapter


class Deltas:
    """What the adapters of one step add to each projection.

    Args:
        spans: the rows with an adapter, in order, none overlapping.
        stack: for the first `stacked` spans, of one row each; in its order, and equally many rows for each adapter.
    """

    def __init__(self, spans: Sequence[Span], stack: Stack | None = None, stacked: int = 0) -> None:
        self._stack, self._spans = stack, _merged(spans[stacked if stack else 0 :])
        if stack:
            self._rows = slice(spans[0].start, spans[0].start + stacked)
            self._shape = (len(stack.adapters), stacked // len(stack.adapters), -1)

    def begin(self, place: int, x: torch.Tensor) -> None:
        """What may be done before y is there: nothing here."""

    def add(self, place: int, x: torch.Tensor, y: torch.Tensor) -> None:
        """Add to y [N, out] what the adapters make of x [N, in] at this place; both in the adapters' float type."""
        if self._stack and (pair := self._stack.pairs[place]):
            whole = self._rows.stop - self._rows.start == len(x)
            # Slices cost as much as a small product; mostly there is nothing to cut off.
            x_rows, y_rows = (x, y) if whole else (x[self._rows], y[self._rows])
            y_rows.view(self._shape).baddbmm_(x_rows.view(self._shape).bmm(pair.a), pair.b)
        for span in self._spans:
            if own := span.adapter.pairs[place]:
                if span.stop - span.start == len(x):
                    y.addmm_(x.mm(own.a), own.b)
                else:
                    y[span.start : span.stop].addmm_(x[span.start : span.stop].mm(own.a), own.b)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same rows in fewer spans."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].stop == span.start and merged[-1].adapter is span.adapter:
            merged[-1] = Span(merged[-1].start, span.stop, span.adapter)
        else:
            merged.append(span)
    return merged
