"""Packing: samples stay whole, roles mark the answers, shards survive the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from training import tokenizer as trained
from training.corpus import ANSWER, CONTEXT, PAD, TEXT, Encoder, Packer, work, write_shard
from training.mixture import load_sources, own_rows
from training.tokenizer import common_characters, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(
        ["你好，世界。今天天气很好。", "The quick brown fox jumps over the lazy dog."] * 20, 600, folder, emphasis=0
    )
    return folder


def test_a_piece_is_never_cut_and_never_lost() -> None:
    packer = Packer(32, pool=8)
    pieces = [([i] * (3 + i % 20), [ANSWER] * (3 + i % 20)) for i in range(1, 60)]
    rows = [row for piece in pieces for row in packer.add(piece)] + packer.flush()
    assert sorted(ids[0] for row in rows for ids, _ in row) == list(range(1, 60))
    assert all(sum(len(ids) for ids, _ in row) <= 32 for row in rows)
    packer.add(([1] * 33, [TEXT] * 33))
    assert packer.dropped == 1


def test_positions_start_again_with_each_piece(tmp_path: Path) -> None:
    write_shard(tmp_path / "0_0.npz", [[([5, 6, 7], [CONTEXT, CONTEXT, ANSWER]), ([8, 9], [TEXT, TEXT])]], 8)
    shard = np.load(tmp_path / "0_0.npz")
    assert shard["positions"][0].tolist() == [0, 1, 2, 0, 1, 0, 1, 2]
    assert shard["roles"][0].tolist() == [CONTEXT, CONTEXT, ANSWER, TEXT, TEXT, PAD, PAD, PAD]


def test_the_encoder_agrees_with_the_chat_template(tokenizer: Path) -> None:
    from transformers import AutoTokenizer

    messages = [
        {"role": "system", "content": "你是助手。"},
        {"role": "user", "content": "Hello 12"},
        {"role": "assistant", "content": "你好！"},
    ]
    ids, roles = Encoder(tokenizer / "tokenizer.json").chat(messages)
    theirs = AutoTokenizer.from_pretrained(tokenizer)
    assert theirs.decode(ids) == theirs.apply_chat_template(messages, tokenize=False)
    answer = [i for i, role in zip(ids, roles, strict=True) if role == ANSWER]
    assert theirs.decode(answer) == "你好！<|im_end|>"
    assert theirs.decode(ids) != theirs.apply_chat_template(messages[1:], tokenize=False)


def test_digits_are_single_tokens(tokenizer: Path) -> None:
    encoder = Encoder(tokenizer / "tokenizer.json")
    assert len(encoder.ids("2024")) == 4
    assert len(common_characters()) == 3755


def test_a_worker_writes_text_and_samples(tokenizer: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    texts = [
        {"text": f"第{i}座桥于19{i:02d}年建成通车，全长{i}20米，位于永安镇。" * 6, "lang": "zh", "src": "made"}
        for i in range(10, 40)
    ]
    (corpus / "pretrain__0.jsonl").write_text(
        "\n".join(json.dumps(t, ensure_ascii=False) for t in texts), encoding="utf-8"
    )
    rows = [
        {
            "context": "青石桥建于1932年。",
            "question": "青石桥哪年建的？",
            "answer": "1932年",
            "lang": "zh",
            "title": "桥",
            "src": "drcd_dev",
        },
        {
            "context": "The bridge is 120 m long.",
            "question": "How long is it?",
            "answer": "120 m",
            "lang": "en",
            "title": "Bridge",
            "src": "made",
        },
    ]
    (corpus / "reader__0.jsonl").write_text(
        "\n".join(json.dumps(r, ensure_ascii=False) for r in rows * 8), encoding="utf-8"
    )
    work(
        Namespace(
            corpus=corpus,
            tokenizer=tokenizer / "tokenizer.json",
            out=tmp_path / "out",
            workers=1,
            shards=1,
            rows=4,
            length=4096,
            seed=1,
            no_text=False,
            refusals=0.1,
            question_first=0.5,
            folder="practice",
            share=["scene=5"],
        ),
        0,
    )
    text, drill = (np.load(next((tmp_path / "out" / kind).glob("*.npz"))) for kind in ("text", "practice"))
    assert set(np.unique(text["roles"])) <= {PAD, TEXT} and (drill["roles"] == ANSWER).any()


def test_the_tokenizers_command_learns_from_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    rows = [
        {"text": "zyqqx " * 40},
        {"context": "青石桥", "question": "在哪？", "answer": None},
        {"messages": [{"role": "user", "content": "你好"}]},
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (corpus / "pretrain__0.jsonl").write_text(lines, encoding="utf-8")
    options = ["--vocabulary", "400", "--documents", "9", "--drills", "20"]
    monkeypatch.setattr("sys.argv", ["tokenizer", "--corpus", str(corpus), "--out", str(tmp_path / "out"), *options])
    monkeypatch.setattr(trained, "common_characters", lambda: ["一"])  # 3,755 of them are a minute's work
    trained.main()
    encoder = Encoder(tmp_path / "out" / "tokenizer.json")
    assert len(encoder.ids(" zyqqx")) == 1 and len(encoder.ids(" qxzyq")) > 1  # the first was seen, the second never
    assert (tmp_path / "out" / "chat_template.jinja").exists()
    (corpus / "pretrain__0.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="no lines"):
        trained.sample_texts(corpus, 9, 0, 1)


def test_the_chat_template_is_the_shipped_one() -> None:
    root = Path(__file__).parents[2]
    shipped = (root / "llm" / "embedded" / "base" / "chat_template.jinja").read_text(encoding="utf-8")
    assert (root / "training" / "chat_template.jinja").read_text(encoding="utf-8") == shipped


def test_a_corpus_file_that_was_cut_off_stops_every_worker(tokenizer: Path, tmp_path: Path) -> None:
    whole = json.dumps({"text": "青石桥建于1932年。" * 9, "lang": "zh", "src": "made"}, ensure_ascii=False)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "pretrain__0.jsonl").write_text(whole + "\n" + whole, encoding="utf-8")
    (tmp_path / "corpus" / "pretrain__1.jsonl").write_text(whole + "\n" + whole[:40], encoding="utf-8")
    command = [sys.executable, "-m", "training.corpus", "--corpus", str(tmp_path / "corpus"), "--workers", "2"]
    command += ["--tokenizer", str(tokenizer / "tokenizer.json"), "--out", str(tmp_path / "out"), "--shards", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "pretrain__1.jsonl, line 2" in done.stderr and "all were stopped" in done.stderr


def test_the_projects_own_questions_are_answered_by_their_passages() -> None:
    rows = list(own_rows())
    assert len(rows) > 15_000 and len({row["context"] for row in rows}) > 2_000
    assert all(row["answer"] is None or row["answer"] in row["context"] for row in rows)
    assert 0.05 < sum(row["answer"] is None for row in rows) / len(rows) < 0.2


@pytest.mark.parametrize(("files", "workers"), [(2, 5), (5, 2), (3, 3)])
def test_workers_share_every_document_once(files: int, workers: int, tmp_path: Path) -> None:
    every = set()
    for name in range(files):
        texts = [f"{name}-{i}" for i in range(7)]
        every |= set(texts)
        lines = [json.dumps({"text": text, "lang": "zh", "src": "t"}) for text in texts]
        (tmp_path / f"pretrain__{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    parts = [load_sources(tmp_path, part, workers, 0).documents["zh"] for part in range(workers)]
    told = [row["text"] for part in parts for row in part]
    assert sorted(told) == sorted(every)
    assert all(parts)
