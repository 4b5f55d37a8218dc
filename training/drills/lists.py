"""List drills: the one line asked for among lines that look like it, several, compared, counted, or not there.

Every question is made from the rows (`list_questions`), so its answer is known, and so is what no list tells
(`list_refusals`): a thing that is missing, a thing without an amount, one that only the other list or the other part
has, a step that is not taken, a false premise.
"""

from __future__ import annotations

from random import Random

from training.drills.desk import OWN, Material, frame
from training.drills.facts import upper
from training.drills.list_docs import Doc, make_doc
from training.drills.list_kinds import pool
from training.drills.list_questions import TOLD, Asked, Desk, add
from training.drills.list_refusals import NOT_TOLD, lacking
from training.drills.prompts import REFUSAL, Message, Sample, cited, reading_prompt

_THEN = {
    "zh": ("那{y}呢", "{y}呢", "还有{y}", "{y}也说一下", "那{y}", "{y}"),
    "en": ("and {y}", "{y}", "what about {y}", "same for {y}", "ok, and {y}", "and for {y}"),
}
_GOES_ON = ("lookup", "untold", "follow")  # after these a short question asks for the same column
_LABEL = {"zh": ("那{y}呢", "{y}呢", "{y}"), "en": ("and the {y}", "and {y}", "what about the {y}", "{y}")}
_PLACE = {"zh": ("那{p}呢", "{p}呢"), "en": ("and {p}", "what about {p}")}


def _then(rng: Random, desk: Desk, thing: str) -> str:
    """ "And the oil", for what was just asked about another thing."""
    the = "the " if desk.doc.kind.of("then") and rng.random() < 0.7 else ""
    return rng.choice(_THEN[desk.lang]).format(y=the + thing)


def _passages(
    rng: Random, docs: list[Doc], material: Material, lang: str, most: int
) -> tuple[list[tuple[str, str]], list[int]]:
    """The passages, and the number (from 1) of each list among them."""
    rows: list[tuple[tuple[str, str], int | None]] = [((doc.title, doc.text), i) for i, doc in enumerate(docs)]
    real = material.passages.get(lang)
    if real and len(rows) < most and rng.random() < 0.15:
        rows.append((rng.choice(real), None))
    rng.shuffle(rows)
    numbers = [0] * len(docs)
    for number, (_, i) in enumerate(rows, 1):
        if i is not None:
            numbers[i] = number
    return [passage for passage, _ in rows], numbers


def _docs(rng: Random, lang: str, held: bool, most: int) -> list[Doc]:
    """The list asked about first, then others: most of the same kind, with some of the same things in them."""
    kinds = pool(lang, held)
    docs = [make_doc(rng, rng.choice(kinds))]
    want = min(most, rng.choice((1, 1, 1, 2, 2, 3, 4)))
    for _ in range(20):
        if len(docs) >= want:
            break
        same = rng.random() < 0.65
        other = make_doc(rng, docs[0].kind if same else rng.choice(kinds), [row.thing for row in docs[0].rows])
        names = (other.name, *(doc.name for doc in docs))
        if not any(a in b for i, a in enumerate(names) for j, b in enumerate(names) if i != j):
            docs.append(other)
    return docs


def _named(rng: Random, desk: Desk, asked: Asked) -> str:
    """The question with the document that it means."""
    kind, text = desk.doc.kind, asked.text
    place = rng.choice(kind.of("in")).replace("{d}", desk.doc.name)
    if desk.lang == "zh":
        subject = asked.about is not None and text.startswith(asked.about.thing)
        return place + text if subject and asked.kind in ("lookup", "untold", "step") else f"{desk.doc.name}，{text}"
    return f"{place}, {text}" if rng.random() < 0.2 else add(text, place)


def _follow(rng: Random, desk: Desk, last: Asked) -> tuple[Desk, Asked] | None:
    """ "And the oil?": another row, another column of the row, the row in the other part or the other list."""
    row, doc, lang = last.about, desk.doc, desk.lang
    if row is None or last.kind not in _GOES_ON:
        return None
    roll = rng.random()
    if roll < 0.2 and len(row.values) > 1:
        column = rng.choice([i for i in range(len(row.values)) if i != last.column])
        label = doc.kind.columns[column].label.lower()
        return desk, Asked(rng.choice(_LABEL[lang]).format(y=label), row.answers[column] or None, "follow", row, column)
    if roll < 0.35 and desk.others and len(doc.rows[0].values) == 1:
        other = rng.choice(desk.others)
        found = [r for r in other.rows if r.thing == row.thing]
        if other.kind is doc.kind and (len(found) == 1 or not other.has(row.thing)):
            place = other.name if lang == "zh" else rng.choice(other.kind.of("in")).replace("{d}", other.name)
            answer = found[0].answers[0] or None if found else None
            asked = Asked(rng.choice(_PLACE[lang]).format(p=place), answer, "follow", found[0] if found else None)
            return Desk(lang, desk.docs, other, True), asked
    rest = [r for r in doc.rows if r.thing != row.thing and sum(r.thing == s.thing for s in doc.rows) == 1]
    if not rest:
        return None
    there = rng.choice(rest)
    text = _then(rng, desk, there.thing)
    return desk, Asked(text, there.answers[last.column] or None, "follow", there, last.column)


