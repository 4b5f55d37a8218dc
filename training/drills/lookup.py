"""Drills over fact sheets: one value, several, the entity of a value, a claim checked, asked on, or not there."""

from __future__ import annotations

from random import Random

from training.drills.desk import OWN, Desk, Material, answer, choose_domain, frame, lay_out
from training.drills.facts import Entry, Fact, ask, make_entry, upper
from training.drills.prompts import REFUSAL, Message, Sample, cited, reading_prompt
from training.drills.templates import value_maker


def _turn(rng: Random, desk: Desk, subject: str | None) -> tuple[str, str, list[Fact]]:
    """(question, answer, facts) about one attribute, sometimes under one condition or all of them."""
    fact = rng.choice(desk.entry.facts)
    group = desk.entry.of(fact.attribute)
    if len(group) > 1 and rng.random() < 0.3:
        bare = Fact(fact.attribute, fact.value)
        return ask(rng, desk.entry, bare, subject), answer(desk, group), group
    return ask(rng, desk.entry, fact, subject), answer(desk, [fact]), [fact]


def _system(rng: Random, desk: Desk) -> Message:
    own = rng.choice(OWN[desk.lang]) if rng.random() < 0.06 else ""
    return {"role": "system", "content": reading_prompt(desk.passages, desk.lang, own)}


def _more(rng: Random, desk: Desk) -> list[tuple[str, str]]:
    """Further unrelated questions over the same passages: more practice for one reading."""
    turns = []
    for _ in range(rng.randint(1, 6)):
        entry = desk.entry if not desk.others or rng.random() < 0.5 else rng.choice(desk.others)
        missing = [a for a in entry.domain.attributes if not entry.of(a)]
        if missing and rng.random() < 0.13:
            turns.append((frame(rng, ask(rng, entry, Fact(rng.choice(missing), "")), desk.lang), REFUSAL[desk.lang]))
        elif entry.facts:
            fact = rng.choice(entry.facts)
            turns.append((frame(rng, ask(rng, entry, fact), desk.lang), answer(desk, [fact])))
    return turns


def _sample(
    rng: Random, desk: Desk, turns: list[tuple[str, str]], kind: str, gold: str | None, cite: int | None
) -> Sample:
    messages = [_system(rng, desk)]
    if kind != "follow_up" and not desk.entry.domain.held_out and rng.random() < 0.55:
        turns = turns + _more(rng, desk)
    for question, reply in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return Sample(messages, desk.lang, desk.entry.domain.name, kind, gold, cite)


