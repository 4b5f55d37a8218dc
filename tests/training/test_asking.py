"""Asking: what it is learned from, replies in batches against one by one, and how the mixture reads what is kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

import pytest
import torch

from training.asking import Asked, ask_sample, generate, sound, understood
from training.asking.__main__ import main
from training.asking.generate import Sampling, batches, likelihoods
from training.decoder import Decoder, DecoderConfig
from training.mixture import Mix, load_sources, own_rows, samples

BASE = Path("llm/embedded/base")
SMALL = DecoderConfig(vocab=64, hidden=32, layers=2, heads=4, kv_heads=2, head_dim=8, inner=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of the base's vocabulary, with its tokenizer."""
    from safetensors.torch import save_file

    from training.quantise import write_config

    torch.manual_seed(0)
    out = tmp_path_factory.mktemp("model")
    config = DecoderConfig(hidden=32, layers=2, heads=4, kv_heads=2, head_dim=8, inner=48)
    weights = {name: value.to(torch.bfloat16).contiguous() for name, value in Decoder(config).state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    write_config(out, config.to_hugging_face())
    (out / "tokenizer.json").write_bytes((BASE / "tokenizer.json").read_bytes())
    return out


def _model() -> Decoder:
    torch.manual_seed(1)
    model = Decoder(SMALL, torch.float32).eval()
    for value in model.parameters():
        value.data = torch.randn_like(value) * 0.3 if value.ndim == 2 else value.data
    return model


def _greedy(model: Decoder, prompt: list[int], steps: int) -> list[int]:
    """One token at a time, everything computed anew."""
    ids = list(prompt)
    for _ in range(steps):
        tokens = torch.tensor([ids])
        positions = torch.arange(len(ids))[None]
        mask = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()[None, None]
        ids.append(int(model.logits(tokens, positions, mask)[0, -1].argmax()))
    return ids[len(prompt) :]


def test_replies_in_batches_are_those_of_one_prompt_alone() -> None:
    model, rng = _model(), Random(2)
    prompts = [[rng.randrange(3, 64) for _ in range(n)] for n in (5, 11, 3, 8)]
    want = [_greedy(model, prompt, 9) for prompt in prompts]
    end = next(token for reply in want for token in reply if reply.index(token) > 1)
    got = generate.sample(model, prompts, end, Sampling(count=2, length=9, top=1))
    for reply, expected in zip(got, want, strict=True):
        told = expected[: expected.index(end)] if end in expected else []
        assert reply == [told, told]
    assert any(reply[0] for reply in got)
    assert len({str(reply) for reply in got}) > 1


def test_likelihoods_are_those_of_the_whole_text() -> None:
    model, rng = _model(), Random(3)
    rows = [([rng.randrange(64) for _ in range(a)], [rng.randrange(64) for _ in range(b)]) for a, b in ((4, 3), (9, 1))]
    for (head, tail), got in zip(rows, likelihoods(model, rows), strict=True):
        ids = torch.tensor([[*head, *tail]])
        mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()[None, None]
        told = model.logits(ids, torch.arange(ids.shape[1])[None], mask).detach().log_softmax(-1)[0]
        want = sum(float(told[len(head) - 1 + j, t]) for j, t in enumerate(tail)) / len(tail)
        assert got == pytest.approx(want, abs=1e-4)


def test_a_sample_is_understood_and_sound() -> None:
    rng = Random(4)
    rows = [row for row in list(own_rows())[:60] if row["answer"]]
    for row in rows[:8]:
        siblings = [r for r in rows if r["context"] == row["context"]]
        sample = ask_sample(rng, row, siblings)
        assert sample is not None
        turns = sample.messages
        assert row["context"][:10] in turns[0]["content"] or len(row["context"]) > 200
        first = understood(turns[1]["content"], "zh")
        assert first is not None
        assert first in [Asked(r["question"], r["answer"]) for r in siblings]
        assert sound(first, row["context"], "zh")
        assert len({m["content"] for m in turns[1::2]}) == len(turns) // 2
    assert understood("问题：多少？\n答案：三", "zh") is None
    assert not sound(Asked("多少是三十人？", "三十人"), "共有三十人。", "zh")
    assert not sound(Asked("有多少人？", "四十人"), "共有三十人。", "zh")


def test_a_model_asks_about_documents_and_the_mixture_reads_what_is_kept(folder: Path, tmp_path: Path) -> None:
    """A random model forms nothing, so everything it draws is thrown away; written by hand, rows are read."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = "# 红桥\n" + "红桥镇的老桥建于1821年，长四十二米，由石匠周文修建。" * 8
    (corpus / "pretrain_a.jsonl").write_text(json.dumps({"text": text, "lang": "zh", "src": "t"}) + "\n", "utf-8")
    words = f"--model {folder} --reader {folder} --corpus {corpus} --out {corpus} --seconds 0.01 --passages 3 --count 2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["asking", *words.split()])
        main()
    assert (corpus / "asked-000.jsonl").read_text("utf-8") == ""
    row = {
        "context": text[:60],
        "title": "红桥",
        "lang": "zh",
        "src": "asked t",
        "asked": [["红桥的老桥多长？", "四十二米"]],
    }
    (corpus / "asked-001.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    sources = load_sources(corpus, 1, 2, 0)
    assert [r["question"] for r in sources.reader["zh asked"]] == ["红桥的老桥多长？"]
    mix = Mix({"asked": 1, **dict.fromkeys(("scene", "drill", "reader", "rule", "cloze", "talk", "chat"), 0)}, 0.0)
    drawn = samples(sources, Random(5), mix)
    told = "".join(m["content"] for _ in range(12) for m in next(drawn))
    assert "四十二米" in told


def test_batches_keep_to_their_size() -> None:
    lengths = [Random(6).randrange(1, 90) for _ in range(50)]
    found = list(batches(lengths, 300))
    assert sorted(i for batch in found for i in batch) == list(range(50))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 300 for batch in found)
    assert len(found) < 50
