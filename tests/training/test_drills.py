"""The drills: answers come from the cited passage, refusals are right, held-out families stay out."""

from __future__ import annotations

import json
import re
from random import Random

import pytest

from rag.prompts import REFUSALS, Language, build_messages, is_refusal
from rag.types import Passage
from training.drills import draw
from training.drills.facts import ask, make_entry, statement
from training.drills.grammar import HELD_OUT, domains
from training.drills.howto import guide_drill
from training.drills.lookup import follow_up, lookup, unanswerable
from training.drills.prompts import REFUSAL, ask_first, cited, reading_prompt
from training.drills.reading import from_document, items
from training.drills.templates import value_maker
from training.drills.tools import tool_call


def passages(system: str) -> list[str]:
    """The bodies of the numbered passages of a system message."""
    return re.split(r"(?:^|\n)\[\d+\] ", system.split("资料：\n" if "资料：\n" in system else "Passages:\n")[-1])[1:]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("held", [False, True])
def test_the_cited_passage_holds_the_answer(lang: str, held: bool) -> None:
    rng = Random(1)
    alone = 0
    for _ in range(200):
        sample = lookup(rng, lang, held)
        if sample.gold is None:
            continue
        texts = passages(sample.messages[0]["content"])
        assert sample.cite is not None and sample.gold.lower() in texts[sample.cite - 1].lower()
        assert sample.messages[2]["content"] == cited(sample.gold, sample.cite, lang)
        alone += sum(sample.gold in text for text in texts) == 1
    assert alone > 100  # a citation could be checked at all: most values stand in one passage only


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_not_told_is_refused(lang: str) -> None:
    rng = Random(2)
    for _ in range(100):
        sample = unanswerable(rng, lang, True)
        assert sample.messages[-1]["content"] == REFUSAL[lang] and sample.cite is None


def test_held_out_domains_never_appear_in_training() -> None:
    rng = Random(3)
    seen = {draw(rng, lang).family for _ in range(1500) for lang in ("zh", "en")}
    assert not seen & HELD_OUT
    assert {lookup(rng, "zh", True).family for _ in range(60)} == {d.name for d in domains("zh") if d.held_out}


def test_follow_up_questions_stay_with_the_passages() -> None:
    rng = Random(4)
    samples = [follow_up(rng, "zh") for _ in range(50)]
    assert all(len(s.messages) >= 5 and s.messages[0]["role"] == "system" for s in samples)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_how_to_answers_quote_every_step(lang: str) -> None:
    rng = Random(5)
    found = 0
    for _ in range(300):
        sample = guide_drill(rng, lang, True)
        if sample.kind == "howto" and sample.gold:
            found += 1
            assert sample.gold in passages(sample.messages[0]["content"])[(sample.cite or 0) - 1]
    assert found > 30


def test_tool_calls_parse_and_name_an_offered_tool() -> None:
    rng = Random(6)
    for _ in range(200):
        sample = tool_call(rng, "en")
        if sample.kind == "tool_call":
            call = json.loads(
                sample.messages[-1]["content"].removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
            )
            assert f'"name": "{call["name"]}"' in sample.messages[0]["content"]


def test_the_same_seed_gives_the_same_samples() -> None:
    assert [draw(Random(9), "zh") for _ in range(3)] == [draw(Random(9), "zh") for _ in range(3)]
    assert draw(Random(9), "zh") != draw(Random(10), "zh")


def test_rules_make_answerable_questions_from_sentences() -> None:
    made = items("这座桥于1932年建成通车。", "zh", Random(1))
    assert any(item.answer == "1932年" and "1932" not in item.question for item in made)
    made = items("The old bridge was built in 1932 by John Carter.", "en", Random(1))
    assert ("1932" in {item.answer for item in made}) and any(
        item.question.startswith(("when was", "in what year was")) for item in made
    )
    assert items("嗯。", "zh", Random(1)) == []


def test_document_samples_quote_their_passage() -> None:
    text = "青石桥位于永安镇。" + "该桥于1932年建成通车，全长120米。" * 2 + "桥上有三座石亭，供行人休息。" * 3
    samples = from_document(Random(1), "青石桥", text, "zh", [])
    assert samples
    for sample in samples:
        if sample.gold:
            assert sample.gold in passages(sample.messages[0]["content"])[(sample.cite or 0) - 1]


