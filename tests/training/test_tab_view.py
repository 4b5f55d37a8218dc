"""What the teaching tab shows and takes: pure functions, with hostile names and answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from training.config import TrainingConfig
from training.curves import POINTS, curves, loss_points, score_points
from training.data import Row, chat
from training.dataset.found import Dataset, Problem
from training.entries import SHOWN, FileEntry, FormEntry, edited, lesson_of_file, look_at, persona_of, table_rows
from training.errors import ConfigError, DataError, TrainingError
from training.estimate import Estimate
from training.events import Sampled, Scored, Step
from training.jobs import JobView, State
from training.lessons import Lesson, Place
from training.progress import Progress
from training.settings import EMBEDDED_BASE
from training.shelf import OwnSelf
from training.tab_view import (
    allowed,
    job_card,
    job_choices,
    job_learned,
    left_out,
    prepared,
    report_table,
    self_choices,
    span,
    version_choices,
)
from training.texts import TEXTS
from training.versions import Version

HOSTILE = "<img src=x onerror=alert(1)>"
GOOD = FormEntry("Inky", "the ink shop", "", "warm", "", ("zh", "en"), (("", ""), ("Tea?", "Always.")))
SCORES: dict[str, Any] = {
    "groups": {"zh": 1.0, "adversarial": 0.969},
    "persona": 0.969,
    "leak": 0.0,
    "agreement": 0.98,
    "kl": 0.011,
    "loss": 1.2,
    "base_loss": 2.4,
    "missed": ["persona"],
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("embedded", EMBEDDED_BASE.resolve(), "print", "cpu", 1, tmp_path / "adapters", tmp_path / "cache")


def job(state: State = "running", title: str = "Inky", **progress: Any) -> JobView:
    config = TrainingConfig(name="inky")
    return JobView("1-inky", state, config, "cpu", {"zh": title, "en": title}, 0.0, True, Progress(**progress))


def steps(count: int) -> tuple[Step, ...]:
    return tuple(
        Step(n, count, 0.1, 5.0 - n / count, 0.0, 1e-3, float(n), float(count - n)) for n in range(1, count + 1)
    )


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    for key, said in TEXTS["en"].items():
        assert said.count("{") == TEXTS["zh"][key].count("{"), key
        assert said.count("|") == TEXTS["zh"][key].count("|"), key


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_names_and_answers_bring_no_markup(lang: str) -> None:
    answers = [{"question": HOSTILE, "before": HOSTILE, "after": HOSTILE * 50}]
    view = job("done", HOSTILE, samples=(Sampled(1, 0.5, answers),), cards=(Scored(1, SCORES, True),))
    view = replace(view, path="/x", draft=True)
    failed = replace(job("failed", HOSTILE), error=(HOSTILE, HOSTILE))
    found = Dataset("csv", (), (), (Problem(3, HOSTILE, HOSTILE),), 1)
    lesson = replace(lesson_of(chat("q", "a")), found=replace(found, format=HOSTILE))
    told = Estimate(2**30, 1, 40.0, 3, 100, 10)
    groups = {**SCORES, "groups": {HOSTILE: 1.0, "en": 1.0}}
    for shown in (
        job_card(view, lang),
        job_learned(view, lang),
        job_card(failed, lang),
        left_out(found, lang),
        prepared(lesson, told, lang),
        report_table(groups, lang),
    ):
        assert "<img" not in shown and "&lt;img" in shown


def lesson_of(*rows: Row) -> Lesson:
    from tests.training.small import job as small_job

    return Lesson(small_job(Path("/nowhere")), rows)


def test_the_card_tells_state_time_and_word_for_a_draft() -> None:
    running = job_card(job(phase="training", steps=steps(10)[:4]), "en")
    assert "step 4 of 10" in running and "6 s left" in running and "width: 40.0%" in running
    waiting = job_card(job("paused", steps=steps(10)[:4]), "en")
    assert "paused" in waiting and "left" not in waiting
    done = replace(job("done"), path="/x")
    assert "list of selves" in job_card(done, "en") and "Draft" not in job_card(done, "en")
    assert "Draft" in job_card(replace(done, draft=True), "en")
    assert "草稿" in job_card(replace(done, draft=True), "zh")
    assert "list of selves" not in job_card(job("stopped"), "en")
    assert "8 rows at a time" in job_card(job(rows_at_once=8), "en")


def test_the_report_shows_each_bar_and_never_rounds_a_miss_up() -> None:
    shown = report_table(SCORES, "en")
    assert "96.9%" in shown and "≥ 97%" in shown and "≤ 0.020" in shown and "&lt; 2.400" in shown
    assert shown.count("fs-bad") == 1 and shown.count("fs-good") == 4
    assert "when misled 96.9%" in shown
    near = report_table({"persona": 0.9697, "leak": 0.0101, "missed": ["persona", "leak"]}, "en")
    assert "96.9%" in near and "1.1%" in near
    assert "voice" not in shown and "f1" not in shown.casefold()


def test_curves_are_thinned_and_keep_the_last_point() -> None:
    assert loss_points(Progress()) == []
    many = loss_points(Progress(steps=steps(1000)))
    assert len(many) <= POINTS and many[-1][0] == 1000 and many == sorted(many)
    cards = (Scored(2, SCORES, True), Scored(4, {"leak": 0.0}, False), Scored(4, SCORES, True, final=True))
    points = score_points(Progress(cards=cards))
    assert points == {"persona": [(2, 0.969)], "agreement": [(2, 0.98)], "leak": [(2, 0.0), (4, 0.0)]}


def test_curves_are_drawn_to_scale_from_their_second_point_on() -> None:
    def drawn(*losses: float) -> str:
        told = [replace(step, loss=loss) for step, loss in zip(steps(len(losses)), losses, strict=True)]
        return curves(Progress(steps=tuple(told)), "zh")

    assert drawn() == drawn(3.0) == drawn(float("nan"), 3.0) == ""
    assert 'points="215.0,8.0 392.0,130.0"' in drawn(4.0, 0.0), "half-way and highest, then last and lowest"
    assert ">4</text>" in drawn(4.0, 0.0) and ">0.4</text>" in drawn(0.31, 0.4) and "每步的损失" in drawn(4.0, 0.0)
    ElementTree.fromstring(f"<p>{drawn(9e-9, 123.4, 1e9)}</p>")
    cards = tuple(Scored(n, SCORES, True) for n in (2, 4))
    assert curves(Progress(cards=cards), "en").count("<polyline") == 3


def test_the_buttons_are_those_that_the_state_allows() -> None:
    assert not any(allowed(None).values())
    assert allowed(job("running")) == {"pause": True, "resume": False, "stop": True, "remove": False, "talk": False}
    assert allowed(job("paused")) == {"pause": False, "resume": True, "stop": True, "remove": True, "talk": False}
    assert allowed(job("done")) == {"pause": False, "resume": False, "stop": False, "remove": True, "talk": False}
    assert allowed(replace(job("done"), path="/x"))["talk"]


def test_lists_name_the_newest_first() -> None:
    listed = job_choices([job("done"), replace(job("running"), id="2-inky")], "zh")
    assert [value for _, value in listed] == ["2-inky", "1-inky"] and "进行中" in listed[0][0]
    passport = {"title": {"en": "Inky", "zh": "小墨"}}
    held = tuple(Version(f"v{n}", Path(f"v{n}"), n == 1, passport) for n in (1, 2))
    one = OwnSelf("inky", held)
    assert self_choices([one], "zh") == [("小墨 (inky)", "inky")]
    assert [value for _, value in version_choices(one, "en")] == ["v2", "v1"]
    assert "now" in version_choices(one, "en")[1][0] and version_choices(None, "en") == []


def test_time_is_told_in_the_unit_a_person_would_use() -> None:
    assert [span(s, "en") for s in (0.2, 42, 600, 9000)] == ["1 s", "42 s", "10 min", "2.5 h"]


def test_a_form_becomes_rows_that_can_be_edited(place: Place) -> None:
    lesson = persona_of(GOOD, "epochs: 1", place)
    assert lesson.job.config.name == "inky" and lesson.job.config.epochs == 1
    cells = table_rows(lesson, most=10**6)
    assert len(cells) == lesson.count("train") and ["Tea?", "Always."] in [line[2:] for line in cells]
    later = next(line for line in cells if line[1])
    first = cells[0]
    lines = [[first[0], "", "Who?", "Me!"], later, ["7", "", "", ""], ["", "", "New?", "Yes."]]
    changed = edited(lesson, lines, most=10**6)
    rows = [row for row in changed.rows if row.split == "train"]
    assert [[m["content"] for m in row.messages][-2:] for row in rows] == [["Who?", "Me!"], later[2:], ["New?", "Yes."]]
    assert len(rows[1].messages) > 2, "what was said before stays"
    assert changed.count("probe") == lesson.count("probe")
    # rows that were not shown stay
    assert edited(lesson, cells[:5], most=5).count("train") == lesson.count("train")
    assert edited(lesson, [], most=5).count("train") == lesson.count("train") - 5
    assert SHOWN > 5


@pytest.mark.parametrize(
    ("line", "says"),
    [(["1", "", "Who?", ""], "1"), (["1", "", None, "Me"], "1"), (["1", "", "Who?", "I am {{NAME}}."], "placeholder")],
)
def test_an_edited_row_that_cannot_be_taught_is_named(place: Place, line: list[Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        edited(persona_of(GOOD, "", place), [line])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "  "}, "Name"),
        ({"name": "x" * 41}, "longer"),
        ({"maker": ""}, "Made by"),
        ({"languages": ()}, "Languages"),
        ({"style": "own"}, "Opening words"),
        ({"samples": (("Only asked", ""),)}, "Own answer 1"),
        ({"name": "{{NAME}}"}, "placeholder"),
        ({"does": "{{does}}"}, "placeholder"),
    ],
)
def test_a_form_that_cannot_be_used_says_why_in_both_languages(place: Place, change: dict[str, Any], says: str) -> None:
    with pytest.raises(TrainingError, match=says) as caught:
        persona_of(replace(GOOD, **change), "", place)
    assert any("\u4e00" <= char <= "\u9fff" for char in caught.value.message("zh"))


@pytest.mark.parametrize("changes", ["epoch: 1", "epochs: -1", "epochs: [", "just words"])
def test_changes_to_the_recipe_are_checked(place: Place, changes: str) -> None:
    with pytest.raises(ConfigError):
        persona_of(GOOD, changes, place)


def test_a_table_is_looked_at_and_taught(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "qa.csv"
    lines = [f"what is {n},x,Thing {n} is for case {n}." for n in range(12)]
    path.write_text("\n".join(["B,Kind,A", *lines, "no answer,x,", lines[0]]), encoding="utf-8")
    look = look_at(path)
    assert look is not None and look.columns == (("A · B", "1"), ("B · Kind", "2"), ("C · A", "3"))
    # by number: “A” is the third column's header, and the first column's letter
    entry = FileEntry(path, "药师", "", "1", "3", "", 0.25)
    lesson = lesson_of_file(entry, "leak_prompts: 4\nreplay_rows: 4", place)
    assert (lesson.count("train"), lesson.count("test")) == (9, 3)
    assert lesson.job.info.title == {"zh": "药师", "en": "药师"}
    told = prepared(lesson, Estimate(2**30, 1, None, 3, 100, 10), "en", [lesson.job.config.name])
    assert "3 rows" in told and "1 said twice" in told and "row 14" in told and "next version" in told
    assert look_at(tmp_path / "x.jsonl") is None
    with pytest.raises(ConfigError, match="Name"):
        lesson_of_file(replace(entry, name=""), "", place)


def test_files_that_cannot_be_read_say_so(place: Place, tmp_path: Path) -> None:
    broken, large = tmp_path / "broken.xlsx", tmp_path / "large.csv"
    broken.write_bytes(b"PK no workbook")
    with large.open("wb") as file:
        file.truncate(201 * 2**20)
    for path in (broken, large):
        with pytest.raises(DataError):
            look_at(path)
        with pytest.raises(DataError):
            lesson_of_file(FileEntry(path, "X", "", "", "", "", 0.3), "", place)
