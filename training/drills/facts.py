"""Fact sheets: invented entities with attribute values, and the many ways to write them down."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from training.drills.grammar import Attribute, Domain
from training.drills.remarks import QUALIFIERS
from training.drills.templates import name_maker, value_maker

_QUALIFIED = {
    "price",
    "hours",
    "days",
    "dose",
    "percent",
    "freq",
    "books",
    "times",
    "durh",
    "temps",
    "weight",
    "countitem",
    "people",
    "months",
    "role",
    "size",
    "clock",
}


def _varies(kind: str) -> bool:
    """Whether values of the kind may differ by condition: amounts, times and the like."""
    return kind in _QUALIFIED or (kind.startswith("=") and ("{n:" in kind or "{d:" in kind))


@dataclass(frozen=True)
class Fact:
    """The value of an attribute, under a condition ("" for none)."""

    attribute: Attribute
    value: str
    condition: str = ""


@dataclass
class Entry:
    """An invented entity and its facts, in the order they are told."""

    domain: Domain
    name: str
    facts: list[Fact] = field(default_factory=list)

    def of(self, attribute: Attribute) -> list[Fact]:
        """The entity's values of an attribute: one, or one for each condition."""
        return [fact for fact in self.facts if fact.attribute is attribute]


def make_entry(rng: Random, domain: Domain, attributes: list[Attribute], plain: bool = False) -> Entry:
    """An entity of `domain` with a value for each attribute; `plain` leaves conditions out (for tables)."""
    entry = Entry(domain, name_maker(domain.namer, domain.lang)(rng))
    groups = QUALIFIERS[domain.lang].get(domain.qualifiers)
    for attribute in attributes:
        make = value_maker(attribute.kind, domain.lang)
        if groups and not plain and _varies(attribute.kind) and rng.random() < 0.22:
            values: list[str] = []
            for condition in rng.choice(groups):
                value = make(rng)
                while value in values:
                    value = make(rng)
                values.append(value)
                entry.facts.append(Fact(attribute, value, condition))
        else:
            entry.facts.append(Fact(attribute, make(rng)))
    return entry


def statement(rng: Random, entry: Entry, fact: Fact, subject: str) -> str:
    """One clause that tells the fact about `subject` ("" drops it where Chinese may)."""
    template = rng.choice(fact.attribute.statements)
    if entry.domain.lang == "zh":
        body = template.format(v=fact.value)
        if body.startswith("的"):
            subject = subject or entry.name
            return subject + fact.condition + body if not fact.condition else fact.condition + subject + body
        return subject + fact.condition + body
    text = template.format(e=subject or entry.name, v=fact.value)
    return text + (" " + fact.condition if fact.condition else "")


def label(rng: Random, fact: Fact, lang: str) -> str:
    """The attribute's name as a form has it, with the condition in brackets."""
    name = rng.choice(fact.attribute.labels)
    if not fact.condition:
        return name
    return f"{name}（{fact.condition}）" if lang == "zh" else f"{name} ({fact.condition})"


def upper(text: str) -> str:
    """The text with its first letter in upper case (`capitalize` would lower the rest)."""
    return text[:1].upper() + text[1:]


def _pronoun(rng: Random, entry: Entry) -> str:
    if entry.domain.lang == "en" and entry.domain.namer == "person":
        return entry.name.split()[-1]
    return rng.choice(entry.domain.pronouns)


def prose(rng: Random, entry: Entry, facts: list[Fact], filler: list[str]) -> str:
    """Running text: full name first, then pronouns, dropped subjects and stray remarks."""
    zh = entry.domain.lang == "zh"
    out: list[str] = []
    named = False
    run = 0
    stray = rng.choice((0.0, 0.1, 0.3))
    for fact in facts:
        subject = entry.name if not named or rng.random() < 0.25 else _pronoun(rng, entry)
        if zh and named and run and rng.random() < 0.6:
            subject = ""
        clause = statement(rng, entry, fact, subject)
        named = True
        joined = run and run < 3 and rng.random() < 0.45
        if zh:
            out.append(("，" if joined else ("。" if out else "")) + clause)
        else:
            link = rng.choice((", and ", "; ", ", while ")) if joined else (". " if out else "")
            out.append(link + (clause if joined else upper(clause)))
        run = run + 1 if joined else 1
        if rng.random() < stray:
            remark = rng.choice(filler)
            out.append(("。" if zh else ". ") + remark.rstrip("。."))
            run = 0
    return "".join(out) + ("。" if zh else ".")


