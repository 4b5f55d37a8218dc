"""Scenes: the shipped files hold together, what is told can be answered, what is left out cannot."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from training.drills.prompts import REFUSAL, Sample
from training.drills.scenes import Scene, drill, scene_drill, scenes
from training.drills.scenes.__main__ import problems
from training.drills.scenes.grammar import SceneError, read
from training.drills.scenes.play import fill, play

POOL = """
=== pool
n = @coin
o = 6..8
p = 4..9
k = 4..9
d = Monday / Tuesday
title: {n} Pool
>! {n} Pool opens at {o} am. || In the morning {n} Pool lets you in from {o}.
? how early can I swim | when does {n} Pool open => {o}
> It is shut on {d}. || Closed: {d}.
? which day is it shut | is {n} Pool closed any day => {d}
> Adults pay £{p}, children £{k}. || £{p} for adults and £{k} for children.
? what do grown-ups pay | adult price at {n} Pool => £{p}
! is there a sauna | does {n} Pool hire out towels
"""


def scene(tmp_path: Path, text: str = POOL) -> Scene:
    path = tmp_path / "made.txt"
    path.write_text(text, encoding="utf-8")
    return next(iter(read(path, "en")))


def passages(sample: Sample) -> list[str]:
    return re.split(r"(?:资料：|Passages:)\n", sample.messages[0]["content"])[1].split("\n\n")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_shipped_scenes_hold_together(lang: str) -> None:
    found = scenes(lang)
    assert len(found) > 100
    assert len({each.name for each in found}) == len(found)
    wrong = {each.name: problems(each) for each in found}
    assert not {name: texts for name, texts in wrong.items() if texts}
    assert 5 <= sum(each.held_out for each in found) < len(found) / 6


def test_the_checker_sees_an_answer_that_the_text_does_not_hold(tmp_path: Path) -> None:
    broken = scene(tmp_path, POOL.replace("|| Closed: {d}.", "|| Closed one day."))
    assert problems(scene(tmp_path)) == []
    assert "is not in 'Closed one day.'" in problems(broken)[0]


def test_what_is_left_out_cannot_be_answered(tmp_path: Path) -> None:
    pool = scene(tmp_path)
    whole, rng = play(Random(1), pool, 1.0), Random(2)
    assert len(whole.asked) == 3 and all(asked.answer and asked.answer in whole.text for asked in whole.asked)
    partial = [played for played in (play(rng, pool, 0.5) for _ in range(40)) if len(played.asked) == 2]
    assert partial
    for played in partial:
        assert len(played.absent) == 3 and played.values["o"] in played.text
        missing = next(asked for asked in played.absent if len(asked.wordings) > 1)
        assert missing.answer is None
        assert ("£" in played.text) == ("adult" not in "".join(missing.wordings))


def test_slots_of_one_kind_get_different_values(tmp_path: Path) -> None:
    pool = scene(tmp_path)
    assert all((values := fill(Random(i), pool))["p"] != values["k"] for i in range(200))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stray words", "not a line"),
        ("? what => ", "needs '=> answer'"),
        ("> {zz} is here. || There is {zz}.", "unknown slots: zz"),
        ("> a {b is here", "stray brace"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SceneError, match=says) as caught:
        scene(tmp_path, POOL + text + "\n")
    assert str(caught.value).startswith("made.txt:")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_samples_answer_from_the_passage_they_cite(lang: str) -> None:
    rng = Random(3)
    refused = quoted = turns = 0
    for _ in range(150):
        sample = scene_drill(rng, lang, refusals=0.2)
        assert not next(each for each in scenes(lang) if each.name == sample.family).held_out
        turns += len(sample.messages) // 2
        refused += sum(m["content"] == REFUSAL[lang] for m in sample.messages)
        if sample.gold and sample.cite and sample.gold.casefold() in passages(sample)[sample.cite - 1].casefold():
            quoted += 1
    assert 0.1 < refused / turns < 0.32
    assert quoted > 85  # the rest are refusals, and yes or no
    assert {scene_drill(rng, lang, held=True).family for _ in range(60)} <= {s.name for s in scenes(lang) if s.held_out}


def test_alike_passages_are_told_apart_by_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several passages could answer, the first question names the one that it means."""
    pools = tuple(scene(tmp_path, POOL.replace("=== pool", f"=== pool {i}")) for i in range(6))
    monkeypatch.setattr(drill, "pool", lambda lang, held: pools)
    rng, several, nameless = Random(5), 0, 0
    for _ in range(300):
        sample = scene_drill(rng, "en", turns=1, refusals=0.0)
        told = passages(sample)
        name = told[(sample.cite or 1) - 1].split("] ", 1)[1].split(" Pool")[0]
        rivals = [text for text in told if "£" in text] if str(sample.gold).startswith("£") else []
        several += len(rivals) > 1
        assert len(rivals) < 2 or name in sample.messages[1]["content"]
        nameless += name not in sample.messages[1]["content"]
    assert several > 20 and nameless > 30
