"""Lists: the answer stands in the line asked for, what is said to be missing is, and small talk changes no question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from training.drills.asides import aside, chatty, slip
from training.drills.list_docs import Doc, make_doc
from training.drills.list_kinds import kinds, pool
from training.drills.list_questions import Asked, Desk, amount, check, compare, count, lookup
from training.drills.list_refusals import ghost, missing, premise, untold, wrong_part, wrong_step
from training.drills.lists import list_drill
from training.drills.prompts import REFUSAL, Sample, reading_prompt
from training.drills.scenes.grammar import read
from training.drills.scenes.play import play
from training.mixture import Mix, Sources, samples

LANGUAGES = ("zh", "en")
QUOTED = {"lookup", "step", "reverse", "which", "marked", "follow"}


def passages(sample: Sample) -> list[str]:
    return re.split(r"(?:资料：|Passages:)\n", sample.messages[0]["content"])[1].split("\n\n")


def desks(lang: str, many: int) -> list[tuple[Random, Desk]]:
    """Lists of every kind in turn, each alone on the table."""
    made = []
    for seed in range(many):
        rng = Random(seed)
        doc = make_doc(rng, kinds(lang)[seed % len(kinds(lang))])
        made.append((rng, Desk(lang, [doc], doc, False)))
    return made


def named(doc: Doc, text: str) -> list[str]:
    """The things of the list's kind that a question names, without those that are only part of a longer one."""
    found = [name for group in doc.kind.groups for name in group.members if name.casefold() in text.casefold()]
    return [a for a in found if not any(a != b and a.casefold() in b.casefold() for b in found)]


def lines(doc: Doc, thing: str) -> str:
    """The lines of the list's text that hold the thing."""
    return "\n".join(line for line in doc.text.splitlines() if thing.casefold() in line.casefold())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kind_is_well_formed(lang: str) -> None:
    assert len(kinds(lang)) > 20 and 1 <= sum(kind.held_out for kind in kinds(lang)) <= 3
    for kind in kinds(lang):
        members = [name for group in kind.groups for name in group.members]
        assert len(members) > 15 and not [name for name, n in Counter(members).items() if n > 1], kind.name
        assert all("{x}" in ask for column in kind.columns for ask in column.asks), kind.name
        assert all("{g}" in text for text in kind.of("why")) and len(kind.of("no")) > 4, kind.name
        assert all(" ~ " in part for part in kind.of("part")), kind.name
        assert all(f"{{{slot}}}" in step.text for step in kind.steps for slot in step.asks), kind.name
        for seed in range(8):
            doc = make_doc(Random(seed), kind)
            assert not re.search(r"[{}\[\]@~]|/ =", doc.title + doc.text), doc.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_value_stands_in_the_line_of_its_thing(lang: str) -> None:
    asked = [(desk.doc, found) for rng, desk in desks(lang, 200) if (found := lookup(rng, desk))]
    assert len(asked) > 140
    for doc, found in asked:
        assert found.about and found.answer and found.about.thing in named(doc, found.text), found
        assert found.answer.casefold() in lines(doc, found.about.thing).casefold()
    strange = sum(str(found.answer) in lines(doc, doc.rows[0].thing) for doc, found in asked)
    assert strange < len(asked) * 0.6  # the check would see an answer of another line


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("make", [ghost, premise])
def test_a_thing_that_is_said_to_be_missing_is(lang: str, make: Callable[[Random, Desk], Asked | None]) -> None:
    absent = present = 0
    for rng, desk in desks(lang, 120):
        asked, told = make(rng, desk), lookup(rng, desk)
        if asked:
            things = named(desk.doc, asked.text)
            assert asked.answer is None and things
            assert any(not lines(desk.doc, thing) for thing in things), (asked, desk.doc.text)
            absent += 1
        present += told is not None and any(lines(desk.doc, thing) for thing in named(desk.doc, told.text))
    assert absent > 80 and present > 80  # what is there is seen in the same way


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_listed_without_a_value_or_in_the_other_part_is_refused(lang: str) -> None:
    bare = parted = 0
    for rng, desk in desks(lang, 400):
        doc = desk.doc
        if asked := untold(rng, desk):
            assert asked.answer is None and asked.about and asked.about.values[asked.column] == ""
            bare += 1
        if asked := wrong_part(rng, desk):
            phrase = next(part for part in doc.parts if part in asked.text)
            there = [row.thing for row in doc.rows if doc.parts[row.part] == phrase]
            assert asked.answer is None and set(named(doc, asked.text.replace(phrase, ""))).isdisjoint(there)
            parted += bool(there)
    assert bare > 100 and parted > 15


@pytest.mark.parametrize("lang", LANGUAGES)
def test_steps_not_taken_and_what_no_list_tells_are_refused(lang: str) -> None:
    found: Counter[str] = Counter()
    for rng, desk in desks(lang, 300):
        asks = [(done, ask) for done in desk.doc.steps for a in done.step.asks.values() for ask in a]
        taken = {ask.replace("{x}", done.thing) for done, ask in asks}
        for asked in (wrong_step(rng, desk), missing(rng, desk)):
            if asked:
                found[asked.kind] += 1
                assert asked.answer is None and asked.text not in taken
    assert found["wrong step"] > 10 and found["missing"] > 200


