"""Loading a base: 4 bits without bitsandbytes, what makes two bases the same, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.adapters import AdapterRegistry
from llm.errors import ModelLoadError
from llm.fingerprint import base_fingerprint
from llm.model import Base, load_base
from llm.nf4 import dequantised_state
from llm.settings import EMBEDDED_BASE, LlmSettings
from tests.llm.tiny import ask, load_tiny, make_checkpoint, running


def _stored(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = {}
    for shard in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(shard)
    return tensors


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "tiny")


# --- 4 bits


def _bitsandbytes() -> Any:
    return pytest.importorskip("bitsandbytes")


def _theirs(stored: dict[str, torch.Tensor], name: str, dtype: torch.dtype) -> torch.Tensor:
    """The weight as bitsandbytes itself unpacks it."""
    functional = _bitsandbytes().functional
    parts = {key: t for key, t in stored.items() if key.startswith(name + ".")}
    state = functional.QuantState.from_dict(parts, device=torch.device("cpu"))
    state.dtype = dtype
    return functional.dequantize_4bit(stored[name], state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_unpacked_weights_are_those_of_bitsandbytes(dtype: torch.dtype) -> None:
    """To the bit; every layer of the embedded base."""
    stored = _stored(EMBEDDED_BASE)
    ours = dequantised_state(EMBEDDED_BASE, dtype)
    packed = [name.removesuffix(".absmax") for name in stored if name.endswith(".absmax")]
    assert len(packed) > 80
    for name in packed:
        assert torch.equal(ours[name], _theirs(stored, name, dtype)), name
    other = packed[0].replace("layers.0", "layers.1")
    assert not torch.allclose(ours[other], _theirs(stored, packed[0], dtype), rtol=0.1), "the control"
    plain = {name for name in stored if not any(name.startswith(p) for p in packed)}
    assert set(ours) == plain | set(packed)


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("storage", [torch.uint8, torch.bfloat16])
def test_other_ways_of_storing_4_bits(tmp_path: Path, double: bool, storage: torch.dtype) -> None:
    """Without double quantisation, with a length that fills no block, and with FSDP's storage type."""
    from safetensors.torch import save_file

    functional = _bitsandbytes().functional
    weight = torch.randn(20, 50, generator=torch.Generator().manual_seed(1))
    packed, state = functional.quantize_4bit(
        weight, quant_type="nf4", compress_statistics=double, quant_storage=storage
    )
    parts = {"w." + key: t.contiguous() for key, t in state.as_dict(packed=True).items()}
    save_file({"w": packed.contiguous(), **parts}, tmp_path / "model.safetensors")
    ours = dequantised_state(tmp_path, torch.float32)["w"]
    torch.testing.assert_close(ours, functional.dequantize_4bit(packed, state), rtol=1e-6, atol=1e-8)
    assert 0.05 < (ours - weight).abs().mean() / weight.abs().mean() < 0.15, "4 bits of it"


