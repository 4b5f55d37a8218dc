"""Conversation drills: who the model is in every guise, nothing of the evaluation, memory and rules kept."""

from __future__ import annotations

import re
from random import Random

import pytest

from benchmarks.base_questions import TALK
from benchmarks.identity_questions import QUESTIONS, names_itself, prompts
from training.drills.talk import identity, phrases, small_talk, talk

LANGUAGES = ("zh", "en")
# TALK's plain greetings, which practice may share
GREETINGS = {"你好", "再见", "早上好呀", "晚安", "hello", "goodbye", "goodmorning", "howareyou"}

# what stands before the value in an answer from memory
TOLD = re.compile("是|叫|住在|喜欢吃|喜欢|明天要| is called | is | will | like | in | as an? ")


def folded(text: str) -> str:
    """Letters and digits only, in lower case."""
    return re.sub(r"[\W_]", "", text).lower()


def asked(lang: str) -> list[str]:
    """Every line of what users say in the tables, {other} and {maker} filled with each name."""
    table = phrases(lang)
    lines = [ask for pair in table["pairs"] for ask in pair["ask"]] + table["exchange"]["ask"]
    for group in table["identity"].values():
        for ask in group["ask"]:
            names = table["others"] if "{other}" in ask else table["makers"] if "{maker}" in ask else [""]
            lines += [ask.replace("{other}", name).replace("{maker}", name) for name in names]
    return lines


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_tables_are_broad_and_well_formed(lang: str) -> None:
    table = phrases(lang)
    assert sum(len(group["ask"]) for group in table["identity"].values()) >= 120 and len(table["pairs"]) >= 120
    for pair in table["pairs"]:
        assert len(pair["ask"]) >= 5 and len(pair["reply"]) >= 2, pair
        assert set(pair) <= {"ask", "reply", "stranger"}
        assert all(each and each == each.strip() for each in pair["ask"] + pair["reply"]), pair
    lines = [ask for pair in table["pairs"] for ask in pair["ask"]]
    assert not {line for line in lines if lines.count(line) > 1}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_evaluated_is_not_practised(lang: str) -> None:
    kept = {folded(line) for line in TALK} - GREETINGS | {folded(line) for line in QUESTIONS[lang]}
    assert not [line for line in asked(lang) if folded(line) in kept]
    rng = Random(1)
    said = {folded(m["content"]) for _ in range(3000) for m in talk(rng, lang).messages if m["role"] == "user"}
    assert not said & kept


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_model_names_itself_and_nobody_else(lang: str) -> None:
    table, rng = phrases(lang), Random(2)
    for group, rows in table["identity"].items():
        for reply in rows["reply"]:
            assert group == "can" or names_itself(reply.replace("{self}", table["self"][0])), reply
    for _ in range(300):
        question, reply = identity(rng, lang, group="other")
        assert "{" not in question + reply and reply.startswith(("不是，", "No, "))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_persona_keeps_its_own_name(lang: str) -> None:
    from training.drills.talk import _invented

    rng = Random(3)
    for _ in range(500):
        persona = _invented(rng, lang)
        assert persona.name in persona.system and persona.name in persona.intro
        question, reply = identity(rng, lang, persona)
        assert persona.name in reply and not names_itself(reply) and "{" not in question + reply
        assert not re.search("分身|Fenshen", small_talk(rng, lang, True)[1])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_conversations_are_whole(lang: str) -> None:
    rng, kinds, lengths = Random(4), set(), set()
    for _ in range(2000):
        sample = talk(rng, lang)
        roles = [m["role"] for m in sample.messages if m["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        for message in sample.messages:
            assert message["content"] and (message["role"] == "system" or not re.search(r"[{}]", message["content"]))
        kinds.add(sample.kind)
        lengths.add(len(roles) // 2)
        if sample.kind in ("memory", "rule"):
            assert sample.gold == sample.messages[-1]["content"]
    assert kinds == {"talk", "memory", "rule"} and lengths >= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_the_user_said_is_told_again(lang: str) -> None:
    rng, told, untold = Random(5), 0, 0
    for _ in range(3000):
        sample = talk(rng, lang)
        if sample.kind != "memory":
            continue
        gold = str(sample.gold)
        if gold in phrases(lang)["untold"]:
            untold += 1
            continue
        said = " ".join(m["content"] for m in sample.messages[:-1] if m["role"] == "user")
        value = TOLD.split(gold.strip("。."))[-1]
        assert value in said, (said, gold)
        told += 1
    assert told > 100 and untold > 5


def test_a_right_answer_about_oneself() -> None:
    assert names_itself("不是，我是分身（Fenshen）内置的小型语言模型。") and names_itself("I am built into Fenshen.")
    assert not names_itself("我是ChatGPT。") and not names_itself("不是，我是分身，不是ChatGPT。")
    assert all(len(QUESTIONS[lang]) == 15 and len(prompts(lang)) == 30 for lang in LANGUAGES)
