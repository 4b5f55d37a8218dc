"""Samples over scenes: one to five passages, one to seven questions, some of which the passages do not answer."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from training.drills.desk import OWN, Material, frame
from training.drills.facts import upper
from training.drills.prompts import REFUSAL, Message, Sample, cited, reading_prompt
from training.drills.scenes.grammar import Scene, pool
from training.drills.scenes.play import Asked, Played, play

_GO_ON = {
    "zh": ("那{q}？", "{q}？", "{q}", "还有，{q}？", "那么{q}？", "顺便问下，{q}？", "好的，{q}？", "谢谢，{q}？"),
    "en": ("And {q}?", "{Q}?", "{q}", "Thanks. {Q}?", "OK, {q}?", "One more: {q}?", "Also, {q}?", "{Q}?"),
}


@dataclass(frozen=True)
class _Table:
    """The passages on the table; `played[i]` is None where passage i is no scene."""

    lang: str
    passages: list[tuple[str, str]]
    played: list[Played | None]
    main: int

    def siblings(self, at: int) -> list[Played]:
        """Other passages that the same scene made."""
        here = self.played[at]
        return [p for i, p in enumerate(self.played) if i != at and p and here and p.scene is here.scene]


def _grams(text: str) -> set[str]:
    flat = text.casefold()
    return {flat[i : i + 2] for i in range(len(flat) - 1)} if not flat.isascii() else set(flat.split())


def _alike(a: str, b: str) -> bool:
    """Whether two questions may ask for the same thing."""
    x, y = _grams(a), _grams(b)
    return len(x & y) > 0.45 * min(len(x), len(y))


def _names(asked: str, here: Played, others: list[Played]) -> bool:
    """Whether the question says by a name which of several passages of one scene it means."""
    told = [other.title + other.text for other in others]
    return any(
        len(value) > 1 and value.casefold() in asked.casefold() and not any(value in text for text in told)
        for value in here.values.values()
        if not value.replace(".", "").isdigit()
    )


def lay_out(rng: Random, lang: str, held: bool, material: Material, most: int) -> _Table:
    """A scene among other tellings of it, other scenes and real passages."""
    found = pool(lang, held)
    main = rng.choice(found)
    keep = rng.choice((1.0, 1.0, 0.85, 0.7, 0.5))
    here = play(rng, main, keep)
    rows: list[tuple[tuple[str, str], Played | None]] = [((here.title, here.text), here)]
    want = min(most, rng.choice((1, 1, 1, 2, 3, 3, 4, 5)))
    same = rng.choice((0, 0, 0, 1, 1, 2))
    real = material.passages.get(lang)
    while len(rows) < want:
        if same > 0:
            same -= 1
            other = play(rng, main, rng.choice((1.0, 0.7, 0.5)))
            if any(p is not None and p.title == other.title for _, p in rows):
                continue
        elif real and rng.random() < 0.15:
            rows.append((rng.choice(real), None))
            continue
        else:
            scene = rng.choice(found)
            if any(p is not None and p.scene is scene for _, p in rows):
                continue
            other = play(rng, scene, rng.choice((0.8, 0.5, 0.4)))
        rows.append(((other.title, other.text), other))
    rng.shuffle(rows)
    return _Table(
        lang, [p for p, _ in rows], [p for _, p in rows], next(i for i, (_, p) in enumerate(rows) if p is here)
    )


def _fits(table: _Table, at: int, wording: str, told: bool, named: bool) -> bool:
    """Whether only passage `at` is meant by the wording, and (told) no other passage answers it too."""
    here = table.played[at]
    if here is None:
        return False
    rivals = table.siblings(at)
    if rivals:
        return named or _names(wording, here, rivals)
    others = [p for i, p in enumerate(table.played) if i != at and p]
    return (told and named) or not any(_alike(wording, w) for p in others for q in p.asked for w in q.wordings)


def _typed(rng: Random, question: str, lang: str, first: bool) -> str:
    if not first and rng.random() < 0.4:
        return rng.choice(_GO_ON[lang]).format(q=question, Q=upper(question))
    if rng.random() < 0.3:
        return frame(rng, question, lang)
    shown = upper(question) if lang == "en" and rng.random() < 0.7 else question
    return shown + ("？" if lang == "zh" else "?") * (rng.random() < 0.7)


def _choose(rng: Random, table: _Table, at: int, refuse: bool, follows: bool) -> tuple[str, Asked] | None:
    """A wording and what it asks of passage `at`; `follows`: the talk is about that passage already."""
    here = table.played[at]
    choices = list(here.absent if refuse else here.asked) if here else []
    rng.shuffle(choices)
    for asked in choices:
        for wording in rng.sample(asked.wordings, len(asked.wordings)):
            if _fits(table, at, wording, not refuse, follows):
                return wording, asked
    return None


def _stranger(rng: Random, table: _Table, found: tuple[Scene, ...]) -> str | None:
    """A question about something that no passage is about."""
    scene = rng.choice(found)
    if any(p is not None and p.scene is scene for p in table.played):
        return None
    other = play(rng, scene, 1.0)
    question = rng.choice(rng.choice(other.asked).wordings)
    here = [w for p in table.played if p for q in p.asked for w in q.wordings]
    return None if any(_alike(question, w) for w in here) else question


def scene_drill(
    rng: Random,
    lang: str,
    held: bool = False,
    material: Material | None = None,
    most: int = 5,
    refusals: float = 0.13,
    turns: int | None = None,
) -> Sample:
    """A conversation over scenes; `refusals` is the share of turns that the passages do not answer.

    With `turns` given there are at most so many questions; else one to seven, fewer over many passages.
    """
    table = lay_out(rng, lang, held, material or Material(), most)
    own = rng.choice(OWN[lang]) if rng.random() < 0.05 else ""
    messages: list[Message] = [{"role": "system", "content": reading_prompt(table.passages, lang, own)}]
    count = turns or rng.choice((1, 2, 3, 4, 5, 6, 7))
    gold, cite, kind, last = None, None, "lookup", -1
    seen: set[tuple[str, ...]] = set()
    for turn in range(count):
        at = table.main if turn == 0 or rng.random() < 0.6 else rng.randrange(len(table.passages))
        refuse = rng.random() < refusals
        found = None
        if refuse and rng.random() < 0.12:
            strange = _stranger(rng, table, pool(lang, held))
            found = (strange, Asked((strange,), None)) if strange else None
        found = found or _choose(rng, table, at, refuse, follows=at == last)
        if found is None or found[1].wordings in seen:
            continue
        wording, asked = found
        seen.add(asked.wordings)
        reply = REFUSAL[lang] if asked.answer is None else cited(asked.answer, at + 1, lang)
        if len(messages) == 1:
            gold, kind = asked.answer, "unanswerable" if asked.answer is None else "lookup"
            cite = None if asked.answer is None else at + 1
        messages += [
            {"role": "user", "content": _typed(rng, wording, lang, len(messages) == 1)},
            {"role": "assistant", "content": reply},
        ]
        last = at if asked.answer is not None else last
    if len(messages) == 1:
        return scene_drill(rng, lang, held, material, most, refusals, turns)
    return Sample(messages, lang, table.played[table.main].scene.name, kind, gold, cite)  # type: ignore[union-attr]
