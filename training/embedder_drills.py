"""Generated question-passage pairs for the embedder: fact sheets asked about in many ways, in both languages.

Everything comes from the word lists below, written for this project. What the drills teach is narrow: which words name
the thing asked about, which name the attribute, which only make it a question ("那…要多久"), and which
Chinese and English words mean the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.embedder_pairs import Pair
from training.embedder_words import Attribute, word_lists

_SHELL_ZH = (
    "{}",
    "{}",
    "请问{}",
    "那{}",
    "我想知道{}",
    "你知道{}吗",
    "麻烦问一下，{}",
    "对了，{}",
    "{}啊",
    "{}呢",
    "告诉我{}",
    "想问问{}",
)
_SHELL_EN = (
    "{}",
    "{}",
    "{}",
    "hi, {}",
    "please tell me {}",
    "I'd like to know {}",
    "and {}",
    "so {}",
    "quick question: {}",
    "ok, {}",
)
_LINK_ZH = ("{a}：{v}", "{s}的{a}是{v}。", "{a}为{v}。", "- {a}：{v}", "**{a}**：{v}", "关于{a}，{v}。")
_LINK_EN = ("{a}: {v}", "The {a} of {s} is {v}.", "- {a}: {v}", "**{a}**: {v}", "As for the {a}, {v}.")
_NUMBERS = ("3", "5", "8", "10", "15", "20", "25", "30", "45", "60", "90", "120", "200", "350", "500", "1200")

Fact = tuple[Attribute, tuple[str, ...], str]
"""An attribute, its names in the sheet's language, and its value."""


def _subject(kind: str, rng: random.Random) -> tuple[str, str]:
    """(Chinese, English) name of a thing of this kind; two words joined where the kind allows it."""
    heads, tails = word_lists().subjects[kind]
    zh, en = rng.choice(heads)
    if tails:
        tail_zh, tail_en = rng.choice(tails)
        zh, en = zh + tail_zh, f"{en} {tail_en}"
    return zh, en


def _value(values: tuple[tuple[str, str], ...], rng: random.Random) -> tuple[str, str]:
    zh, en = rng.choice(values)
    number = rng.choice(_NUMBERS)
    return zh.replace("#", number), en.replace("#", number)


def _question(zh: bool, name: str, phrasings: tuple[str, ...], rng: random.Random) -> str:
    phrase = rng.choice(phrasings).replace("X", name)
    shell = rng.choice(_SHELL_ZH if zh else _SHELL_EN)
    return shell.format(phrase) + rng.choice(("？", "？", "?", "") if zh else ("?", "?", ""))


def _sheet(zh: bool, name: str, facts: list[Fact], rng: random.Random) -> str:
    """A fact sheet as prose, list or Markdown, with the subject as title or inside the sentences."""
    links = rng.sample(_LINK_ZH if zh else _LINK_EN, 2)
    lines = [rng.choice(links).format(s=name, a=rng.choice(names), v=value) for _, names, value in facts]
    joint = rng.choice(("\n", "\n", "")) if zh else rng.choice(("\n", "\n", " "))
    title = rng.choice((f"# {name}\n", f"{name}\n", f"{name}：" if zh else f"{name}: "))
    return title + joint.join(lines)


def fact_sheets(seed: int, count: int) -> Iterator[Pair]:
    """`count` sheets with two questions each; one in five is asked in the other language.

    Passage: one attribute group of the sheet (the others of the same sheet are its hard negatives, as they
    share the document).
    """
    rng = random.Random(seed)
    lists = word_lists()
    kinds = sorted(lists.subjects)
    for number in range(count):
        kind = rng.choice(kinds)
        names = _subject(kind, rng)
        zh = rng.random() < 0.6
        chosen = rng.sample(lists.attributes[kind], min(len(lists.attributes[kind]), rng.randint(2, 6)))
        facts = []
        for attribute in chosen:
            value = _value(attribute.values, rng)
            facts.append((attribute, attribute.zh if zh else attribute.en, value[0 if zh else 1]))
        cut = max(1, len(facts) // rng.choice((1, 1, 2)))
        for part in (facts[:cut], facts[cut:]):
            if not part:
                continue
            passage = _sheet(zh, names[0 if zh else 1], part, rng)
            for attribute, _, _ in rng.sample(part, min(2, len(part))):
                asked_zh = zh if rng.random() < 0.8 else not zh
                name = names[0 if asked_zh else 1]
                phrasings = attribute.ask_zh if asked_zh else attribute.ask_en
                query = _question(asked_zh, name, phrasings, rng)
                yield Pair(query, passage, f"sheet/{number}", "drill/sheet" if asked_zh == zh else "drill/crossed")


def translations(seed: int, count: int) -> Iterator[Pair]:
    """Chinese and English words that mean the same, one to three at a time, in both directions."""
    rng = random.Random(seed)
    lists = word_lists()
    pairs = list(lists.words)
    for names, endings in lists.subjects.values():
        pairs += [*names, *endings]
    for attribute in (a for group in lists.attributes.values() for a in group):
        pairs += zip(attribute.zh, attribute.en, strict=False)
    for number in range(count):
        some = rng.sample(pairs, rng.choice((1, 1, 2, 3)))
        zh, en = "".join(p[0] for p in some), " ".join(p[1] for p in some)
        query, passage = (zh, en) if rng.random() < 0.5 else (en, zh)
        yield Pair(query, passage, f"word/{number}", "drill/words")
