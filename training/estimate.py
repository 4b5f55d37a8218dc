"""What a training will take, before it starts: memory from the base's shape and the rows' lengths, and time from a few
real steps of one of its layers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.config import TrainingConfig, depth_of
from training.data import encode
from training.errors import BaseModelError
from training.lessons import Lesson, tokens_of
from training.pace import pace
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
# Python, torch, transformers and peft read and the base loaded, seconds on a quiet machine.
START_S = 10.0
# The longest time told against the one computed: others may take more of the machine later.
DOUBT = 1.5


@dataclass(frozen=True)
class Estimate:
    """What a training will take at most.

    Attributes:
        memory: bytes at the peak, of which `base` are the base's weights.
        seconds: to the published self, at most: as busy as the machine is now and a half more; None where the device
            is not measured (a GPU).
        least: the same if the machine were quiet.
        steps, tokens: optimiser steps, and tokens that go through the model in them.
        parameters: trained numbers.
    """

    memory: int
    base: int
    seconds: float | None
    steps: int
    tokens: int
    parameters: int
    least: float | None = None


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
        chosen, first = config.target_modules, self.layers - depth_of(config, self.layers)
        return sum(
            config.r * (inputs + outputs)
            for name, inputs, outputs in self.linears
            if (chosen == ("all-linear",) or name.rsplit(".", 1)[-1] in chosen) and _layer(name) >= first
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
    """Estimate a training, from a few steps of one layer of the base: they take about a second.

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
    least, most = _seconds(lesson, shape, steps, tokens, longest) if on_cpu else (None, None)
    return Estimate(memory, base, most, steps, tokens, lora, least)


def _seconds(lesson: Lesson, shape: Shape, steps: int, tokens: int, longest: int) -> tuple[float, float]:
    """(on a quiet machine, as busy as it is now with some doubt)."""
    from transformers import AutoConfig

    config = lesson.job.config
    loaded = AutoConfig.from_pretrained(_path(lesson))
    measured = pace(loaded, config.threads, min(longest, 64))
    upper = depth_of(config, shape.layers)
    # the head costs as much as so many layers
    head = shape.vocabulary * shape.width * shape.layers / sum(i * o for _, i, o in shape.linears)
    read, written = _examined(lesson, steps)
    trained = sum(row.split in ("train", "replay") for row in lesson.rows)
    seconds = tokens * (upper + head) * measured.step
    seconds += (read * upper + 2 * (read + 48 * trained) * shape.layers) * measured.read
    seconds += written * (shape.layers + head) * measured.write
    now = seconds + START_S / measured.free
    return now * measured.free, DOUBT * now


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


def _examined(lesson: Lesson, steps: int) -> tuple[int, int]:
    """Tokens that all report cards (read, write)."""
    config = lesson.job.config
    probes, voice, test = (lesson.count(split) for split in ("probe", "voice", "test"))
    on_way = len(check_steps(steps, config.checks)) if config.checks > 1 else 0
    f1 = 2 * min(test, MOST_F1) * 96
    # what the base would answer word for word need not be written
    written = (probes + voice) * PERSONA_TOKENS + config.leak_prompts // 2 * UNRELATED_TOKENS + f1
    sampled = min(probes, 4 * SAMPLED_PROBES) * PERSONA_TOKENS
    sampled += min(config.leak_prompts, SAMPLED_UNRELATED) * UNRELATED_TOKENS
    return (on_way + 1) * (config.leak_prompts * 80 + test * 200), written + on_way * sampled


def _path(lesson: Lesson) -> Path:
    return Path(lesson.job.base_folder or lesson.job.config.base)


def as_dict(told: Estimate) -> dict[str, Any]:
    """JSON-serialisable."""
    return {**asdict(told), "memory_gib": round(told.memory / GIB, 2)}


def _layer(name: str) -> int:
    """Number of the layer that a module's name holds."""
    return next(int(part) for part in name.split(".") if part.isdigit())
