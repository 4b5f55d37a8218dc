"""Tiny bases with random weights in real architectures, adapters for them, and short ways to ask an engine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm.adapters import AdapterRegistry
from llm.detokenise import Detokeniser
from llm.engine import Engine
from llm.model import Base, load_base
from llm.requests import AdapterChoice, Failed, Finished, Generation, GenerationEvent, GenerationRequest, TextDelta
from llm.sampling import Sampling
from llm.settings import EMBEDDED_BASE, LlmSettings

# InternLM2 checkpoints are loaded in Llama's layout.
ARCHITECTURES = ("Qwen2", "Qwen3", "Llama")
CONTEXT = 2048


def make_checkpoint(folder: Path, architecture: str = "Qwen3", *, seed: int = 0) -> Path:
    """Save a 2-layer model of `architecture` with the embedded base's tokenizer; returns `folder`.

    Embedding and output head are not tied: a random tied base repeats its last token whatever an adapter does.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(EMBEDDED_BASE)
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=CONTEXT,
        initializer_range=0.15,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=2,
    )
    model = getattr(transformers, f"{architecture}ForCausalLM")(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load_tiny(folder: Path, quantisation: str = "fp32") -> Base:
    """The checkpoint in `folder` as a base, on one CPU thread."""
    return load_base(folder, LlmSettings(folder, device="cpu", quantisation=quantisation, threads=1))


def write_adapter(
    root: Path,
    name: str,
    base: Base,
    *,
    seed: int = 0,
    rank: int = 4,
    ending: tuple[str, ...] = ("q_proj", "v_proj", "down_proj"),
    **config: Any,
) -> Path:
    """Write a strong random LoRA adapter for the layers of `base` with these endings into `root / name`."""
    import torch
    from safetensors.torch import save_file

    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for path, (inputs, outputs) in base.linears.items():
        if path.endswith(ending):
            key = f"base_model.model.{path}.lora_"
            tensors[key + "A.weight"] = torch.randn(rank, inputs, generator=generator) / inputs**0.5
            tensors[key + "B.weight"] = torch.randn(outputs, rank, generator=generator)
    # Written beside and renamed, as a training job publishes it.
    save_file(tensors, folder / "new.safetensors")
    (folder / "new.safetensors").replace(folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "use_rslora": False, "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


@contextmanager
def running(base: Base, adapters: Path, **settings: Any) -> Iterator[Engine]:
    """An engine on `base` with the adapters in `adapters`, shut down at the end."""
    engine = Engine(base, AdapterRegistry((adapters,)), LlmSettings(adapters, threads=1, **settings))
    try:
        yield engine
    finally:
        engine.shutdown()


def request(prompt: str, adapter: AdapterChoice = None, **sampling: Any) -> GenerationRequest:
    """A request with one user message; 24 tokens unless said otherwise."""
    return GenerationRequest(
        messages=({"role": "user", "content": prompt},),
        adapter=adapter,
        sampling=Sampling(**{"max_tokens": 24, **sampling}),
    )


def collect(generation: Generation) -> tuple[str, Finished]:
    """The whole text and the terminal event."""
    parts: list[str] = []
    for event in generation:
        if isinstance(event, TextDelta):
            parts.append(event.text)
        else:
            return "".join(parts), event
    raise AssertionError("no terminal event")


def ask(engine: Engine, prompt: str, adapter: AdapterChoice = None, **sampling: Any) -> str:
    """The answer's text."""
    return collect(engine.submit(request(prompt, adapter, **sampling)))[0]


def text_of(base: Base, tokens: list[int]) -> str:
    """What a person sees of these tokens."""
    shown = Detokeniser(base.tokenizer)
    return "".join(shown.push(token) for token in tokens if token not in base.stop_ids) + shown.finish()


class Gate:
    """Lets the steps of an engine through one by one, on demand.

    Attributes:
        calls: the tokens of each request in each step begun.
    """

    def __init__(self, monkeypatch: Any, engine: Engine) -> None:
        self.calls: list[list[list[int]]] = []
        self.closed_from: int | None = None
        self.reached = threading.Event()
        self._open = threading.Event()
        step = engine.decoder.step

        def gated(works: Any) -> Any:
            self.calls.append([list(work.tokens) for work in works])
            if self.closed_from is not None and len(self.calls) > self.closed_from:
                self.reached.set()
                assert self._open.wait(30), "nobody opened the gate"
            return step(works)

        monkeypatch.setattr(engine.decoder, "step", gated)

    def close_after(self, calls: int) -> None:
        """Hold every call after this many."""
        self.closed_from = calls

    def open(self) -> None:
        self.closed_from = None
        self._open.set()


def record_terminals(monkeypatch: Any) -> dict[int, list[GenerationEvent]]:
    """From now on: generation id -> the terminal events the engine sent it."""
    ends: dict[int, list[GenerationEvent]] = {}
    emit = Generation.emit

    def recording(self: Generation, event: GenerationEvent) -> None:
        if isinstance(event, (Finished, Failed)):
            ends.setdefault(self.id, []).append(event)
        emit(self, event)

    monkeypatch.setattr(Generation, "emit", recording)
    return ends
