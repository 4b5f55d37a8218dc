"""Questions about lists and their answers, made from the rows.

A maker gets a desk and gives an `Asked`, or None where its kind of question cannot be asked of that list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from training.drills.list_docs import Doc, Row

_AMOUNT = re.compile(r"([£€$]?)(\d+(?:\.\d+)?)(?::(\d\d))?([½¼¾]?)(?!\d) ?(\D*)")
_PARTS = {"": 0.0, "¼": 0.25, "½": 0.5, "¾": 0.75}
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "zh": {
        "count": ("一共几{i}", "总共有多少{i}", "单子上有几{i}", "数一下有几{i}", "上面写了几{i}"),
        "steps": ("一共几步", "总共有几个步骤", "要分几步做", "步骤有几条"),
        "reverse": ("哪一样是{v}", "{v}的是哪样", "写着{v}的是哪个", "{v}说的是什么"),
        "check": ("{x}是{w}对吗", "{x}是不是{w}", "我记的{x}是{w}，没错吧", "{x}是{w}吧", "有人说{x}是{w}，真的吗"),
        "which": ("{a}、{b}、{c}，哪样单子上有", "单子里有的是{a}、{b}还是{c}", "{a}、{b}和{c}里头写了哪个"),
        "part": ("{p}都有什么", "{p}都放什么", "{p}有哪些"),
        "two": ("{q}，{y}呢", "{q}，还有{y}", "{q}？{y}又是多少"),
    },
    "en": {
        "count": (
            "how many {i} are there",
            "how many {i} are on the list",
            "count the {i}, how many",
            "how many {i} in all",
        ),
        "steps": ("how many steps are there", "how many steps is that", "in how many steps is it done"),
        "reverse": (
            "which one says {v}",
            "which is the one with {v}",
            "{v} stands beside what",
            "what was it that had {v}",
        ),
        "check": (
            "I have {w} down for {x}, right",
            "{x}: {w}, correct",
            "is it {w} for {x}",
            "somebody told me {w} for {x}, is that so",
        ),
        "which": ("which of these is on it: {a}, {b} or {c}", "is it {a}, {b} or {c} that is on the list"),
        "part": ("what all is {p}", "what is {p}", "list what is {p}"),
        "two": ("{q}, and {y}", "{q}? And {y}", "{q}, and what about {y}"),
    },
}


@dataclass(frozen=True)
class Asked:
    """A question that names no document, and its answer (None: not told).

    Attributes:
        kind: what is practised.
        about: what it asks about, for the follow-up and for telling whether one document alone can be meant.
        column: the column of `about` that was asked for.
    """

    text: str
    answer: str | None
    kind: str
    about: Row | None = None
    column: int = 0


@dataclass(frozen=True)
class Desk:
    """The lists on the table, the one that is asked about, and whether the question will name it."""

    lang: str
    docs: list[Doc]
    doc: Doc
    named: bool

    @property
    def others(self) -> list[Doc]:
        """The other lists."""
        return [doc for doc in self.docs if doc is not self.doc]

    def absent(self, thing: str) -> bool:
        """Whether the list asked about, or any where none is named, lacks the thing."""
        return not any(doc.has(thing) for doc in ([self.doc] if self.named else self.docs))


def amount(text: str) -> tuple[float, str] | None:
    """(number, unit) of a plain amount; None for ranges and words."""
    match = _AMOUNT.fullmatch(text)
    if not match or re.search(r"\d", match[5]):
        return None
    return float(match[2]) * (60 if match[3] else 1) + float(match[3] or 0) + _PARTS[match[4]], match[1] + match[5]


def asking(rng: Random, desk: Desk, row: Row, column: int, text: str = "") -> str:
    """A question about one column of a row; its part is named where the thing stands in several, else at times."""
    doc, zh = desk.doc, desk.lang == "zh"
    text = text or rng.choice(doc.kind.columns[column].asks)
    if row.counted:
        text = text.replace("how much {x}", "how many {x}")
    if not doc.parts or (sum(r.thing == row.thing for r in doc.rows) == 1 and rng.random() < 0.5):
        return text.replace("{x}", row.thing)
    part = doc.parts[row.part]
    if zh:
        return text.replace("{x}", part + ("的" if part.endswith("里") else "") + row.thing)
    return add(text.replace("{x}", row.thing), part)


def add(text: str, place: str) -> str:
    """An English question with a phrase of place after it."""
    return (text[:-3] if text.endswith(" in") and place.startswith("in ") else text) + " " + place


def lookup(rng: Random, desk: Desk) -> Asked | None:
    """One value."""
    row = rng.choice(desk.doc.rows)
    column = rng.randrange(len(row.values))
    if not row.values[column]:
        return None
    return Asked(asking(rng, desk, row, column), row.answers[column], "lookup", row, column)


def step(rng: Random, desk: Desk) -> Asked | None:
    """One value of a step."""
    if not desk.doc.steps:
        return None
    done = rng.choice(desk.doc.steps)
    slot = rng.choice(list(done.step.asks))
    about = next((row for row in desk.doc.rows if row.thing == done.thing), None)
    return Asked(rng.choice(done.step.asks[slot]).replace("{x}", done.thing), done.values[slot], "step", about, -1)


def two(rng: Random, desk: Desk) -> Asked | None:
    """The same column of two rows."""
    rows = [row for row in desk.doc.rows if row.values[0] and not desk.doc.parts]
    if len(rows) < 2:
        return None
    a, b = rng.sample(rows, 2)
    text = rng.choice(WORDS[desk.lang]["two"]).format(
        q=asking(rng, desk, a, 0), y=("the " if desk.doc.kind.of("then") else "") + b.thing
    )
    form = "{}{}，{}{}" if desk.lang == "zh" else "{}: {}, {}: {}"
    return Asked(text, form.format(a.thing, a.values[0], b.thing, b.values[0]), "several", a)


def _told(row: Row, column: int, lang: str) -> str:
    return f"{row.thing}{'，' if lang == 'zh' else ', '}{row.values[column]}"


def compare(rng: Random, desk: Desk) -> Asked | None:
    """Which of two has more, or which of all has most."""
    column = rng.randrange(len(desk.doc.rows[0].values))
    how = desk.doc.kind.columns[column].compare
    found = [(row, number) for row in desk.doc.rows if (number := amount(row.values[column]))]
    if not how or desk.doc.parts or len(found) < 2:
        return None
    word = rng.choice(list(how))
    if word in ("min", "max"):
        units, rank = {unit for _, (_, unit) in found}, sorted(found, key=lambda f: f[1][0], reverse=word == "max")
        if len(found) < len(desk.doc.rows) or len(units) > 1 or rank[0][1][0] == rank[1][1][0]:
            return None
        return Asked(rng.choice(how[word]), _told(rank[0][0], column, desk.lang), "compare", None, column)
    (a, (m, unit)), (b, (n, other)) = rng.sample(found, 2)
    if unit != other or m == n:
        return None
    best = a if (m < n) == (word == "low") else b
    text = rng.choice(how[word]).replace("{x}", a.thing).replace("{y}", b.thing)
    return Asked(text, _told(best, column, desk.lang), "compare", best, column)


def count(rng: Random, desk: Desk) -> Asked | None:
    """How many rows, rows of a part, or steps."""
    doc, zh, words = desk.doc, desk.lang == "zh", WORDS[desk.lang]
    if doc.steps and rng.random() < 0.5:
        if len(doc.steps) < 2:
            return None
        return Asked(rng.choice(words["steps"]), f"{len(doc.steps)}{'步' if zh else ' steps'}", "count")
    text, item, many = rng.choice(words["count"]), doc.kind.of("item")[0], len(doc.rows)
    if doc.parts:
        part = rng.randrange(len(doc.parts))
        many = sum(row.part == part for row in doc.rows)
        text = (
            doc.parts[part] + text.removeprefix("单子上")
            if zh
            else add(text.replace(" on the list", ""), doc.parts[part])
        )
    return Asked(text.replace("{i}", item), f"{many}{item}" if zh else f"{many} {item}", "count")


def reverse(rng: Random, desk: Desk) -> Asked | None:
    """Which row has this value."""
    row = rng.choice(desk.doc.rows)
    column = rng.randrange(len(row.values))
    value = row.values[column]
    if not value or desk.doc.text.count(value) > 1 or any(value in doc.text for doc in desk.others):
        return None
    return Asked(rng.choice(WORDS[desk.lang]["reverse"]).format(v=value), row.thing, "reverse", row, column)


def check(rng: Random, desk: Desk) -> Asked | None:
    """A value to confirm or put right: often the one of the line beside."""
    row = rng.choice(desk.doc.rows)
    column = rng.randrange(len(row.values))
    value, claims = row.values[column], [r.values[column] for r in desk.doc.rows if r.values[column]]
    if not value:
        return None
    claim = value if rng.random() < 0.45 else rng.choice(claims)
    text = asking(rng, desk, row, column, rng.choice(WORDS[desk.lang]["check"]).replace("{w}", claim))
    if desk.lang == "zh":
        return Asked(text, ("是的，是" if claim == value else "不是，是") + value, "check", row, column)
    return Asked(text, ("Yes, it is " if claim == value else "No, it is ") + value, "check", row, column)


def which(rng: Random, desk: Desk) -> Asked | None:
    """Which one of three stands in the list."""
    row = rng.choice(desk.doc.rows)
    strange = ghosts(rng, desk)[:2]
    if len(strange) < 2:
        return None
    three = [row.thing, *strange]
    rng.shuffle(three)
    text = rng.choice(WORDS[desk.lang]["which"]).format(a=three[0], b=three[1], c=three[2])
    return Asked(text, row.thing, "which", row)


def marked(rng: Random, desk: Desk) -> Asked | None:
    """The one row with a note of its own: what is optional, sold out, full."""
    note, *asks = desk.doc.kind.of("mark") or ("",)
    found = [row for row in desk.doc.rows if row.note == note]
    if not asks or len(found) != 1:
        return None
    return Asked(rng.choice(asks), found[0].thing, "marked", found[0])


def part(rng: Random, desk: Desk) -> Asked | None:
    """All that stands in one part of a list."""
    doc, zh = desk.doc, desk.lang == "zh"
    places = [p for p in doc.parts if p.endswith("里") or p.startswith("in the ")]
    if not places:
        return None
    place = rng.choice(places)
    rows = [row for row in doc.rows if row.part == doc.parts.index(place)]
    if len(rows) > 5 or len(rows[0].values) > 1:
        return None
    told = [f"{row.thing}{row.values[0]}" if zh else f"{row.values[0]} {row.thing}".strip() for row in rows]
    return Asked(rng.choice(WORDS[desk.lang]["part"]).format(p=place), ("、" if zh else ", ").join(told), "part")


def both(rng: Random, desk: Desk) -> Asked | None:
    """A thing that stands in both parts, asked for without saying in which."""
    doc, zh = desk.doc, desk.lang == "zh"
    chosen = rng.choice(doc.rows).thing
    rows = [row for row in doc.rows if row.thing == chosen]
    if not doc.parts or len(rows) < 2 or not all(row.values[0] for row in rows):
        return None
    form = "{p}{v}" if zh else "{v} {p}"
    told = [form.format(p=doc.parts[row.part], v=row.values[0]) for row in rows]
    text = rng.choice(doc.kind.columns[0].asks).replace("{x}", rows[0].thing)
    return Asked(text, ("，" if zh else ", ").join(told), "both", rows[0])


def ghosts(rng: Random, desk: Desk) -> list[str]:
    """Things that are not there, those first that are easily mistaken for one that is."""
    have = {row.thing for row in desk.doc.rows}
    near: list[str] = []
    far: list[str] = []
    for group in desk.doc.kind.groups:
        rest = [name for name in group.members if desk.absent(name)]
        (near if have & set(group.members) else far).extend(rng.sample(rest, len(rest)))
    rng.shuffle(near)
    return near + rng.sample(far, len(far)) if rng.random() < 0.75 else far + near


Maker = Callable[[Random, Desk], Asked | None]
TOLD: tuple[tuple[Maker, float], ...] = (
    (lookup, 46), (step, 20), (two, 6), (compare, 8), (count, 5), (reverse, 4), (check, 6), (which, 5), (marked, 8),
    (part, 6), (both, 6),
)  # fmt: skip