@pytest.mark.parametrize("lang", LANGUAGES)
def test_comparisons_counts_and_checks_are_right(lang: str) -> None:
    seen: Counter[str] = Counter()
    for rng, desk in desks(lang, 500):
        rows = desk.doc.rows
        if (asked := compare(rng, desk)) and asked.answer:
            how = desk.doc.kind.columns[asked.column].compare
            found = ((w, re.fullmatch(pattern(ask), asked.text)) for w, asks in how.items() for ask in asks)
            word, match = next((w, match) for w, match in found if match)
            of = [row for row in rows if row.thing in match.groups() or not match.groups()]
            numbers = [(read_out[0], row.thing) for row in of if (read_out := amount(row.values[asked.column]))]
            best = min(numbers) if word in ("min", "low") else max(numbers)
            assert asked.answer.startswith(best[1]), (asked, numbers)
            seen["compare"] += 1
        if (asked := count(rng, desk)) and asked.answer:
            number = int(re.findall(r"\d+", asked.answer)[0])
            assert number in {len(rows), len(desk.doc.steps), *Counter(row.part for row in rows).values()}
            seen["count"] += 1
        if (asked := check(rng, desk)) and asked.answer and asked.about:
            true = asked.about.values[asked.column]
            assert asked.answer.endswith(true)
            seen["yes" if asked.answer.startswith(("是的", "Yes")) else "no"] += 1
            if not asked.answer.startswith(("不是", "No")):
                assert true in asked.text
    assert seen["compare"] > 25 and seen["count"] > 250 and seen["yes"] > 90 and seen["no"] > 90


def pattern(ask: str) -> str:
    return re.escape(ask).replace(r"\{x\}", "(.+)").replace(r"\{y\}", "(.+)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1½ tbsp", (1.5, "tbsp")),
        ("£3.20", (3.2, "£")),
        ("7:57", (477.0, "")),
        ("350克", (350.0, "克")),
        ("2-3 tbsp", None),
        ("2 to 3 tbsp", None),
        ("少许", None),
    ],
)
def test_amounts_are_read(text: str, told: tuple[float, str] | None) -> None:
    assert amount(text) == told


@pytest.mark.parametrize("lang", LANGUAGES)
def test_samples_quote_the_passage_they_cite_and_refuse_as_often_as_asked(lang: str) -> None:
    rng = Random(3)
    quoted = refused = turns = 0
    held = {kind.name for kind in pool(lang, True)}
    for _ in range(200):
        sample = list_drill(rng, lang, refusals=0.2)
        assert sample.family not in held
        turns += len(sample.messages) // 2
        refused += sum(m["content"] == REFUSAL[lang] for m in sample.messages)
        if sample.kind in QUOTED:
            assert sample.gold and sample.cite
            assert sample.gold.casefold() in passages(sample)[sample.cite - 1].casefold()
            quoted += 1
        assert (sample.kind == "unanswerable") == (sample.messages[2]["content"] == REFUSAL[lang])
    assert quoted > 90 and 0.12 < refused / turns < 0.3
    assert {list_drill(rng, lang, held=True, turns=1).family for _ in range(30)} <= held


def test_the_mixture_draws_lists_with_small_talk() -> None:
    shares = dict.fromkeys(("scene", "drill", "reader", "rule", "cloze", "talk", "chat"), 0.0)
    plain, talked = (samples(Sources(), Random(8), Mix(shares, first=0.0, asides=share)) for share in (0.0, 1.0))
    calm, busy = ([next(made)[1]["content"] for _ in range(60)] for made in (plain, talked))
    assert sum(map(len, busy)) > 1.3 * sum(map(len, calm))


@pytest.mark.parametrize(
    ("lang", "question"), [("zh", "糖放多少？"), ("en", "How much soy sauce goes in?"), ("en", "And the 2 eggs?")]
)
def test_small_talk_keeps_the_question(lang: str, question: str) -> None:
    made = {aside(Random(seed), question, lang) for seed in range(80)}
    assert len(made) > 50 and all(question.rstrip("？?").casefold() in text.casefold() for text in made)
    assert not any(re.search(r"[{}]|\?\?\?|？？？", text) for text in made)


def test_slips_touch_no_figure_and_no_name() -> None:
    made = {slip(Random(seed), "How much brown sugar goes into Kelside 350 again?", "en") for seed in range(60)}
    assert len(made) > 10 and all("Kelside 350" in text for text in made)
    assert slip(Random(1), "12克糖要放几次", "zh") == "12克糖要放及次"


def test_only_questions_over_passages_get_small_talk() -> None:
    talk = [{"role": "user", "content": "How are you?"}, {"role": "assistant", "content": "Well."}]
    assert chatty(Random(1), talk, 1.0) == talk
    reading = [{"role": "system", "content": reading_prompt([("T", "Eggs: 2")], "en")}, *talk]
    made = chatty(Random(1), reading, 1.0)
    assert made[0] == reading[0] and made[2] == reading[2] and made[1] != reading[1]


def test_a_list_scene_counts_its_steps_anew(tmp_path: Path) -> None:
    path = tmp_path / "made.txt"
    path.write_text(
        "=== card\na = 2..5\nb = 12..15\nc = 21..25\ntitle: Card\nform: list\n## Things\n"
        "> {a} eggs || eggs: {a}\n? eggs | how many eggs => {a}\n## Steps\n"
        "> 1. Boil for {b} minutes.\n? boil | how long do I boil => {b} minutes\n"
        "> 1. Rest for {c} minutes.\n? rest | how long does it rest => {c} minutes\n! how much salt | how much oil\n",
        encoding="utf-8",
    )
    scene = next(iter(read(path, "en")))
    told = [play(Random(seed), scene, 0.7).text for seed in range(60)]
    assert any(re.search(r"^1\. Boil.*\n2\. Rest", text, re.M) for text in told)
    assert any(re.search(r"^1\. Rest", text, re.M) for text in told)
    assert all("Steps" in text for text in told if "Rest" in text)  # a heading stays though its first line is left out
    assert not any("2. Boil" in text or ("1. Boil" in text and "1. Rest" in text) for text in told)
