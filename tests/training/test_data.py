"""Rows and masking, with the embedded base's own tokenizer and template."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from training.data import (
    IGNORE,
    Row,
    chat,
    collate,
    data_sha256,
    encode,
    encode_rows,
    length_grouped,
    load_rows,
    render,
    save_rows,
)
from training.errors import DataError, TemplateError
from training.settings import EMBEDDED_BASE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ROOT / EMBEDDED_BASE)


def trained_text(tokenizer: Any, row: Row) -> str:
    encoded = encode(tokenizer, row, [tokenizer.eos_token_id])
    return str(tokenizer.decode([label for label in encoded.labels if label != IGNORE]))


def test_only_the_answer_and_its_end_are_trained(tokenizer: Any) -> None:
    row = chat("你好，你是谁？", "我是灶王。", system="你是一个助手。")
    assert trained_text(tokenizer, row) == "我是灶王。<|im_end|>"
    encoded = encode(tokenizer, row, [tokenizer.eos_token_id])
    before = tokenizer(render(tokenizer, row.messages[:-1], prompt=True), add_special_tokens=False)["input_ids"]
    assert encoded.ids[: len(before)] == before
    assert encoded.labels[: len(before)] == [IGNORE] * len(before)
    # the line break after the end token belongs to the template
    assert encoded.labels[-1] == IGNORE or encoded.ids[-1] == tokenizer.eos_token_id
    assert all(label in (IGNORE, token) for label, token in zip(encoded.labels, encoded.ids, strict=True))


def test_every_answer_of_a_conversation_is_trained_but_those_of_weight_0(tokenizer: Any) -> None:
    assert trained_text(tokenizer, chat("a?", "one", "b?", "two")) == "one<|im_end|>two<|im_end|>"
    assert trained_text(tokenizer, chat("a?", "one", "b?", "two", weight=[0])) == "two<|im_end|>"


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer: Any) -> None:
    from copy import deepcopy

    rewriting = deepcopy(tokenizer)
    rewriting.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{{ m.content if loop.last or m.role != 'assistant' else '...' }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    row, ends = chat("a?", "one", "b?", "two"), [tokenizer.eos_token_id]
    with pytest.raises(TemplateError):
        encode(rewriting, row, ends)
    # control: one turn is not rewritten, and the base's own template rewrites nothing
    assert encode(rewriting, chat("a?", "one"), ends).trained
    assert encode(tokenizer, row, ends).trained


def test_rows_that_cannot_be_learned_are_refused_by_number(tokenizer: Any) -> None:
    good, ends = chat("你是谁？", "我是灶王。"), [tokenizer.eos_token_id]
    assert len(encode_rows(tokenizer, [good, good], ends, 64)) == 2
    bad = {
        "placeholder": chat("你是谁？", "我是{{ name }}。"),
        "train nothing": chat("你是谁？"),
        "longer than": chat("你是谁？", "很长的回答。" * 40),
    }
    for reason, row in bad.items():
        with pytest.raises(DataError, match=f"Rows 2 .*{reason}") as caught:
            encode_rows(tokenizer, [good, row, good], ends, 64)
        assert "第 2 行" in caught.value.zh
    with pytest.raises(DataError, match="train nothing"):
        encode_rows(tokenizer, [chat("你是谁？", "")], ends, 64)


def test_batches_are_padded_and_masked(tokenizer: Any) -> None:
    rows = [
        encode(tokenizer, r, [tokenizer.eos_token_id]) for r in (chat("a?", "b"), chat("a longer one?", "an answer"))
    ]
    batch = collate(rows, pad_id=0)
    short = len(rows[0].ids)
    assert batch["input_ids"].shape == batch["labels"].shape == (2, len(rows[1].ids))
    assert batch["attention_mask"].sum(1).tolist() == [short, len(rows[1].ids)]
    assert (batch["labels"][0, short:] == IGNORE).all()


def test_length_grouping_keeps_every_row_and_saves_padding() -> None:
    rng = random.Random(1)
    lengths = [rng.randrange(5, 200) for _ in range(203)]
    batches = length_grouped(lengths, 8, random.Random(0))
    assert sorted(i for batch in batches for i in batch) == list(range(203))

    def padded(groups: list[list[int]]) -> int:
        return sum(max(lengths[i] for i in group) * len(group) for group in groups)

    plain = [list(range(at, min(at + 8, 203))) for at in range(0, 203, 8)]
    assert padded(batches) < 0.8 * padded(plain)
    assert batches == length_grouped(lengths, 8, random.Random(0)) != length_grouped(lengths, 8, random.Random(1))


def test_rows_survive_a_file_and_bad_lines_are_numbered(tmp_path: Path) -> None:
    rows = [chat("你好", "你好", "谁？", "我", weight=[0], tag="zh"), chat("x", split="probe", tag="en")]
    path = tmp_path / "rows.jsonl"
    save_rows(rows, path)
    assert load_rows(path) == rows
    lines = path.read_text(encoding="utf-8").splitlines()
    bad = ["not json", '{"messages": [{"role": "bard", "content": "x"}]}', '{"messages": []}', "[1]"]
    path.write_text("\n".join([lines[0], *bad]), encoding="utf-8")
    with pytest.raises(DataError, match="Rows 2, 3, 4, 5 "):
        load_rows(path)


def test_the_data_hash_follows_content_and_order() -> None:
    a, b = chat("a", "b"), chat("c", "d")
    assert data_sha256([a, b]) == data_sha256([a, b])
    assert len({data_sha256(rows) for rows in ([a, b], [b, a], [a], [a, chat("c", "e")])}) == 4
