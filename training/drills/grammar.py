"""Reads the fact-sheet tables (tables/zh*.txt, tables/en*.txt and their xz archives) into frozen dataclasses.

`xz -dk FILE` to edit an archive, `xz -9e FILE` to put it back: a clone of this repository may not grow much.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

HELD_OUT = frozenset({"图书馆", "宠物", "植物", "library", "pet", "plant"})  # domains kept for tests and benchmarks


@dataclass(frozen=True)
class Attribute:
    """One column of a fact sheet: how it is labelled, filled, stated and asked."""

    labels: tuple[str, ...]
    kind: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """A family of fact sheets that share attributes."""

    name: str
    lang: str
    namer: str
    noun: str
    qualifiers: str
    titles: tuple[str, ...]
    pronouns: tuple[str, ...]
    attributes: tuple[Attribute, ...]

    @property
    def held_out(self) -> bool:
        """Whether it is kept for tests and benchmarks."""
        return self.name in HELD_OUT


def _lines(lang: str) -> Iterator[str]:
    folder = Path(__file__).parent / "tables"
    for file in sorted(folder.glob(f"{lang}*.txt*")):
        data = file.read_bytes()
        yield from (lzma.decompress(data) if file.suffix == ".xz" else data).decode("utf-8").splitlines()


@lru_cache(maxsize=2)
def domains(lang: str) -> tuple[Domain, ...]:
    """All domains of a language ("zh" or "en"), in file order."""
    found: list[Domain] = []
    head: list[str] = []
    rows: list[Attribute] = []

    def close() -> None:
        if head:
            name, namer, noun, quals, titles, pronouns = head
            found.append(
                Domain(
                    name, lang, namer, noun, quals, tuple(titles.split("/")), tuple(pronouns.split("/")), tuple(rows)
                )
            )

    for line in _lines(lang):
        if line.startswith("== "):
            close()
            head, rows = [part.strip() for part in line[3:].split(" | ")], []
        elif line and not line.startswith("#"):
            labels, kind, statements, questions = (part.strip() for part in line.split(" | "))
            rows.append(
                Attribute(tuple(labels.split("/")), kind, tuple(statements.split("/")), tuple(questions.split("/")))
            )
    close()
    return tuple(found)
