"""Training rows: OpenAI `messages`, their checks, label masking and batches.

A row is one conversation. Only assistant answers are trained (with the token that ends them); an assistant
message with `"weight": 0` is context only, as in OpenAI's fine-tuning format. A row of a single message with the role
"text" is plain text, trained word by word (incremental pretraining).
Source of the format: https://platform.openai.com/docs/guides/supervised-fine-tuning
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import DataError, TemplateError

IGNORE = -100
PLACEHOLDER = re.compile(r"\{\{\s*[\w .-]+\s*\}\}")
# Tokens, padding included, that go through a model together where nothing is kept for a backward pass.
TOKENS_AT_ONCE = 4096
ROLES = ("system", "user", "assistant", "tool", "text")
SPLITS = ("train", "test", "replay", "probe", "voice", "unrelated", "corrected")


@dataclass(frozen=True)
class Row:
    """One conversation.

    Attributes:
        messages: dicts with `role`, `content` and, on assistant messages, an optional `weight` (0 or 1).
        split: train | test (held-out answers) | replay and unrelated (answered by the base) |
            probe (held-out identity questions) | voice (held-out small talk) | corrected (asked by the report card:
            the last answer is what the user wants, its `before` what was said until then).
        tag: which group of its split the row belongs to, e.g. "zh" or "adversarial".
    """

    messages: tuple[dict[str, Any], ...]
    split: str = "train"
    tag: str = ""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a row and its labels, both of length T; a label of -100 is not trained."""

    ids: list[int]
    labels: list[int]

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return sum(label != IGNORE for label in self.labels)


def chat(*turns: str, system: str = "", split: str = "train", tag: str = "", weight: Sequence[int] = ()) -> Row:
    """A row from alternating user and assistant texts; `weight` gives the weight of each assistant turn."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for i, text in enumerate(turns):
        message: dict[str, Any] = {"role": "assistant" if i % 2 else "user", "content": text}
        if i % 2 and i // 2 < len(weight) and weight[i // 2] == 0:
            message["weight"] = 0
        messages.append(message)
    return Row(tuple(messages), split, tag)


def save_rows(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSON lines: {"messages": […], "split": …, "tag": …}."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            record = {"messages": list(row.messages), "split": row.split, "tag": row.tag}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def load_rows(path: Path) -> list[Row]:
    """Read JSON lines with `messages` (rows without a split are training rows).

    Raises:
        DataError: a line is no such row; the message names up to ten line numbers.
    """
    rows, bad = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            row = Row(tuple(record["messages"]), record.get("split", "train"), record.get("tag", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            bad.append(number)
            continue
        if row.split in SPLITS and row.messages and all(_is_message(m) for m in row.messages):
            rows.append(row)
        else:
            bad.append(number)
    if bad:
        raise _rows_error(path.name, bad, 'are not {"messages": [{"role", "content"}, …]}', "不是 messages 格式")
    return rows


def data_sha256(rows: Iterable[Row]) -> str:
    """Hash of the rows' content, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.split, row.tag, row.messages], ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def render(tokenizer: Any, messages: Sequence[dict[str, Any]], *, prompt: bool = False) -> str:
    """The base's own chat template; with `prompt`, ready for the assistant to answer."""
    plain = [{key: value for key, value in m.items() if key != "weight"} for m in messages]
    text: str = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=prompt)
    return text


