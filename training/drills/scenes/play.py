"""Plays a scene: fills its slots, leaves facts out, writes the text, and tells what can be asked of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from training.drills import values_en, values_zh, words_en, words_zh
from training.drills.pools import words
from training.drills.scenes.grammar import SLOT, Scene, Told

Maker = Callable[[Random], str]
_PAIR = re.compile(r"([^:：|]{1,40}?)(?:: |：)([^|]+)$")
_RANGE = re.compile(r"^(-?[\d.]+)\.\.(-?[\d.]+)(?::([\d.]+))?$")
_ZH, _EN = values_zh.VALUES, values_en.VALUES
_MONTHS = words("January February March April May June July August September October November December")

_DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")


def _coin_en(rng: Random) -> str:
    return words_en.coin(rng) if rng.random() < 0.5 else words_en.stem(rng)


MAKERS: dict[str, dict[str, Maker]] = {
    "zh": {
        "coin": lambda rng: words_zh.chars(rng, 2, 3),
        "person": words_zh.person,
        "surname": lambda rng: words_zh.person(rng)[:1],
        "city": lambda rng: rng.choice(words_zh.CITY) if rng.random() < 0.5 else words_zh.chars(rng, 2, 2) + "市",
        "place": lambda rng: words_zh.chars(rng, 2, 2) + rng.choice("县镇村乡"),
        "company": words_zh.company,
        "phone": _ZH["phone"],
        "date": lambda rng: f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日",
        "year": lambda rng: f"{rng.randint(1820, 2025)}年",
        "clock": _ZH["clock"],
        "weekday": lambda rng: rng.choice(("周", "星期")) + rng.choice("一二三四五六日"),
        "code": _ZH["code"],
        "address": _ZH["address"],
        "email": _ZH["email"],
        "book": _ZH["book"],
        "price": lambda rng: f"{rng.choice((rng.randint(3, 99), rng.randint(10, 60) * 10))}元",
    },
    "en": {
        "coin": _coin_en,
        "person": words_en.person,
        "first": lambda rng: rng.choice(words_en.FIRST),
        "surname": lambda rng: words_en.person(rng).split()[-1],
        "city": _EN["city"],
        "place": _EN["place"],
        "company": words_en.company,
        "phone": _EN["phone"],
        "date": lambda rng: f"{rng.randint(1, 28)} {rng.choice(_MONTHS)}",
        "year": lambda rng: str(rng.randint(1780, 2025)),
        "clock": lambda rng: rng.choice(
            (
                f"{rng.randint(1, 12)}{rng.choice((':00', ':15', ':30', ':45', ''))} {rng.choice(('am', 'pm'))}",
                f"{rng.randint(6, 22)}:{rng.choice(('00', '15', '30', '45'))}",
            )
        ),
        "weekday": lambda rng: rng.choice(_DAYS),
        "code": _EN["code"],
        "address": _EN["address"],
        "email": _EN["email"],
        "book": _EN["book"],
        "price": lambda rng: f"{rng.choice('£$€')}{rng.randint(2, 180)}",
    },
}


@cache
def _maker(spec: str, lang: str) -> Maker:
    """What fills a slot; ValueError for an unknown maker or a single choice."""
    if spec.startswith("@"):
        if spec[1:] not in MAKERS[lang]:
            raise ValueError(f"unknown maker {spec}")
        return MAKERS[lang][spec[1:]]
    if match := _RANGE.match(spec):
        low, high, step = float(match[1]), float(match[2]), float(match[3] or 1)
        count = int((high - low) / step + 1e-9)
        if count < 0:
            raise ValueError(f"an empty range {spec}")
        return lambda rng: f"{round(low + step * rng.randint(0, count), 4):g}"
    choices = [part.strip() for part in spec.split(" / ")]
    if len(choices) < 2:
        raise ValueError(f"a slot needs at least two choices: {spec}")
    return lambda rng: rng.choice(choices)


def fill(rng: Random, scene: Scene) -> dict[str, str]:
    """A value for each slot; slots of the same definition get different values where there are enough."""
    values: dict[str, str] = {}
    taken: dict[str, set[str]] = {}
    for slot, spec in scene.slots.items():
        make, seen = _maker(spec, scene.lang), taken.setdefault(spec, set())
        value = make(rng)
        for _ in range(20):
            if value not in seen:
                break
            value = make(rng)
        seen.add(value)
        values[slot] = value
    return values


@dataclass(frozen=True)
class Asked:
    """One question line with its slots filled; `answer` is None where the text does not tell."""

    wordings: tuple[str, ...]
    answer: str | None


@dataclass(frozen=True)
class Played:
    """A scene's text as it is told this time, and what can be asked of it."""

    scene: Scene
    title: str
    text: str
    asked: tuple[Asked, ...]
    absent: tuple[Asked, ...]
    values: dict[str, str]


