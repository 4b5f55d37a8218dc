"""PEFT as the oracle: the engine's own LoRA gives the tokens that PEFT's gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from llm.adapters import AdapterRegistry
from llm.lora import install, load_weights
from llm.model import Base
from llm.settings import EMBEDDED_BASE
from tests.llm.tiny import ARCHITECTURES, collect, load_tiny, make_checkpoint, request, running

PROMPTS = ("红烧肉要炖多久？", "Who are you? " + "Please answer at length. " * 140)
TOKENS = 24
# Name, rank, alpha, rsLoRA, layers: all strong, and no two alike.
ADAPTERS: dict[str, dict[str, Any]] = {
    "plain": {"r": 8, "lora_alpha": 32, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    "stabilised": {"r": 4, "lora_alpha": 6, "use_rslora": True, "target_modules": "all-linear"},
    "narrow": {"r": 1, "lora_alpha": 5, "target_modules": ["gate_proj", "up_proj", "down_proj", "lm_head"]},
    "deep": {"r": 3, "lora_alpha": 9, "target_modules": ["q_proj", "down_proj"], "layers_to_transform": [1]},
}


def _strong(model: Any, name: str, seed: int) -> None:
    """PEFT starts with B = 0, which is no adapter at all: fill A and B."""
    generator = torch.Generator().manual_seed(seed)
    for path, weight in model.named_parameters():
        if f".{name}." in path:
            scale = weight.shape[1] ** -0.5 if "lora_A" in path else 0.5
            weight.data = torch.randn(weight.shape, generator=generator).to(weight.dtype) * scale


def _peft(folder: Path, adapters: Path, **load: Any) -> Any:
    """PEFT's model of the checkpoint in `folder`, with every adapter of ADAPTERS, saved under `adapters`."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model: Any = None
    for seed, (name, options) in enumerate(ADAPTERS.items()):
        config = LoraConfig(task_type="CAUSAL_LM", **options)
        if model is None:
            model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder, **load), config, name)
        else:
            model.add_adapter(name, config)
        _strong(model, name, seed)
    model.save_pretrained(adapters, save_embedding_layers=False)
    return model.eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_engine_answers_with_pefts_tokens(architecture: str, tmp_path: Path) -> None:
    """Greedy, fp32, token for token; prompts of one and of several prefill chunks."""
    folder = make_checkpoint(tmp_path / architecture, architecture, seed=3)
    oracle = _peft(folder, tmp_path / "adapters", dtype=torch.float32)
    base = load_tiny(folder)
    asked = [(prompt, name) for prompt in PROMPTS for name in (None, *ADAPTERS)]
    with running(base, tmp_path / "adapters") as engine:
        assert all(info.valid for info in engine.registry.scan()), engine.registry.scan()
        generations = [engine.submit(request(*pair, max_tokens=TOKENS)) for pair in asked]
        answers = {pair: collect(g)[0] for pair, g in zip(asked, generations, strict=True)}
        prompts = {prompt: engine.prompt_ids(request(prompt)) for prompt in PROMPTS}
    assert len(prompts[PROMPTS[1]]) > 512
    expected = {}
    for prompt, name in asked:
        ids = torch.tensor([prompts[prompt]])
        options = {"max_new_tokens": TOKENS, "do_sample": False, "pad_token_id": 0}
        with torch.inference_mode():
            if name is None:
                with oracle.disable_adapter():
                    out = oracle.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
            else:
                oracle.set_adapter(name, inference_mode=True)
                out = oracle.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
        text = base.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        expected[prompt, name] = text.rstrip("\ufffd")
    assert answers == expected
    for prompt in PROMPTS:
        # The controls: every self is another, so that a rotated one would have disagreed, and none is the base.
        assert len({answers[prompt, name] for name in (None, *ADAPTERS)}) == len(ADAPTERS) + 1


def test_on_the_embedded_base_scores_are_as_near_to_fp32_as_pefts(base: Base, tmp_path: Path) -> None:
    """At 4 bits with bf16 activations PEFT adds its product in fp32, the engine in bf16: both round.

    Tolerance: the mean error of the scores, against the same weights in fp32, is at most 1.5 times PEFT's, and at most
    12% of what the adapter itself changes (measured: 1 to 9.5%, PEFT the same).
    """
    if base.quantisation != "nf4":
        pytest.skip("bitsandbytes does not run here")
    oracle = _peft(EMBEDDED_BASE, tmp_path, dtype=torch.bfloat16, device_map="cpu")
    exact = load_tiny(EMBEDDED_BASE)
    registry = AdapterRegistry((tmp_path,))
    registry.bind(base.fingerprint, base.linears)
    ids = base.tokenizer("红烧肉要炖多久？ How long does it take?", return_tensors="pt")["input_ids"]

    def scores(which: Base, name: str | None) -> torch.Tensor:
        switch = install(which.model, which.linears)
        if name:
            switch.use(load_weights(registry.get(name), device=which.device, dtype=which.compute_dtype))
        return which.model(input_ids=ids).logits.float()

    with torch.inference_mode():
        plain = scores(exact, None)
        truth = {name: scores(exact, name) for name in ADAPTERS}
        for name, others in (("plain", "narrow"), ("stabilised", "plain"), ("narrow", "deep"), ("deep", "stabilised")):
            oracle.set_adapter(name, inference_mode=True)
            effect = (truth[name] - plain).abs().mean()
            ours = (scores(base, name) - truth[name]).abs().mean()
            theirs = (oracle(input_ids=ids).logits.float() - truth[name]).abs().mean()
            assert effect > 0.3, name
            assert ours < min(1.5 * theirs, 0.12 * effect), (name, ours, theirs, effect)
            wrong = (scores(base, others) - truth[name]).abs().mean()
            assert wrong > 0.5 * effect, "the control: another adapter's scores"
