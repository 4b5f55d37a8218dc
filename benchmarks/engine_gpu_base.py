"""Bases with random weights, made where they are used: what matters for speed is their size alone."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from llm.model import Base
from llm.settings import EMBEDDED_BASE

# Of Qwen2-7B, from its published config.json.
QWEN2_7B = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rope_theta": 1000000.0,
}
# To try the script out, and for correctness in fp32.
SMALL = {
    "vocab_size": 12288,
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.1,
}


class Folded:
    """The embedded base's tokenizer for a larger vocabulary: tokens it does not have are shown as others."""

    def __init__(self) -> None:
        from transformers import AutoTokenizer

        self._inner = AutoTokenizer.from_pretrained(EMBEDDED_BASE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._inner(*arguments, **options)

    def decode(self, tokens: list[int], **options: Any) -> str:
        return str(self._inner.decode([token % len(self._inner) for token in tokens], **options))


@functools.cache
def tokenizer() -> Folded:
    return Folded()


def random_base(sizes: dict[str, Any], quantisation: str, device: Any) -> Base:
    """A Qwen2 of `sizes`; "nf4" with double quantisation, all linear layers but the head. Nothing ends its answers."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    config = Qwen2Config(**sizes, tie_word_embeddings=False, bos_token_id=None, eos_token_id=None)
    dtype = torch.float32 if quantisation == "fp32" else torch.bfloat16
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model = model.to(device).eval().requires_grad_(False)
    linears = {n: (m.in_features, m.out_features) for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    if quantisation == "nf4":
        _quantise(model)
        # What PEFT asks to choose its own layers for 4 bits.
        model.is_loaded_in_4bit = True
    return Base(
        name="random Qwen2",
        folder=Path(),
        model=model,
        tokenizer=tokenizer(),
        fingerprint="random",
        quantisation=quantisation,
        context_length=4096,
        stop_ids=frozenset(),
        linears=linears,
        defaults={},
    )


def _quantise(model: Any) -> None:
    """Every linear layer but the head to nf4, one after another, where it is."""
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit

    for path, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and path != "lm_head":
            layer = Linear4bit(
                module.in_features,
                module.out_features,
                bias=False,
                compute_dtype=torch.bfloat16,
                quant_type="nf4",
                device="meta",
            )
            options: dict[str, Any] = {"quant_type": "nf4", "compress_statistics": True, "module": layer}
            weight: Any = Params4bit(module.weight.data, requires_grad=False, **options)
            layer.weight = weight.to(module.weight.device)
            layer.bias = module.bias
            model.set_submodule(path, layer)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
