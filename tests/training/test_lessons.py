"""From a form or a file to a job, and what it will take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.small import ROOT
from training.base_model import load_base
from training.config import load_recipe
from training.data import chat
from training.dataset.found import Dataset
from training.errors import BaseModelError, ConfigError, DataError
from training.estimate import estimate, shape_of
from training.forms import folder_name, info_of, quick_form, styles
from training.lessons import Place, file_lesson, persona_lesson, tokens_of, with_rows
from training.recipe_book import OFFERED, copy_recipe, recipes
from training.settings import EMBEDDED_BASE, TrainingSettings

FOLDER = ROOT / EMBEDDED_BASE


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("embedded", FOLDER, "f" * 64, "cpu", 1, tmp_path / "adapters", tmp_path / "cache")


def questions(count: int) -> Dataset:
    rows = tuple(chat(f"What is number {n}?", f"It is {n} and a bit more.") for n in range(count))
    return Dataset("csv", rows, tuple(range(2, 2 + count)))


@pytest.mark.parametrize("style", [*styles(), "Arr!"])
def test_a_short_form_makes_a_lesson(style: str, place: Place) -> None:
    form = quick_form("小墨", "墨香书屋", style=style)
    config = load_recipe("persona").with_values({"replay_rows": 40, "leak_prompts": 30})
    lesson = persona_lesson(form, config, place)
    assert lesson.count("train") >= 60 and lesson.count("probe") > 20 and lesson.count("unrelated") >= 30
    assert 1 < len(lesson.job.questions) <= 3 and lesson.job.signs.names == ("小墨",)
    assert (lesson.job.config.base, lesson.job.base_folder) == ("embedded", str(FOLDER))
    assert lesson.job.versions and lesson.job.device == "cpu" and lesson.job.config.threads == 1
    assert bool(lesson.job.signs.manners) == (style != "plain")
    assert info_of(form).title == {"zh": "小墨", "en": "小墨"}
    edited = with_rows(lesson, lesson.rows[:70])
    assert len(edited.rows) == 70 and edited.job == lesson.job


def test_a_form_that_lacks_something_is_refused() -> None:
    for bad in ({"name": ""}, {"maker": " "}, {"style": ""}, {"style": "x" * 61}, {"languages": ["de"]}):
        with pytest.raises(ConfigError) as caught:
            quick_form(**{"name": "a", "maker": "b", **bad})  # type: ignore[arg-type]
        assert caught.value.en and caught.value.zh


def test_folder_names() -> None:
    assert folder_name("Dr. Who & Co") == "dr-who-co" and folder_name("小墨", "Ink") == "ink"
    assert folder_name("小墨").startswith("self-") and folder_name("小墨") != folder_name("小红")


def test_a_file_makes_a_lesson(place: Place) -> None:
    config = load_recipe("domain").with_values({"replay_rows": 20, "leak_prompts": 10, "max_length": 40})
    found = questions(20)
    long = Dataset("csv", (*found.rows, chat("long", "word " * 60), found.rows[0]), (*found.numbers, 22, 23))
    lesson = file_lesson(long, config, place)
    assert (lesson.count("train"), lesson.count("test"), lesson.count("replay")) == (14, 6, 20)
    assert lesson.found is not None and lesson.found.duplicates == 1
    assert [problem.number for problem in lesson.found.problems] == [22]
    held = {row.messages[0]["content"] for row in lesson.rows if row.split == "test"}
    assert set(lesson.job.questions) <= held and len(lesson.job.questions) == 3
    with pytest.raises(DataError) as caught:
        file_lesson(questions(4), config.with_values({"max_length": 8}), place)
    assert "max_length" in caught.value.en and "max_length" in caught.value.zh


def test_the_estimate_follows_what_is_asked(place: Place) -> None:
    config = load_recipe("domain").with_values({"replay_rows": 20, "leak_prompts": 10})
    told = estimate(file_lesson(questions(40), config, place))
    shape = shape_of(FOLDER)
    assert told.parameters == shape.lora(config) and told.steps == 4 * -(-28 // 8)
    assert told.seconds is not None and told.seconds > 0 and told.memory > told.base > 2 * shape.parameters - 1
    assert told.least is not None and 0 < told.least < told.seconds
    upper = config.with_values({"depth": 0.5})
    assert estimate(file_lesson(questions(40), upper, place)).parameters == told.parameters // 2
    wider = estimate(file_lesson(questions(40), config.with_values({"r": 60, "batch": 16}), place))
    assert wider.parameters == 10 * told.parameters and wider.memory > told.memory
    longer = estimate(file_lesson(questions(40), config.with_values({"epochs": 40}), place))
    assert longer.tokens > 5 * told.tokens and longer.seconds is not None and longer.seconds > told.seconds


def test_the_shape_is_that_of_the_loaded_base() -> None:
    base = load_base(str(FOLDER), 1, "cpu")
    base.add_adapter(load_recipe("tutorial-peft"))
    trained = sum(p.numel() for p in base.model.parameters() if p.requires_grad)
    assert shape_of(FOLDER).lora(load_recipe("tutorial-peft")) == trained
    assert tokens_of(FOLDER)[1] == base.end_ids


def test_a_base_that_is_none_is_named(place: Place, tmp_path: Path) -> None:
    for ask in (shape_of, tokens_of):
        act: Any = ask
        with pytest.raises(BaseModelError) as caught:
            act(tmp_path)
        assert str(tmp_path) in caught.value.en and str(tmp_path) in caught.value.zh


def test_recipes_are_told_and_copied(tmp_path: Path) -> None:
    book = {recipe.name: recipe for recipe in recipes()}
    assert tuple(book) == OFFERED and all(set(r.about) == {"en", "zh"} for r in book.values())
    assert all(any("一" <= c <= "鿿" for c in r.about["zh"]) for r in book.values())
    xtuner, peft = book["tutorial-xtuner"].config, book["tutorial-peft"].config
    assert (xtuner.r, xtuner.alpha, xtuner.lr) == (64, 16, 2e-4)
    assert (peft.r, peft.alpha, peft.lr) == (8, 32, 1e-4)
    path = copy_recipe("persona", tmp_path)
    assert path == tmp_path / "persona.yaml" and load_recipe(path) == book["persona"].config
    assert "#" in path.read_text(encoding="utf-8")
    for name, target in (("persona", tmp_path), ("none", tmp_path / "x.yaml"), ("domain", tmp_path / "no" / "x.yaml")):
        with pytest.raises(ConfigError):
            copy_recipe(name, target)


def test_half_of_the_cores_are_left_to_the_chat(tmp_path: Path) -> None:
    import os

    assert TrainingSettings(tmp_path).threads == min(8, os.cpu_count() or 1)
    assert TrainingSettings(tmp_path, training_threads=3).threads == 3
