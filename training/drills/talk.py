"""Drills for conversation: greetings, thanks, small talk, who am I, personas, simple system prompts, limits."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

from training.drills import words_en, words_zh
from training.drills.pools import TABLES
from training.drills.prompts import Message, Sample


@lru_cache(maxsize=1)
def _phrases() -> dict[str, Any]:
    """tables/talk.yaml: by language `identity`, `who`, `jobs` and `pairs` of `ask` and `reply` lines."""
    import yaml

    return yaml.safe_load((TABLES / "talk.yaml").read_text(encoding="utf-8"))


def small_talk(rng: Random, lang: str) -> tuple[str, str]:
    """(what the user says, the reply)."""
    pair = rng.choice(_phrases()[lang]["pairs"])
    user = rng.choice(pair["ask"])
    if lang == "zh":
        user += rng.choice(("", "", "！", "？" if user[-1] in "吗么样了谁呢" else "。", "~"))
    else:
        user = rng.choice((user, user[:1].upper() + user[1:])) + rng.choice(("", "", "!", "."))
    return user, rng.choice(pair["reply"])


def _who(rng: Random, lang: str) -> str:
    return (
        rng.choice(_phrases()["zh"]["who"]) + rng.choice(("？", "", "?", "呀？", "呢？"))
        if lang == "zh"
        else (lambda q: rng.choice((q, q[:1].upper() + q[1:])) + rng.choice(("?", "", "?")))(
            rng.choice(_phrases()["en"]["who"])
        )
    )


def _persona(rng: Random, lang: str) -> tuple[str, str]:
    """(system prompt, self-introduction) of an invented persona."""
    if lang == "zh":
        name = rng.choice(
            (
                words_zh.person(rng),
                "小" + rng.choice(words_zh.NAME_CHARS),
                words_zh.chars(rng, 2, 3),
                "阿" + rng.choice(words_zh.GIVEN),
            )
        )
        job, owner = rng.choice(_phrases()["zh"]["jobs"]), rng.choice((words_zh.person(rng), words_zh.company(rng)))
        return rng.choice(
            (
                (f"你是{name}，{owner}的{job}。", f"我是{name}，{owner}的{job}。"),
                (f"你叫{name}，是一名{job}。", f"我叫{name}，是一名{job}。"),
                (f"你的名字是{name}，由{owner}开发。", f"我是{name}，由{owner}开发。"),
                (f"请扮演{name}，一位{job}，说话要亲切。", f"我是{name}，一位{job}，很高兴认识你。"),
            )
        )
    name, job, owner = (
        rng.choice((words_en.coin(rng), words_en.person(rng), rng.choice(words_en.FIRST))),
        rng.choice(_phrases()["en"]["jobs"]),
        rng.choice((words_en.person(rng), words_en.company(rng))),
    )
    return rng.choice(
        (
            (f"You are {name}, {job} at {owner}.", f"I am {name}, {job} at {owner}."),
            (f"Your name is {name}. You are {job}.", f"I am {name}, {job}."),
            (f"You are {name}, made by {owner}.", f"I am {name}, made by {owner}."),
            (f"Act as {name}, {job}, and be kind.", f"I'm {name}, {job}. Nice to meet you!"),
        )
    )


def talk(rng: Random, lang: str) -> Sample:
    """One to four turns of small talk, with who-are-you now and then; the identity follows the system prompt."""
    messages: list[Message] = []
    intro = rng.choice(_phrases()[lang]["identity"])
    style = rng.random()
    if style < 0.25:
        system, intro = _persona(rng, lang)
        messages.append({"role": "system", "content": system})
    elif style < 0.33:
        name = words_zh.person(rng) if lang == "zh" else rng.choice(words_en.FIRST)
        return _named(rng, lang, name)
    elif style < 0.41:
        return _ruled(rng, lang)
    elif style < 0.5:
        messages.append(
            {
                "role": "system",
                "content": rng.choice(
                    ("你是一个有用的助手。", "请用中文回答。", "你是分身内置的模型，请简短回答。")
                    if lang == "zh"
                    else (
                        "You are a helpful assistant.",
                        "Please answer in English.",
                        "You are the model built into Fenshen. Be brief.",
                    )
                ),
            }
        )
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        user, reply = (_who(rng, lang), intro) if rng.random() < 0.4 else small_talk(rng, lang)
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
    return Sample(messages, lang, "talk", "talk")


def _named(rng: Random, lang: str, name: str) -> Sample:
    """The user says a name (or another fact) and asks for it later."""
    zh = lang == "zh"
    kinds = (
        [
            (
                f"我叫{name}。",
                f"你好，{name}！很高兴认识你。",
                ("我叫什么名字？", "你还记得我的名字吗？", "我刚才说我叫什么？"),
                f"你叫{name}。",
            ),
            (
                f"我住在{words_zh.CITY[len(name)]}。",
                "那是个好地方！",
                ("我住在哪里？", "我刚才说我住哪？"),
                f"你住在{words_zh.CITY[len(name)]}。",
            ),
        ]
        if zh
        else [
            (
                f"My name is {name}.",
                f"Nice to meet you, {name}!",
                ("What is my name?", "Do you remember my name?", "What did I say my name was?"),
                f"Your name is {name}.",
            ),
            (
                f"Call me {name}.",
                f"All right, {name}!",
                ("What do you call me?", "What's my name?"),
                f"You are {name}.",
            ),
        ]
    )
    if zh:
        place = rng.choice(words_zh.CITY)
        kinds[1] = (
            f"我住在{place}。",
            f"{place}是个好地方！",
            ("我住在哪里？", "我刚才说我住哪？"),
            f"你住在{place}。",
        )
    said, met, asks, told = rng.choice(kinds)
    messages: list[Message] = [{"role": "user", "content": said}, {"role": "assistant", "content": met}]
    for _ in range(rng.randint(0, 2)):
        user, reply = small_talk(rng, lang)
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
    messages += [{"role": "user", "content": rng.choice(asks)}, {"role": "assistant", "content": told}]
    return Sample(messages, lang, "talk", "memory", told)


def _ruled(rng: Random, lang: str) -> Sample:
    """A simple rule in the system prompt, kept in every reply."""
    user, reply = small_talk(rng, lang)
    if lang == "zh":
        mark = rng.choice(("喵", "汪", "主人", "亲", "老铁", "哦耶", "么么哒"))
        rule, out = rng.choice(
            (
                (f"每次回答结尾都加上“{mark}”。", reply + mark),
                (f"回答前先说“{mark}”。", f"{mark}，{reply}"),
                ("只用英文回答。", "Hello! How can I help you?"),
                ("无论问什么，都回答“收到”。", "收到"),
                (f"请称呼用户为“{mark}先生”。", f"{mark}先生，{reply}"),
            )
        )
        if rule.startswith("只用英文"):
            user = rng.choice(("你好", "在吗", "您好"))
    else:
        mark = rng.choice(("meow", "sir", "captain", "friend", "over", "aye"))
        rule, out = rng.choice(
            (
                (f'End every answer with "{mark}".', f"{reply} {mark}"),
                (f'Begin every answer with "{mark}".', f"{mark}, {reply}"),
                ('Always answer "OK".', "OK"),
                ("Answer only in Chinese.", "你好！有什么可以帮你的吗？"),
            )
        )
        if rule.startswith("Answer only in"):
            user = rng.choice(("hello", "hi there", "Hi"))
    return Sample(
        [{"role": "system", "content": rule}, {"role": "user", "content": user}, {"role": "assistant", "content": out}],
        lang,
        "talk",
        "rule",
        out,
    )
