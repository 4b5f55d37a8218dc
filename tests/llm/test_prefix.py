"""The prefix cache against a list of what it should hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from llm.prefix import BLOCK, Match, PrefixCache, PrefixKey, _Block, prefix_key

ANN, BOB = "a" * 12, "b" * 12
SELVES: list[tuple[tuple[str, float], ...]] = [(), ((ANN, 1.0),), ((ANN, 0.5),), ((ANN, 1.0), (BOB, 0.6))]
# One block of fp32 numbers [1, 2, 1, BLOCK, 1].
BYTES = 2 * BLOCK * 4


def values_of(self: int, tokens: list[int]) -> torch.Tensor:
    """Keys and values [1, 2, 1, n, 1] from which it can be read whose they are: the tokens' running sum, the self."""
    sums = torch.tensor(tokens, dtype=torch.float32).cumsum(0)
    return torch.stack([sums, torch.full_like(sums, self)])[None, :, None, :, None]


def reader(self: int, tokens: list[int]) -> Callable[[int, int], torch.Tensor]:
    whole = values_of(self, tokens)
    return lambda start, end: whole[..., start:end, :]


# --- against a list

Path = tuple[Any, ...]


@dataclass
class Entry:
    """A block as (self, tokens of block 1, tokens of block 2, …), when it was last let go, and how often it is held."""

    path: Path
    used: int = 0
    pins: int = 0


class Oracle:
    """What the cache should hold, found by looking through a list; `room` in blocks."""

    def __init__(self, room: int) -> None:
        self.room, self.clock, self.entries = room, 0, list[Entry]()

    def paths(self, self_: int, tokens: list[int], blocks: int) -> Iterator[Path]:
        parts = [tuple(tokens[i * BLOCK : (i + 1) * BLOCK]) for i in range(blocks)]
        yield from ((self_, *parts[: i + 1]) for i in range(blocks))

    def hold(self, path: Path) -> Entry | None:
        found = [entry for entry in self.entries if entry.path == path]
        for entry in found:
            entry.pins += 1
        return found[0] if found else None

    def match(self, self_: int, tokens: list[int]) -> list[Entry]:
        held: list[Entry] = []
        for path in self.paths(self_, tokens, (len(tokens) - 1) // BLOCK):
            entry = self.hold(path)
            if entry is None:
                break
            held.append(entry)
        return held

    def let_go(self, held: list[Entry]) -> None:
        self.clock += 1
        for entry in held:
            entry.pins -= 1
            if not entry.pins:
                entry.used = self.clock

    def insert(self, self_: int, tokens: list[int], readable: int) -> int:
        """Blocks that were read; the block after `readable` cannot be."""
        held, read = [], 0
        for number, path in enumerate(self.paths(self_, tokens, len(tokens) // BLOCK)):
            entry = self.hold(path)
            if entry is None:
                if number >= readable:
                    break
                read += 1
                if sum(e.pins > 0 for e in self.entries) >= self.room:
                    break
                while len(self.entries) >= self.room:
                    self.entries.remove(min(filter(self.evictable, self.entries), key=lambda e: e.used))
                entry = Entry(path, pins=1)
                self.entries.append(entry)
            held.append(entry)
        self.let_go(held)
        return read

    def evictable(self, entry: Entry) -> bool:
        parent = any(e.path[:-1] == entry.path for e in self.entries)
        return not entry.pins and not parent


class Unreadable(Exception):
    pass


# Prompts out of three different blocks and a tail, so that many share their beginnings.
PROMPTS = st.builds(
    lambda blocks, tail: [t for b in blocks for t in range(b, b + BLOCK)] + [7] * tail,
    st.lists(st.integers(0, 2), max_size=4),
    st.sampled_from([0, 0, 1, BLOCK - 1]),
)
WHO = st.integers(0, 2)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), WHO, PROMPTS, st.sampled_from([9, 9, 9, 0, 1, 2])),
        st.tuples(st.just("match"), WHO, PROMPTS, st.booleans()),
        st.tuples(st.just("release"), st.integers(0, 9)),
    ),
    max_size=40,
)


def compare(operations: list[Any], room: int, cache: PrefixCache, key: Callable[..., PrefixKey]) -> None:
    """The cache and the oracle do the same operations; whatever can be seen of them must be equal after each."""
    oracle = Oracle(room)
    held: list[tuple[Match, list[Entry]]] = []
    hits = asked = 0
    for name, *details in operations:
        if name == "release":
            if held:
                match, entries = held.pop(details[0] % len(held))
                match.release()
                match.release()
                oracle.let_go(entries)
                assert match.blocks == ()
        else:
            who, tokens, option = details
            whose = key("base", SELVES[who])
            if name == "insert":
                calls: list[int] = []

                def read(start: int, end: int, who=who, tokens=tokens, readable=option, calls=calls) -> torch.Tensor:
                    if start >= readable * BLOCK:
                        raise Unreadable
                    calls.append(start)
                    return reader(who, tokens)(start, end)

                try:
                    cache.insert(whose, tokens, read)
                except Unreadable:
                    assert option < 9
                assert len(calls) == oracle.insert(who, tokens, option)
            else:
                match, entries = cache.match(whose, tokens), oracle.match(who, tokens)
                hits, asked = hits + bool(entries), asked + 1
                assert match.length == len(entries) * BLOCK <= max(len(tokens) - 1, 0)
                found = torch.cat(match.blocks, -2) if match.blocks else torch.empty(1, 2, 1, 0, 1)
                assert torch.equal(found, values_of(who, tokens)[..., : match.length, :])
                held.append((match, entries))
                if not option:
                    held.pop()[0].release()
                    oracle.let_go(entries)
        stats = cache.stats()
        assert (stats.blocks, stats.bytes) == (len(oracle.entries), len(oracle.entries) * BYTES)
        assert stats.pinned == sum(entry.pins > 0 for entry in oracle.entries)
        assert (stats.hits, stats.misses) == (hits, asked - hits)
        assert stats.bytes <= stats.budget
    for match, _ in held:
        match.release()
    assert cache.stats().pinned == 0
    # Every block that should be there is, and no other: a longer match would have shown it.
    for entry in oracle.entries:
        tokens = [token for part in entry.path[1:] for token in part]
        with cache.match(key("base", SELVES[entry.path[0]]), [*tokens, 0]) as match:
            assert match.length == len(tokens)


