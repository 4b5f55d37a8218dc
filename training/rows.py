"""A closer look at what would be taught: one row as the base reads it, how long rows are, and rows as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data import IGNORE, Row, encode
from training.dataset.found import Dataset
from training.dataset.preparing import Lengths, lengths
from training.dataset.writing import SUFFIX, write_dataset
from training.entries import edited
from training.lessons import Lesson


@dataclass(frozen=True)
class Piece:
    """A stretch of a rendered row: all of it is learned, or none."""

    text: str
    trained: bool
    tokens: int


def pieces(tokenizer: Any, row: Row, end_ids: Sequence[int]) -> list[Piece]:
    """`row` with the base's chat template, in order, exactly as a training masks it.

    Raises:
        TemplateError: the base's chat template cannot be trained on.
    """
    encoded = encode(tokenizer, row, end_ids)
    runs: list[tuple[bool, list[int]]] = []
    for token, label in zip(encoded.ids, encoded.labels, strict=True):
        trained = label != IGNORE
        if not runs or runs[-1][0] != trained:
            runs.append((trained, []))
        runs[-1][1].append(token)
    options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
    return [Piece(tokenizer.decode(ids, **options), trained, len(ids)) for trained, ids in runs]


def row_of_line(lesson: Lesson, line: Sequence[Any]) -> Row:
    """The row that a line of the table stands for, as it is edited now.

    Raises:
        DataError: its question or answer is missing, or a placeholder is left over.
    """
    only = edited(lesson, [line], most=len(lesson.rows))
    return next(row for row in only.rows if row.split == "train")


def lengths_of(lesson: Lesson, tokenizer: Any, end_ids: Sequence[int]) -> Lengths:
    """How long its rows are: those its file held, or those its form made.

    Raises:
        TemplateError: the base's chat template cannot be trained on.
    """
    if lesson.lengths is not None:
        return lesson.lengths
    rows = tuple(row for row in lesson.rows if row.split == "train")
    found = Dataset("form", rows, tuple(range(1, len(rows) + 1)))
    return lengths(tokenizer, found, end_ids, lesson.job.config.max_length)


def save_taught(lesson: Lesson, cells: Sequence[Sequence[Any]], folder: Path, kind: str) -> Path:
    """Write the rows as the table holds them now, with those kept back to judge by, as `kind`; returns the file.

    Raises:
        DataError: a row is incomplete, or the format cannot hold what they are.
    """
    rows = [row for row in edited(lesson, cells).rows if row.split in ("train", "test")]
    return write_dataset(rows, folder / f"{lesson.job.config.name}{SUFFIX.get(kind, '')}", kind)