def _no_more(rng: Random, desk: Desk) -> Asked | None:
    """A short question that goes on with a thing that no list has."""
    thing = lacking(rng, Desk(desk.lang, desk.docs, desk.doc, False))
    return Asked(_then(rng, desk, thing), None, "follow") if thing else None


def _clear(desk: Desk, asked: Asked, last: Asked | None) -> bool:
    """Whether it is clear which list a question means that names none."""
    if desk.named or not desk.others:
        return True
    if asked.answer is None:
        return asked.kind in ("ghost", "premise") or (asked.kind == "missing" and last is not None)
    about = asked.about
    return last is not None or (about is not None and not any(doc.has(about.thing) for doc in desk.others))


def _draw(rng: Random, desk: Desk, refuse: bool, last: Asked | None) -> tuple[Desk, Asked] | None:
    """A question; after `last`, which was about the same list, often a short one that goes on from it."""
    if last is not None and not desk.named and last.kind in _GOES_ON and rng.random() < 0.5:
        if refuse and (none := _no_more(rng, desk)):
            return desk, none
        if not refuse and (found := _follow(rng, desk, last)):
            return found
    makers = NOT_TOLD if refuse else TOLD
    for make in rng.choices([m for m, _ in makers], [w for _, w in makers], k=9):
        asked = make(rng, desk)
        if asked and _clear(desk, asked, last):
            return desk, asked
    return None


def _typed(rng: Random, asked: Asked, text: str, lang: str) -> str:
    if asked.kind != "follow" and rng.random() < 0.2:
        return frame(rng, text, lang)
    shown = upper(text) if lang == "en" and rng.random() < 0.7 else text
    return shown + ("？" if lang == "zh" else "?") * (rng.random() < 0.75)


def list_drill(
    rng: Random,
    lang: str,
    held: bool = False,
    material: Material | None = None,
    most: int = 4,
    refusals: float = 0.16,
    turns: int | None = None,
) -> Sample:
    """A conversation over one to four lists; `refusals` is the share of questions that they do not answer."""
    docs = _docs(rng, lang, held, most)
    passages, numbers = _passages(rng, docs, material or Material(), lang, most)
    own = rng.choice(OWN[lang]) if rng.random() < 0.05 else ""
    messages: list[Message] = [{"role": "system", "content": reading_prompt(passages, lang, own)}]
    at, seen = 0, set[tuple[int, str]]()
    last: Asked | None = None
    first: tuple[Asked, int] | None = None
    for _ in range(turns or rng.choice((1, 2, 3, 4, 5, 6))):
        if last is not None and rng.random() < 0.3:
            at, last = rng.randrange(len(docs)), None
        named = rng.random() < (0.3 if last is not None or len(docs) == 1 else 0.85)
        drawn = _draw(rng, Desk(lang, docs, docs[at], named), rng.random() < refusals, last)
        if drawn is None:
            continue
        desk, asked = drawn
        at = docs.index(desk.doc)
        text = _named(rng, desk, asked) if desk.named and asked.kind != "follow" else asked.text
        key = (at, f"{asked.about.thing} {asked.column}" if asked.about and asked.kind in _GOES_ON else asked.text)
        if key in seen:
            continue
        seen.add(key)
        reply = REFUSAL[lang] if asked.answer is None else cited(asked.answer, numbers[at], lang)
        messages += [
            {"role": "user", "content": _typed(rng, asked, text, lang)},
            {"role": "assistant", "content": reply},
        ]
        first, last = first or (asked, at), asked
    if first is None:
        return list_drill(rng, lang, held, material, most, refusals, turns)
    asked, at = first
    family = docs[at].kind.name
    if asked.answer is None:
        return Sample(messages, lang, family, "unanswerable", extra={"why": asked.kind})
    return Sample(messages, lang, family, asked.kind, asked.answer, numbers[at])
