"""Reads scene files into frozen dataclasses.

They lie here as xz archives (`xz -dk FILE.txt.xz` to edit one, `xz FILE.txt` to put it back): as text they would be a
tenth of what a clone of this repository may hold. A file holds scenes; a scene is

    === community pool                       its name
    n = @coin                                a slot: a maker, a range (3..20, 10..90:5) or choices (A / B / C)
    title: {n} Pool | Swimming at {n} Pool
    > {n} Pool opens at {o} am. || ...       a fact in several wordings (">!": always told)
    ? how early can I swim | ... => {o}      ways to ask for it, and the answer as the wording has it (A / B: either)
    ! is there a sauna | ...                 questions that the text never answers
    ## Prices                                a heading before the facts that follow
    form: prose                              or lines, list (headed, steps start with "1. "), any (default)
"""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
SLOT = re.compile(r"\{(\w+)\}")
_ASSIGN = re.compile(r"^([A-Za-z]\w*) ?= ?(\S.*)$")


class SceneError(ValueError):
    """A line of a scene file that cannot be read; says file, line and what is wrong."""


@dataclass(frozen=True)
class Question:
    """Ways to ask for one thing, and its answer in the forms that the wordings of the fact have."""

    wordings: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A fact: its wordings, the questions that it alone answers, and where it stands."""

    wordings: tuple[str, ...]
    questions: tuple[Question, ...]
    always: bool
    heading: str


@dataclass(frozen=True)
class Scene:
    """One document template; `missing` are questions that it never answers."""

    name: str
    lang: str
    slots: dict[str, str]
    titles: tuple[str, ...]
    facts: tuple[Told, ...]
    missing: tuple[str, ...]
    form: str = "any"

    @property
    def held_out(self) -> bool:
        """Whether it is kept for tests and benchmarks: one scene in twelve, by its name."""
        return zlib.crc32(self.name.encode()) % 12 == 0


@dataclass
class _Draft:
    name: str
    slots: dict[str, str] = field(default_factory=dict)
    titles: tuple[str, ...] = ()
    facts: list[tuple[tuple[str, ...], list[Question], bool, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    heading: str = ""
    form: str = "any"

    def scene(self, lang: str) -> Scene:
        facts = tuple(Told(w, tuple(q), always, heading) for w, q, always, heading in self.facts)
        return Scene(self.name, lang, self.slots, self.titles, facts, tuple(self.missing), self.form)


def _parts(text: str, mark: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(mark) if part.strip())


def _take(draft: _Draft, line: str) -> None:
    """Adds one line to the draft; ValueError says what is wrong with it."""
    if line.startswith("title:"):
        draft.titles = _parts(line[6:], "|")
    elif line.startswith("form:"):
        draft.form = line[5:].strip()
        if draft.form not in ("any", "prose", "lines", "list"):
            raise ValueError("form is any, prose, lines or list")
    elif line.startswith("## "):
        draft.heading = line[3:].strip()
    elif line.startswith(">"):
        always = line.startswith(">!")
        draft.facts.append((_parts(line[2 if always else 1 :], "||"), [], always, draft.heading))
        draft.heading = ""
    elif line.startswith("?"):
        asked, arrow, answer = line[1:].rpartition("=>")
        if not arrow or not answer.strip():
            raise ValueError("a question line needs '=> answer'")
        if not draft.facts:
            raise ValueError("a question before any fact")
        wordings = tuple(w.rstrip("?？。. ") for w in _parts(asked, "|"))
        draft.facts[-1][1].append(Question(wordings, _parts(answer, " / ")))
    elif line.startswith("!"):
        draft.missing += [w.rstrip("?？。. ") for w in _parts(line[1:], "|")]
    elif match := _ASSIGN.match(line):
        draft.slots[match[1]] = match[2].strip()
    else:
        raise ValueError("not a line of a scene")


def _check(draft: _Draft) -> None:
    used = set(SLOT.findall("\n".join([*draft.titles, *draft.missing])))
    for wordings, questions, _, heading in draft.facts:
        texts = [*wordings, heading, *(w for q in questions for w in (*q.wordings, *q.answers))]
        for text in texts:
            if re.search(r"[{}]", SLOT.sub("", text)):
                raise ValueError(f"stray brace in {text!r}")
            used |= set(SLOT.findall(text))
        if not wordings:
            raise ValueError("a fact without wording")
        if any(not q.wordings for q in questions):
            raise ValueError("a question without wording")
    if unknown := used - set(draft.slots):
        raise ValueError(f"unknown slots: {', '.join(sorted(unknown))}")
    if not draft.titles or len(draft.facts) < 2 or not any(q for _, q, _, _ in draft.facts):
        raise ValueError("a scene needs a title, two facts and a question")


def read(path: Path, lang: str) -> Iterator[Scene]:
    """The scenes of one file, .txt or .txt.xz.

    Raises:
        SceneError: for a line that cannot be read or a scene that does not hold together.
    """
    draft: _Draft | None = None
    began = 0
    data = path.read_bytes()
    text = (lzma.decompress(data) if path.suffix == ".xz" else data).decode("utf-8")
    for number, raw in enumerate([*text.splitlines(), "=== "], 1):
        line = raw.strip()
        at = number
        try:
            if line.startswith("==="):
                if draft is not None:
                    at = began
                    _check(draft)
                    yield draft.scene(lang)
                draft, began = _Draft(line[3:].strip()), number
            elif line and not line.startswith("# "):
                if draft is None:
                    raise ValueError("text before the first ===")
                _take(draft, line)
        except ValueError as error:
            raise SceneError(f"{path.name}:{at}: {error}") from error


@lru_cache(maxsize=2)
def scenes(lang: str) -> tuple[Scene, ...]:
    """All scenes of a language ("zh" or "en"), in file order."""
    return tuple(scene for path in sorted((FOLDER / lang).glob("*.txt.xz")) for scene in read(path, lang))


@lru_cache(maxsize=4)
def pool(lang: str, held: bool) -> tuple[Scene, ...]:
    """The scenes kept for tests and benchmarks (`held`), or all others."""
    return tuple(scene for scene in scenes(lang) if scene.held_out == held)
