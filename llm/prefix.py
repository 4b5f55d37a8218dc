"""Keys and values of what was read before, in blocks of 32 tokens: a prompt's known beginning is copied, not read.

A block is found by a hash over its own tokens and everything before them (as in vLLM's automatic prefix caching; Kwon
et al. 2023, arXiv:2309.06180), and the first hash of that chain is over the model that read them: the base with every
adapter at its weight. The least recently used leaf goes first (RadixAttention; Zheng et al. 2023, arXiv:2312.07104).
Keys are stored rotated: a block lies at the same positions in every prompt that contains it.

Threads: `match`, `insert` and `Match.release` belong to one thread, the one that owns the model. `stats` may be called
from any thread; while an insertion runs its numbers may be one block apart.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

BLOCK = 32

# As llm.adapters.content_version gives it. A name is none: what it stands for changes.
_VERSION = re.compile(r"[0-9a-f]{12,64}")


class PrefixKey(bytes):
    """Who read the tokens, 32 bytes; made by `prefix_key`. Plain bytes are refused where a key is wanted."""

    __slots__ = ()

    def __new__(cls, base: str, adapters: Iterable[tuple[str, float]]) -> PrefixKey:
        if not base:
            raise ValueError("the base has no fingerprint")
        pairs = sorted((version, float(weight)) for version, weight in adapters)
        for version, _ in pairs:
            if not _VERSION.fullmatch(version):
                raise ValueError(f"{version!r} is not the version of an adapter")
        # JSON keeps apart what a plain concatenation would not; it writes floats so that they read back the same.
        text = json.dumps([base, pairs], allow_nan=False)
        return super().__new__(cls, blake2b(text.encode(), digest_size=32).digest())


def prefix_key(base: str, adapters: Iterable[tuple[str, float]]) -> PrefixKey:
    """The key for tokens read by `base` with `adapters`; both must be said, so that no key is blind to an adapter.

    Args:
        base: the base's fingerprint, with whatever else changes its arithmetic (its quantisation, where that varies).
        adapters: (version, weight) of each adapter in the mix, in any order; () for the plain base. A version is the
            hash of an adapter's content, never its name.

    Raises:
        ValueError: no fingerprint, something that is not a version, or a weight that is not finite.
        TypeError: `adapters` is None or not made of pairs.
    """
    return PrefixKey(base, adapters)


@dataclass(frozen=True)
class PrefixStats:
    """Counts since the start (`hits` … `evictions`) and the present holdings.

    Attributes:
        hits, misses: lookups that found at least one block, and those that found none.
        matched_tokens, asked_tokens: tokens found, of those that were looked up.
        blocks, pinned: blocks held; those of them that a `Match` not yet released points to.
        bytes, budget: memory held, and the most that is held.
    """

    hits: int
    misses: int
    matched_tokens: int
    asked_tokens: int
    evictions: int
    blocks: int
    pinned: int
    bytes: int
    budget: int


@dataclass(eq=False)
class _Block:
    """`values` [layers, 2, kv_heads, BLOCK, head_dim], keys at 0 and values at 1 of the second axis."""

    digest: bytes
    values: torch.Tensor
    pins: int = 0


class Match:
    """The longest known beginning of a prompt; its blocks stay in the cache until `release`.

    To be used as `with cache.match(key, tokens) as match:` around the copying, or released by hand.

    Attributes:
        length: tokens matched, a multiple of `BLOCK`, less than the prompt's length.
        blocks: length / BLOCK tensors [layers, 2, kv_heads, BLOCK, head_dim], in order; only to be read. Empty after
            the release, so that no evicted block is kept in memory.
    """

    def __init__(self, cache: PrefixCache, chain: list[_Block]) -> None:
        self.length = len(chain) * BLOCK
        self.blocks = tuple(block.values for block in chain)
        self._cache, self._chain = cache, chain

    def release(self) -> None:
        """The blocks have been copied. May be called twice."""
        chain, self._chain, self.blocks = self._chain, [], ()
        self._cache._unpin(chain)

    def __enter__(self) -> Match:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class PrefixCache:
    """Copies of keys and values, at most `budget` bytes of them.

    Every operation costs one hash and one dictionary step per block, whatever the cache holds.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._blocks: dict[bytes, _Block] = {}
        # Unpinned blocks, least recently used first. A block always stands before its parent, because a chain is
        # pinned as a whole and let go from its end: so the first one is always a leaf.
        self._idle: OrderedDict[bytes, _Block] = OrderedDict()
        self._bytes = self._pinned_bytes = 0
        self._hits = self._misses = self._matched = self._asked = self._evictions = 0

    def match(self, key: PrefixKey, tokens: Sequence[int]) -> Match:
        """The longest beginning of the prompt `tokens` that is held, in whole blocks and without its last token.

        The last token is left out because its logits are needed, so it has to be read again anyway.

        Raises:
            TypeError: `key` was not made by `prefix_key`.
        """
        chain: list[_Block] = []
        for digest in _digests(key, tokens, (len(tokens) - 1) // BLOCK):
            block = self._blocks.get(digest)
            if block is None:
                break
            self._pin(block)
            chain.append(block)
        self._asked += len(tokens)
        self._matched += len(chain) * BLOCK
        self._hits += bool(chain)
        self._misses += not chain
        return Match(self, chain)

    def insert(self, key: PrefixKey, tokens: Sequence[int], read: Callable[[int, int], torch.Tensor]) -> None:
        """Keep copies of the whole blocks of `tokens` that are not held yet, evicting others where they are in the way.

        Where the budget does not reach, the beginning is kept and the rest is not.

        Args:
            tokens: from position 0 on, only those that the model has read (not the one just sampled).
            read: gives the keys and values [layers, 2, kv_heads, BLOCK, head_dim] of the positions start ≤ p < end;
                called for missing blocks alone, may return a view.

        Raises:
            TypeError: `key` was not made by `prefix_key`.
            ValueError: `read` gave another number of positions.
            Exception: whatever `read` raises; blocks stored before that are kept, and are whole.
        """
        held: list[_Block] = []
        try:
            for number, digest in enumerate(_digests(key, tokens, len(tokens) // BLOCK)):
                block = self._blocks.get(digest)
                if block is None:
                    values = read(number * BLOCK, (number + 1) * BLOCK)
                    if values.shape[-2] != BLOCK:
                        raise ValueError(f"a block of {BLOCK} tokens was asked for, {tuple(values.shape)} was given")
                    if not self._make_room(values.nbytes):
                        break
                    block = self._store(digest, values)
                self._pin(block)
                held.append(block)
        finally:
            self._unpin(held)

    def stats(self) -> PrefixStats:
        blocks = len(self._blocks)
        return PrefixStats(
            hits=self._hits,
            misses=self._misses,
            matched_tokens=self._matched,
            asked_tokens=self._asked,
            evictions=self._evictions,
            blocks=blocks,
            pinned=blocks - len(self._idle),
            bytes=self._bytes,
            budget=self._budget,
        )

    def _store(self, digest: bytes, values: torch.Tensor) -> _Block:
        # A copy, always: a view would change with the slot's next request, and keep all of the slot's memory alive.
        block = _Block(digest, values.detach().clone())
        self._blocks[digest] = self._idle[digest] = block
        self._bytes += block.values.nbytes
        return block

    def _make_room(self, size: int) -> bool:
        """Evict least recently used leaves until `size` bytes fit; evicts nothing and gives False where they cannot."""
        if self._pinned_bytes + size > self._budget:
            return False
        while self._bytes + size > self._budget:
            digest, block = self._idle.popitem(last=False)
            del self._blocks[digest]
            self._bytes -= block.values.nbytes
            self._evictions += 1
        return True

    def _pin(self, block: _Block) -> None:
        block.pins += 1
        if block.pins == 1:
            del self._idle[block.digest]
            self._pinned_bytes += block.values.nbytes

    def _unpin(self, chain: list[_Block]) -> None:
        """Let go of a chain of blocks from the first on; the last one becomes the least recently used of them."""
        for block in reversed(chain):
            block.pins -= 1
            if not block.pins:
                self._idle[block.digest] = block
                self._pinned_bytes -= block.values.nbytes


def _digests(key: PrefixKey, tokens: Sequence[int], count: int) -> Iterator[bytes]:
    """The chained hashes of the first `count` blocks.

    A cryptographic hash: with a weaker one a prompt could be made that is answered from someone else's blocks.
    """
    if not isinstance(key, PrefixKey):
        raise TypeError("a key is made by prefix_key, from the base and its adapters")
    digest: bytes = key
    for start in range(0, count * BLOCK, BLOCK):
        block = array("q", tokens[start : start + BLOCK]).tobytes()
        digest = blake2b(digest + block, digest_size=32).digest()
        yield digest
