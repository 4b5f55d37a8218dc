"""Questions over recipes and procedures: the whole method ("X怎么做？"), one amount or time, or something not told."""

from __future__ import annotations

from random import Random

from training.drills.desk import Material, frame
from training.drills.procedures import DO_EN, DO_ZH, procedure
from training.drills.prompts import REFUSAL, Sample, cited, reading_prompt
from training.drills.recipes import recipe


def _nameless(question: str, name: str, lang: str) -> str:
    """The question as one asks it who is talking about `name` already."""
    if lang == "en":
        return question.replace(name, "it")
    return question.replace("做" + name, "", 1).replace(name, "", 1).removeprefix("的").removeprefix("里")


def guide_drill(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """A question over one to five guides: the whole method, one amount or time, or something not told.

    `held` asks one question only; the dishes and devices are invented afresh either way.
    """
    make = recipe if rng.random() < (0.6 if lang == "zh" else 0.5) else procedure
    main = make(rng, lang)
    guides = [main]
    while len(guides) < min(most, rng.choice((1, 1, 2, 3, 3, 4))):
        other = (make if rng.random() < 0.85 else procedure)(rng, lang)
        if all(other.name != known.name and main.name not in other.text for known in guides):
            guides.append(other)
    rng.shuffle(guides)
    number = guides.index(main) + 1
    roll = rng.random()
    shared = material.passages.get(lang) if material else None
    passages = [(guide.title[:1].upper() + guide.title[1:], guide.text) for guide in guides]
    if shared and len(passages) < most and rng.random() < 0.15:
        passages.append(rng.choice(shared))
    whole = 0.36
    if roll < whole or (roll < 0.88 and not main.facts):
        question, reply, kind, gold = rng.choice(main.asks), cited(main.steps, number, lang), "howto", main.steps
    elif roll < 0.88:
        question, gold = rng.choice(main.facts)
        if len(passages) == 1 and make is recipe and rng.random() < 0.5:
            question = _nameless(question, main.name, lang)
        reply, kind = cited(gold, number, lang), "lookup"
    else:
        told = {q for g in guides for q in g.asks}
        ghost = make(rng, lang)
        while any(ghost.name == g.name for g in guides):
            ghost = make(rng, lang)
        absent = [q for q in ghost.asks if q not in told] or ghost.asks
        if ghost.name in "".join(g.text for g in guides):
            return guide_drill(rng, lang, held, material, most)
        main.missing = [
            q
            for q in main.missing
            if not any(do in q and do in g.text for g in guides for do in (DO_ZH if lang == "zh" else DO_EN))
        ]
        question = (
            rng.choice(main.missing)
            if main.missing and rng.random() < 0.65
            else rng.choice(absent if rng.random() < 0.6 or not ghost.facts else [q for q, _ in ghost.facts])
        )
        reply, kind, gold = REFUSAL[lang], "unanswerable", None
    messages = [
        {"role": "system", "content": reading_prompt(passages, lang)},
        {"role": "user", "content": frame(rng, question, lang)},
        {"role": "assistant", "content": reply},
    ]
    if main.facts and make is recipe and kind in ("howto", "lookup") and rng.random() < 0.15:
        again, value = rng.choice(main.facts)
        bare = _nameless(again, main.name, lang)
        messages += [
            {"role": "user", "content": (f"那{bare}？" if lang == "zh" else f"And {bare}?")},
            {"role": "assistant", "content": cited(value, number, lang)},
        ]
        kind, gold = "follow_up", value
    elif not held and rng.random() < 0.55:
        for _ in range(rng.randint(1, 5)):
            other = rng.choice(guides)
            n, picked = guides.index(other) + 1, rng.random()
            if picked < 0.1 and other.missing and make is recipe:
                asked, said = rng.choice(other.missing), REFUSAL[lang]
            elif other.facts and picked < 0.85:
                asked, value = rng.choice(other.facts)
                said = cited(value, n, lang)
            else:
                asked, said = rng.choice(other.asks), cited(other.steps, n, lang)
            messages += [{"role": "user", "content": frame(rng, asked, lang)}, {"role": "assistant", "content": said}]
    return Sample(
        messages,
        lang,
        "recipe" if make is recipe else "procedure",
        kind,
        gold,
        None if kind == "unanswerable" else number,
    )
