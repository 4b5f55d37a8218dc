"""Reads the kinds of lists (tables/lists_zh.txt.xz and tables/lists_en.txt.xz; `xz -dk FILE` to edit one).

What the lines mean stands at the top of lists_en.txt.
"""

from __future__ import annotations

import lzma
import zlib
from dataclasses import dataclass, field
from functools import lru_cache

from training.drills.pools import TABLES

Texts = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """What the rows tell: its label, how it is filled (groups may do so instead), asked for and compared.

    `compare` holds questions under "low" and "high" (two rows) and "min" and "max" (all of them).
    """

    label: str
    spec: str
    asks: Texts
    compare: dict[str, Texts] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Things that are easily mistaken for one another; `spec` fills the first column; `counted`: "3 onions".

    `notes` are what may stand beside one of them ("sliced"); `tags` say which steps it may be in.
    """

    spec: str
    counted: bool
    members: Texts
    notes: Texts
    tags: str


@dataclass(frozen=True)
class Step:
    """A step, the word that only it has, the tag that its thing must have, and the questions for each of its slots."""

    key: str
    tag: str
    text: str
    asks: dict[str, Texts]


@dataclass
class Kind:
    """A kind of list: lines of a table, by the word that they begin with, and what was read out of them."""

    name: str
    lang: str
    lines: dict[str, Texts] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    slots: dict[str, str] = field(default_factory=dict)

    def fits(self, step: Step, thing: str) -> bool:
        """Whether the step may be taken with the thing."""
        return not step.tag or any(thing in group.members and step.tag in group.tags for group in self.groups)

    def of(self, word: str) -> Texts:
        """The texts of a line ("title", "head", "in", "line", "note", "no", "why", ...)."""
        return self.lines.get(word, ())

    @property
    def held_out(self) -> bool:
        """Whether it is kept for tests and benchmarks: one kind in twelve, by its name."""
        return zlib.crc32(self.name.encode()) % 12 == 0


def _texts(text: str) -> Texts:
    return tuple(part.strip() for part in text.split(" / ") if part.strip())


def _take(kind: Kind, word: str, rest: str) -> None:
    """Adds one line of the table to its kind; a ValueError or IndexError says that it has too few parts."""
    if word == "col":
        label, spec, asks = (part.strip() for part in rest.split("|"))
        kind.columns.append(Column(label, spec, _texts(asks)))
    elif word in ("low:", "high:", "min:", "max:"):
        kind.columns[-1].compare[word[:-1]] = _texts(rest)
    elif word == "+":
        spec, bar, members = rest.rpartition(" | ")
        members, _, tags = members.partition(" @")
        members, _, notes = members.partition(" ~ ")
        counted = spec.startswith("#")
        names = tuple(name.strip() for name in members.split(","))
        spec = "=" + spec[1:] if counted else spec if bar else ""
        kind.groups.append(Group(spec, counted, names, _texts(notes), tags.strip()))
    elif word == "step":
        head, text, *asked = rest.split(" | ")
        key, _, tag = head.strip().partition("@")
        slots = {slot.strip(): _texts(questions) for slot, _, questions in (part.partition(": ") for part in asked)}
        kind.steps.append(Step(key, tag, text.strip(), slots))
    elif word == "name:":
        kind.lines["name"] = (rest,)
    elif word == "mark:":
        note, _, questions = rest.partition(" | ")
        kind.lines["mark"] = (note.strip(), *_texts(questions))
    else:
        kind.lines[word.rstrip(":")] = _texts(rest)


@lru_cache(maxsize=2)
def kinds(lang: str) -> tuple[Kind, ...]:
    """All kinds of lists of a language ("zh" or "en"), in file order."""
    data = lzma.decompress((TABLES / f"lists_{lang}.txt.xz").read_bytes()).decode("utf-8")
    found: list[Kind] = []
    slots: dict[str, str] = {}
    for line in data.splitlines():
        if line.startswith("== "):
            found.append(Kind(line[3:].strip(), lang, slots=slots))
        elif line.startswith("$"):
            slots[line[1]] = line[3:].strip()
        elif line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            _take(found[-1], word, rest.strip())
    return tuple(found)


@lru_cache(maxsize=4)
def pool(lang: str, held: bool) -> tuple[Kind, ...]:
    """The kinds kept for tests and benchmarks (`held`), or all others."""
    return tuple(kind for kind in kinds(lang) if kind.held_out == held)
