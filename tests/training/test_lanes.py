"""Lanes: every part is done once, results in order, and a failure ends the work cleanly."""

from __future__ import annotations

import threading
import time

import pytest

from training.lanes import Lanes


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_parts(count: int) -> None:
    def work(part: int) -> int:
        time.sleep(0.02 if part % 2 else 0)
        return 10 * part

    assert Lanes(count).map(work, range(7)) == [10 * part for part in range(7)]
    assert Lanes(count).map(work, []) == []


def test_two_lanes_work_at_the_same_time_with_one_thread_of_torch_each() -> None:
    import torch

    before, both = torch.get_num_threads(), threading.Barrier(2, timeout=20)

    def work(part: int) -> int:
        both.wait()  # passed only by two at once
        return torch.get_num_threads()

    lanes = Lanes(2)
    assert lanes.map(work, range(4)) == [1, 1, 1, 1]
    assert torch.get_num_threads() == before
    # a single part has nobody to share with: it keeps all threads
    assert lanes.map(lambda _: torch.get_num_threads(), [0]) == [before]


def test_what_a_part_raises_is_raised_and_nothing_goes_on_behind_it() -> None:
    began: list[int] = []

    def work(part: int) -> None:
        began.append(part)
        time.sleep(0.05)
        if part == 0:
            raise MemoryError("part 0")

    lanes = Lanes(2)
    with pytest.raises(MemoryError, match="part 0"):
        lanes.map(work, range(50))
    seen = len(began)
    time.sleep(0.2)
    assert len(began) == seen < 50
    assert lanes.map(str, [1, 2]) == ["1", "2"]


def test_shares() -> None:
    assert Lanes(2).shares(185, 128) == 93 and Lanes(2).shares(500, 128) == 128
    assert Lanes(4).shares(1, 128) == 1 and Lanes(1).shares(40, 128) == 40 and Lanes(2).shares(0, 8) == 1
