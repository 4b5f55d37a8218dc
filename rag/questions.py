"""Labelled questions out of a CSV file: question, expected source, expected answer."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.errors import QuestionError
from rag.types import Document, Passage

MOST = 5000
UNKNOWN = "?"
"""Instead of a source: nobody has said yet which it is. Such a question is not measured."""
_COLUMNS = {
    "question": ("question", "query", "问题", "提问"),
    "source": ("source", "expected source", "document", "file", "来源", "文档", "文件", "出处"),
    "answer": ("answer", "expected answer", "答案", "回答"),
}


@dataclass(frozen=True)
class Question:
    """A question whose answer is known.

    Attributes:
        source: name or title of the document that holds the answer; "" where no document does.
        answers: wordings of which the answer holds one; () where the file names none.
    """

    question: str
    source: str = ""
    answers: tuple[str, ...] = ()


def read_questions(path: Path) -> list[Question]:
    """The rows of a CSV file (comma, semicolon or tab; UTF-8, or GB 18030 as Chinese spreadsheets write it).

    The first row names the columns: "question" and "source", and "answer" if there is one; in Chinese 问题, 来源, 答案.
    Several right answers are separated by "|". A row without a source is a question that the documents do not answer;
    one whose source is "?" is left out.

    Raises:
        QuestionError: the file cannot be read as that.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise QuestionError(
            en=f"The file {path.name} could not be read ({error.strerror}).",
            zh=f"无法读取文件 {path.name}（{error.strerror}）。",
        ) from error
    rows = list(_rows(_text(data, path.name)))
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    places = {name: next((header.index(a) for a in aliases if a in header), -1) for name, aliases in _COLUMNS.items()}
    if places["question"] < 0 or places["source"] < 0:
        raise QuestionError(
            en=f"The first row of {path.name} has to name the columns: question, source and, if you like, answer.",
            zh=f"{path.name} 的第一行必须是列名：问题、来源，以及可选的答案。",
        )
    asked = [cells for row in rows[1:] if (cells := _cells(row, places))["question"] and known(cells["source"])]
    found = [question_of(cells["question"], cells["source"], cells["answer"]) for cells in asked]
    if not found or len(found) > MOST:
        raise QuestionError(
            en=f"{path.name} holds {len(found):,} questions; between 1 and {MOST:,} can be evaluated.",
            zh=f"{path.name} 中有 {len(found)} 个问题；可评测 1 至 {MOST} 个。",
        )
    return found


def known(source: str) -> bool:
    """Whether this says which document holds the answer, or that none does."""
    return source not in (UNKNOWN, "？")


def question_of(question: str, source: str, answer: str) -> Question:
    """A row; several right answers are separated by "|"."""
    return Question(question, source, tuple(part.strip() for part in answer.split("|") if part.strip()))


def means(source: str, what: Document | Passage) -> bool:
    """Whether a person who wrote `source` meant this document: by path, file name, its stem, or title."""
    path = PurePosixPath(what.source)
    return tight(source) in {tight(name) for name in (what.source, path.name, path.stem, what.title)}


def tight(text: str) -> str:
    """Without white space, wide and narrow, small and capital letters alike."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).casefold()


def _text(data: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise QuestionError(
        en=f"{name} is no text that can be read. Save it as CSV in UTF-8 and try again.",
        zh=f"{name} 不是可读取的文本。请另存为 UTF-8 编码的 CSV 后重试。",
    )


def _rows(text: str) -> list[list[str]]:
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    # a Chinese keyboard's comma in the first row is one in all
    if not first.count(mark) and "，" in first:
        text, mark = text.replace("，", ","), ","
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=mark) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise QuestionError(
            en=f"The questions are no CSV that can be read ({error}).", zh=f"问题文件不是可读取的 CSV（{error}）。"
        ) from error


def _cells(row: list[str], places: dict[str, int]) -> dict[str, str]:
    return {name: row[at].strip() if 0 <= at < len(row) else "" for name, at in places.items()}
