"""How fast this machine is at this moment: real steps of one layer of the base's shape, with random weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.fast_norm import speed_up_norms

# Longest that is measured, seconds, of each kind of work.
PROBE_S = 0.4
# LoRA on every linear layer against the bare layer, forward and backward (measured on a CPU with bf16 products).
LORA = 1.5
# Rows whose answers are written together.
TOGETHER = 64


@dataclass(frozen=True)
class Pace:
    """Seconds of wall time per token and layer on this machine as it is now.

    Attributes:
        step: forward and backward with an adapter.
        read: forward alone.
        write: one more token of an answer, of many answers written together.
        free: the share of the wall time in which this process had a core to itself; 1 on a quiet machine.
    """

    step: float
    read: float
    write: float
    free: float


def pace(config: Any, threads: int, length: int) -> Pace:
    """Measure it, for rows of `length` tokens; takes about a second.

    Args:
        config: transformers' configuration of the base.
    """
    import torch
    from transformers import AutoModelForCausalLM, DynamicCache

    before = torch.get_num_threads()
    # each lane has one thread to itself (training/lanes.py)
    torch.set_num_threads(1)
    # its own generator state: what is measured must not change what is trained
    with torch.random.fork_rng(devices=[]):
        config.num_hidden_layers, config.vocab_size, config.pad_token_id = 1, 8, None
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:1]
        config._attn_implementation = "eager"
        decoder = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).get_decoder()
        decoder.requires_grad_(False)
        speed_up_norms(decoder)
        rows = max(1, min(TOGETHER, 1024 // length))
        states = torch.randn(rows, length, config.hidden_size).bfloat16()
        one = torch.randn(TOGETHER, 1, config.hidden_size).bfloat16()

    def step() -> None:
        decoder(inputs_embeds=states.clone().requires_grad_(), use_cache=False).last_hidden_state.sum().backward()

    @torch.no_grad()
    def read() -> None:
        decoder(inputs_embeds=states, use_cache=False)

    @torch.no_grad()
    def write() -> None:
        cache = DynamicCache(config=config)
        for _ in range(4):
            decoder(inputs_embeds=one, past_key_values=cache, use_cache=True)

    try:
        worked, began = time.process_time(), time.perf_counter()
        stepped, only_read, written = (_seconds(work) for work in (step, read, write))
        free = min(1.0, (time.process_time() - worked) / (time.perf_counter() - began))
    finally:
        torch.set_num_threads(before)
    tokens = rows * length * threads
    return Pace(LORA * stepped / tokens, only_read / tokens, written / (4 * TOGETHER * threads), max(0.05, free))


def _seconds(work: Callable[[], None]) -> float:
    """Mean of one call."""
    work()
    began, rounds = time.perf_counter(), 0
    while rounds < 2 or time.perf_counter() - began < PROBE_S:
        work()
        rounds += 1
    return (time.perf_counter() - began) / rounds
