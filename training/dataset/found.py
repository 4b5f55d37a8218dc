"""What was found in a training file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.data import Row
from training.errors import DataError

MAX_FILE_MB = 200
MAX_ROWS = 1_000_000
SPLIT = "split it", "请拆分后再试"
ANOTHER = "choose another file", "请换一个文件"
AGAIN = "save it again where it comes from, and check that it opens there", "请在原来的程序中重新保存，并确认能打开"


@dataclass(frozen=True)
class Problem:
    """Why a row was left out. `number` is the line of JSON lines and text, the row of a table (both as a person counts,
    from 1), or the place in a JSON list."""

    number: int
    en: str
    zh: str


@dataclass(frozen=True)
class Dataset:
    """Rows of one file.

    Attributes:
        format: "xtuner", "messages", "alpaca", "sharegpt", "csv", "xlsx" or "text".
        rows: what can be learned from.
        numbers: where each row stood in the file, as in `Problem`.
        problems: what was left out, and why.
        duplicates: how many rows said the same as an earlier one, and were left out.
    """

    format: str
    rows: tuple[Row, ...]
    numbers: tuple[int, ...]
    problems: tuple[Problem, ...] = ()
    duplicates: int = 0


def listed(numbers: Sequence[int], most: int = 10) -> str:
    """Row numbers for a message: "3, 8, 12 (+40)"."""
    more = f" (+{len(numbers) - most})" if len(numbers) > most else ""
    return ", ".join(map(str, numbers[:most])) + more


def cannot_read(name: str, en: str, zh: str, do: tuple[str, str]) -> DataError:
    """The file as a whole is of no use; `do` is what to do then, in both languages."""
    return DataError(
        en=f"“{name}” cannot be used: {en}. Nothing was read; {do[0]}.",
        zh=f"无法使用“{name}”：{zh}。没有读入任何数据；{do[1]}。",
    )
