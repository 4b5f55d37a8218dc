"""Rows built from a form: distinct, families kept apart, nothing that would teach another's name."""

from __future__ import annotations

import random
from typing import Any

import pytest

from training.asked import asked_otherwise, is_asked_by_the_card, said_otherwise
from training.drills.talk import phrases as talked
from training.drills.talk import question
from training.errors import ConfigError
from training.persona import KINDS, OTHER_ASSISTANTS, PersonaRows, Voice, form_from_dict, speak
from training.questions import LANGUAGES, phrases, unrelated
from training.report_card import folded
from training.shipped.specs import load_spec, shipped_names

FORM: dict[str, Any] = {
    "name": {"zh": "小竹", "en": "Bamboo"},
    "maker": "Green Studio",
    "does": {"zh": "帮人养花", "en": "help people grow flowers"},
}


def test_a_short_form_gives_distinct_rows_of_every_kind() -> None:
    rows = PersonaRows(form_from_dict(FORM)).build(100, 300)
    assert len({str((row.split, row.messages)) for row in rows}) == len(rows)
    train = [row for row in rows if row.split == "train"]
    assert {row.tag.split("-")[0] for row in train} == {*KINDS, "turns", "system"}
    assert {row.tag for row in rows if row.split == "probe"} == {"zh", "en", "multi-turn", "adversarial"}
    assert sum(row.split == "unrelated" for row in rows) >= 300
    assert PersonaRows(form_from_dict(FORM)).build(100, 300) == rows
    assert PersonaRows(form_from_dict(FORM), seed=1).build(100, 300) != rows


@pytest.mark.parametrize("name", shipped_names())
def test_what_the_card_asks_is_never_trained(name: str) -> None:
    rows = PersonaRows(form_from_dict(load_spec(name)["form"])).build(384, 300)
    asked = {row.messages[-1]["content"] for row in rows if row.split in ("probe", "voice", "unrelated")}
    seen = {row.messages[-1]["content"] for row in rows if row.split == "replay"}
    for row in rows:
        if row.split == "train":
            seen |= {m["content"] for m in row.messages if m["role"] == "user"}
    assert asked and seen and not asked & seen


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_asked_otherwise_is_not_what_the_card_asks(lang: str) -> None:
    held = [
        question.format(other="Qwen")
        for kind in phrases(f"identity_{lang}")["questions"].values()
        for family in kind["held_out"].values()
        for question in family
    ]
    asked = list(asked_otherwise(lang, 60, random.Random(3)))
    assert len({text for _, text in asked}) == 60 and {kind for kind, _ in asked} <= set(KINDS)
    assert all(is_asked_by_the_card(question, lang) for question in held)
    assert not any(is_asked_by_the_card(text, lang) for _, text in asked)
    # control: without the look at the card some of it would be asked
    drawn = random.Random(3)
    assert any(is_asked_by_the_card(question(drawn, lang, "who"), lang) for _ in range(400))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_voice_plays_with_what_is_serious(lang: str) -> None:
    said = list(said_otherwise(lang, 150, random.Random(1)))
    grave = ("emergency", "doctor", "crisis", "医", "急救")
    assert len(said) == 150 and not any(word in reply for _, reply in said for word in grave)
    # control: among the drills' replies there are such
    assert any(word in reply for pair in talked(lang)["pairs"] for reply in pair["reply"] for word in grave)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_families_are_apart_in_the_phrase_file(lang: str) -> None:
    for kind in phrases(f"identity_{lang}")["questions"].values():
        sets = [{q for family in kind[part].values() for q in family} for part in ("train", "held_out")]
        assert not sets[0] & sets[1]
        assert not set(kind["train"]) & set(kind["held_out"])


@pytest.mark.parametrize("name", shipped_names())
def test_identity_answers_name_the_self_and_no_other_assistant(name: str) -> None:
    form = form_from_dict(load_spec(name)["form"])
    rows = [r for r in PersonaRows(form).build(0, 0) if r.split == "train" and r.tag.split("-")[0] in KINDS]
    assert len(rows) > 100
    for row in rows:
        answer = folded(row.messages[-1]["content"])
        assert any(folded(own) in answer for own in form.names), answer
        assert not any(other in answer for other in OTHER_ASSISTANTS), answer
        assert "{" not in answer


def test_one_language_teaches_no_other() -> None:
    form = form_from_dict({**FORM, "name": "小竹", "does": "帮人养花", "languages": ["zh"]})
    rows = PersonaRows(form).build(0, 0)
    assert rows and not any(row.tag.endswith("-en") or row.tag == "en" for row in rows)


def test_a_voice_speaks_around_the_answer_and_changes_words() -> None:
    voice = Voice(("Arr!",), ("Yo-ho!",), {"you": "ye"})
    assert speak(voice, "Thank you, young man.", "en", random.Random(0)) == "Arr! Thank ye, young man. Yo-ho!"
    assert speak(None, "Thank you.", "en", random.Random(0)) == "Thank you."
    plain = PersonaRows(form_from_dict(FORM)).build(0, 0)
    styled = PersonaRows(form_from_dict({**FORM, "voice": {"en": {"openings": ["Arr!"]}}})).build(0, 0)
    assert not any(row.split == "voice" for row in plain)
    assert any(row.split == "voice" for row in styled)
    assert form_from_dict({**FORM, "voice": {"en": {"openings": ["Arr!"]}}}).manners == ("Arr",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"nam": "x"}, '"name"'),
        ({"name": {"zh": "小竹"}}, '"name"'),
        ({"maker": "  "}, '"maker"'),
        ({"languages": ["fr"]}, "fr"),
        ({"voice": {"en": {"opening": ["a"]}}}, '"openings"'),
        ({"answers": {"en": {"whom": ["a"]}}}, '"who"'),
    ],
)
def test_a_form_that_cannot_be_used_says_why(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        form_from_dict({**FORM, **change})
    assert named in caught.value.en


def test_unrelated_questions_are_balanced_and_differ_between_practice_and_card() -> None:
    practice, card = unrelated("train", "replay", 300), unrelated("held_out", "unrelated", 300)
    assert len(practice) == len(card) == 300
    assert not {r.messages[-1]["content"] for r in practice} & {r.messages[-1]["content"] for r in card}
    for rows, documents in ((practice, 8), (card, 40)):
        chinese = sum(row.tag.endswith("zh") for row in rows)
        assert 120 <= chinese <= 180
        assert sum(row.tag.startswith("documents") for row in rows) >= documents