def test_a_4_bit_checkpoint_in_bf16_answers_as_in_4_bits(base: Base, tmp_path: Path) -> None:
    """Greedy answers that begin alike; scores within 0.1 on average, where they spread by more than 2."""
    if base.quantisation != "nf4":
        pytest.skip("bitsandbytes does not run here")
    wide = load_base(EMBEDDED_BASE, LlmSettings(tmp_path, device="cpu", quantisation="bf16"))
    assert (wide.quantisation, wide.fingerprint) == ("bf16", base.fingerprint)
    assert wide.bytes > 2 * base.bytes
    answers = []
    for one in (base, wide):
        with running(one, tmp_path) as engine:
            answers.append([ask(engine, question) for question in ("你好", "Who are you?")])
    # 4-bit and expanded weights round differently: the answers begin alike and may part later.
    assert [text[:16] for text in answers[0]] == [text[:16] for text in answers[1]]
    assert len(set(answers[0])) == 2
    ids = base.tokenizer("红烧肉要炖多久？ How long does it take?", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        scores = [one.model(input_ids=ids).logits.float() for one in (base, wide)]
    assert (scores[0] - scores[1]).abs().mean() < 0.1
    assert scores[0].std() > 2


def test_without_bitsandbytes_4_bits_become_bf16_and_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm.model._has_bitsandbytes", lambda: False)
    one = load_base(EMBEDDED_BASE, LlmSettings(tmp_path, device="cpu"))
    assert one.quantisation == "bf16"
    ((en, zh),) = one.notes
    assert "bf16" in en
    assert "bf16" in zh
    assert next(one.model.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(("quantisation", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_precision_is_the_one_asked_for(checkpoint: Path, quantisation: str, dtype: torch.dtype) -> None:
    one = load_tiny(checkpoint, quantisation)
    assert (one.quantisation, one.compute_dtype) == (quantisation, dtype)
    assert not one.notes
    assert not any(parameter.requires_grad for parameter in one.model.parameters())


def test_a_plain_checkpoint_is_quantised_on_loading(checkpoint: Path) -> None:
    _bitsandbytes()
    one = load_tiny(checkpoint, "auto")
    assert one.quantisation == "nf4"
    assert one.bytes < load_tiny(checkpoint, "bf16").bytes
    assert one.linears == load_tiny(checkpoint, "fp32").linears


# --- what is known of a base


def test_what_is_known_of_the_embedded_base(base: Base) -> None:
    vocabulary = base.tokenizer.get_vocab()
    assert vocabulary["<|im_end|>"] in base.stop_ids
    assert set(base.control_tokens) >= {"<|im_start|>", "<|im_end|>"}
    assert base.context_length == 4096
    assert base.linears["model.layers.0.self_attn.q_proj"] == (448, 512)
    assert base.linears["model.layers.17.mlp.down_proj"] == (1216, 448)
    assert base.defaults["temperature"] == 0


def test_the_context_can_be_set(checkpoint: Path) -> None:
    assert load_base(checkpoint, LlmSettings(checkpoint, quantisation="fp32", context_length=99)).context_length == 99


# --- the fingerprint


def _save(folder: Path, tensors: dict[str, torch.Tensor], shards: int) -> Path:
    from safetensors.torch import save_file

    folder.mkdir()
    names = sorted(tensors, key=lambda name: name[::-1])
    for i in range(shards):
        part = {name: tensors[name].contiguous() for name in names[i::shards]}
        save_file(part, folder / f"model-{shards - i}.safetensors", metadata={"format": "pt"})
    return folder


def test_the_fingerprint_does_not_depend_on_the_shards(checkpoint: Path, tmp_path: Path) -> None:
    expected = base_fingerprint(checkpoint)
    assert len(expected) == 64
    for shards in (1, 2, 5):
        assert base_fingerprint(_save(tmp_path / str(shards), _stored(checkpoint), shards)) == expected


def test_the_fingerprint_of_the_embedded_base_is_that_of_its_copy(tmp_path: Path) -> None:
    copy = _save(tmp_path / "copy", _stored(EMBEDDED_BASE), 3)
    assert base_fingerprint(copy) == base_fingerprint(EMBEDDED_BASE)


@pytest.mark.parametrize("change", ["value", "name", "shape", "type", "one less"])
def test_another_checkpoint_has_another_fingerprint(checkpoint: Path, tmp_path: Path, change: str) -> None:
    tensors = _stored(checkpoint)
    name = "model.layers.1.mlp.up_proj.weight"
    if change == "value":
        tensors[name].view(torch.int32)[0, 0] ^= 1
    elif change == "name":
        tensors[name + "2"] = tensors.pop(name)
    elif change == "shape":
        tensors[name] = tensors[name].T
    elif change == "type":
        tensors[name] = tensors[name].view(torch.int32)
    else:
        del tensors[name]
    changed = _save(tmp_path / "changed", tensors, 1)
    assert base_fingerprint(changed) != base_fingerprint(checkpoint)


def test_checkpoints_without_safetensors_have_a_fingerprint(tmp_path: Path) -> None:
    found = set()
    for i, data in enumerate((b"one", b"two", b"three")):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / "pytorch_model.bin").write_bytes(data)
        found.add(base_fingerprint(folder))
    assert len(found) == 3


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 8, b"\xff" * 64, b"\x02" + b"\0" * 7 + b"{]", b"\x04" + b"\0" * 7 + b"{"]
)
def test_a_damaged_header_is_a_value_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(ValueError):
        base_fingerprint(tmp_path)


# --- what cannot be loaded


def _refused(folder: Path, **settings: Any) -> ModelLoadError:
    with pytest.raises(ModelLoadError) as caught:
        load_base(folder, LlmSettings(folder, device="cpu", **settings))
    for message in (caught.value.en, caught.value.zh):
        assert folder.name in message
        assert "embedded" in message or "--trust-remote-code" in message
    return caught.value


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    _refused(tmp_path)
    _refused(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    _refused(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("data", [b"", b"junk" * 20, None])
def test_a_damaged_or_missing_file(checkpoint: Path, name: str, data: bytes | None) -> None:
    if data is None:
        (checkpoint / name).unlink()
    else:
        (checkpoint / name).write_bytes(data)
    _refused(checkpoint, quantisation="fp32")


def test_a_truncated_checkpoint(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    _refused(checkpoint, quantisation="fp32")


def test_a_missing_weight_is_not_filled_with_random_numbers(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = _stored(checkpoint)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
    assert "model.layers.1.mlp.up_proj.weight" in _refused(checkpoint, quantisation="fp32").en
    # The same for a checkpoint that is unpacked here.
    copy = tmp_path / "copy"
    shutil.copytree(EMBEDDED_BASE, copy)
    stored = {name: t for name, t in _stored(copy).items() if not name.startswith("model.layers.3.mlp.up_proj.weight")}
    for shard in copy.glob("*.safetensors"):
        shard.unlink()
    save_file(stored, copy / "model.safetensors", metadata={"format": "pt"})
    (copy / "model.safetensors.index.json").unlink()
    assert "model.layers.3.mlp.up_proj.weight" in _refused(copy, quantisation="bf16").en


def test_a_tokenizer_without_a_chat_template(checkpoint: Path) -> None:
    (checkpoint / "chat_template.jinja").unlink()
    assert "chat template" in _refused(checkpoint, quantisation="fp32").en


def test_a_checkpoints_own_code_runs_only_when_allowed(checkpoint: Path, tmp_path: Path) -> None:
    path = checkpoint / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    trap = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    (checkpoint / "configuration_odd.py").write_text(trap, encoding="utf-8")
    config |= {"model_type": "odd_lm", "auto_map": {"AutoConfig": "configuration_odd.OddConfig"}}
    path.write_text(json.dumps(config), encoding="utf-8")
    error = _refused(checkpoint, quantisation="fp32")
    assert "--trust-remote-code" in error.en
    assert "--trust-remote-code" in error.zh
    assert not (tmp_path / "ran").exists()


def test_a_known_architecture_needs_no_code_of_its_own(checkpoint: Path) -> None:
    path = checkpoint / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"auto_map": {"AutoConfig": "nothing.Here"}}
    path.write_text(json.dumps(config), encoding="utf-8")
    assert load_tiny(checkpoint).linears


def test_a_checkpoint_with_a_null_quantisation_loads(checkpoint: Path) -> None:
    path = checkpoint / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"quantization_config": None}
    path.write_text(json.dumps(config), encoding="utf-8")
    one = load_tiny(checkpoint)
    registry = AdapterRegistry((checkpoint,))
    registry.bind(one.fingerprint, one.linears)
    assert registry.scan() == []
