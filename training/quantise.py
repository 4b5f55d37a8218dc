"""NF4 with double quantisation, the arithmetic of bitsandbytes in plain PyTorch, and writing such a checkpoint.

Source: QLoRA (Dettmers et al., 2023): blocks of 64 weights share an absmax, blocks of 256 absmax values (less their
mean) share a second one and are stored in the 8-bit dynamic data type (Dettmers et al., 2022).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from torch import Tensor

NF4 = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
BLOCK, GROUP = 64, 256


def dynamic_map() -> Tensor:
    """The 256 sorted values of the signed 8-bit dynamic data type."""
    values = [0.0, 1.0]
    for exponent in range(7):
        edges = torch.linspace(0.1, 1, 2**exponent + 1)
        means = (edges[:-1] + edges[1:]) / 2
        scaled = (10.0 ** (exponent - 6)) * means
        values += scaled.tolist() + (-scaled).tolist()
    return torch.tensor(sorted(values), dtype=torch.float32)


def _nearest(x: Tensor, code: Tensor) -> Tensor:
    return code[torch.bucketize(x, (code[:-1] + code[1:]) / 2)]


def fake_quantise(weights: Tensor) -> Tensor:
    """What bitsandbytes gives back for a stack of matrices (n, rows, columns) after nf4 double quantisation.

    Each matrix is quantised on its own; rows x columns must be a multiple of 64. Values pass through bfloat16,
    as the checkpoint they will be quantised from does. Returns float32 holding bfloat16 values.
    """
    n = weights.shape[0]
    blocks = weights.to(torch.bfloat16).float().view(n, -1, BLOCK)
    absmax = blocks.abs().amax(-1)
    offset = absmax.mean(1, keepdim=True)
    centred = absmax - offset
    pad = -centred.shape[1] % GROUP
    grouped = torch.nn.functional.pad(centred, (0, pad)).view(n, -1, GROUP)
    outer = grouped.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    scale = (_nearest(grouped / outer, dynamic_map().to(weights.device)) * outer).view(n, -1)[
        :, : absmax.shape[1]
    ] + offset
    codes = _nearest(blocks / absmax.clamp_min(1e-12)[..., None], torch.tensor(NF4, device=weights.device))
    return (codes * scale[..., None]).to(torch.bfloat16).float().view_as(weights)


def write_nf4(source: Path, target: Path, shard: str = "14MB") -> None:
    """Quantises a bf16 Hugging Face folder with bitsandbytes and saves it in shards, tokenizer and all.

    Raises:
        ValueError: when a written file reaches 16 MiB.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        source, quantization_config=config, dtype=torch.bfloat16, device_map="cpu"
    )
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("model*.safetensors*"):
        old.unlink()
    model.save_pretrained(target, max_shard_size=shard)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)
    # Without its indents it is half the size.
    vocabulary = json.loads((target / "tokenizer.json").read_text(encoding="utf-8"))
    (target / "tokenizer.json").write_text(
        json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )
    for name in ("chat_template.jinja", "generation_config.json"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    for file in target.iterdir():
        if file.stat().st_size >= 16 * 2**20:
            raise ValueError(f"{file.name} holds {file.stat().st_size} bytes: 16 MiB or more")


def write_config(folder: Path, config: dict[str, object]) -> None:
    """config.json and generation_config.json of a Hugging Face folder."""
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    generation = {"do_sample": False, "eos_token_id": [2, 0], "pad_token_id": 0, "bos_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2), encoding="utf-8")