def listing(rng: Random, entry: Entry, facts: list[Fact]) -> str:
    """Labelled lines: plain, bulleted, numbered, or one `label: value; ...` row as tables are flattened."""
    zh = entry.domain.lang == "zh"
    pairs = [(label(rng, fact, entry.domain.lang), fact.value) for fact in facts]
    form = rng.randrange(6)
    colon = "：" if zh and rng.random() < 0.85 else ": " if not zh else ":"
    if form == 0:
        name = rng.choice(("名称", "姓名", "项目", "编号", "品名")) if zh else rng.choice(("Name", "Item", "Entry"))
        semi = "；" if zh else "; "
        return semi.join(f"{a}{colon}{b}" for a, b in [(name, entry.name), *pairs])
    if form == 1:
        return "\n".join([entry.name, *(f"{a}{colon}{b}" for a, b in pairs)])
    if form == 2:
        return "\n".join(f"{i}. {a}{colon}{b}" for i, (a, b) in enumerate(pairs, 1))
    if form == 3:
        return "\n\n".join(f"{rng.choice(('', '', '## '))}{a}\n{b}" for a, b in pairs)
    mark = rng.choice(("- ", "* ", "· ", ""))
    bold = "**" if rng.random() < 0.2 else ""
    return "\n".join(f"{mark}{bold}{a}{bold}{colon}{b}" for a, b in pairs)


def sections(rng: Random, entry: Entry, facts: list[Fact], filler: list[str]) -> str:
    """Headed sections, each with a sentence or two."""
    zh = entry.domain.lang == "zh"
    out = []
    for fact in facts:
        text = upper(statement(rng, entry, fact, entry.name if rng.random() < 0.5 else _pronoun(rng, entry)))
        text += "。" if zh else "."
        if rng.random() < 0.3:
            text += ("" if zh else " ") + rng.choice(filler)
        out.append(f"{rng.choice(('', '', '## ', '### '))}{rng.choice(fact.attribute.labels)}\n{text}")
    return "\n\n".join(out)


def ask(rng: Random, entry: Entry, fact: Fact, subject: str | None = None) -> str:
    """The bare question (no frame, no question mark) about `fact`."""
    name = entry.name if subject is None else subject
    question = rng.choice(fact.attribute.questions)
    if entry.domain.lang == "zh":
        return (
            name + fact.condition + question if not question.startswith("的") or name else fact.condition + question[1:]
        )
    text = question.format(e=name or rng.choice(entry.domain.pronouns))
    return text + (" " + fact.condition if fact.condition else "")


def faq(rng: Random, entry: Entry, facts: list[Fact]) -> str:
    """Question and answer pairs, as FAQ pages have them."""
    zh = entry.domain.lang == "zh"
    q, a = (
        rng.choice((("问：", "答："), ("Q：", "A："), ("Q: ", "A: "), ("", "")))
        if zh
        else rng.choice((("Q: ", "A: "), ("", "")))
    )
    out = []
    for fact in facts:
        asked = upper(ask(rng, entry, fact))
        told = fact.value if rng.random() < 0.4 else upper(statement(rng, entry, fact, entry.name))
        out.append(f"{q}{asked}{'？' if zh else '?'}\n{a}{told}{'。' if zh else '.'}")
    return "\n".join(out)


def render(rng: Random, entry: Entry, facts: list[Fact], filler: list[str]) -> str:
    """The facts in one of the text forms."""
    roll = rng.random()
    if roll < 0.42:
        return prose(rng, entry, facts, filler)
    if roll < 0.66:
        return listing(rng, entry, facts)
    if roll < 0.78:
        return sections(rng, entry, facts, filler)
    if roll < 0.88:
        return faq(rng, entry, facts)
    cut = rng.randint(0, len(facts))
    head = prose(rng, entry, facts[:cut], filler) if cut else ""
    tail = listing(rng, entry, facts[cut:]) if cut < len(facts) else ""
    return (head + "\n" + tail).strip()


def table(rng: Random, entries: list[Entry]) -> str:
    """Several entities with the same attributes: a Markdown table, flattened rows, or lines."""
    zh = entries[0].domain.lang == "zh"
    names = [rng.choice(fact.attribute.labels) for fact in entries[0].facts]
    first = rng.choice(("名称", "项目", "编号", "品名", "类别")) if zh else rng.choice(("Name", "Item", "Entry"))
    rows = [[entry.name, *(fact.value for fact in entry.facts)] for entry in entries]
    form = rng.randrange(4)
    if form == 0:
        head = "| " + " | ".join([first, *names]) + " |\n|" + "---|" * (len(names) + 1)
        return head + "\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows)
    if form == 1:
        colon, semi = ("：", "；") if zh else (": ", "; ")
        return "\n".join(semi.join(f"{a}{colon}{b}" for a, b in zip([first, *names], row, strict=True)) for row in rows)
    if form == 2:
        return "\n".join(
            upper(row[0])
            + ("：" if zh else ": ")
            + ("，" if zh else ", ").join(
                f"{a}{b}" if zh and rng.random() < 0.5 else (f"{a}为{b}" if zh else f"{a.lower()} {b}")
                for a, b in zip(names, row[1:], strict=True)
            )
            + ("。" if zh else ".")
            for row in rows
        )
    return "\n".join(prose(rng, entry, entry.facts, ["…"]).replace("。…", "").replace(". …", "") for entry in entries)
