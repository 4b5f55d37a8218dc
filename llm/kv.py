"""The keys and values of the requests being answered: one block of memory, a row for each request.

Rows in use are always the first ones, so that attention over all of them reads the memory in place: when a row is
freed, the last one moves into its place. A token's position is its index in its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Tokens a row has room for at first, and the step in which this grows.
_GRAIN = 256


@dataclass(frozen=True)
class KeyValueShape:
    """What one token takes: keys and values of `heads` heads of `head_dim` numbers in each of `layers` layers."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device

    @property
    def bytes_per_token(self) -> int:
        return 2 * self.layers * self.heads * self.head_dim * self.dtype.itemsize


class Row:
    """One request's row: `length` tokens are held, up to `reserved` will be."""

    __slots__ = ("index", "length", "reserved")

    def __init__(self, index: int, reserved: int) -> None:
        self.index, self.reserved, self.length = index, reserved, 0


class KeyValueMemory:
    """Rows of keys and values.

    Attributes:
        data: [layers, 2, rows, heads, length, head_dim]; keys at 0 and values at 1 of the second axis, always finite.
        flat: the same as one [2 * rows * heads * length, head_dim] a layer, for writing.

    Args:
        limit: bytes that rows may take together; a lone row may take more, up to what the machine gives.
    """

    def __init__(self, shape: KeyValueShape, limit: int) -> None:
        self.shape, self._limit = shape, limit
        self.rows: list[Row] = []
        self._allocate(1, _GRAIN)

    @property
    def bytes(self) -> int:
        return self.data.nbytes

    def fits(self, reserve: int) -> bool:
        """Whether one more row of `reserve` tokens stays within the limit; a first one always may."""
        return not self.rows or self._bytes(len(self.rows) + 1, max(self._longest(), reserve)) <= self._limit

    def open(self, reserve: int) -> Row:
        """A new row with room for `reserve` tokens."""
        rows, length = len(self.rows) + 1, max(self._longest(), reserve)
        row = Row(rows - 1, reserve)
        if rows > self.data.shape[2] or length > self.data.shape[4]:
            self._grow(rows, -(-length // _GRAIN) * _GRAIN)
        self.rows.append(row)
        return row

    def close(self, row: Row, *, clean: bool = False) -> None:
        """Free a row. With `clean` what it held is wiped: a NaN would reach others through the masked part."""
        if clean:
            self.data[:, :, row.index].zero_()
        last = self.rows.pop()
        if last is not row:
            moved = self.data[:, :, last.index, :, : last.length]
            self.data[:, :, row.index, :, : last.length] = moved
            # Nobody would know of a NaN left here.
            moved.zero_()
            self.rows[row.index] = last
            last.index = row.index
        if not self.rows and self.data.shape[4] > 4 * _GRAIN and self.shape.device.type == "cpu":
            # What one long conversation needed is given back; on a GPU captured graphs have its address.
            self._allocate(1, _GRAIN)

    def read(self, row: Row, start: int, stop: int) -> torch.Tensor:
        """A view [layers, 2, heads, stop - start, head_dim] of the tokens start ≤ p < stop."""
        return self.data[:, :, row.index, :, start:stop]

    def write(self, row: Row, blocks: tuple[torch.Tensor, ...]) -> None:
        """Append blocks [layers, 2, heads, n, head_dim], as `read` gave them."""
        for block in blocks:
            stop = row.length + block.shape[3]
            self.data[:, :, row.index, :, row.length : stop] = block
            row.length = stop

    def views(self, first: int, last: int, length: int) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Keys and values by layer [last - first, heads, length, head_dim] of the rows first ≤ row < last."""
        both = self.data[:, :, first:last, :, :length]
        return both[:, 0].unbind(0), both[:, 1].unbind(0)

    @property
    def room(self) -> int:
        """Tokens that a row has room for."""
        return self.data.shape[4]

    @property
    def capacity(self) -> int:
        """Keys in a layer, of all heads; behind them in `flat` are the values."""
        return self.data.shape[2] * self.data.shape[3] * self.data.shape[4]

    def slots(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Where in `flat` the keys, then the values, of N tokens belong: [N * 2 * heads]."""
        first = rows * (self.shape.heads * self.room) + positions
        return (first[:, None] + self._offsets).flatten()

    def _longest(self) -> int:
        return max((row.reserved for row in self.rows), default=0)

    def _bytes(self, rows: int, length: int) -> int:
        return rows * length * self.shape.bytes_per_token

    def _grow(self, rows: int, length: int) -> None:
        """Room for `rows` rows of `length` tokens, and for as many more as the limit lets it."""
        have_rows, have_length = self.data.shape[2], self.data.shape[4]
        ample = (2 * have_rows if rows > have_rows else have_rows, max(length, have_length))
        sizes = (ample, (max(rows, have_rows), ample[1]), (rows, length))
        size = next((size for size in sizes if self._bytes(*size) <= self._limit), (rows, length))
        old, used, kept = self.data, len(self.rows), min(have_length, size[1])
        self._allocate(*size)
        self.data[:, :, :used, :, :kept] = old[:, :, :used, :, :kept]

    def _allocate(self, rows: int, length: int) -> None:
        import torch

        s = self.shape
        # Zeros, because attention multiplies what it masks by zero, and nothing times zero must be NaN.
        self.data = torch.zeros((s.layers, 2, rows, s.heads, length, s.head_dim), dtype=s.dtype, device=s.device)
        self.flat = self.data.view(s.layers, -1, s.head_dim).unbind(0)
        halves = torch.arange(2, device=s.device)[:, None] * (rows * s.heads * length)
        self._offsets = (halves + torch.arange(s.heads, device=s.device) * length).flatten()
