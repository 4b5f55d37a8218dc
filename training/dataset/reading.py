"""A training file of any known format into rows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from training.data import Row
from training.dataset.formats import read_json
from training.dataset.found import ANOTHER, MAX_FILE_MB, SPLIT, Dataset, cannot_read, listed
from training.dataset.tables import Columns, Table, csv_table, read_table, xlsx_table
from training.errors import DataError

SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".xlsx", ".txt", ".md")
_COMMON_LEAD = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe]")


def read_dataset(path: Path, columns: Columns | None = None, name: str = "") -> Dataset:
    """Read a file by its suffix: JSON and JSON lines (messages, xtuner, alpaca, sharegpt), CSV, Excel, plain text.

    Args:
        columns: what to take from a table; its system prompt is given to conversations without one too.
        name: what messages call the file, if not by its own name.

    Raises:
        DataError: it cannot be read, is too large, or nothing in it can be learned from; the message says why.
    """
    name, columns, suffix = name or path.name, columns or Columns(), path.suffix.lower()
    data = _bytes(path, name, suffix)
    if suffix == ".xlsx":
        found = read_table(data, name, columns, "xlsx")
    elif suffix in (".csv", ".tsv"):
        found = read_table(decode(data, name), name, columns, "csv")
    elif suffix in (".json", ".jsonl"):
        found = read_json(decode(data, name), name)
        found = replace(found, rows=tuple(_with_system(row, columns.system) for row in found.rows))
    else:
        found = _plain(decode(data, name))
    if not found.rows:
        raise _nothing(found, name)
    return found


def _nothing(found: Dataset, name: str) -> DataError:
    if not found.problems:
        return cannot_read(name, "it is empty", "是空的", ANOTHER)
    reasons = list(dict.fromkeys((p.en, p.zh) for p in found.problems))[:3]
    where = listed([p.number for p in found.problems])
    return cannot_read(
        name,
        f"no row can be learned from: {'; '.join(en for en, _ in reasons)} (rows {where})",
        f"没有可学习的数据：{'；'.join(zh for _, zh in reasons)}（第 {where} 行）",
        ("mend these rows, or choose other columns or another file", "请修正这些行，或改选列、换一个文件"),
    )


def look_at_table(path: Path, sheet: str = "", name: str = "") -> Table:
    """A table before its columns are chosen: cells, and the names of the sheets.

    Raises:
        DataError: it cannot be read.
    """
    name, suffix = name or path.name, path.suffix.lower()
    data = _bytes(path, name, suffix)
    return xlsx_table(data, name, sheet) if suffix == ".xlsx" else csv_table(decode(data, name), name)


def _bytes(path: Path, name: str, suffix: str) -> bytes:
    if suffix not in SUFFIXES:
        raise cannot_read(
            name,
            "its type is not known",
            "类型未知",
            (f"use one of {', '.join(SUFFIXES)}", f"请用 {'、'.join(SUFFIXES)} 之一"),
        )
    try:
        if path.stat().st_size > MAX_FILE_MB * 2**20:
            raise cannot_read(name, f"it is larger than {MAX_FILE_MB} MiB", f"超过 {MAX_FILE_MB} MiB", SPLIT)
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(
            name, f"it cannot be opened ({error.strerror})", f"无法打开（{error.strerror}）", ANOTHER
        ) from error


def decode(data: bytes, name: str) -> str:
    """Text by byte-order mark, else UTF-8, else GB 18030 where it reads as Chinese, else by detection.

    Raises:
        DataError: it is no text.
    """
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        pairs = len(_COMMON_LEAD.findall(data)) * 2
        if pairs >= 0.8 * sum(byte > 127 for byte in data):
            return data.decode("gb18030", "replace")
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise cannot_read(
            name, "it is no text in a known encoding", "不是已知编码的文本", ("save it as UTF-8", "请另存为 UTF-8")
        )
    return str(best)


def _plain(text: str) -> Dataset:
    """Paragraphs (blocks between empty lines), each a row to learn word by word."""
    rows, numbers, block = [], [], []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            block.append(line.rstrip())
        elif block:
            rows.append(Row(({"role": "text", "content": "\n".join(block)},)))
            numbers.append(number - len(block))
            block = []
    return Dataset("text", tuple(rows), tuple(numbers))


def _with_system(row: Row, system: str) -> Row:
    if not system or row.messages[0]["role"] in ("system", "text"):
        return row
    return replace(row, messages=({"role": "system", "content": system}, *row.messages))
