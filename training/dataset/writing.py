"""Rows as a file in any of the formats that can be read."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from training.data import Row
from training.dataset.formats import Unusable, parts, record_of
from training.dataset.found import listed
from training.errors import DataError

SUFFIX = {
    "messages": ".jsonl",
    "xtuner": ".json",
    "alpaca": ".json",
    "sharegpt": ".json",
    "csv": ".csv",
    "xlsx": ".xlsx",
    "text": ".txt",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_dataset(rows: Sequence[Row], path: Path, kind: str) -> Path:
    """Write `rows` as `kind`, whole or not at all; returns `path`.

    Tables take the header question, answer and, where a row has one, system.

    Raises:
        DataError: the format is unknown, cannot hold some of the rows (the message names them), or the file cannot be
            written.
    """
    if kind not in SUFFIX:
        raise DataError(
            en=f"There is no format “{kind}”. Nothing was written; choose one of {', '.join(SUFFIX)}.",
            zh=f"没有“{kind}”这种格式，没有写出任何内容；可选：{'、'.join(SUFFIX)}。",
        )
    data = _bytes(rows, kind)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(
            en=f"{path} cannot be written ({error}). Choose another place or free some space.",
            zh=f"无法写入 {path}（{error}）。请换个位置或腾出空间。",
        ) from error
    return path


def _bytes(rows: Sequence[Row], kind: str) -> bytes:
    if kind == "text":
        _refuse([n for n, row in enumerate(rows, 1) if row.messages[0]["role"] != "text"], kind)
        return "\n\n".join(row.messages[0]["content"] for row in rows).encode() + b"\n"
    if kind in ("csv", "xlsx"):
        table = _table(rows, kind)
        return _csv(table) if kind == "csv" else _xlsx(table)
    records, bad = [], []
    for number, row in enumerate(rows, 1):
        try:
            records.append(record_of(row, kind))
        except Unusable:
            bad.append(number)
    _refuse(bad, kind)
    if kind == "messages":
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    return (json.dumps(records, ensure_ascii=False, indent=1) + "\n").encode()


def _refuse(bad: Sequence[int], kind: str) -> None:
    if bad:
        raise DataError(
            en=f"Rows {listed(bad)} cannot be written as {kind}: it does not hold what they are. Nothing was written; "
            "choose messages, which holds every conversation, or xtuner, which holds plain text too.",
            zh=f"第 {listed(bad)} 行无法写成 {kind} 格式，没有写出任何内容；"
            "请选 messages（可存任何对话）或 xtuner（也可存纯文本）。",
        )


def _table(rows: Sequence[Row], kind: str) -> list[list[str]]:
    found, bad = [], []
    for number, row in enumerate(rows, 1):
        try:
            system, pairs = parts(row)
        except Unusable:
            bad.append(number)
            continue
        if len(pairs) == 1:
            found.append([*pairs[0], system])
        else:
            bad.append(number)
    _refuse(bad, kind)
    if any(system for *_, system in found):
        return [["question", "answer", "system"], *found]
    return [["question", "answer"], *(row[:2] for row in found)]


def _csv(table: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    # the mark lets Excel read it as UTF-8
    return out.getvalue().encode("utf-8-sig")


def _xlsx(table: list[list[str]]) -> bytes:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("data")
    for row in table:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet)
            cell.value = _CONTROL.sub("", text)
            # text that begins with = is text, never a formula
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
