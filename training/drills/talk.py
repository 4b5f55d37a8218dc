"""Drills for conversation: greetings, thanks, small talk, who am I, personas, simple system prompts, memory, limits.

The words are in tables/talk_zh.yaml and tables/talk_en.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from training.drills import words_en, words_zh
from training.drills.lookup import lookup, unanswerable
from training.drills.pools import TABLES
from training.drills.prompts import REFUSAL, Message, Sample

COMMON = 20  # the first so many pairs are what people say most: greetings, thanks, goodbyes, praise, complaints
LETTERS = "asdfghjklqwertyuiopzxcvbnm;1234"
_ASKING = {
    "zh": re.compile(r"吗|么|呢|谁|哪|啥|几|如何|多少|贵姓|大名|是不是|有没有|能不能|对不对"),
    "en": re.compile(
        r"(?:^|, )(?:so |and |but )?(?:am|who|what|whats|wats|which|where|when|why|how|hu|wat|are|aren't|is|do|does|"
        r"did|can|could|may|will|were|have|should|right)\b",
        re.IGNORECASE,
    ),
}
_SLIPS = {
    "zh": (("吗", "嘛"), ("你", "您"), ("什么", "神马"), ("是", "素"), ("，", " "), ("你", "妳")),
    "en": (
        ("'", ""),
        (",", ""),
        (r"\byou\b", "u"),
        (r"\bare\b", "r"),
        (r"\bwhat\b", "waht"),
        (r"\byour\b", "ur"),
        (r"\bwho\b", "hwo"),
        ("([a-z])ing\\b", r"\1in"),
        ("ei|ie", "i"),
        ("ll", "l"),
        ("th", "ht"),
    ),
}


@dataclass(frozen=True)
class Persona:
    """Who a system prompt says the model is; `intro` is a sentence without its full stop."""

    system: str
    name: str
    intro: str


def _parted(value: Any) -> Any:
    """Strings as lists of their items, however deep they lie."""
    if isinstance(value, dict):
        return {key: _parted(each) for key, each in value.items()}
    return value.split(" | ") if isinstance(value, str) else [_parted(each) for each in value]


@lru_cache(maxsize=2)
def phrases(lang: str) -> dict[str, Any]:
    """tables/talk_{lang}.yaml, every string parted into a list of items."""
    import yaml

    return _parted(yaml.safe_load((TABLES / f"talk_{lang}.yaml").read_text(encoding="utf-8")))


def _as_typed(rng: Random, text: str, lang: str) -> str:
    """`text` as somebody types it: with or without its punctuation and capitals, now and then with a slip."""
    if rng.random() < 0.06:
        text = re.sub(*rng.choice(_SLIPS[lang]), text)
    if lang == "en":
        text = rng.choice((text, text[:1].upper() + text[1:]))
    if not text[-1:].isalnum():
        return text
    if _ASKING[lang].search(text):
        ends = ("？", "", "？", "?", "呀？", "啊") if lang == "zh" and text[-1] in "谁么啥" else ("？", "", "？", "?")
        return text + rng.choice(ends if lang == "zh" else ("?", "", "?"))
    return text + rng.choice(("", "", "。", "！", "~") if lang == "zh" else ("", ".", "!"))


def _name(rng: Random, lang: str) -> str:
    """A person's name, as people give it."""
    if lang == "en":
        return rng.choice(words_en.FIRST)
    return rng.choice((words_zh.person(rng), "小" + rng.choice(words_zh.SURNAMES), "阿" + rng.choice(words_zh.GIVEN)))


def _turn(user: str, reply: str) -> list[Message]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]


def small_talk(rng: Random, lang: str, neutral: bool = False) -> tuple[str, str]:
    """(what the user says, the reply); `neutral`: nothing that a persona, or one who was told a name, cannot say."""
    pairs = phrases(lang)["pairs"]
    while True:
        pair = rng.choice(pairs[:COMMON] if rng.random() < 0.25 else pairs)
        reply = rng.choice(pair["reply"])
        if not (neutral and ("stranger" in pair or re.search("分身|Fenshen|适配器|adapter", reply))):
            user = re.sub(r"\{n\}", lambda _: str(rng.randint(2, 9999)), rng.choice(pair["ask"]))
            user = re.sub(r"\{x\}", lambda _: "".join(rng.choices(LETTERS, k=rng.randint(3, 6))), user)
            return _as_typed(rng, user, lang), reply


