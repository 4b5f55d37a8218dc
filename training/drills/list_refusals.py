"""Questions about lists that no list answers: what is missing, not told, elsewhere, not done or never was."""

from __future__ import annotations

from random import Random

from training.drills.list_docs import Row
from training.drills.list_questions import WORDS, Asked, Desk, Maker, add, asking, ghosts


def lacking(rng: Random, desk: Desk) -> str | None:
    """A thing that is not in the list; at times one that another list has."""
    found = ghosts(rng, desk)
    told = [row.thing for doc in desk.others for row in doc.rows if row.thing in found]
    return rng.choice(told) if told and rng.random() < 0.6 else found[0] if found else None


def ghost(rng: Random, desk: Desk) -> Asked | None:
    """An amount of a thing that is not in the list."""
    thing = lacking(rng, desk)
    return _of(rng, desk, thing, "ghost") if thing else None


def _of(rng: Random, desk: Desk, thing: str, kind: str, text: str = "") -> Asked:
    groups = [group for group in desk.doc.kind.groups if thing in group.members]
    row = Row(thing, (), (), bool(groups and groups[0].counted), "", 0)
    column = rng.randrange(len(desk.doc.rows[0].values))
    asked = (text or rng.choice(desk.doc.kind.columns[column].asks)).replace("{x}", thing)
    return Asked(asked.replace("how much " + thing, "how many " + thing) if row.counted else asked, None, kind)


def untold(rng: Random, desk: Desk) -> Asked | None:
    """A thing that is listed, its amount is not."""
    found = [(row, i) for row in desk.doc.rows for i, value in enumerate(row.values) if not value]
    if not found:
        return None
    row, column = rng.choice(found)
    return Asked(asking(rng, desk, row, column), None, "untold", row, column)


def wrong_part(rng: Random, desk: Desk) -> Asked | None:
    """A thing that only the other part has."""
    doc = desk.doc
    names = [row.thing for row in doc.rows]
    found = [row for row in doc.rows if names.count(row.thing) == 1] if doc.parts else []
    if not found:
        return None
    row = rng.choice(found)
    text, place = rng.choice(doc.kind.columns[0].asks), doc.parts[1 - row.part]
    text = text.replace("how much {x}", "how many {x}") if row.counted else text
    if desk.lang == "zh":
        return Asked(
            text.replace("{x}", place + ("的" if place.endswith("里") else "") + row.thing), None, "wrong part"
        )
    return Asked(add(text.replace("{x}", row.thing), place), None, "wrong part")


def missing(rng: Random, desk: Desk) -> Asked | None:
    """What no such list tells."""
    text = rng.choice(desk.doc.kind.of("no"))
    found = [row for row in desk.doc.rows if not row.note]
    if not found:
        return None
    return Asked(text.replace("{x}", rng.choice(found).thing), None, "missing")


def premise(rng: Random, desk: Desk) -> Asked | None:
    """A question that takes for granted a thing that is not there, or a value of it."""
    found = ghosts(rng, desk)
    if not found:
        return None
    values = [row.values[0] for row in desk.doc.rows if row.values[0]]
    if values and rng.random() < 0.3:
        text = rng.choice(WORDS[desk.lang]["check"]).replace("{w}", rng.choice(values))
        return _of(rng, desk, found[0], "premise", text)
    return Asked(rng.choice(desk.doc.kind.of("why")).replace("{g}", found[0]), None, "premise")


def wrong_step(rng: Random, desk: Desk) -> Asked | None:
    """A step that is not taken, or with a thing that no step names."""
    doc = desk.doc
    if not doc.steps:
        return None
    text = doc.text.casefold()
    idle = [row.thing for row in doc.rows if all(row.thing not in (d.thing, *d.values.values()) for d in doc.steps)]
    about = [done for done in doc.steps if done.thing]
    if about and idle and rng.random() < 0.5:
        done = rng.choice(about)
        idle = [thing for thing in idle if doc.kind.fits(done.step, thing)]
        asks = [ask for asks in done.step.asks.values() for ask in asks if "{x}" in ask]
        return Asked(rng.choice(asks).replace("{x}", rng.choice(idle)), None, "wrong step") if asks and idle else None
    left = [each for each in doc.kind.steps if each.key not in text]
    if not left:
        return None
    other = rng.choice(left)
    fitting = [row.thing for row in doc.rows if doc.kind.fits(other, row.thing)] or [doc.rows[0].thing]
    asks = [ask for asks in other.asks.values() for ask in asks]
    return Asked(rng.choice(asks).replace("{x}", rng.choice(fitting)), None, "wrong step")


NOT_TOLD: tuple[tuple[Maker, float], ...] = (
    (ghost, 36), (untold, 18), (wrong_part, 14), (missing, 14), (premise, 12), (wrong_step, 16),
)  # fmt: skip