def play(rng: Random, scene: Scene, keep: float, values: dict[str, str] | None = None) -> Played:
    """Tells the scene with each fact kept at the chance `keep` (two at least)."""
    filled = values or fill(rng, scene)

    def put(text: str) -> str:
        return SLOT.sub(lambda match: filled[match[1]], text)

    kept = [fact for fact in scene.facts if fact.always or rng.random() < keep]
    if len(kept) < 2 or not any(fact.questions for fact in kept):
        kept = list(scene.facts)
    style = rng.randrange(12)  # a list writes all its lines in one way
    told = [put(f.wordings[style % len(f.wordings)] if scene.form == "list" else rng.choice(f.wordings)) for f in kept]
    asked, absent = [], []
    for fact in scene.facts:
        shown = told[kept.index(fact)] if fact in kept else None
        for question in fact.questions:
            wordings = tuple(map(put, question.wordings))
            if shown is None:
                absent.append(Asked(wordings, None))
            else:
                asked.append(Asked(wordings, _answer(tuple(map(put, question.answers)), shown)))
    absent += [Asked((put(question),), None) for question in scene.missing]
    text = _layout(rng, scene, kept, told)
    return Played(scene, put(rng.choice(scene.titles)), text, tuple(asked), tuple(absent), filled)


def _answer(forms: tuple[str, ...], shown: str) -> str:
    """The form of the answer that the shown wording has; the first one where none is quoted (yes or no)."""
    folded = shown.casefold()
    return next((form for form in forms if form.casefold() in folded), forms[0])


def _list(rng: Random, scene: Scene, kept: list[Told], told: list[str]) -> str:
    """Lines under headings: bullets, steps that are numbered anew ("1. "), at times a table of "label: value" lines."""
    mark, bullet = rng.choice(("", "## ", "### ", "**")), rng.choice(("- ", "- ", "- ", "* ", "· ", ""))
    sections: dict[str, list[str]] = {}
    heading = ""
    for fact in scene.facts:
        heading = fact.heading or heading
        at = next((i for i, each in enumerate(kept) if each is fact), None)
        if at is not None:
            plain = told[at].startswith("1. ") or (fact.always and not heading)
            sections.setdefault(heading, []).append(("" if plain else bullet) + told[at])
    out: list[str] = []
    for head, lines in sections.items():
        pairs = [_PAIR.match(line.removeprefix(bullet)) for line in lines]
        if len(lines) > 2 and all(pairs) and rng.random() < 0.4:
            first = "| 项目 | 内容 |" if scene.lang == "zh" else "| Item | Details |"
            lines = [first, "|---|---|", *(f"| {pair[1]} | {pair[2]} |" for pair in pairs if pair)]
        steps = 0
        for i, line in enumerate(lines):
            if line.startswith("1. "):
                steps += 1
                lines[i] = f"{steps}. {line[3:]}"
        out += [f"**{head}**" if mark == "**" else mark + head] * bool(head) + lines
    return "\n".join(out)


def _layout(rng: Random, scene: Scene, kept: list[Told], told: list[str]) -> str:
    if scene.form == "list":
        return _list(rng, scene, kept, told)
    form = scene.form if scene.form != "any" else rng.choice(("prose", "prose", "paragraphs", "lines", "bullets"))
    headings = rng.random() < 0.7
    gap = "" if scene.lang == "zh" else " "
    out, fresh = "", True
    for i, (fact, text) in enumerate(zip(kept, told, strict=True), 1):
        if fact.heading and headings:
            mark = rng.choice(("", "", "## ", "### ")) if form != "prose" else ""
            out, fresh = f"{out}\n{mark}{fact.heading}\n", True
        if form in ("lines", "bullets"):
            bullet = "" if form == "lines" else "- " if not fact.always else ""
            out += ("" if fresh or out.endswith("\n") else "\n") + bullet + text
        elif form == "paragraphs" and not fresh and i % 3 == 0:
            out += "\n" + text
        else:
            out += ("" if fresh else gap) + text
        fresh = False
    return out.strip()
