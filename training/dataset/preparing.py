"""From what a file holds to what a training takes: no row twice, none too long, some kept back to be judged by."""

from __future__ import annotations

import math
import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.data import PLACEHOLDER, Row, encode
from training.dataset.found import Dataset, Problem
from training.errors import DataError

# Of tables, as the tutorials split them.
TEST_SHARE = 0.3
_SPACES = re.compile(r"\s+")
# Characters of a very long message by which its tokens are told.
GLANCED = 50_000


@dataclass(frozen=True)
class Lengths:
    """How long rows are, in tokens of one base.

    Attributes:
        tokens: of each row.
        bins: (from, up to and including, rows), of equal width, as far as there are rows; the last one is open for what
            is longer than `limit`.
        limit: the longest a training takes.
        over: the numbers of rows that are longer.
    """

    tokens: tuple[int, ...]
    bins: tuple[tuple[int, int, int], ...]
    limit: int
    over: tuple[int, ...]


def without_duplicates(found: Dataset) -> Dataset:
    """Each thing said once: compared by all of its messages, NFKC, without case or spacing. The first one stays."""
    seen: set[tuple[tuple[str, str], ...]] = set()
    kept = []
    for i, row in enumerate(found.rows):
        key = tuple((m["role"], _key(m["content"])) for m in row.messages)
        if key not in seen:
            seen.add(key)
            kept.append(i)
    return replace(_only(found, kept), duplicates=found.duplicates + len(found.rows) - len(kept))


def without_placeholders(found: Dataset) -> Dataset:
    """Rows that hold an unresolved {{placeholder}} are left out, and named."""
    held = [i for i, row in enumerate(found.rows) if any(PLACEHOLDER.search(m["content"]) for m in row.messages)]
    told = "it holds an unresolved {{placeholder}}", "含有未填写的 {{占位符}}"
    return _without(found, held, *told)


def lengths(tokenizer: Any, found: Dataset, end_ids: Sequence[int], limit: int, bins: int = 10) -> Lengths:
    """Count the tokens of every row, rendered as they are trained.

    Raises:
        TemplateError: the base's chat template cannot be trained on.
    """
    counted = tuple(_count(tokenizer, row, end_ids, limit) for row in found.rows)
    highest = max(1, min(limit, max(counted, default=limit)))
    width = math.ceil(highest / bins)
    edges = [(i * width + 1, min(highest, (i + 1) * width)) for i in range(bins) if i * width < highest]
    shown = [(low, high, sum(low <= n <= high for n in counted)) for low, high in edges]
    over = [number for number, n in zip(found.numbers, counted, strict=True) if n > limit]
    shown.append((limit + 1, max(counted, default=limit + 1), len(over)))
    return Lengths(counted, tuple(shown), limit, tuple(over))


def _count(tokenizer: Any, row: Row, end_ids: Sequence[int], limit: int) -> int:
    """Tokens of a row; of one that is far too long, about how many: its first characters tell."""
    longest = max((m["content"] for m in row.messages), key=len)
    if len(longest) > GLANCED:
        first = len(tokenizer(longest[:GLANCED], add_special_tokens=False)["input_ids"])
        if first > 2 * limit:
            return first * len(longest) // GLANCED
    return len(encode(tokenizer, row, end_ids).ids)


def fitted(tokenizer: Any, found: Dataset, told: Lengths) -> Dataset:
    """No row longer than the limit: text is cut into pieces of that length, conversations are left out and named.

    Args:
        told: the lengths of exactly these rows.
    """
    rows, numbers, problems, limit = [], [], list(found.problems), told.limit
    for row, number, count in zip(found.rows, found.numbers, told.tokens, strict=True):
        if row.messages[0]["role"] == "text":
            pieces = cut(tokenizer, row.messages[0]["content"], limit - 1)
            rows += [replace(row, messages=({"role": "text", "content": piece},)) for piece in pieces]
            numbers += [number] * len(pieces)
            continue
        if count <= limit:
            rows.append(row)
            numbers.append(number)
        else:
            long = f"it has {count} tokens, more than {limit}", f"有 {count} 个词元，超过 {limit}"
            problems.append(Problem(number, *long))
    problems.sort(key=lambda p: p.number)
    return replace(found, rows=tuple(rows), numbers=tuple(numbers), problems=tuple(problems))


def cut(tokenizer: Any, text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` tokens that together are the text, ended after a sentence where one ends in
    a piece's last third."""
    pieces: list[str] = []
    while text:
        # of a book in one paragraph only what may fit is looked at, or each piece would cost as much as all of it
        seen = 16 * limit
        ids = tokenizer(text[:seen], add_special_tokens=False, return_offsets_mapping=True)
        while len(ids["input_ids"]) <= limit and seen < len(text):
            seen *= 2
            ids = tokenizer(text[:seen], add_special_tokens=False, return_offsets_mapping=True)
        if len(ids["input_ids"]) <= limit:
            return [*pieces, text]
        end = ids["offset_mapping"][limit][0] or 1
        stop = max(text.rfind(mark, end * 2 // 3, end) for mark in "。！？.!?\n")
        # a piece on its own may need a token more than within the text
        end = stop + 1 if stop > 0 else end
        while end > 1 and len(tokenizer(text[:end], add_special_tokens=False)["input_ids"]) > limit:
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    return pieces


def split(found: Dataset, share: float = TEST_SHARE, seed: int = 0) -> list[Row]:
    """All rows in their order, `share` of them kept back as "test".

    The same rows, share and seed give the same split. Rows that ask the same question stay on one side, so that what is
    kept back was not practised.

    Raises:
        DataError: the share is not from 0 to below 1, or would leave nothing on one side.
    """
    if not 0 <= share < 1:
        raise DataError(
            en=f"The share of test rows must be from 0 to below 1, but it is {share:g}.",
            zh=f"测试数据的比例应在 0 到 1 之间（不含 1），实际是 {share:g}。",
        )
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(found.rows):
        asked = next((m["content"] for m in row.messages if m["role"] in ("user", "text")), "")
        groups.setdefault(_key(asked), []).append(i)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    wanted = round(share * len(found.rows))
    kept_back: set[int] = set()
    for group in order:
        if len(kept_back) + len(group) <= wanted:
            kept_back.update(group)
    if (share and not kept_back) or len(kept_back) == len(found.rows):
        raise DataError(
            en=f"Different rows that can be used: {len(found.rows)}, too few to keep {share:.0%} of them back to judge "
            "by. Nothing was prepared; add rows, or keep none back (set the share to 0).",
            zh=f"可用的不同数据只有 {len(found.rows)} 行，无法留出 {share:.0%} 用来评定。"
            "没有准备任何内容；请增加数据，或不留出（把比例设为 0）。",
        )
    return [replace(row, split="test" if i in kept_back else "train", tag="own") for i, row in enumerate(found.rows)]


def _key(text: str) -> str:
    return _SPACES.sub("", unicodedata.normalize("NFKC", text).casefold())


def _only(found: Dataset, kept: Sequence[int]) -> Dataset:
    return replace(found, rows=tuple(found.rows[i] for i in kept), numbers=tuple(found.numbers[i] for i in kept))


def _without(found: Dataset, left: Sequence[int], en: str, zh: str) -> Dataset:
    out = set(left)
    problems = sorted([*found.problems, *(Problem(found.numbers[i], en, zh) for i in left)], key=lambda p: p.number)
    return replace(_only(found, [i for i in range(len(found.rows)) if i not in out]), problems=tuple(problems))