def question(rng: Random, lang: str, group: str) -> str:
    """A question about who the model is, from a group of `identity`, its {other} and {maker} filled."""
    table = phrases(lang)
    text = rng.choice(table["identity"][group]["ask"])
    if "{" in text:
        others, makers = (iter(rng.sample(table[key], 2)) for key in ("others", "makers"))
        text = re.sub(r"\{other\}", lambda _: next(others), text)
        text = re.sub(r"\{maker\}", lambda _: next(makers), text)
    return _as_typed(rng, text, lang)


def _answer(rng: Random, lang: str, group: str, persona: Persona | None) -> str:
    """The reply to a question of `group`: the persona's where there is one, else Fenshen's."""
    table = phrases(lang)
    if persona is None:
        return rng.choice(table["identity"][group]["reply"]).replace("{self}", table["self"][0])
    own = table["persona_replies"]
    text = rng.choice(own.get(group, own["rest"]))
    return text.replace("{intro}", persona.intro).replace("{name}", persona.name)


def identity(rng: Random, lang: str, persona: Persona | None = None, group: str = "") -> tuple[str, str]:
    """(a question about who the model is, the reply); a group of `identity` or any, "are you X?" most often."""
    table = phrases(lang)
    if not group and rng.random() < 0.06:
        name, stop = _name(rng, lang), "。" if lang == "zh" else "."
        intro = (persona.intro if persona else table["self"][0]) + stop
        user, reply = rng.choice(table["exchange"]["ask"]), rng.choice(table["exchange"]["reply"])
        return _as_typed(rng, user.replace("{v}", name), lang), reply.replace("{v}", name).replace("{intro}", intro)
    if not group:
        groups = list(table["identity"])
        weights = [{"who": 4, "other": 5, "name": 3, "maker": 3, "real": 3}.get(each, 1.5) for each in groups]
        group = rng.choices(groups, weights)[0]
    return question(rng, lang, group), _answer(rng, lang, group, persona)


def _invented(rng: Random, lang: str) -> Persona:
    """An invented persona."""
    if lang == "zh":
        names = [words_zh.person(rng), "小" + rng.choice(words_zh.NAME_CHARS), words_zh.chars(rng, 2, 3)]
        name = rng.choice([*names, "阿" + rng.choice(words_zh.GIVEN)])
        owner = rng.choice((words_zh.person(rng), words_zh.company(rng)))
    else:
        name = rng.choice((words_en.coin(rng), words_en.person(rng), rng.choice(words_en.FIRST)))
        owner = rng.choice((words_en.person(rng), words_en.company(rng)))
    template = rng.choice(phrases(lang)["personas"])
    for slot, value in (("{name}", name), ("{job}", rng.choice(phrases(lang)["jobs"])), ("{owner}", owner)):
        template = template.replace(slot, value)
    system, intro = template.split(" => ")
    return Persona(system, name, intro)


def _chat(rng: Random, lang: str, persona: Persona | None, turns: int) -> list[Message]:
    """Small talk in `turns` turns, now and then about who the model is, mostly in the last one."""
    messages: list[Message] = []
    asked = False
    for left in reversed(range(turns)):
        if rng.random() < (0.55 if left == 0 else 0.4 if asked else 0.2):
            messages += _turn(*identity(rng, lang, persona))
            asked = True
        else:
            messages += _turn(*small_talk(rng, lang, persona is not None))
    return messages


