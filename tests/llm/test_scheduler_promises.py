"""What the waiting line promises, one by one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count

import pytest

from llm import scheduler
from llm.errors import QueueFullError
from llm.scheduler import Priority, Scheduler


@dataclass(eq=False)
class Item:
    session: Hashable = "a"
    priority: Priority = "interactive"
    deadline: float | None = None
    cancelled: bool = False


def filled(*items: Item, every: int = 4) -> Scheduler[Item]:
    line: Scheduler[Item] = Scheduler(100, every)
    for item in items:
        line.push(item)
    return line


def test_fifty_requests_of_one_session_delay_anothers_first_by_one() -> None:
    line = filled(*(Item("busy") for _ in range(50)))
    assert line.pop(0)
    for session in ("b", "c"):
        line.push(Item(session))
    order = [item.session for item in iter(lambda: line.pop(0), None) if item]
    assert order[:5] == ["busy", "b", "c", "busy", "busy"]
    assert len(order) == 51


@pytest.mark.parametrize("every", [2, 3, 7])
def test_a_job_gets_one_place_in_so_many_however_many_people_come(every: int) -> None:
    line = filled(*(Item("job", "batch") for _ in range(20)), every=every)
    places = []
    for number in range(10 * every):
        line.push(Item(number))
        popped = line.pop(0)
        assert popped
        places.append(popped.priority)
    assert places == ["batch" if (n + 1) % every == 0 else "interactive" for n in range(10 * every)]


def test_people_come_first_again_after_a_time_without_jobs() -> None:
    line = filled(*(Item(number) for number in range(9)), every=3)
    for _ in range(5):
        line.pop(0)
    line.push(Item("job", "batch"))
    popped = [line.pop(0) for _ in range(3)]
    assert [item and item.priority for item in popped] == ["interactive", "interactive", "batch"]


def test_jobs_cannot_fill_the_line_for_people() -> None:
    line: Scheduler[Item] = Scheduler(2)
    for _ in range(2):
        line.push(Item("job", "batch"))
    with pytest.raises(QueueFullError) as caught:
        line.push(Item("job", "batch"))
    assert "2" in caught.value.en
    assert "2" in caught.value.zh
    line.push(Item())
    assert len(line) == 3


def test_a_cancelled_request_leaves_at_the_next_sweep_and_makes_room() -> None:
    line: Scheduler[Item] = Scheduler(1)
    first, second = Item(), Item()
    line.push(first)
    first.cancelled = True
    assert line.sweep(0) == [(first, "cancelled")]
    assert line.sweep(0) == []
    line.push(second)
    assert line.pop(0) is second


def test_a_dead_request_does_not_use_up_a_turn() -> None:
    late, next_one, other = Item("a", deadline=1.0), Item("a"), Item("b")
    line = filled(late, next_one, other)
    assert line.pop(1.0) is next_one
    assert len(line) == 2, "the late one still has to be told"
    assert line.sweep(1.0) == [(late, "expired")]


def test_a_long_line_is_swept_in_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SWEEP", 10)
    items = [Item(number, deadline=5.0 if number % 7 == 0 else None) for number in range(95)]
    line = filled(*items)
    sweeps = [line.sweep(5.0) for _ in range(10)]
    assert all(len(swept) <= 10 for swept in sweeps)
    assert [item for swept in sweeps for item, _ in swept] == items[::7]
    assert [line.pop(5.0) for _ in range(81)] == [item for item in items if item.session not in range(0, 95, 7)]


def test_what_cannot_be_pushed() -> None:
    item = Item()
    line = filled(item)
    with pytest.raises(ValueError, match="already"):
        line.push(item)
    with pytest.raises(ValueError, match="urgent"):
        line.push(Item(priority="urgent"))  # type: ignore[arg-type]
    for limit, every in ((0, 4), (5, 1)):
        with pytest.raises(ValueError, match="at least"):
            Scheduler(limit, every)
    assert line.drain() == [item]
    assert line.drain() == []


class Counted:
    """A request that counts how often anyone's flag is looked at."""

    priority: Priority = "interactive"
    deadline: float | None = None
    looks = count()

    def __init__(self, session: Hashable) -> None:
        self.session = session

    @property
    def cancelled(self) -> bool:
        next(self.looks)
        return False


def test_no_call_looks_at_more_requests_in_a_longer_line() -> None:
    def looks(length: int) -> int:
        line: Scheduler[Counted] = Scheduler(length + 1)
        for number in range(length):
            line.push(Counted(number % 50))
        before = next(Counted.looks)
        line.push(Counted("new"))
        assert line.pop(0)
        assert line.sweep(0) == []
        return next(Counted.looks) - before - 1

    assert looks(scheduler.SWEEP) == looks(20 * scheduler.SWEEP) == scheduler.SWEEP + 1
