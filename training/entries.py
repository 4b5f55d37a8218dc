"""What a person enters on the page, as a lesson: the short form, a file's choices, the edited table of rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.config import TrainingConfig, load_recipe
from training.data import Row, chat, check_rows
from training.dataset.found import MAX_ROWS
from training.dataset.reading import look_at_table, read_dataset
from training.dataset.tables import Columns, Table, chosen, heading, letter
from training.errors import ConfigError, DataError
from training.forms import folder_name, quick_form
from training.lessons import Lesson, Place, file_lesson, persona_lesson, with_rows
from training.texts import text

# Rows shown for editing; a table of more would make the page slow.
SHOWN = 200
MOST_NAME, MOST_TEXT = 40, 2000
OWN_STYLE = "own"
TABLES = (".csv", ".tsv", ".xlsx")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class FormEntry:
    """The short form as it was filled in; `samples` are pairs of question and answer, empty ones are skipped."""

    name: str
    maker: str
    does: str
    style: str
    opening: str
    languages: tuple[str, ...]
    samples: tuple[tuple[str, str], ...] = ()


def persona_of(entry: FormEntry, changes: str, place: Place) -> Lesson:
    """The lesson of a filled-in form.

    Raises:
        ConfigError: something is missing, too long or unknown.
        DataError: a placeholder is left over.
    """
    for key, value, most in (("teach_name", entry.name, MOST_NAME), ("teach_maker", entry.maker, MOST_NAME)):
        if not value.strip():
            raise _missing(key)
        if len(value.strip()) > most:
            raise _too_long(key, most)
    if len(entry.does) > MOST_TEXT:
        raise _too_long("teach_does", MOST_TEXT)
    if not entry.languages:
        raise _missing("teach_languages")
    if entry.style == OWN_STYLE and not entry.opening.strip():
        raise _missing("teach_opening")
    style = entry.opening.strip() if entry.style == OWN_STYLE else entry.style
    samples = [
        _sample(n, pair, entry.languages) for n, pair in enumerate(entry.samples, 1) if any(map(str.strip, pair))
    ]
    form = quick_form(
        entry.name.strip(), entry.maker.strip(), entry.does.strip(), style, list(entry.languages), samples
    )
    config = changed(load_recipe("persona"), changes).with_values({"name": folder_name(entry.name.strip())})
    lesson = persona_lesson(form, config, place)
    check_rows(lesson.rows)
    return lesson


@dataclass(frozen=True)
class FileEntry:
    """A file and how to read it; columns are numbers from 1 as text, "" where it is no table."""

    path: Path
    name: str
    sheet: str
    question: str
    answer: str
    system: str
    share: float


def lesson_of_file(entry: FileEntry, changes: str, place: Place) -> Lesson:
    """The lesson of a file.

    Raises:
        ConfigError: no name, or a recipe that cannot be.
        DataError: the file cannot be used.
    """
    if not entry.name.strip():
        raise _missing("teach_name")
    if len(entry.name.strip()) > MOST_NAME:
        raise _too_long("teach_name", MOST_NAME)
    columns = Columns(entry.question, entry.answer, entry.sheet, None, entry.system.strip())
    found = read_dataset(entry.path, columns)
    config = changed(load_recipe("domain"), changes).with_values({"name": folder_name(entry.name.strip())})
    lesson = file_lesson(found, config, place, entry.share)
    title = {lang: entry.name.strip() for lang in ("zh", "en")}
    job = replace(lesson.job, info=replace(lesson.job.info, title=title))
    return replace(lesson, job=job)


@dataclass(frozen=True)
class TableLook:
    """What there is to choose in a table: sheets, columns as (label, number), and the likely two ("" where unknown)."""

    sheets: tuple[str, ...]
    sheet: str
    columns: tuple[tuple[str, str], ...]
    question: str = ""
    answer: str = ""


def look_at(path: Path, sheet: str = "") -> TableLook | None:
    """A table's choices; None for a file that is no table.

    Raises:
        DataError: it cannot be read.
    """
    if path.suffix.lower() not in TABLES:
        return None
    table: Table = look_at_table(path, sheet)
    named = heading(table, Columns())
    header = table.rows[named - 1] if named else []
    width = max((len(row) for row in table.rows), default=0)
    # by number: a column's letter may be another one's header
    labels = [
        (f"{letter(i)} · {header[i].strip()[:40]}" if i < len(header) and header[i].strip() else letter(i), str(i + 1))
        for i in range(width)
    ]
    try:
        ask, tell = (str(i + 1) for i in chosen(table, Columns(), path.name, named))
    except DataError:
        ask = tell = ""
    return TableLook(table.sheets, table.sheet, tuple(labels), ask, tell)


def table_rows(lesson: Lesson, most: int = SHOWN) -> list[list[str]]:
    """Number, what was said before, question and answer of the first `most` rows to be learned."""
    return [
        [str(number), _before(row), _question(row), row.messages[-1]["content"]]
        for number, row in taught(lesson)[:most]
    ]


def taught(lesson: Lesson) -> list[tuple[int, Row]]:
    """(number from 1, row) of every row to be learned."""
    return list(enumerate((row for row in lesson.rows if row.split == "train"), 1))


def edited(lesson: Lesson, cells: Sequence[Sequence[Any]], most: int = SHOWN) -> Lesson:
    """The lesson with its rows as the table holds them now; rows that the table did not show stay.

    Raises:
        DataError: a question or an answer is missing, a placeholder is left over, or nothing is left.
    """
    before = dict(taught(lesson))
    kept: list[Row] = []
    incomplete: list[int] = []
    for place, line in enumerate(cells[:MAX_ROWS], 1):
        number, _, question, answer = (*(_cell(cell) for cell in line), "", "", "", "")[:4]
        if not question.strip() and not answer.strip():
            continue
        row = before.get(int(number)) if number.isdigit() else None
        plain = row is not None and row.messages[0]["role"] == "text"
        if not answer.strip() or (not question.strip() and not plain):
            incomplete.append(place)
        elif row is None:
            kept.append(chat(question, answer, tag="own"))
        else:
            kept.append(_with(row, question, answer))
    if incomplete:
        shown = ", ".join(map(str, incomplete[:10]))
        raise DataError(
            en=f"Lines {shown} of the table have a question without an answer, or an answer without a question. "
            "Nothing was started; fill them in or empty them.",
            zh=f"表中第 {shown} 行只有问题或只有回答，训练没有开始；请补全，或把它们清空。",
        )
    kept += [row for number, row in before.items() if number > most]
    lesson = with_rows(lesson, (*kept, *(row for row in lesson.rows if row.split != "train")))
    check_rows(lesson.rows)
    return lesson


def _with(row: Row, question: str, answer: str) -> Row:
    messages = [dict(message) for message in row.messages]
    messages[-1]["content"] = answer
    if len(messages) > 1:
        messages[-2]["content"] = question
    return replace(row, messages=tuple(messages))


def _before(row: Row) -> str:
    return " ⏎ ".join(message["content"] for message in row.messages[:-2])


def _question(row: Row) -> str:
    return row.messages[-2]["content"] if len(row.messages) > 1 else ""


def _cell(value: Any) -> str:
    # an empty cell may come as None or as a NaN
    return "" if value is None or value != value else str(value)


def _sample(number: int, pair: tuple[str, str], languages: Sequence[str]) -> Mapping[str, Any]:
    question, answer = pair[0].strip(), pair[1].strip()
    if not question or not answer:
        raise ConfigError(
            en=f"Own answer {number} has only one of question and answer. Nothing was prepared; fill in both or none.",
            zh=f"第 {number} 条自己的回答缺少问题或回答，没有准备任何内容；请补全或都留空。",
        )
    if max(len(question), len(answer)) > MOST_TEXT:
        raise _too_long("teach_sample_answer", MOST_TEXT)
    lang = "zh" if _CHINESE.search(question) else "en"
    return {"lang": lang if lang in languages else languages[0], "questions": [question], "answer": answer}


def changed(config: TrainingConfig, changes: str) -> TrainingConfig:
    """The recipe with what was typed: one "name: value" a line.

    Raises:
        ConfigError: it cannot be read, or names something unknown.
    """
    import yaml

    try:
        values = yaml.safe_load(changes or "")
    except yaml.YAMLError as error:
        raise ConfigError(
            en=f"The changes to the recipe cannot be read: {error}. Nothing was prepared; write one “name: value” a "
            "line.",
            zh=f"无法读取对配方的改动：{error}。没有准备任何内容；请每行写一项“名称: 值”。",
        ) from error
    return config.with_values(values or {})


def _missing(key: str) -> ConfigError:
    return ConfigError(
        en=f"“{text(key, 'en')}” is empty, so nothing was prepared. Fill it in and press “Prepare” again.",
        zh=f"“{text(key, 'zh')}”还是空的，因此没有准备任何内容。请填写后再点“准备”。",
    )


def _too_long(key: str, most: int) -> ConfigError:
    return ConfigError(
        en=f"“{text(key, 'en')}” is longer than {most} characters, so nothing was prepared. Shorten it.",
        zh=f"“{text(key, 'zh')}”超过 {most} 个字符，因此没有准备任何内容。请缩短。",
    )
