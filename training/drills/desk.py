"""The desk of a lookup drill: passages over fact sheets, the entity asked about, and how questions are typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from training.drills.facts import Entry, Fact, make_entry, render, table, upper
from training.drills.grammar import Domain, domains
from training.drills.prompts import cited
from training.drills.remarks import FILLERS

FRAMES_ZH = (
    ("{q}？",) * 8
    + ("{q}",) * 3
    + (
        "{q}?",
        "请问{q}？",
        "请问一下，{q}？",
        "麻烦问下，{q}？",
        "想知道{q}。",
        "我想了解一下{q}",
        "{q}呀？",
        "{q}呢？",
        "{q}啊",
        "你知道{q}吗？",
        "帮我查一下{q}",
        "帮我看看{q}",
        "根据资料，{q}？",
        "告诉我{q}。",
        "能告诉我{q}吗？",
        "{q}，谢谢。",
        "你好，{q}？",
        "资料里说{q}？",
        "我忘了，{q}来着？",
        "急，{q}？",
    )
)
FRAMES_EN = ("{Q}?",) * 8 + (
    "{q}",
    "{q}?",
    "{Q}",
    "Please tell me: {q}?",
    "Could you tell me, {q}?",
    "I'd like to know, {q}?",
    "Hi, {q}?",
    "According to the passages, {q}?",
    "Quick question: {q}?",
    "{Q}? Thanks.",
    "Can you look up {q}?",
    "Excuse me, {q}?",
    "Do you know, {q}?",
    "hey, {q}",
)
OWN = {
    "zh": ("你是客服助手，回答要简短。", "请用礼貌的语气。", "你是公司内部的知识助手。", "回答不超过一句话。"),
    "en": ("You are a helpful assistant.", "Be brief.", "You work at the help desk.", "Answer politely."),
}


@dataclass
class Material:
    """Real sentences and passages that a caller may add as noise: lists by language."""

    sentences: dict[str, list[str]] = field(default_factory=dict)
    passages: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def filler(self, rng: Random, lang: str) -> list[str]:
        """Remarks that carry no fact: our own, and now and then a dozen real sentences."""
        own = FILLERS[lang]
        real = self.sentences.get(lang)
        return [*own, *rng.sample(real, 12)] if real and len(real) > 12 and rng.random() < 0.4 else own


def frame(rng: Random, question: str, lang: str) -> str:
    """A question as a person might type it."""
    if lang == "zh":
        return rng.choice(FRAMES_ZH).format(q=question)
    return rng.choice(FRAMES_EN).format(q=question, Q=upper(question))


def title(rng: Random, entry: Entry, facts: list[Fact]) -> str:
    """A passage's title over the entity, at times with a heading after " · " as the app shows it."""
    text = upper(rng.choice(entry.domain.titles).format(e=entry.name))
    if rng.random() < 0.25 and facts:
        text += " · " + rng.choice(rng.choice(facts).attribute.labels)
    return text


def choose_domain(rng: Random, lang: str, held: bool) -> Domain:
    """A family of fact sheets: one of the held-out ones, or one of the others."""
    return rng.choice([domain for domain in domains(lang) if domain.held_out == held])


@dataclass
class Desk:
    """The passages on the table, who is described where, and where the answer may be found."""

    lang: str
    passages: list[tuple[str, str]]
    entry: Entry
    where: dict[int, int]  # id(fact) -> index of passage
    others: list[Entry]

    def cite(self, fact: Fact) -> int:
        """The number of the passage that tells the fact, counted from 1."""
        return self.where[id(fact)] + 1


def lay_out(rng: Random, lang: str, held: bool, material: Material, most: int = 5) -> Desk:
    """One asked-about entity (alone, split over passages, or as a row of a table) among distractors."""
    domain = choose_domain(rng, lang, held)
    filler = material.filler(rng, lang)
    attributes = rng.sample(
        list(domain.attributes), min(len(domain.attributes) - 1, rng.choice((2, 3, 4, 4, 5, 6, 7, 8)))
    )
    passages: list[tuple[str, str, list[Fact]]] = []
    others: list[Entry] = []
    if rng.random() < 0.22 and domain.qualifiers != "role":
        rows: list[Entry] = []
        for _ in range(rng.randint(2, 6)):
            entry = make_entry(rng, domain, attributes[:5], plain=True)
            if all(entry.name != row.name for row in rows):
                rows.append(entry)
        entry = rng.choice(rows)
        others = [row for row in rows if row is not entry]
        heading = (
            rng.choice(("一览表", "汇总", "清单", "目录", "信息表"))
            if lang == "zh"
            else rng.choice((" list", " overview", " table", " directory"))
        )
        passages.append(
            (
                upper((domain.name if lang == "zh" else domain.noun) + heading),
                table(rng, rows),
                [fact for row in rows for fact in row.facts],
            )
        )
    else:
        entry = make_entry(rng, domain, attributes)
        pieces = [entry.facts]
        if len(entry.facts) > 3 and most > 1 and rng.random() < 0.25:
            cut = rng.randint(1, len(entry.facts) - 1)
            if entry.facts[cut - 1].attribute is not entry.facts[cut].attribute:
                pieces = [entry.facts[:cut], entry.facts[cut:]]
        passages = [(title(rng, entry, piece), render(rng, entry, piece, filler), piece) for piece in pieces]
    want = rng.choice((1, 1, 1, 2, 3, 3, 3, 4, 5, 5)) if most > 1 else 1
    while len(passages) < min(want, most):
        roll = rng.random()
        real = material.passages.get(lang)
        if real and roll < 0.12:
            head, text = rng.choice(real)
            passages.append((head, text, []))
            continue
        other_domain = domain if roll < 0.75 else choose_domain(rng, lang, held)
        shared = (
            rng.sample(attributes, rng.randint(max(1, len(attributes) // 2), len(attributes)))
            if other_domain is domain
            else []
        )
        rest = [a for a in other_domain.attributes if a not in attributes]
        if rest and (not shared or rng.random() < 0.4):
            shared = shared + rng.sample(rest, min(len(rest), rng.randint(1, 4)))
        other = make_entry(rng, other_domain, shared)
        if other.name == entry.name or any(other.name == known.name for known in others):
            continue
        others.append(other)
        passages.append((title(rng, other, other.facts), render(rng, other, other.facts, filler), other.facts))
    rng.shuffle(passages)
    where = {id(fact): i for i, (_, _, facts) in enumerate(passages) for fact in facts}
    return Desk(lang, [(head, text) for head, text, _ in passages], entry, where, others)


def answer(desk: Desk, facts: list[Fact]) -> str:
    """The answer to a question about the facts: bare values, conditions named where there are several."""
    zh = desk.lang == "zh"
    if len(facts) == 1:
        return cited(facts[0].value, desk.cite(facts[0]), desk.lang)
    parts = [(fact.condition + fact.value) if zh else f"{fact.value} {fact.condition}".strip() for fact in facts]
    cites = [desk.cite(fact) for fact in facts]
    if len(set(cites)) == 1:
        return cited(("，" if zh else ", ").join(parts), cites[0], desk.lang)
    return "".join(f"{part}[{n}]；" if zh else f"{part} [{n}]; " for part, n in zip(parts, cites, strict=True)).rstrip(
        "；; "
    ) + ("。" if zh else ".")
