"""Invented lists: rows whose neighbours look alike, at times in two parts, with steps; and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from training.drills.facts import upper
from training.drills.list_kinds import Group, Kind, Step
from training.drills.templates import value_maker

_ONCE = re.compile(r"\[([^\]]*)\]")
_NUMBER = re.compile(r"\{n:(\d+)-(\d+)\}")


@dataclass(frozen=True)
class Row:
    """A line of a list: `values` by column ("" where it is not told), the same as answers, the part it stands in."""

    thing: str
    values: tuple[str, ...]
    answers: tuple[str, ...]
    counted: bool
    note: str
    part: int


@dataclass(frozen=True)
class Done:
    """A step as it is told: what it is done with and the values of its slots."""

    step: Step
    thing: str
    values: dict[str, str]


@dataclass(frozen=True)
class Doc:
    """A list with its text; `parts` are phrases such as "in the dough", none where it is one list."""

    kind: Kind
    name: str
    title: str
    text: str
    rows: tuple[Row, ...]
    parts: tuple[str, ...]
    steps: tuple[Done, ...]

    def has(self, thing: str) -> bool:
        """Whether the thing, or one that is called almost the same, stands anywhere in it."""
        folded, text = thing.casefold(), (self.title + "\n" + self.text).casefold()
        return folded in text or any(row.thing.casefold() in folded for row in self.rows)


def _value(rng: Random, spec: str, kind: Kind, once: dict[str, str]) -> str:
    chosen = rng.choice(spec.split(" / ="))
    chosen = _ONCE.sub(lambda m: once.setdefault(m[1], rng.choice(m[1].split("/"))), chosen)
    return value_maker(chosen if chosen.startswith("=") else "=" + chosen, kind.lang)(rng)


def things(rng: Random, kind: Kind, many: int, known: Iterable[str] = ()) -> list[tuple[str, Group]]:
    """About `many` different things, neighbours of their groups together; `known` ones come first where they fit."""
    wanted = set(known)
    found = [(name, group) for group in kind.groups for name in group.members if name in wanted]
    rng.shuffle(found)
    found = found[: many // 2]
    taken = {name for name, _ in found}
    while len(found) < many and len(taken) < sum(len(group.members) for group in kind.groups):
        group = rng.choice(kind.groups)
        rest = [name for name in group.members if name not in taken]
        for name in rng.sample(rest, min(len(rest), rng.choice((1, 1, 2, 2, 3, 4)), many - len(found))):
            taken.add(name)
            found.append((name, group))
    if rng.random() < 0.7:
        at = {id(group): rng.random() for group in kind.groups}
        found.sort(key=lambda pair: at[id(pair[1])])
    return found


def make_doc(rng: Random, kind: Kind, known: Iterable[str] = ()) -> Doc:
    """A list of the kind; about half of `known` things are in it too."""
    name = _value(rng, kind.of("name")[0], kind, {})
    parts = rng.sample(kind.of("part"), 2) if len(kind.of("part")) > 1 and rng.random() < 0.3 else []
    sizes = [rng.randint(3, 7) for _ in parts] or [rng.choice((4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 17, 20))]
    columns = kind.columns[: rng.choice((1, 2, 3, 4))] if len(kind.columns) > 1 else kind.columns
    layout, once = rng.choice(kind.of("line")), {"": ""}
    table = rng.random() < (0.45 if len(columns) > 1 else 0.15)
    rows: list[Row] = []
    for part, size in enumerate(sizes):
        before = [row.thing for row in rows]
        for thing, group in things(rng, kind, size, before or known):
            specs = [group.spec or columns[0].spec, *(column.spec for column in columns[1:])]
            values = tuple(
                "" if rng.random() < 0.07 else _value(rng, spec, kind, once) for spec in specs[: len(columns)]
            )
            joined = group.counted and layout in ("{v} {x}", "{v} of {x}") and len(columns) == 1 and not table
            answers = tuple(f"{value} {thing}" if value and joined else value for value in values)
            note = rng.choice(kind.of("note")) if rng.random() < 0.08 else ""
            if group.notes and rng.random() < 0.3:
                note = rng.choice(group.notes)
            rows.append(Row(thing, values, answers, group.counted, note, part))
    if kind.of("mark") and rng.random() < 0.4:
        at = rng.randrange(len(rows))
        rows[at] = replace(rows[at], note=kind.of("mark")[0])
    steps = _steps(rng, kind, rows, once)
    heads = [part.split(" ~ ")[0] for part in parts] or [rng.choice(kind.of("head"))]
    labels = [column.label for column in columns]
    text = _write(rng, kind, "" if table else layout, heads, labels, rows, [_told(done) for done in steps])
    title = _NUMBER.sub(lambda m: str(rng.randint(int(m[1]), int(m[2]))), rng.choice(kind.of("title")))
    phrases = tuple(part.split(" ~ ")[1] for part in parts)
    return Doc(kind, name, upper(title.replace("{d}", name)), text, tuple(rows), phrases, tuple(steps))


def _steps(rng: Random, kind: Kind, rows: list[Row], once: dict[str, str]) -> list[Done]:
    if not kind.steps or rng.random() < 0.35:
        return []
    chosen = sorted(rng.sample(range(len(kind.steps)), min(len(kind.steps), rng.randint(2, 7))))
    names = list({row.thing: None for row in rows})
    rng.shuffle(names)
    out: list[Done] = []
    used: set[str] = set()
    for at in chosen:
        step, thing = kind.steps[at], ""
        if "{x}" in step.text:
            thing = next((name for name in names if kind.fits(step, name)), "")
            if not thing:
                continue
            names.remove(thing)
        values = {}
        for slot in re.findall(r"\{([a-w])\}", step.text):
            value = _value(rng, kind.slots[slot], kind, once)
            for _ in range(9):
                if value not in used:
                    break
                value = _value(rng, kind.slots[slot], kind, once)
            used.add(value)
            values[slot] = value
        out.append(Done(step, thing, values))
    return out


def _told(done: Done) -> str:
    text = done.step.text.replace("{x}", done.thing)
    return re.sub(r"\{([a-w])\}", lambda m: done.values[m[1]], text)


def _line(rng: Random, kind: Kind, layout: str, labels: list[str], row: Row, labelled: bool) -> str:
    zh = kind.lang == "zh"
    if len(row.values) > 1:
        told = [
            (label + value if zh else f"{label.lower()} {value}") if labelled else value or ("—" if zh else "-")
            for label, value in zip(labels, row.values, strict=True)
            if value or not labelled
        ]
        shown = ("，" if zh else ", ").join(told)
    else:
        shown = row.values[0]
    if row.counted:
        layout = layout.replace("{v} of {x}", "{v} {x}")
    text = layout.replace("{x}", row.thing).replace("{v}", shown) if shown else row.thing
    if row.note:
        plain = rng.random() < 0.5
        text += (
            (f"，{row.note}" if plain else f"（{row.note}）") if zh else f", {row.note}" if plain else f" ({row.note})"
        )
    return text


def _write(
    rng: Random, kind: Kind, layout: str, heads: list[str], labels: list[str], rows: list[Row], steps: list[str]
) -> str:
    """The text; `layout` is how a line is written, "" for tables."""
    zh, table = kind.lang == "zh", not layout
    mark = rng.choice(("", "", "## ", "### ", "**"))
    bullet = rng.choice(("- ", "- ", "- ", "* ", "· ", "", ""))
    labelled, capital = rng.random() < 0.5, rng.random() < 0.5
    joined = len(labels) == 1 and not table and rng.random() < 0.2
    out: list[str] = []
    for part, head in enumerate(heads):
        if not labelled and not table and len(labels) > 1:
            head += (f"（{'、'.join(labels)}）") if zh else f" ({', '.join(labels).lower()})"
        if len(heads) > 1 or rng.random() < 0.8:
            out.append(f"**{head}**" if mark == "**" else mark + head)
        mine = [row for row in rows if row.part == part]
        if table:
            first = "名称" if zh else "Name"
            out += ["| " + " | ".join([first, *labels]) + " |", "|" + "---|" * (len(labels) + 1)]
            out += [
                "| "
                + " | ".join(
                    [row.thing + (f"（{row.note}）" if zh else f" ({row.note})") * bool(row.note)]
                    + [value or ("-" if not zh else "—") for value in row.values]
                )
                + " |"
                for row in mine
            ]
            continue
        lines = [_line(rng, kind, layout, labels, row, labelled) for row in mine]
        while lines:
            take = rng.choice((1, 1, 2, 3)) if joined else 1
            text = ("，" if zh else ", ").join(lines[:take])
            lines = lines[take:]
            out.append(bullet + (upper(text) if capital and not zh else text))
    if steps:
        head = rng.choice(kind.of("stephead"))
        out.append(f"**{head}**" if mark == "**" else mark + head)
        number = (
            rng.choice(("{}. ", "{}. ", "{}) ", "")) if not zh else rng.choice(("{}. ", "{}. ", "{}、", "（{}）", ""))
        )
        out += [number.format(i) + text for i, text in enumerate(steps, 1)]
    return "\n".join(out)
