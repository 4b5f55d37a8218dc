"""The JSON formats that people keep conversations in, told apart by their keys, read and written.

- messages: {"messages": [{"role", "content"}]} (OpenAI's fine-tuning format)
- xtuner: {"conversation": [{"system", "input", "output"}]} (XTuner's single- and multi-turn format; without input it is
  text for incremental pretraining)
- alpaca: {"instruction", "input", "output", "system", "history": [[question, answer]]} (Stanford Alpaca, and the two
  keys that LLaMA-Factory added)
- sharegpt: {"conversations": [{"from": "human" | "gpt" | "system", "value"}], "system"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from training.data import Row, chat
from training.dataset.found import AGAIN, Dataset, Problem, cannot_read

SPEAKERS = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant",
    "bing": "assistant", "bard": "assistant", "system": "system", "tool": "tool", "observation": "tool",
}  # fmt: skip
KEYS = {"messages": "messages", "conversation": "xtuner", "conversations": "sharegpt", "instruction": "alpaca"}


class Unusable(Exception):
    """Why one record cannot be learned from, as (English, Chinese)."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def read_json(text: str, name: str) -> Dataset:
    """Read a JSON list or JSON lines in any of the formats; the first record that has one decides which.

    Raises:
        DataError: it is no JSON, or in none of the formats.
    """
    records, broken = _records(text, name)
    kind = next((found for _, record in records if (found := detect(record))), None)
    if kind is None:
        raise cannot_read(
            name,
            "its records are in none of the known formats (messages, conversation, conversations, instruction)",
            "其中的记录不属于任何已知格式（messages、conversation、conversations、instruction）",
            (
                "name their keys as one of these formats does, or save questions and answers as CSV",
                "请按其中一种格式命名各项，或把问答存成 CSV",
            ),
        )
    rows, numbers, problems = [], [], broken
    for number, record in records:
        try:
            rows.append(READERS[kind](record))
            numbers.append(number)
        except Unusable as error:
            problems.append(Problem(number, error.en, error.zh))
    return Dataset(kind, tuple(rows), tuple(numbers), tuple(sorted(problems, key=lambda p: p.number)))


def detect(record: Any) -> str | None:
    """The format of one record."""
    found = (kind for key, kind in KEYS.items() if isinstance(record, dict) and key in record)
    return next(found, None)


