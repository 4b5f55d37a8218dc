"""A closer look at the rows: what is learned of each, how long they are, and the rows as a file."""

from __future__ import annotations

import html
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.training.small import ROOT
from training.config import TrainingConfig
from training.data import IGNORE, Row, chat, encode
from training.dataset.preparing import Lengths
from training.dataset.reading import read_dataset
from training.entries import FileEntry, FormEntry, lesson_of_file, persona_of, table_rows
from training.errors import DataError
from training.lessons import Lesson, Place, tokens_of
from training.rows import Piece, lengths_of, pieces, row_of_line, save_taught
from training.rows_texts import TEXTS
from training.rows_view import histogram, not_rendered, recipe_table, rendered
from training.settings import EMBEDDED_BASE

HOSTILE = "<img src=x onerror=alert(1)>"
FORM = FormEntry("Inky", "the ink shop", "", "warm", "", ("zh", "en"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("embedded", EMBEDDED_BASE.resolve(), "print", "cpu", 1, tmp_path / "adapters", tmp_path / "cache")


@pytest.fixture(scope="module")
def base() -> tuple[Any, tuple[int, ...]]:
    return tokens_of(ROOT / EMBEDDED_BASE)


def file_lesson(tmp_path: Path, place: Place, changes: str = "", share: float = 0.25) -> Lesson:
    path = tmp_path / "qa.csv"
    lines = [f"what is {n},Thing {n} is for case {n}." for n in range(7)]
    path.write_text("\n".join(["question,answer", *lines, "long," + "word " * 90]), encoding="utf-8")
    entry = FileEntry(path, "helper", "", "1", "2", "", share)
    return lesson_of_file(entry, f"leak_prompts: 4\nreplay_rows: 4\n{changes}", place)


@pytest.mark.parametrize(
    "row",
    [
        chat("你好，你是谁？", "我是小墨 🖋。", "And you?", "Still <b>Inky</b>.", system="Be kind."),
        chat("one?", "not this", "two?", "but that", weight=(0, 1)),
        Row(({"role": "text", "content": "Plain words."},)),
    ],
    ids=["two turns", "one weighed 0", "text"],
)
def test_what_is_marked_is_exactly_what_is_trained(base: tuple[Any, Any], row: Row) -> None:
    tokenizer, ends = base
    found = pieces(tokenizer, row, ends)
    encoded = encode(tokenizer, row, ends)
    assert "".join(piece.text for piece in found) == tokenizer.decode(encoded.ids)
    learned = [token for token, label in zip(encoded.ids, encoded.labels, strict=True) if label != IGNORE]
    assert "".join(piece.text for piece in found if piece.trained) == tokenizer.decode(learned)
    assert sum(piece.tokens for piece in found if piece.trained) == encoded.trained
    marked = "".join(piece.text for piece in found if piece.trained)
    for message in row.messages:
        # also the negative: questions, and answers of weight 0, are not marked
        answer = message["role"] in ("assistant", "text") and message.get("weight", 1) == 1
        assert (message["content"] in marked) == answer
    assert all(one.trained != other.trained for one, other in pairwise(found))


def test_a_line_is_shown_as_it_is_edited(place: Place, base: tuple[Any, Any]) -> None:
    lesson = persona_of(FORM, "", place)
    later = next(line for line in table_rows(lesson) if line[1])
    row = row_of_line(lesson, [*later[:3], "Changed answer."])
    assert row.messages[-1]["content"] == "Changed answer." and len(row.messages) > 2
    assert row_of_line(lesson, ["", "", "New?", "Yes."]).messages == chat("New?", "Yes.").messages
    for line in (["1", "", "", ""], ["1", "", "Who?", ""], ["1", "", "Who?", "{{name}}"]):
        with pytest.raises(DataError):
            row_of_line(lesson, line)
    told = lengths_of(lesson, *base)
    assert len(told.tokens) == lesson.count("train") and not told.over
    assert told.bins[-2][1] == max(told.tokens), "no empty columns up to the limit"


def test_lengths_tell_what_is_left_out_and_what_is_cut(place: Place, base: tuple[Any, Any], tmp_path: Path) -> None:
    lesson = file_lesson(tmp_path, place, "max_length: 60")
    told = lengths_of(lesson, *base)
    assert told.over == (9,) and len(told.tokens) == 8 and told.bins[-1][2] == 1
    assert "row 9" in histogram(told, "csv", "en") and "left out" in histogram(told, "csv", "en")
    assert "cut into pieces" in histogram(told, "text", "en") and "refuse" in histogram(told, "form", "en")
    fits = lengths_of(file_lesson(tmp_path, place), *base)
    shown = histogram(fits, "csv", "en")
    assert "All 8 rows fit" in shown and "fs-over" not in shown and "fs-over" in histogram(told, "csv", "zh")
    assert histogram(Lengths((), ((1, 1, 0), (61, 61, 0)), 60, ()), "form", "en")


@pytest.mark.parametrize("kind", ["messages", "xtuner", "alpaca", "sharegpt", "csv", "xlsx"])
def test_rows_are_saved_as_edited_in_any_format(place: Place, tmp_path: Path, kind: str) -> None:
    lesson = file_lesson(tmp_path, place)
    cells = table_rows(lesson)
    cells[0][3] = "Mended."
    path = save_taught(lesson, cells, tmp_path, kind)
    said = [row.messages[-1]["content"] for row in read_dataset(path).rows]
    assert len(said) == 8 and said.count("Mended.") == 1 and path.stem == "helper"
    with pytest.raises(DataError, match="cannot be written as text"):
        save_taught(lesson, cells, tmp_path, "text")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_shown_speaks_both_languages_and_brings_no_markup(lang: str) -> None:
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    shown = rendered([Piece(HOSTILE, False, 3), Piece(HOSTILE, True, 4)], HOSTILE, 5, lang)
    assert "<img" not in shown and shown.count("&lt;img") == 3
    assert shown.count("<mark>") == 1 and "fs-warning" in shown
    assert "fs-warning" not in rendered([Piece("a", True, 4)], "1", 5, lang) and not_rendered(lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_entry_of_a_recipe_is_explained(lang: str) -> None:
    shown = recipe_table(lang)
    for spec in fields(TrainingConfig):
        assert f"<code>{spec.name}</code>" in shown and html.escape(spec.metadata[lang]) in shown
    # the shipped recipes' own values, not the defaults
    assert "<td>0.003</td>" in shown and "<td>768</td>" in shown and "1e-07 … 1" in shown


def test_a_lesson_of_a_form_has_no_lengths_of_a_file(place: Place, tmp_path: Path, base: tuple[Any, Any]) -> None:
    lesson = file_lesson(tmp_path, place)
    assert lesson.lengths is not None and persona_of(FORM, "", place).lengths is None
    assert lengths_of(replace(lesson, lengths=None), *base).tokens != lesson.lengths.tokens