def lookup(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """One question, one value (or the values of all conditions)."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    elliptical = len(desk.passages) == 1 and not desk.others and rng.random() < 0.55
    question, reply, facts = _turn(rng, desk, "" if elliptical else None)
    return _sample(
        rng,
        desk,
        [(frame(rng, question, lang), reply)],
        "lookup",
        facts[0].value if len(facts) == 1 else None,
        desk.cite(facts[0]),
    )


def unanswerable(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """The attribute is missing (others may have it), or the entity is, or the question is about something else."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    domain = desk.entry.domain
    roll = rng.random()
    kinds = {fact.attribute.kind for fact in desk.entry.facts}
    missing = [a for a in domain.attributes if not desk.entry.of(a)]
    told = [
        fact for other in desk.others if other.domain is domain for fact in other.facts if fact.attribute in missing
    ]
    if roll < 0.3 and told:
        question = ask(rng, desk.entry, Fact(rng.choice(told).attribute, ""))
    elif roll < 0.62 and missing:
        near = [a for a in missing if a.kind in kinds]
        question = ask(
            rng,
            desk.entry,
            Fact(rng.choice(near if near and rng.random() < 0.5 else missing), ""),
            "" if len(desk.passages) == 1 and not desk.others and rng.random() < 0.5 else None,
        )
    elif roll < 0.9:
        ghost = make_entry(rng, domain, [])
        known = {desk.entry.name, *(other.name for other in desk.others)}
        while ghost.name in known:
            ghost = make_entry(rng, choose_domain(rng, lang, held), [])
        asked = (
            rng.choice(desk.entry.facts).attribute if ghost.domain is domain else rng.choice(ghost.domain.attributes)
        )
        question = ask(rng, ghost, Fact(asked, ""))
    else:
        other = choose_domain(rng, lang, held)
        while other is domain and not missing:
            other = choose_domain(rng, lang, held)
        pool = [
            a
            for a in (missing if other is domain else other.attributes)
            if all(set(a.labels).isdisjoint(b.labels) for b in domain.attributes) or other is domain
        ]
        if not pool:
            return unanswerable(rng, lang, held, material, most)
        question = ask(rng, Entry(other, desk.entry.name), Fact(rng.choice(pool), ""))
    return _sample(rng, desk, [(frame(rng, question, lang), REFUSAL[lang])], "unanswerable", None, None)


def follow_up(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """Two to four turns: later ones drop the subject, or move to another row with the same question."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    question, reply, facts = _turn(rng, desk, None)
    turns = [(frame(rng, question, lang), reply)]
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.12:
            missing = [a for a in desk.entry.domain.attributes if not desk.entry.of(a)]
            if missing:
                bare = ask(rng, desk.entry, Fact(rng.choice(missing), ""), "")
                turns.append((_then(rng, bare, lang), REFUSAL[lang]))
                facts = []
                continue
        bare, reply, facts = _turn(rng, desk, "")
        turns.append((_then(rng, bare, lang), reply))
    gold = facts[0].value if len(facts) == 1 else None
    return _sample(
        rng, desk, turns, "follow_up" if facts else "unanswerable", gold, desk.cite(facts[0]) if facts else None
    )


def _then(rng: Random, bare: str, lang: str) -> str:
    if lang == "zh":
        return rng.choice(
            (
                "那{q}？",
                "那{q}呢？",
                "{q}？",
                "还有，{q}？",
                "它{q}？",
                "另外{q}？",
                "再问一下，{q}？",
                "好的，{q}？",
                "谢谢，那{q}？",
            )
        ).format(q=bare)
    return rng.choice(("And {q}?", "{Q}?", "Thanks. {Q}?", "OK, and {q}?", "One more thing: {q}?", "Then {q}?")).format(
        q=bare, Q=upper(bare)
    )


def several(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """Two attributes in one question."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    plain = [fact for fact in desk.entry.facts if not fact.condition]
    if len(plain) < 2:
        return lookup(rng, lang, held, material, most)
    a, b = rng.sample(plain, 2)
    join = (
        rng.choice(("{x}，{y}", "{x}？还有{y}", "{x}？{y}"))
        if lang == "zh"
        else rng.choice(("{x}, and {y}", "{x}? And {y}"))
    )
    question = join.format(x=ask(rng, desk.entry, a), y=ask(rng, desk.entry, b, ""))
    return _sample(rng, desk, [(frame(rng, question, lang), answer(desk, [a, b]))], "several", None, desk.cite(a))


def reverse(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """Which entity has this value? The answer is a name."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    fact = rng.choice(desk.entry.facts)
    if any(
        other.value == fact.value for entry in (*desk.others, desk.entry) for other in entry.facts if other is not fact
    ):
        return lookup(rng, lang, held, material, most)
    name = rng.choice(fact.attribute.labels)
    if lang == "zh":
        question = rng.choice(
            (
                f"哪{desk.entry.domain.noun}的{fact.condition}{name}是{fact.value}",
                f"{name}{fact.condition}为{fact.value}的是哪{desk.entry.domain.noun}",
                f"{fact.condition}{name}是{fact.value}的叫什么",
            )
        )
    else:
        question = f"which {desk.entry.domain.noun} has the {name.lower()} {fact.value}" + (
            " " + fact.condition if fact.condition else ""
        )
    return _sample(
        rng,
        desk,
        [(frame(rng, question, lang), cited(desk.entry.name, desk.cite(fact), lang))],
        "reverse",
        desk.entry.name,
        desk.cite(fact),
    )


def check(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """A statement to confirm or put right."""
    desk = lay_out(rng, lang, held, material or Material(), most)
    fact = rng.choice(desk.entry.facts)
    name = rng.choice(fact.attribute.labels)
    claim = fact.value
    if rng.random() < 0.5:
        while claim == fact.value:
            claim = value_maker(fact.attribute.kind, lang)(rng)
    if lang == "zh":
        question = rng.choice(
            (
                f"{desk.entry.name}的{fact.condition}{name}是{claim}吗？",
                f"{desk.entry.name}{fact.condition}{name}是不是{claim}？",
                f"听说{desk.entry.name}的{fact.condition}{name}是{claim}，对吗？",
            )
        )
        reply = ("是的，是" if claim == fact.value else "不是，是") + fact.value
    else:
        question = (
            f"Is the {name.lower()} of {desk.entry.name} {claim}{' ' + fact.condition if fact.condition else ''}?"
        )
        reply = ("Yes, it is " if claim == fact.value else "No, it is ") + fact.value
    return _sample(rng, desk, [(question, cited(reply, desk.cite(fact), lang))], "check", fact.value, desk.cite(fact))