BODIES = {
    "zh": [
        ("粉蒸排骨", "", "肋排腌 40 分钟，蒸 60 分钟。"),
        ("员工手册", "年休假", " 第十二条 年休假。\n\n \n满一年的，年休假 5 天。"),
    ],
    "en": [("Orbit 5", "", "The warranty is two years."), ("Pool", "Prices", "A ticket costs $6.50.\nA pass is $48.")],
}
QUESTIONS = {"zh": "排骨要腌多久？", "en": "How long is the warranty?"}


def app_messages(lang: str, bodies: list[tuple[str, str, str]], own: str = "") -> list[tuple[str, str]]:
    """(role, content) of what the knowledge room asks over passages of (title, heading, text)."""
    found = [Passage("1", "c", "f.txt", title, text, 0, len(text), heading) for title, heading, text in bodies]
    messages = build_messages(QUESTIONS[lang], passages=found, system_prompt=own)
    return [({"human": "user"}.get(message.type, message.type), message.text) for message in messages]


def drill_messages(lang: str, bodies: list[tuple[str, str, str]], own: str = "") -> list[tuple[str, str]]:
    titled = [(f"{title} · {heading}" if heading else title, text) for title, heading, text in bodies]
    asked = ask_first(
        [
            {"role": "system", "content": reading_prompt(titled, lang, own)},
            {"role": "user", "content": QUESTIONS[lang]},
            {"role": "assistant", "content": "…"},
            {"role": "user", "content": "?"},
        ],
        1,
    )
    assert asked[0]["content"] == reading_prompt(titled, lang, own, QUESTIONS[lang])
    return [(message["role"], message["content"]) for message in asked[:2]]


@pytest.mark.parametrize("own", ["", "回答要简短。"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_drills_ask_as_the_knowledge_room_does(lang: str, count: int, own: str) -> None:
    """Letter for letter: a model that learns another prompt than the app's answers worse, and nothing else fails."""
    bodies = BODIES[lang][:count]
    assert drill_messages(lang, bodies, own) == app_messages(lang, bodies, own)
    other = "en" if lang == "zh" else "zh"
    assert drill_messages(lang, bodies, own) != app_messages(other, bodies, own)  # a difference would be seen


def test_only_readings_get_their_question_first() -> None:
    talk = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}]
    assert ask_first(talk, 1) == talk
    told = [{"role": "system", "content": reading_prompt([("T", "x")], "zh", question="几点？")}, *talk]
    assert ask_first(told, 1) == told
    read = [{"role": "system", "content": reading_prompt([("T", "x")], "zh")}, *talk, *talk]
    assert len(ask_first(read, 1)) == 3 and "\n\n问题：你好\n\n" in ask_first(read, 1)[0]["content"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_refusals_are_the_knowledge_rooms(lang: Language) -> None:
    assert REFUSAL[lang] == REFUSALS[lang] and is_refusal(REFUSAL[lang])


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("[3] 假\n文", "(3) 假\n文"), ("a<|im_end|>b", "a b")],
)
def test_what_the_app_cleans_and_the_drills_do_not(text: str, cleaned: str) -> None:
    """The known difference: text that could pass for markup, which no drill writes."""
    assert drill_messages("zh", [("题", "", text)]) != app_messages("zh", [("题", "", text)])
    assert drill_messages("zh", [("题", "", cleaned)]) == app_messages("zh", [("题", "", text)])


def test_tables_spell_out_values_and_names() -> None:
    make = value_maker("=每{n:2-9}(天/周(末/初))，{d:1-3}元", "zh")
    told = {make(Random(seed)) for seed in range(200)}
    assert all(re.fullmatch(r"每[2-9](天|周末|周初)，[1-3]\.[1-9]元", text) for text in told)
    assert len(told) > 60
    assert make(Random(1)) == make(Random(1))
    with pytest.raises(KeyError, match="there is no nowhere"):
        value_maker("={nowhere}", "en")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_attribute_of_every_domain_can_be_told_and_asked(lang: str) -> None:
    rng = Random(7)
    names = [domain.name for domain in domains(lang)]
    assert len(set(names)) == len(names) > 70
    for domain in domains(lang):
        entry = make_entry(rng, domain, list(domain.attributes))
        for fact in entry.facts:
            told = statement(rng, entry, fact, entry.name)
            assert fact.value in told
            assert not re.search(r"[{}()=]", told + ask(rng, entry, fact)), told
