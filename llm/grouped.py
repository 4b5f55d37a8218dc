"""Adapters side by side on a GPU: which rows belong to which, where their weights are, and the kernels' launches.

Does what `llm.stack.Deltas` does, for any adapters in any rows, with two launches a place (`llm.lora_kernel`).
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.stack import Adapter, Span

if TYPE_CHECKING:
    import torch

    from llm.projections import Place

# Most layers that share a place; numbers that the table holds of an adapter there.
_LAYERS = 3
_FIELDS = 2 + _LAYERS + 1 + 1
# Inputs that one program of `shrink` sums, roughly at least, and the most programs that share a row's inputs.
_CHUNK, _SPLITS = 256, 16
# From this many rows on, a step is reading prompts: larger blocks, and enough of them to need no sharing.
_MANY = 128


class AdapterTable:
    """Where each adapter's weights are, on the device; an adapter's slot is free again when nobody holds it.

    Attributes:
        data: int64 [slots, places, 7], see `llm.lora_kernel`.
        tiles: by place int64 [tiles, 3], and `columns` of each.
    """

    def __init__(self, places: Sequence[Place], device: torch.device, slots: int = 64) -> None:
        import torch

        self.places, self._device = places, device
        self.data = torch.zeros((slots, len(places), _FIELDS), dtype=torch.int64, device=device)
        self._free = list(range(slots))[::-1]
        self._slots: weakref.WeakKeyDictionary[Adapter, int] = weakref.WeakKeyDictionary()
        self.columns = [256 if sum(place.outputs) > 8192 else 128 for place in places]
        made: dict[tuple[Any, ...], torch.Tensor] = {}
        self.tiles = []
        for place, width in zip(places, self.columns, strict=True):
            key = (place.outputs, width)
            if key not in made:
                made[key] = torch.tensor(_tiles(place.outputs, width), dtype=torch.int64, device=device)
            self.tiles.append(made[key])

    def slot(self, adapter: Adapter) -> int:
        """The adapter's slot, written when it is first asked for."""
        import torch

        found = self._slots.get(adapter)
        if found is not None:
            return found
        if not self._free:
            self._grow()
        number = self._free.pop()
        entries = [_entry(pair) for pair in adapter.pairs]
        self.data[number] = torch.tensor(entries, dtype=torch.int64).to(self._device)
        self._slots[adapter] = number
        weakref.finalize(adapter, self._free.append, number)
        return number

    def _grow(self) -> None:
        have = len(self.data)
        self.data = self.data.new_zeros((2 * have, *self.data.shape[1:])).index_copy_(
            0, _range(have, self._device), self.data
        )
        self._free.extend(range(2 * have - 1, have - 1, -1))


def _range(count: int, device: Any) -> torch.Tensor:
    import torch

    return torch.arange(count, device=device)


def _entry(pair: Any) -> list[int]:
    if pair is None:
        return [0] * _FIELDS
    bounds = list(pair.bounds) + [pair.bounds[-1]] * (_LAYERS + 1 - len(pair.bounds))
    return [pair.a.data_ptr(), pair.b.data_ptr(), *bounds, pair.a.shape[1]]


def _tiles(outputs: tuple[int, ...], width: int) -> list[tuple[int, int, int]]:
    """(layer, first, last) of columns that are at most `width` wide and lie within one layer."""
    found, start = [], 0
    for layer, size in enumerate(outputs):
        found += [(layer, at, min(at + width, start + size)) for at in range(start, start + size, width)]
        start += size
    return found


@dataclass(frozen=True)
class Groups:
    """The rows of a step by adapter, for `llm.lora_kernel`'s tables, and what decides how the kernels are launched.

    Attributes:
        order, blocks: see there; a block is its three numbers.
        height: rows in a block at most.
        touched: the places that any of the adapters changes, as bits.
        rank: the largest at a layer, rounded up to 16, 32, 64…
    """

    order: list[int]
    blocks: list[tuple[int, int, int]]
    height: int
    touched: int
    rank: int