def _records(text: str, name: str) -> tuple[list[tuple[int, Any]], list[Problem]]:
    """(number, record) of each, and the lines that are no JSON."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] == "[":
            # one that is nested too deeply has no such place
            at = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
            raise cannot_read(
                name,
                f"it is not valid JSON (line {at[0]}, character {at[1]})",
                f"不是有效的 JSON（第 {at[0]} 行第 {at[1]} 个字符）",
                AGAIN,
            ) from error
    else:
        return list(enumerate(whole if isinstance(whole, list) else [whole], 1)), []
    records, broken = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append((number, json.loads(line)))
        except (ValueError, RecursionError):
            broken.append(Problem(number, "it is not valid JSON", "不是有效的 JSON"))
    return records, broken


def _text(value: Any, what: str) -> str:
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        # OpenAI's content in parts; other parts than text cannot be learned here
        value = "".join(part.get("text", "") for part in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Unusable(f"its {what} is no text", f"“{what}”不是文本")
    return value.strip()


def conversation(messages: list[dict[str, Any]]) -> Row:
    """A checked row: system first if at all, then user and assistant in turns, ending with an answer.

    Raises:
        Unusable: it is not so.
    """
    talk = [m for m in messages if m["role"] in ("user", "assistant")]
    if not talk or messages[-1]["role"] != "assistant":
        raise Unusable("it has no answer at its end", "结尾没有回答")
    if not messages[-1]["content"]:
        raise Unusable("its answer is empty", "回答为空")
    if any(m["role"] == "system" for m in messages[1:]):
        raise Unusable("its system prompt does not come first", "系统提示不在开头")
    if talk[0]["role"] != "user":
        raise Unusable("it begins with an answer", "以回答开头")
    if any(not m["content"] for m in messages if m["role"] == "user"):
        raise Unusable("its question is empty", "问题为空")
    if "tool" not in {m["role"] for m in messages}:
        for one, other in pairwise(talk):
            if one["role"] == other["role"]:
                raise Unusable("two turns of the same speaker follow each other", "同一方连续发言两次")
    return Row(tuple(messages))


def _list(record: Any, key: str) -> list[dict[str, Any]]:
    turns = record.get(key) if isinstance(record, dict) else None
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise Unusable(f"it has no list “{key}”", f"没有列表“{key}”")
    return turns


def _from_messages(record: Any) -> Row:
    messages = []
    for turn in _list(record, "messages"):
        role = SPEAKERS.get(str(turn.get("role", "")))
        if role is None:
            raise Unusable(f"its role {turn.get('role')!r} is unknown", f"角色 {turn.get('role')!r} 无法识别")
        message: dict[str, Any] = {"role": role, "content": _text(turn.get("content"), "content")}
        if role == "assistant" and turn.get("weight") == 0:
            message["weight"] = 0
        messages.append(message)
    return conversation(messages)


def _from_xtuner(record: Any) -> Row:
    turns = _list(record, "conversation")
    system = _text(turns[0].get("system") or "", "system")
    if len(turns) == 1 and not turns[0].get("input") and not system:
        said = _text(turns[0].get("output"), "output")
        if not said:
            raise Unusable("its output is empty", "output 为空")
        return Row(({"role": "text", "content": said},))
    messages = [{"role": "system", "content": system}] if system else []
    for turn in turns:
        messages.append({"role": "user", "content": _text(turn.get("input"), "input")})
        messages.append({"role": "assistant", "content": _text(turn.get("output"), "output")})
    return conversation(messages)


def _from_alpaca(record: Any) -> Row:
    if not isinstance(record, dict):
        raise Unusable("it is no record", "不是记录")
    asked = [_text(record.get(key) or "", key) for key in ("instruction", "input")]
    turns: list[str] = []
    for turn in record.get("history") or ():
        if not isinstance(turn, (list, tuple)) or len(turn) != 2:
            raise Unusable("its history is no list of questions and answers", "history 不是问答列表")
        turns += [_text(turn[0], "history"), _text(turn[1], "history")]
    turns += ["\n".join(part for part in asked if part), _text(record.get("output"), "output")]
    system = _text(record.get("system") or "", "system")
    return conversation(list(chat(*turns, system=system).messages))


def _from_sharegpt(record: Any) -> Row:
    messages = []
    system = _text(record.get("system") or "", "system") if isinstance(record, dict) else ""
    if system:
        messages.append({"role": "system", "content": system})
    for turn in _list(record, "conversations"):
        speaker = turn.get("from", turn.get("role"))
        role = SPEAKERS.get(str(speaker))
        if role is None:
            raise Unusable(f"its speaker {speaker!r} is unknown", f"说话者 {speaker!r} 无法识别")
        messages.append({"role": role, "content": _text(turn.get("value", turn.get("content")), "value")})
    return conversation(messages)


READERS: dict[str, Callable[[Any], Row]] = {
    "messages": _from_messages,
    "xtuner": _from_xtuner,
    "alpaca": _from_alpaca,
    "sharegpt": _from_sharegpt,
}


def record_of(row: Row, kind: str) -> dict[str, Any]:
    """`row` as a record of the format.

    Raises:
        Unusable: the format cannot hold it.
    """
    if kind == "messages" and row.messages[0]["role"] != "text":
        return {"messages": [dict(m) for m in row.messages]}
    if row.messages[0]["role"] == "text":
        if kind == "xtuner":
            return {"conversation": [{"input": "", "output": row.messages[0]["content"]}]}
        raise Unusable("it is plain text", "是纯文本")
    if kind == "sharegpt":
        names = {"user": "human", "assistant": "gpt"}
        turns = [{"from": names.get(m["role"], m["role"]), "value": m["content"]} for m in row.messages]
        return {"conversations": turns}
    system, pairs = parts(row)
    if kind == "xtuner":
        said = [{"input": question, "output": answer} for question, answer in pairs]
        return {"conversation": [{"system": system, **said[0]}, *said[1:]]}
    *earlier, (question, answer) = pairs
    record: dict[str, Any] = {"instruction": question, "input": "", "output": answer}
    return (
        record | ({"system": system} if system else {}) | ({"history": [list(t) for t in earlier]} if earlier else {})
    )


def parts(row: Row) -> tuple[str, list[tuple[str, str]]]:
    """(system prompt, [(question, answer)]).

    Raises:
        Unusable: it is no conversation in turns.
    """
    system = row.messages[0]["content"] if row.messages[0]["role"] == "system" else ""
    talk = list(_talk(row))
    if [role for role, _ in talk] != ["user", "assistant"] * (len(talk) // 2) or not talk:
        raise Unusable("it is no exchange of questions and answers", "不是一问一答")
    return system, [(talk[i][1], talk[i + 1][1]) for i in range(0, len(talk), 2)]


def _talk(row: Row) -> Iterator[tuple[str, str]]:
    for message in row.messages:
        if message["role"] != "system":
            yield message["role"], message["content"]
