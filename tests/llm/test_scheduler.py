"""The waiting line against a list, in which whoever is next is looked for from the front."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from llm.errors import QueueFullError
from llm.scheduler import Priority, Reason, Scheduler, _Place


@dataclass(eq=False)
class Item:
    session: Hashable = "a"
    priority: Priority = "interactive"
    deadline: float | None = None
    cancelled: bool = False


class Oracle:
    """The rules, word for word, over one list in order of arrival."""

    def __init__(self, limit: int, every: int) -> None:
        self.limit, self.every = limit, every
        self.waiting: list[Item] = []
        self.gone: list[tuple[Item, Reason]] = []
        # Per class: its sessions in the order of their turns.
        self.turns: dict[str, list[Hashable]] = {"interactive": [], "batch": []}
        self.in_a_row = 0

    def of(self, priority: str) -> list[Item]:
        return [item for item in self.waiting if item.priority == priority]

    def push(self, item: Item) -> bool:
        if len(self.of(item.priority)) >= self.limit:
            return False
        self.waiting.append(item)
        self.settle()
        return True

    def settle(self) -> None:
        """Sessions with nothing waiting lose their turn; new ones come last."""
        for priority, turns in self.turns.items():
            here = [item.session for item in self.of(priority)]
            turns[:] = [session for session in turns if session in here]
            turns += dict.fromkeys(session for session in here if session not in turns)

    def dead(self, item: Item, now: float) -> bool:
        """Whether it is not wanted any more; if so, it leaves."""
        late = item.deadline is not None and item.deadline <= now
        if item.cancelled or late:
            self.gone.append((item, "cancelled" if item.cancelled else "expired"))
            self.waiting.remove(item)
            self.settle()
        return item.cancelled or late

    def pop(self, now: float) -> Item | None:
        while self.waiting:
            people, jobs = self.of("interactive"), self.of("batch")
            priority = "batch" if jobs and (not people or self.in_a_row == self.every - 1) else "interactive"
            session = self.turns[priority][0]
            item = next(item for item in self.of(priority) if item.session == session)
            if not self.dead(item, now):
                self.waiting.remove(item)
                self.turns[priority].remove(session)
                self.settle()
                self.in_a_row = self.in_a_row + 1 if jobs and priority == "interactive" else 0
                return item
        return None

    def sweep(self, now: float) -> list[tuple[Item, Reason]]:
        for item in list(self.waiting):
            self.dead(item, now)
        gone, self.gone = self.gone, []
        return gone

    def drain(self) -> list[Item]:
        left = [item for item, _ in self.gone] + self.waiting
        self.gone, self.waiting = [], []
        self.settle()
        return left


# Whole seconds, so that deadlines are often met exactly.
PUSH = st.tuples(
    st.just("push"),
    st.sampled_from("aaabc"),
    st.sampled_from(["interactive", "interactive", "batch"]),
    st.none() | st.integers(1, 6),
)
OTHERS = st.one_of(
    PUSH,
    st.just(("pop",)),
    st.just(("pop",)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.just(("sweep",)),
    st.just(("wait",)),
    st.sampled_from([("drain",), *[("pop",)] * 9]),
)
# A line of some length to begin with: turns and classes show only where several wait.
OPERATIONS = st.builds(
    lambda *parts: [operation for part in parts for operation in part],
    st.lists(PUSH, min_size=8, max_size=14) | st.just([]),
    st.lists(OTHERS, max_size=20),
    st.lists(OTHERS, min_size=10, max_size=30) | st.just([]),
)
LIMITS = st.sampled_from([1, 2, 5, 12, 20])
EVERY = st.integers(2, 4)


def compare(operations: list[Any], line: Scheduler[Item], oracle: Oracle) -> None:
    """The line and the oracle do the same; they must agree after each step, and nothing may be lost or come twice."""
    pushed: list[Item] = []
    out: list[Item] = []
    now = 0.0
    for name, *details in operations:
        if name == "push":
            session, priority, seconds = details
            item = Item(session, priority, None if seconds is None else now + seconds)
            if oracle.push(item):
                line.push(item)
                pushed.append(item)
            else:
                with pytest.raises(QueueFullError):
                    line.push(item)
        elif name == "pop":
            popped = line.pop(now)
            assert popped is oracle.pop(now)
            if popped:
                out.append(popped)
        elif name == "cancel":
            # Also of those that are out already.
            if pushed:
                pushed[details[0] % len(pushed)].cancelled = True
        elif name == "sweep":
            swept = line.sweep(now)
            assert swept == oracle.sweep(now)
            out += [item for item, _ in swept]
        elif name == "drain":
            drained = line.drain()
            assert set(drained) == set(oracle.drain())
            out += drained
        else:
            now += 1
        assert len(line) == len(oracle.waiting) + len(oracle.gone) == len(pushed) - len(out)
    out += line.drain()
    assert len(out) == len(set(out)) == len(pushed)
    assert len(line) == 0
    assert line.pop(now) is None


@settings(max_examples=500, deadline=None)
@given(OPERATIONS, LIMITS, EVERY)
def test_it_does_what_a_list_would(operations: list[Any], limit: int, every: int) -> None:
    compare(operations, Scheduler(limit, every), Oracle(limit, every))


class NoTurns(Scheduler[Item]):
    """First in, first out, whoever asks."""

    def push(self, item: Item) -> None:
        super().push(item)
        place = self._places[id(item)]
        self._turns[item.priority].remove(place)
        self._places[id(item)] = place = _Place(item, "everyone", item.priority)
        self._turns[item.priority].add(place)


class LastFirst(Scheduler[Item]):
    def push(self, item: Item) -> None:
        super().push(item)
        self._turns[item.priority]._sessions[item.session].move_to_end(id(item), last=False)


class Starving(Scheduler[Item]):
    def _next_class(self) -> Priority:
        return "interactive" if len(self._turns["interactive"]) else "batch"


class NoClasses(Scheduler[Item]):
    def __init__(self, limit: int, every: int) -> None:
        super().__init__(limit, every)
        self._turns["batch"] = self._turns["interactive"]


class Unbounded(Scheduler[Item]):
    def __init__(self, limit: int, every: int) -> None:
        super().__init__(limit + 1, every)


class Punctual(Scheduler[Item]):
    """Lets a request begin at its deadline."""

    def pop(self, now: float) -> Item | None:
        return super().pop(now - 0.5)

    def sweep(self, now: float) -> list[tuple[Item, Reason]]:
        return super().sweep(now - 0.5)


class Forgetful(Scheduler[Item]):
    """Loses those that it met dead while it looked for the next."""

    def pop(self, now: float) -> Item | None:
        popped = super().pop(now)
        self._gone.clear()
        return popped


class StaysInTurn(Scheduler[Item]):
    """A session keeps its turn until it has nothing left."""

    def __init__(self, limit: int, every: int) -> None:
        super().__init__(limit, every)
        for turns in self._turns.values():
            turns.next_session = lambda session: None  # type: ignore[method-assign]


WRONG: list[Callable[[int, int], Scheduler[Item]]] = [
    NoTurns, LastFirst, Starving, NoClasses, Unbounded, Punctual, Forgetful, StaysInTurn,
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_the_comparison_notices_a_wrong_line(wrong: Callable[[int, int], Scheduler[Item]]) -> None:
    @settings(max_examples=1000, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(OPERATIONS, LIMITS, EVERY)
    def run(operations: list[Any], limit: int, every: int) -> None:
        try:
            compare(operations, wrong(limit, every), Oracle(limit, every))
        # Pytest's own failure for a QueueFullError that does not come is no AssertionError.
        except (QueueFullError, pytest.fail.Exception) as error:
            raise AssertionError from error

    with pytest.raises(AssertionError):
        run()
