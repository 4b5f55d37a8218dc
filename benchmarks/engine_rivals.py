"""What people do today to answer as several selves, run for real on the same base: PEFT and transformers.

Every answer has exactly as many tokens as asked for, here and in the engine, so that only speed differs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Rivals:
    """PEFT around `base` with every adapter in `folders` (name -> folder), and transformers on `plain`."""

    def __init__(self, plain: Any, base: Any, folders: dict[str, Path]) -> None:
        from peft import PeftModel

        self._plain = plain.model
        names = list(folders)
        self._model = PeftModel.from_pretrained(base.model, str(folders[names[0]]), names[0]).eval()
        for name in names[1:]:
            self._model.load_adapter(str(folders[name]), name)

    def sequential(self, prompts: Sequence[list[int]], names: Sequence[str], tokens: int) -> float:
        """Tokens per second behind a lock: `set_adapter`, then `generate`, one request after another."""
        start = time.perf_counter()
        for prompt, name in zip(prompts, names, strict=True):
            self._model.set_adapter(name, inference_mode=True)
            self._generate(self._model, [prompt], tokens)
        return len(prompts) * tokens / (time.perf_counter() - start)

    def static_batch(self, prompts: Sequence[list[int]], names: Sequence[str], tokens: int) -> float:
        """Tokens per second of PEFT's batch with `adapter_names`, which nobody can join and nobody may leave."""
        start = time.perf_counter()
        self._generate(self._model, prompts, tokens, adapter_names=list(names))
        return len(prompts) * tokens / (time.perf_counter() - start)

    def continuous_batch(self, prompts: Sequence[list[int]], tokens: int) -> float:
        """Tokens per second of transformers' continuous batching, which knows no adapters: the plain base."""
        from transformers import ContinuousBatchingConfig, GenerationConfig

        start = time.perf_counter()
        out = self._plain.generate_batch(
            inputs=[list(prompt) for prompt in prompts],
            generation_config=GenerationConfig(max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0),
            # Its own defaults would take all the memory there is.
            continuous_batching_config=ContinuousBatchingConfig(page_size=32, num_blocks=256, max_batch_tokens=512),
        )
        made = sum(len(answer.generated_tokens) for answer in out.values())
        return made / (time.perf_counter() - start)

    def one_answer(self, prompt: list[int], tokens: int) -> float:
        """Tokens per second of `generate`, without PEFT and without any adapter."""
        start = time.perf_counter()
        self._generate(self._plain, [prompt], tokens)
        return tokens / (time.perf_counter() - start)

    def scores(self, prompt: list[int], name: str | None) -> Any:
        """PEFT's logits [vocabulary] after `prompt`, with the adapter of this name or none."""
        import torch

        ids = torch.tensor([prompt], device=self._model.device)
        if name is None:
            with self._model.disable_adapter():
                return self._model(input_ids=ids, logits_to_keep=1).logits[0, -1].float()
        self._model.set_adapter(name, inference_mode=True)
        return self._model(input_ids=ids, logits_to_keep=1).logits[0, -1].float()

    def _generate(self, model: Any, prompts: Sequence[list[int]], tokens: int, **options: Any) -> None:
        import torch

        longest = max(map(len, prompts))
        padding = [longest - len(prompt) for prompt in prompts]
        ids = torch.tensor([[0] * n + list(p) for n, p in zip(padding, prompts, strict=True)], device=model.device)
        mask = torch.tensor([[0] * n + [1] * (longest - n) for n in padding], device=model.device)
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=mask,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=0,
                **options,
            )


def random_adapter(folder: Path, base: Any, rank: int, seed: int, strength: float = 0.02) -> Path:
    """A LoRA adapter of `rank` for every linear layer of `base` but the head, with random weights.

    Args:
        strength: standard deviation of B's.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for path, (inputs, outputs) in base.linears.items():
        if path != "lm_head":
            key = f"base_model.model.{path}.lora_"
            tensors[key + "A.weight"] = torch.randn(rank, inputs, generator=generator).bfloat16() / inputs**0.5
            tensors[key + "B.weight"] = torch.randn(outputs, rank, generator=generator).bfloat16() * strength
    save_file(tensors, folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "task_type": "CAUSAL_LM", "bias": "none"}
    layers = sorted({path.rpartition(".")[2] for path in base.linears if path != "lm_head"})
    (folder / "adapter_config.json").write_text(json.dumps({**about, "target_modules": layers}), encoding="utf-8")
    return folder


def bandwidth() -> float:
    """Bytes per second that this machine reads from memory with torch's threads: the best of some sums of 512 MiB."""
    import torch

    block = torch.ones(2**27)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        block.sum()
        best = min(best, time.perf_counter() - start)
    return block.nbytes / best