def group(spans: Sequence[Span], table: AdapterTable) -> Groups:
    """The rows of `spans` by adapter."""
    rows: dict[Adapter, list[int]] = {}
    for span in spans:
        rows.setdefault(span.adapter, []).extend(range(span.start, span.stop))
    height = 64 if sum(map(len, rows.values())) >= _MANY else 16
    order: list[int] = []
    blocks = []
    for adapter, own in rows.items():
        slot, start = table.slot(adapter), len(order)
        order += own
        blocks += [(slot, at, min(at + height, len(order))) for at in range(start, len(order), height)]
    rank = _power_of_2(max((adapter.layer_rank for adapter in rows), default=0))
    touched = 0
    for adapter in rows:
        touched |= adapter.touched
    return Groups(order, blocks, height, touched, rank)


def _power_of_2(number: int) -> int:
    return max(16, 1 << (number - 1).bit_length())


class GroupedDeltas:
    """What the adapters of one step add to each projection.

    Args:
        order, blocks: the tables of `groups` on the device, perhaps longer, for a graph that is replayed with others.
        side: a stream on which `begin` works while the base's own product is made; None for the same one.
    """

    def __init__(
        self, table: AdapterTable, groups: Groups, order: torch.Tensor, blocks: torch.Tensor, side: Any = None
    ) -> None:
        self._table, self._groups, self._order, self._blocks, self._side = table, groups, order, blocks, side
        self._h: torch.Tensor | None = None

    def begin(self, place: int, x: torch.Tensor) -> None:
        """What needs x [N, in] alone; `add` for the same place comes next."""
        import torch

        if not self._groups.touched >> place & 1:
            return
        layers = len(self._table.places[place].paths)
        width, splits, chunk = layers * self._groups.rank, *self._split(x.shape[1])
        self._h = torch.empty((splits, len(self._order), width), dtype=torch.float32, device=x.device)
        if self._side is None:
            self._shrink(place, x, self._h, chunk)
            return
        self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side):
            self._shrink(place, x, self._h, chunk)

    def add(self, place: int, x: torch.Tensor, y: torch.Tensor) -> None:
        """Add to y [N, out] what the adapters make of x [N, in] at this place; both in the adapters' float type."""
        import torch

        from llm.lora_kernel import expand

        if not self._groups.touched >> place & 1:
            return
        h = self._h
        assert h is not None
        if self._side is not None:
            torch.cuda.current_stream().wait_stream(self._side)
        tiles = self._table.tiles[place]
        expand[(len(tiles), len(self._blocks))](
            h,
            y,
            self._table.data,
            self._order,
            self._blocks,
            tiles,
            place,
            len(self._table.places),
            y.shape[1],
            y.stride(0),
            h.shape[1],
            h.shape[2],
            SPLITS=h.shape[0],
            M=self._groups.height,
            C=self._table.columns[place],
            R=min(32, self._groups.rank),
            EVEN=all(width % 16 == 0 for width in self._table.places[place].outputs),
        )
        self._h = None

    def _shrink(self, place: int, x: torch.Tensor, h: torch.Tensor, chunk: int) -> None:
        from llm.lora_kernel import shrink

        small = x.dtype.itemsize == 2
        shrink[(len(self._blocks), h.shape[0])](
            x,
            h,
            self._table.data,
            self._order,
            self._blocks,
            place,
            len(self._table.places),
            x.shape[1],
            x.stride(0),
            h.shape[1],
            h.shape[2],
            chunk,
            M=self._groups.height,
            K=128 if small and self._groups.height == 16 else 64,
            R=min(64, _power_of_2(h.shape[2])),
            num_stages=3 if small else 2,
        )

    def _split(self, inputs: int) -> tuple[int, int]:
        """Programs that share the sum over the inputs, and how many of them each takes.

        Of the inputs alone, not of who is in the step, so that the order of the sum does not depend on it.
        """
        most = _SPLITS if self._groups.height == 16 else _SPLITS // 4
        # Of few different numbers, for the kernels are compiled for each.
        splits = next((n for n in (16, 4) if n <= most and n * _CHUNK // 2 <= inputs), 1)
        chunk = -(-inputs // splits)
        return splits, -(-chunk // 128) * 128


def deltas(spans: Sequence[Span], table: AdapterTable) -> GroupedDeltas:
    """For one step that is not captured."""
    import torch

    groups = group(spans, table)
    device = table.data.device
    numbers = torch.tensor([*groups.order, *(n for block in groups.blocks for n in block)], device=device)
    order, blocks = numbers[: len(groups.order)], numbers[len(groups.order) :].view(-1, 3)
    return GroupedDeltas(table, groups, order, blocks)
