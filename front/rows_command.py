"""The command that writes the rows of a training file in another format."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from front.printing import language, print_json
from front.settings import Settings
from training.dataset.writing import SUFFIX

Command = Callable[[Settings, dict[str, Any]], int]


def add_to(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, run, about)` makes one."""
    parser = add("convert", _convert, "write the rows of a training file in another format")
    parser.add_argument("file", type=Path, metavar="FILE", help="json, jsonl, csv, xlsx, txt or md")
    parser.add_argument("--to", required=True, choices=tuple(SUFFIX), help="format to write")
    parser.add_argument("--out", type=Path, default=None, metavar="FILE", help="default: beside it, named after both")
    add_columns(parser)


def add_columns(parser: Any) -> None:
    """How a table is read, for every command that reads one."""
    parser.add_argument("--question", default="", metavar="COLUMN", help="letter, number or header (tables)")
    parser.add_argument("--answer", default="", metavar="COLUMN", help="letter, number or header (tables)")
    parser.add_argument("--sheet", default="", help="sheet of a workbook (default: the first with rows)")
    parser.add_argument("--system", default="", metavar="PROMPT", help="system prompt of every row without one")


def columns_of(given: dict[str, Any]) -> Any:
    """Those entries, read."""
    from training.dataset.tables import Columns

    return Columns(given["question"], given["answer"], given["sheet"], None, given["system"])


def _convert(settings: Settings, given: dict[str, Any]) -> int:
    from training.dataset.found import listed
    from training.dataset.reading import read_dataset
    from training.dataset.writing import write_dataset

    file, kind = given["file"], given["to"]
    found = read_dataset(file, columns_of(given))
    target = given["out"] or file.with_name(f"{file.stem}.{kind}{SUFFIX[kind]}")
    path = write_dataset(found.rows, target, kind)
    left = [{"row": p.number, "en": p.en, "zh": p.zh} for p in found.problems]
    if given["json"]:
        print_json({"path": str(path), "from": found.format, "to": kind, "rows": len(found.rows), "left_out": left})
        return 0
    numbers = listed([problem.number for problem in found.problems])
    if language() == "zh":
        print(f"{path}：{len(found.rows)} 行" + (f"，未采用第 {numbers} 行" if left else ""))
    else:
        print(f"{path}: {len(found.rows)} rows" + (f", left out: rows {numbers}" if left else ""))
    return 0