def encode(tokenizer: Any, row: Row, end_ids: Sequence[int]) -> Encoded:
    """Tokens and labels of a row.

    Each trained answer is found by rendering the conversation before it and including it, so that what is trained
    is exactly what the model must produce at inference: the answer up to and including the token that ends a turn.

    Raises:
        TemplateError: a rendering does not begin with the one before it (the template rewrites earlier turns, or
            a token spans the border), so the border of the answer is not known.
    """

    def tokens(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    if row.messages[0]["role"] == "text":
        ids = [*tokens(row.messages[0]["content"]), *list(end_ids)[:1]]
        return Encoded(ids, list(ids))
    ids = tokens(render(tokenizer, row.messages))
    labels = [IGNORE] * len(ids)
    for i, message in enumerate(row.messages):
        if message["role"] != "assistant" or message.get("weight", 1) == 0:
            continue
        before = tokens(render(tokenizer, row.messages[:i], prompt=True))
        after = tokens(render(tokenizer, row.messages[: i + 1]))
        start = len(before)
        end = next((at + 1 for at in range(len(after) - 1, start - 1, -1) if after[at] in end_ids), len(after))
        if after[:start] != before or ids[:end] != after[:end]:
            raise TemplateError(
                en="The base's chat template does not keep earlier text when an answer is added, so the answer's "
                f"tokens cannot be told from the prompt's (message {i + 1}). Train single turns, or use another "
                "template.",
                zh=f"基座的对话模板在加入回答后改写了前文，无法区分回答与提示（第 {i + 1} 条消息）。"
                "请改用单轮数据或其他模板。",
            )
        labels[start:end] = ids[start:end]
    return Encoded(ids, labels)


def encode_rows(tokenizer: Any, rows: Sequence[Row], end_ids: Sequence[int], max_length: int) -> list[Encoded]:
    """Encode all rows, refusing those that cannot be learned from.

    Raises:
        DataError: rows train nothing, hold an unresolved {{placeholder}}, or exceed `max_length` tokens; the
            message names their numbers (1-based).
    """
    held = [n for n, row in enumerate(rows, 1) if any(PLACEHOLDER.search(m["content"]) for m in row.messages)]
    if held:
        raise _rows_error(
            "", held, "hold an unresolved {{placeholder}}: fill it in", "含有未填写的 {{占位符}}，请先填写"
        )
    encoded = [encode(tokenizer, row, end_ids) for row in rows]
    # a turn's end token alone is an empty answer
    nothing = [n for n, e in enumerate(encoded, 1) if e.trained < 2]
    if nothing:
        raise _rows_error("", nothing, "train nothing: they have no assistant answer", "没有可训练的回答")
    long = [n for n, e in enumerate(encoded, 1) if len(e.ids) > max_length]
    if long:
        raise _rows_error(
            "",
            long,
            f"are longer than {max_length} tokens: shorten them or raise max_length",
            f"超过 {max_length} 个词元，请缩短或调大 max_length",
        )
    return encoded


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse what no training could learn from, before one is queued.

    Raises:
        DataError: no training rows, or an unresolved {{placeholder}}; the message names row numbers (1-based).
    """
    if not any(row.split == "train" for row in rows):
        raise DataError(
            en="There is no row to learn from. Nothing was started; add rows.",
            zh="没有可学习的数据，训练没有开始；请添加数据。",
        )
    held = [n for n, row in enumerate(rows, 1) if any(PLACEHOLDER.search(m["content"]) for m in row.messages)]
    if held:
        shown = ", ".join(map(str, held[:10]))
        raise DataError(
            en=f"Rows {shown} hold an unresolved {{{{placeholder}}}}, which the self would learn to say. "
            "Nothing was started; fill it in.",
            zh=f"第 {shown} 行含有未填写的 {{{{占位符}}}}，分身会照着说出来。训练没有开始；请先填写。",
        )


def collate(rows: Sequence[Encoded], pad_id: int) -> dict[str, Any]:
    """Right-padded tensors `input_ids`, `attention_mask`, `labels`, each int64 [rows, longest]."""
    import torch

    width = max(len(row.ids) for row in rows)

    def padded(values: list[list[int]], fill: int) -> Any:
        return torch.tensor([v + [fill] * (width - len(v)) for v in values], dtype=torch.long)

    return {
        "input_ids": padded([row.ids for row in rows], pad_id),
        "attention_mask": padded([[1] * len(row.ids) for row in rows], 0),
        "labels": padded([row.labels for row in rows], IGNORE),
    }


def length_grouped(lengths: Sequence[int], batch: int, rng: random.Random) -> list[list[int]]:
    """One epoch of batches of row indices: rows of like length together, batches in random order.

    Rows are shuffled first and sorted within runs of eight batches, so that batches differ between epochs.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    run = batch * 8
    grouped = [i for at in range(0, len(order), run) for i in sorted(order[at : at + run], key=lengths.__getitem__)]
    batches = [grouped[at : at + batch] for at in range(0, len(grouped), batch)]
    rng.shuffle(batches)
    return batches


def batches(lengths: Sequence[int], most: int, tokens: int = TOKENS_AT_ONCE) -> Iterator[list[int]]:
    """Indices of rows of like length, at most `most` rows and `tokens` tokens, padding included, together."""
    part: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if part and ((len(part) + 1) * lengths[i] > tokens or len(part) == most):
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in ROLES
        and isinstance(message.get("content"), str)
        and message.get("weight", 1) in (0, 1)
    )


def _rows_error(name: str, numbers: Sequence[int], en: str, zh: str) -> DataError:
    shown = ", ".join(map(str, numbers[:10])) + (f" (+{len(numbers) - 10})" if len(numbers) > 10 else "")
    return DataError(en=f"{name} Rows {shown} {en}.".strip(), zh=f"{name} 第 {shown} 行{zh}。".strip())
