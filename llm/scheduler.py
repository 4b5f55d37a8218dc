"""The waiting line: who is answered next.

People in a chat ("interactive") go before jobs ("batch"), but a waiting job gets at least every n-th place. Inside a
class the sessions take turns, so that fifty requests of one session delay the first of another by one place; inside a
session the order is that of arrival.

Threads: none of this locks. Whoever shares a line between threads holds one lock around every call (the engine its
condition).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from llm.errors import QueueFullError

Priority = Literal["interactive", "batch"]
Reason = Literal["cancelled", "expired"]

# Requests that one sweep looks at: a sweep runs between two decode steps and must not grow with the line.
SWEEP = 256


class Waiting(Protocol):
    """What the line needs to know of a request. `session` and `priority` are read once, when it is pushed.

    Attributes:
        session: whose turn it takes.
        deadline: when it is too late to begin, on the clock of `now`; None for never.
        cancelled: may become true at any time.
    """

    @property
    def session(self) -> Hashable: ...

    @property
    def priority(self) -> Priority: ...

    @property
    def deadline(self) -> float | None: ...

    @property
    def cancelled(self) -> bool: ...


T = TypeVar("T", bound=Waiting)


@dataclass(frozen=True)
class _Place(Generic[T]):
    """Where in the line `item` stands."""

    item: T
    session: Hashable
    priority: Priority


class _Turns(Generic[T]):
    """One class: its sessions in the order of their turns, each with its places in order of arrival, keyed by id."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Hashable, OrderedDict[int, _Place[T]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, place: _Place[T]) -> None:
        self._sessions.setdefault(place.session, OrderedDict())[id(place.item)] = place
        self._count += 1

    def first(self) -> _Place[T]:
        """Whose turn it is; there must be someone."""
        places = next(iter(self._sessions.values()))
        return next(iter(places.values()))

    def remove(self, place: _Place[T]) -> None:
        places = self._sessions[place.session]
        del places[id(place.item)]
        if not places:
            del self._sessions[place.session]
        self._count -= 1

    def next_session(self, session: Hashable) -> None:
        """`session` has had its turn; if it has more, they wait for the next round."""
        if session in self._sessions:
            self._sessions.move_to_end(session)


class Scheduler(Generic[T]):
    """A bounded line of requests; every call costs O(1), a `pop` amortised over the dead it meets.

    Each request pushed comes out exactly once: from `pop`, `sweep` or `drain`.

    Args:
        limit: requests of each class that may wait. Each for itself, so that jobs cannot fill the line for people.
        batch_every: while jobs wait, at least one of this many places is theirs; at least 2.
    """

    def __init__(self, limit: int, batch_every: int = 4) -> None:
        if limit < 1 or batch_every < 2:
            raise ValueError(f"limit = {limit} must be at least 1 and batch_every = {batch_every} at least 2")
        self._limit, self._batch_every = limit, batch_every
        self._turns: dict[Priority, _Turns[T]] = {"interactive": _Turns(), "batch": _Turns()}
        # All places by id, the one looked at longest ago first.
        self._places: OrderedDict[int, _Place[T]] = OrderedDict()
        self._gone: list[tuple[T, Reason]] = []
        # Places given to people in a row while jobs waited.
        self._passed_over = 0

    def __len__(self) -> int:
        """Requests that have not come out yet; with 0 there is nothing left to pop or sweep."""
        return len(self._places) + len(self._gone)

    def __iter__(self) -> Iterator[T]:
        """Those that can still come out by `pop`, in no order that matters."""
        return (place.item for place in self._places.values())

    def push(self, item: T) -> None:
        """Put `item` at the end of its session.

        Raises:
            QueueFullError: as many of its class wait already as may.
            ValueError: it waits already, or is of no known class.
        """
        turns = self._turns.get(item.priority)
        if turns is None or id(item) in self._places:
            raise ValueError(f"unknown class {item.priority!r}" if turns is None else "it is in the line already")
        if len(turns) >= self._limit:
            raise QueueFullError(
                en=f"{len(turns)} questions are waiting. Yours was not queued; ask again in a moment.",
                zh=f"已有 {len(turns)} 个问题在排队，你的问题没有进入队列；请稍后再问。",
            )
        place = _Place(item, item.session, item.priority)
        self._places[id(item)] = place
        turns.add(place)

    def pop(self, now: float) -> T | None:
        """The request whose turn it is, or None. One that is cancelled or too late is left to the next `sweep`.

        Args:
            now: seconds, on the clock of the deadlines.
        """
        while self._places:
            priority = self._next_class()
            place = self._turns[priority].first()
            self._take_out(place)
            if reason := _over(place.item, now):
                # It has not used its session's turn, nor its class's.
                self._gone.append((place.item, reason))
                continue
            self._turns[priority].next_session(place.session)
            jobs_wait = priority == "interactive" and len(self._turns["batch"]) > 0
            self._passed_over = self._passed_over + 1 if jobs_wait else 0
            return place.item
        return None

    def sweep(self, now: float) -> list[tuple[T, Reason]]:
        """Requests that need no answer any more, each with the reason; they are out of the line.

        Looks at `SWEEP` requests, in rotation: in a line of up to that many it finds all of them at once, in a longer
        one within as many calls as it is times longer. To be called between two steps.
        """
        for _ in range(min(SWEEP, len(self._places))):
            key, place = next(iter(self._places.items()))
            if reason := _over(place.item, now):
                self._take_out(place)
                self._gone.append((place.item, reason))
            else:
                self._places.move_to_end(key)
        gone, self._gone = self._gone, []
        return gone

    def drain(self) -> list[T]:
        """Everything that has not come out yet, at shutdown; the line is empty then."""
        left = [item for item, _ in self._gone] + [place.item for place in self._places.values()]
        for place in list(self._places.values()):
            self._take_out(place)
        self._gone = []
        return left

    def _next_class(self) -> Priority:
        people, jobs = len(self._turns["interactive"]), len(self._turns["batch"])
        return "batch" if jobs and (not people or self._passed_over >= self._batch_every - 1) else "interactive"

    def _take_out(self, place: _Place[T]) -> None:
        del self._places[id(place.item)]
        self._turns[place.priority].remove(place)


def _over(item: Waiting, now: float) -> Reason | None:
    if item.cancelled:
        return "cancelled"
    return "expired" if item.deadline is not None and now >= item.deadline else None
