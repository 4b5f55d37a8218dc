"""Hostile files: real formats made from the sample documents and broken, bombs, escapes, and texts with a purpose.

Every file has its number in its name as "#017#" (and in the names of what an archive holds), so that whatever is
reported can be traced to it. The same seed gives the same attacks (Office files also hold the time they were made).
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from benchmarks.hostile_files.bombs import bomb, claim, xml_attack
from benchmarks.hostile_files.broken import flipped, noise, repacked, spliced, truncated
from benchmarks.hostile_files.making import Hostile, Maker, Makings
from benchmarks.hostile_files.names import deep, encoded, linked, odd_member, odd_name, traversal, wrong_type
from benchmarks.hostile_files.texts import carried, citation, hidden, markup, order

__all__ = ["KINDS", "Hostile", "make"]
SAMPLES = Path(__file__).resolve().parents[2] / "data_base" / "knowledge" / "recipes"
KINDS: tuple[Maker, ...] = (
    truncated, flipped, spliced, repacked, noise, bomb, claim, xml_attack, traversal, linked, odd_name, odd_member,
    wrong_type, encoded, deep, order, hidden, markup, citation, carried,
)  # fmt: skip


def make(count: int, seed: int, outside: str, secret: Path) -> list[Hostile]:
    """`count` files, of all kinds by turns."""
    samples = [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(SAMPLES.glob("*.md"))]
    random = Random(seed)
    made = []
    for number in range(count):
        title, text = random.choice(samples)
        tag = f"#{number:03}#"
        text += f"\nBatch {tag}\n"  # no two of the same content
        making = Makings(random, tag, title, text, outside, secret, number // len(KINDS))
        made.append(KINDS[number % len(KINDS)](making))
    return made
