"""Reads the shards that training/corpus.py writes, while it still writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np


@dataclass
class Rows:
    """Packed rows from the folders `text` and `folder` of `data`, this rank's share of them.

    A row is (tokens, roles, positions), each (T,): see training/corpus.py. `folder` may be changed at any time.
    """

    data: Path
    rank: int
    world: int
    seed: int
    folder: str = "drill"
    used: set[str] = field(default_factory=set)

    def text(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Rows of text without end, in shuffled epochs."""
        files = sorted((self.data / "text").glob("*.npz"))
        shards = [np.load(f) for f in files]
        parts = [np.concatenate([s[key] for s in shards]) for key in ("tokens", "roles", "positions")]
        rng = np.random.default_rng(self.seed)
        while True:
            for i in rng.permutation(len(parts[0]))[self.rank :: self.world]:
                yield tuple(part[i] for part in parts)

    def samples(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Rows of samples without end: new shards as they appear, used ones again while there are none."""
        rng = Random(self.seed + self.rank)
        while True:
            folder = self.folder
            files = sorted((self.data / folder).glob("*.npz"))
            mine = [f for i, f in enumerate(files) if shard_number(f.name) % self.world == self.rank]
            fresh = [f for f in mine if str(f) not in self.used]
            if not mine:
                time.sleep(0.5)
                continue
            chosen = fresh[0] if fresh else rng.choice(mine)
            self.used.add(str(chosen))
            shard = np.load(chosen)
            parts = [shard[key] for key in ("tokens", "roles", "positions")]
            for i in range(len(parts[0])):
                if folder != self.folder:
                    break
                yield tuple(part[i] for part in parts)


def shard_number(name: str) -> int:
    """A number to deal shards out by: "00012_003.npz" gives 15, the same on every rank."""
    return sum(int(x) for x in name.removesuffix(".npz").split("_"))
