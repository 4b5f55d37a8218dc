"""The trainer: the decoder equals transformers' Qwen3, packing equals separate rows, nf4 equals bitsandbytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.average import average
from training.corpus import ANSWER, CONTEXT, TEXT, write_shard
from training.decoder import Decoder, DecoderConfig, boundaries, document_mask
from training.errors import TrainingError
from training.optim import orthogonalise
from training.pretrain import Trainer
from training.quantise import dynamic_map, fake_quantise
from training.shards import Rows
from training.stages import Recipe, Stage, read_recipes

TINY = DecoderConfig(vocab=320, hidden=64, layers=2, heads=2, kv_heads=1, head_dim=32, inner=128)


def test_dropout_drops_in_training_only() -> None:
    torch.manual_seed(0)
    model = Decoder(TINY, torch.float32)
    tokens = torch.randint(3, 300, (1, 12))
    positions = torch.arange(12)[None]
    given = (tokens, positions, document_mask(positions))
    with torch.no_grad():
        plain = model.logits(*given)
        assert torch.equal(plain, model.logits(*given))
        model.set_dropout(0.5)
        assert not torch.equal(model.logits(*given), model.logits(*given))
        assert torch.equal(plain, model.eval().logits(*given))


def test_the_decoder_is_qwen3() -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    ours = Decoder(TINY, torch.float32)
    settings = {
        k: v for k, v in TINY.to_hugging_face().items() if k not in ("architectures", "model_type", "torch_dtype")
    }
    theirs = Qwen3ForCausalLM(Qwen3Config(**settings)).float().eval()
    theirs.load_state_dict(ours.state_dict(), strict=False)
    theirs.tie_weights()
    tokens = torch.randint(0, 320, (2, 12))
    positions = torch.arange(12).expand(2, 12)
    assert torch.allclose(ours.logits(tokens, positions, document_mask(positions)), theirs(tokens).logits, atol=1e-5)


def test_packed_rows_equal_separate_rows() -> None:
    torch.manual_seed(0)
    model = Decoder(TINY, torch.float32)
    a, b = torch.randint(0, 320, (1, 7)), torch.randint(0, 320, (1, 9))
    packed = torch.cat((a, b), 1)
    positions = torch.cat((torch.arange(7), torch.arange(9)))[None]
    together = model.logits(packed, positions, document_mask(positions))[:, 7:]
    alone = model.logits(b, torch.arange(9)[None], document_mask(torch.arange(9)[None]))
    assert torch.allclose(together, alone, atol=1e-5)
    leaky = model.logits(packed, positions, document_mask(torch.arange(16)[None]))[:, 7:]
    assert not torch.allclose(leaky, alone, atol=1e-3)  # without the borders it would show
    assert boundaries(positions)[:3].tolist() == [0, 7, 16]


def test_roles_are_counted_apart() -> None:
    model = Decoder(TINY, torch.float32)
    positions = torch.tensor([[0, 1, 2, 0, 1]])
    roles = torch.tensor([[CONTEXT, CONTEXT, ANSWER, TEXT, TEXT]])
    sums = model(torch.randint(0, 320, (1, 5)), positions, roles, document_mask(positions))
    assert sums[1, 1:].tolist() == [1, 1, 1] and (sums[0, 1:] > 0).all()


def test_fake_quantisation_is_that_of_bitsandbytes() -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    torch.manual_seed(0)
    assert torch.equal(dynamic_map(), functional.create_dynamic_map().sort().values)
    weights = (torch.randn(128, 448) * 0.03).to(torch.bfloat16)
    packed, state = functional.quantize_4bit(weights, quant_type="nf4", compress_statistics=True)
    theirs = functional.dequantize_4bit(packed, state).float()
    ours = fake_quantise(weights[None].float())[0]
    assert (ours != theirs).float().mean() < 1e-3
    assert (ours != weights.float()).float().mean() > 0.5


def test_newton_schulz_flattens_the_spectrum() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(1, 32, 64) @ torch.diag(torch.linspace(0.1, 3, 64))
    values = torch.linalg.svdvals(orthogonalise(matrix)[0])
    assert values.max() < 1.3 and values.min() > 0.5
    assert torch.linalg.svdvals(matrix[0]).min() / torch.linalg.svdvals(matrix[0]).max() < 0.4


def _data(folder: Path) -> Path:
    generator = torch.Generator().manual_seed(1)
    rows = [
        [([int(x) for x in torch.randint(3, 9, (30,), generator=generator)], [CONTEXT] * 20 + [ANSWER] * 10)]
        for _ in range(8)
    ]
    write_shard(folder / "drill" / "00000_000.npz", rows, 32)
    write_shard(folder / "text" / "000.npz", [[([5, 6] * 16, [TEXT] * 32)]] * 8, 32)
    return folder


def test_a_run_learns_exports_and_goes_on(tmp_path: Path) -> None:
    data = _data(tmp_path / "data")
    stages = (
        Stage("a", (0.01, 0.01), (0.5, 0.5), tokens=4000),
        Stage("b", (0.01, 0.001), (0.9, 0.9), tokens=600, context=0.0, quantise=True),
    )
    Trainer(Recipe(TINY, stages[:1], batch_rows=4, micro_rows=2, warmup=1), data, tmp_path / "run").run()
    first = (tmp_path / "run" / "a" / "model.safetensors").read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    texts = [line["text"] for line in lines if line["text"] > 0]
    assert texts[-1] < texts[0] - 1
    again = Trainer(Recipe(TINY, stages, batch_rows=4, micro_rows=2, warmup=1), data, tmp_path / "run")
    assert again.stage == 1 and again.total >= 4000
    again.run()
    assert (tmp_path / "run" / "a" / "model.safetensors").read_bytes() == first
    assert (tmp_path / "run" / "b" / "config.json").exists()


def test_a_stage_draws_from_its_own_folder(tmp_path: Path) -> None:
    data = _data(tmp_path / "data")
    write_shard(data / "other" / "00000_000.npz", [[([9, 9] * 16, [ANSWER] * 32)]] * 4, 32)
    rows = Rows(data, 0, 1, 1)
    drawn = rows.samples()
    assert not (next(drawn)[0] == 9).all()
    rows.folder = "other"
    assert (next(drawn)[0] == 9).all()
    rows.folder = "drill"
    assert not (next(drawn)[0] == 9).all()


def test_a_run_starts_from_an_earlier_ones_weights(tmp_path: Path) -> None:
    data = _data(tmp_path / "data")
    recipe = Recipe(TINY, (Stage("a", (0.01, 0.01), (0.5, 0.5), tokens=400),), batch_rows=4, micro_rows=2, warmup=1)
    Trainer(recipe, data, tmp_path / "run").run()
    gone_on = Trainer(recipe, data, tmp_path / "next", init=tmp_path / "run" / "a")
    fresh = Trainer(recipe, data, tmp_path / "fresh")
    kept = load_file(tmp_path / "run" / "a" / "model.safetensors")
    assert all(torch.equal(value.to(torch.bfloat16), kept[name]) for name, value in gone_on.model.state_dict().items())
    assert not all(
        torch.equal(value.to(torch.bfloat16), kept[name]) for name, value in fresh.model.state_dict().items()
    )


def test_recipes_read_and_bad_stages_are_refused() -> None:
    folder = Path(__file__).parents[2] / "training" / "recipes"
    recipe = read_recipes([folder / "pretrain.yaml", folder / "sft-base.yaml"])
    assert [stage.name for stage in recipe.stages] == ["early", "late", "sft", "heal"] and recipe.stages[-1].quantise
    with pytest.raises(ValueError, match="seconds or tokens"):
        Stage("x", (0.1, 0.1), (0, 0))


def test_weights_are_averaged_and_others_refused(tmp_path: Path) -> None:
    one, two, odd = ({"a": torch.full((2, 2), value), "b": torch.tensor([value])} for value in (1.0, 3.0, 5.0))
    odd["b"] = torch.zeros(2)
    for name, tensors in (("one", one), ("two", two), ("odd", odd)):
        (tmp_path / name).mkdir()
        save_file({k: v.bfloat16() for k, v in tensors.items()}, tmp_path / name / "model.safetensors")
        (tmp_path / name / "config.json").write_text(name, encoding="utf-8")
    average(tmp_path / "one", tmp_path / "two", tmp_path / "out", 0.25)
    mixed = load_file(tmp_path / "out" / "model.safetensors")
    assert mixed["a"].tolist() == [[1.5, 1.5], [1.5, 1.5]] and mixed["b"].dtype == torch.bfloat16
    assert (tmp_path / "out" / "config.json").read_text(encoding="utf-8") == "two"
    with pytest.raises(TrainingError, match="cannot be averaged"):
        average(tmp_path / "one", tmp_path / "odd", tmp_path / "no")
    assert not (tmp_path / "no").exists()