def _after_documents(rng: Random, lang: str) -> Sample:
    """Who are you, or small talk, after a question over documents that was answered or refused."""
    sample = rng.choice((lookup, unanswerable, unanswerable))(rng, lang, False, None, 1)
    messages = sample.messages[: rng.choice((3, 3, 5))]
    refused = all(m["content"] == REFUSAL[lang] for m in messages if m["role"] == "assistant")
    if refused and rng.random() < 0.5:
        messages = messages[1:]  # the app keeps no passages of earlier turns
    for _ in range(rng.randint(0, 1)):
        messages += _turn(*small_talk(rng, lang, True))
    group = rng.choice(("who", "name", "maker", "other", "other", "real", "human", "model", "hood"))
    return Sample([*messages, *_turn(*identity(rng, lang, None, group))], lang, "talk", "talk")


def talk(rng: Random, lang: str) -> Sample:
    """One to five turns of small talk, with who-are-you now and then; the identity follows the system prompt."""
    style = rng.random()
    if style < 0.12:
        return _named(rng, lang)
    if style < 0.2:
        return _ruled(rng, lang)
    if style < 0.28:
        return _after_documents(rng, lang)
    persona = _invented(rng, lang) if style < 0.5 else None
    system = persona.system if persona else rng.choice(phrases(lang)["systems"]) if style < 0.58 else ""
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    messages += _chat(rng, lang, persona, rng.choice((1, 1, 2, 2, 3, 3, 4, 5)))
    return Sample(messages, lang, "talk", "talk")


def _fact(rng: Random, lang: str, row: dict[str, Any]) -> dict[str, str]:
    """What the user says of themselves, the reply, what is asked later and the answer, from a row of `memory`."""
    slot = row["slot"][0]
    made = {"name": _name, "city": lambda r, la: rng.choice(words_zh.CITY if la == "zh" else words_en.CITY)}
    value = made[slot](rng, lang) if slot in made else rng.choice(phrases(lang)["slots"][slot])
    pet = "小" + rng.choice("白黑花虎豆米雪球福宝") if lang == "zh" else rng.choice(words_en.FIRST)
    keys = ("said", "met", "ask", "told")
    found = {key: rng.choice(row[key]).replace("{v}", value).replace("{n}", pet) for key in keys}
    return {key: re.sub(r"\ba (?=[aeiou])", "an ", text) for key, text in found.items()}


def _named(rng: Random, lang: str) -> Sample:
    """The user says one or two things of themselves and asks for one one to three turns later, or never said it."""
    rows = rng.sample(phrases(lang)["memory"], rng.choice((1, 1, 2)) + 1)
    *told, untold = [_fact(rng, lang, row) for row in rows]
    system = rng.choice(phrases(lang)["systems"]) if rng.random() < 0.2 else ""
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    for fact in told:
        end = "。" if lang == "zh" else "."
        messages += _turn(fact["said"] + rng.choice((end, end, "")), fact["met"])
    for _ in range(rng.randint(0, 2)):
        messages += _turn(*(identity(rng, lang, None, "who") if rng.random() < 0.15 else small_talk(rng, lang, True)))
    asked = rng.choice(told)
    gold = asked["told"]
    if rng.random() < 0.1:
        asked, gold = untold, rng.choice(phrases(lang)["untold"])
    messages += _turn(_as_typed(rng, asked["ask"], lang), gold)
    return Sample(messages, lang, "talk", "memory", gold)


def _ruled(rng: Random, lang: str) -> Sample:
    """A simple rule in the system prompt, kept in every one of one to three replies."""
    table = phrases(lang)
    turns = [small_talk(rng, lang, True) for _ in range(rng.choice((1, 1, 2, 3)))]
    if rng.random() < 0.12:
        foreign = table["foreign"]
        rule, form = rng.choice(foreign["rule"]), rng.choice(foreign["reply"])
        turns = [(_as_typed(rng, rng.choice(foreign["user"]), lang), "")]
    else:
        rule, form = rng.choice(table["rules"]).split(" => ")
    food = rng.choice(table["slots"]["food"])
    for slot, value in (("{mark}", rng.choice(table["marks"])), ("{name}", _name(rng, lang)), ("{food}", food)):
        rule, form = rule.replace(slot, value), form.replace(slot, value)
    messages: list[Message] = [{"role": "system", "content": rule}]
    for user, reply in turns:
        messages += _turn(user, form.replace("{reply}", reply))
    return Sample(messages, lang, "talk", "rule", messages[-1]["content"])
