"""What a training will take, before it starts: memory and time, from the base's shape and the rows' lengths."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.data import encode
from training.errors import BaseModelError
from training.lessons import Lesson, tokens_of
from training.plan import check_steps
from training.report_card import MOST_F1, PERSONA_TOKENS, SAMPLED_PROBES, SAMPLED_UNRELATED, UNRELATED_TOKENS

GIB = 2**30
# Python with torch, transformers and peft loaded, bytes.
RUNTIME = 700 * 2**20
# Bytes per weight in nf4 with double quantisation (Dettmers et al. 2023, section 3).
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
# Bytes kept for the backward pass, per token, layer and unit of width: 34 in 16 bits (Korthikanti et al. 2022,
# equation 1), to which LoRA adds little.
KEPT = 34
# Longest a CPU's speed is measured for, seconds.
PROBE_S = 0.15


@dataclass(frozen=True)
class Estimate:
    """What a training will take at most.

    Attributes:
        memory: bytes at the peak, of which `base` are the base's weights.
        seconds: to the last step with all report cards; None where this machine has not got the device.
        steps, tokens: optimiser steps, and tokens that go through the model in them.
        parameters: trained numbers.
    """

    memory: int
    base: int
    seconds: float | None
    steps: int
    tokens: int
    parameters: int


@dataclass(frozen=True)
class Shape:
    """Sizes of a base: linear layers of the decoder as (name, in, out), all parameters, width, layers, vocabulary."""

    linears: tuple[tuple[str, int, int], ...]
    parameters: int
    width: int
    layers: int
    vocabulary: int
    heads: int

    def lora(self, config: TrainingConfig) -> int:
        """Numbers in the adapter."""
        chosen = config.target_modules
        return sum(
            config.r * (inputs + outputs)
            for name, inputs, outputs in self.linears
            if chosen == ("all-linear",) or name.rsplit(".", 1)[-1] in chosen
        )


def shape_of(folder: Any) -> Shape:
    """Read off an empty model: no weights are loaded.

    Raises:
        BaseModelError: the folder holds no causal language model.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError, KeyError) as error:
        raise BaseModelError(
            en=f"The base in {folder} cannot be read: {error}. Nothing was started; check the folder.",
            zh=f"无法读取 {folder} 中的基座：{error}。训练没有开始；请检查该文件夹。",
        ) from error
    head = model.get_output_embeddings()
    linears = tuple(
        (name, layer.in_features, layer.out_features)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not head
    )
    parameters = sum(p.numel() for p in model.parameters())
    return Shape(
        linears, parameters, config.hidden_size, config.num_hidden_layers, config.vocab_size, config.num_attention_heads
    )


def estimate(lesson: Lesson) -> Estimate:
    """Estimate a training. It measures how fast this CPU multiplies, which takes a sixth of a second.

    Raises:
        BaseModelError: the base cannot be read.
    """
    job, config = lesson.job, lesson.job.config
    folder = job.base_folder or config.base
    shape = shape_of(folder)
    steps, longest, tokens = _work(lesson)
    lora, on_cpu = shape.lora(config), job.device == "cpu"
    linear = sum(inputs * outputs for _, inputs, outputs in shape.linears)
    # on a CPU the 4-bit weights are unpacked once
    base = 2 * shape.parameters if on_cpu else int(2 * (shape.parameters - linear) + NF4 * linear)
    rows = min(config.batch, 32)
    # weights, gradients, Adam's two moments and the best candidate in float32
    adapter = 20 * lora
    kept = rows * longest * shape.width * shape.layers * KEPT
    if on_cpu:
        # eager attention keeps its scores
        kept += 5 * rows * longest**2 * shape.heads * shape.layers
    logits = 12 * rows * longest * shape.vocabulary
    memory = RUNTIME + base + adapter + kept + logits
    rate = _flops(config.threads) if on_cpu else None
    # forward 2 and backward 2 operations per weight and token: the base's own weights get no gradient
    seconds = None if rate is None else (4 * tokens + 2 * _examined(lesson, steps)) * shape.parameters / rate
    return Estimate(memory, base, seconds, steps, tokens, lora)


def _work(lesson: Lesson) -> tuple[int, int, int]:
    """(steps, longest row, tokens in all steps)."""
    config = lesson.job.config
    tokenizer, ends = tokens_of(_path(lesson))
    lengths = [len(encode(tokenizer, row, ends).ids) for row in lesson.rows if row.split == "train"] or [1]
    steps = max(1, math.ceil(math.ceil(len(lengths) / config.batch) * config.epochs))
    own = sum(lengths) * config.epochs
    replayed = lesson.count("replay") and config.replay_batch and config.kl_weight
    # a question of the replay bank and the base's answer to it
    replay = steps * config.replay_batch * 48 if replayed else 0
    return steps, max(lengths), int(own + replay)


def _examined(lesson: Lesson, steps: int) -> int:
    """Tokens that all report cards read and write."""
    config = lesson.job.config
    probes, test = lesson.count("probe"), lesson.count("test")
    on_way = len(check_steps(steps, config.checks))
    # writing goes a token at a time, which costs about what 8 read at once do
    each = 8
    final = each * (probes * PERSONA_TOKENS + config.leak_prompts * UNRELATED_TOKENS + 2 * min(test, MOST_F1) * 96)
    sampled = each * (
        min(probes, 4 * SAMPLED_PROBES) * PERSONA_TOKENS
        + min(config.leak_prompts, SAMPLED_UNRELATED) * UNRELATED_TOKENS
    )
    asked = each * config.leak_prompts * UNRELATED_TOKENS
    return final + on_way * (sampled + test * 200) + asked


def _flops(threads: int) -> float:
    """Operations a second of bf16 products of the size a small base has, on so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        a, b = torch.randn(256, 512).bfloat16(), torch.randn(512, 1024).bfloat16()
        began, rounds = time.perf_counter(), 0
        while time.perf_counter() - began < PROBE_S:
            a @ b
            rounds += 1
        # half of it is lost between the products
        return 0.5 * rounds * 2 * a.numel() * b.shape[1] / (time.perf_counter() - began)
    finally:
        torch.set_num_threads(before)


def _path(lesson: Lesson) -> Path:
    return Path(lesson.job.base_folder or lesson.job.config.base)


def as_dict(told: Estimate) -> dict[str, Any]:
    """JSON-serialisable."""
    return {**asdict(told), "memory_gib": round(told.memory / GIB, 2)}
