"""Rows of keys and values: each keeps its own, whoever comes and goes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.kv import KeyValueMemory, KeyValueShape

SHAPE = KeyValueShape(layers=2, heads=3, head_dim=4, dtype=torch.float32, device=torch.device("cpu"))
MIB = 2**20


def _fill(memory: KeyValueMemory, row: object, value: float, count: int) -> None:
    memory.write(row, (torch.full((2, 2, 3, count, 4), value),))  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 700)), max_size=60))
def test_every_row_keeps_what_was_written_into_it(script: list[tuple[int, int]]) -> None:
    """Against a dictionary: open and fill, close the n-th, close it wiped, append."""
    memory, held, number = KeyValueMemory(SHAPE, 64 * MIB), {}, 0
    for what, size in script:
        rows = list(held)
        if what <= 1 or not rows:
            row = memory.open(size)
            number += 1
            _fill(memory, row, number, size // 2)
            held[row] = number
        elif what == 4:
            row = rows[size % len(rows)]
            _fill(memory, row, held[row], min(3, row.reserved - row.length))
        else:
            row = rows[size % len(rows)]
            del held[row]
            memory.close(row, clean=what == 3)
        assert sorted(row.index for row in held) == list(range(len(held))), "the rows in use are the first ones"
        assert memory.rows == sorted(held, key=lambda row: row.index)
        for row, value in held.items():
            assert bool((memory.read(row, 0, row.length) == value).all())


def test_flat_places_are_where_views_look() -> None:
    memory = KeyValueMemory(SHAPE, MIB)
    memory.open(20), memory.open(30)
    new = torch.arange(2 * 6 * 4.0).view(2, 6, 4)
    slots = memory.slots(torch.tensor([0, 1]), torch.tensor([5, 7]))
    for layer in range(2):
        memory.flat[layer].index_copy_(0, slots, new.view(-1, 4) + layer)
    keys, values = memory.views(0, 2, 10)
    for layer in range(2):
        torch.testing.assert_close(keys[layer][0, :, 5], new[0, :3] + layer)
        torch.testing.assert_close(values[layer][1, :, 7], new[1, 3:] + layer)


def test_a_wiped_row_leaves_nothing_that_is_not_finite() -> None:
    memory = KeyValueMemory(SHAPE, MIB)
    rows = [memory.open(10) for _ in range(3)]
    _fill(memory, rows[2], float("nan"), 5)
    memory.close(rows[0])
    assert not memory.data.isfinite().all(), "the control"
    memory.close(rows[2], clean=True)
    assert memory.data.isfinite().all()


def test_more_rows_than_the_limit_allows_do_not_fit_but_one_always_does() -> None:
    per_token = SHAPE.bytes_per_token
    assert per_token == 2 * 2 * 3 * 4 * 4
    memory = KeyValueMemory(SHAPE, 1000 * per_token)
    assert memory.fits(5000), "a first one may"
    memory.open(400)
    assert memory.fits(500)
    assert not memory.fits(501), "all rows are as long as the longest"
    memory.open(500)
    assert not memory.fits(1)
    assert memory.bytes <= 2 * 512 * per_token


def test_the_memory_of_a_long_row_is_given_back() -> None:
    memory = KeyValueMemory(SHAPE, 64 * MIB)
    small = memory.bytes
    row = memory.open(8000)
    assert memory.bytes > 8 * small
    memory.close(row)
    assert memory.bytes == small


def test_only_rows_in_use_survive_growth() -> None:
    memory = KeyValueMemory(SHAPE, 64 * MIB)
    row = memory.open(10)
    _fill(memory, row, 7, 10)
    memory.open(3000)
    assert bool((memory.read(row, 0, 10) == 7).all())
    assert float(memory.data.sum()) == pytest.approx(7 * 2 * 2 * 3 * 10 * 4)
