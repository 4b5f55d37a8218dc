"""Reads the fact-sheet tables (tables/zh*.txt, tables/en*.txt) into frozen dataclasses."""

from __future__ import annotations

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

    files = sorted((Path(__file__).parent / "tables").glob(f"{lang}*.txt"))
    for line in [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]:
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