ROOM = st.integers(0, 7)


@settings(max_examples=300, deadline=None)
@given(OPERATIONS, ROOM, st.sampled_from([0, BYTES - 1]))
def test_it_holds_what_a_list_would(operations: list[Any], room: int, part_of_a_block: int) -> None:
    compare(operations, room, PrefixCache(room * BYTES + part_of_a_block), prefix_key)


class ParentsFirst(PrefixCache):
    def _unpin(self, chain: list[_Block]) -> None:
        super()._unpin(chain[::-1])


class Unpinned(PrefixCache):
    def _pin(self, block: _Block) -> None:
        self._idle.move_to_end(block.digest)

    def _unpin(self, chain: list[_Block]) -> None:
        pass


class NewestFirst(PrefixCache):
    def _unpin(self, chain: list[_Block]) -> None:
        super()._unpin(chain)
        order = list(self._blocks)
        self._idle = type(self._idle)(sorted(self._idle.items(), key=lambda item: -order.index(item[0])))


def blind_to_adapters(base: str, adapters: Any) -> PrefixKey:
    return prefix_key(base, ())


def blind_to_weights(base: str, adapters: Any) -> PrefixKey:
    return prefix_key(base, [(version, 1.0) for version, _ in adapters])


@pytest.mark.parametrize(
    ("cache", "key"),
    [
        (ParentsFirst, prefix_key),
        (Unpinned, prefix_key),
        (NewestFirst, prefix_key),
        (PrefixCache, blind_to_adapters),
        (PrefixCache, blind_to_weights),
    ],
)
def test_the_comparison_notices_a_wrong_cache(cache: type[PrefixCache], key: Callable[..., PrefixKey]) -> None:
    @settings(max_examples=1000, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(OPERATIONS, ROOM)
    def run(operations: list[Any], room: int) -> None:
        try:
            compare(operations, room, cache(room * BYTES), key)
        except KeyError as error:
            raise AssertionError from error

    with pytest.raises(AssertionError):
        run()


# --- single properties


def test_blocks_are_copies() -> None:
    tokens, key = list(range(BLOCK + 1)), prefix_key("base", ())
    slot = torch.zeros(1, 2, 1, 4 * BLOCK, 1)
    cache = PrefixCache(10 * BYTES)
    cache.insert(key, tokens, lambda start, end: slot[..., start:end, :])
    slot += 1
    with cache.match(key, tokens) as match:
        assert not match.blocks[0].any(), "the slot's next request must not change what is kept"
        assert match.blocks[0].untyped_storage().nbytes() == BYTES, "nor may the slot's memory be kept alive"


def test_a_block_counts_only_after_the_blocks_before_it() -> None:
    key, cache = prefix_key("base", ()), PrefixCache(10 * BYTES)
    first, second = list(range(BLOCK)), list(range(50, 50 + BLOCK))
    cache.insert(key, first + second, reader(0, first + second))
    both = first + second
    for tokens, length in ((both, BLOCK), ([*both, 0], 2 * BLOCK), ([*second, 0], 0), ([], 0)):
        with cache.match(key, tokens) as match:
            assert match.length == length
    # The same tokens one place further on.
    with cache.match(key, [0, *first, *second]) as match:
        assert match.length == 0


def test_a_wrong_shape_is_refused() -> None:
    cache, tokens = PrefixCache(10 * BYTES), [1] * 40
    with pytest.raises(ValueError, match="32"):
        cache.insert(prefix_key("base", ()), tokens, lambda start, end: torch.zeros(1, 2, 1, BLOCK - 1, 1))
    assert cache.stats().blocks == cache.stats().bytes == 0


def test_stats_from_another_thread() -> None:
    """They can be read at any time, and are never over the budget."""
    cache, key, stop, seen = PrefixCache(5 * BYTES), prefix_key("base", ()), threading.Event(), [0]

    def watch() -> None:
        while not stop.is_set():
            seen.append(cache.stats().bytes)
            stop.wait(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(200):
        tokens = [number] * (3 * BLOCK)
        cache.insert(key, tokens, reader(0, tokens))
    stop.set()
    watcher.join()
    assert max(seen) <= 5 * BYTES == cache.stats().bytes
    assert cache.stats().evictions == 600 - 5
