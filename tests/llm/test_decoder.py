"""The engine's own forward pass against transformers', whatever shares the step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.adapters import AdapterRegistry
from llm.decoder import Decoder, why_not
from llm.lora import load_weights
from llm.model import Base
from llm.rowwise import RowDecoder
from llm.steps import Work
from tests.llm.tiny import ask, load_tiny, running, write_adapter

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.15,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64}
KNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama, biases everywhere": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama 3's rope": ("Llama", {"rope_parameters": LLAMA3}),
    "yarn": ("Qwen2", {"rope_parameters": YARN}),
    "one key head": ("Qwen2", {"num_key_value_heads": 1}),
    "wide heads": ("Qwen3", {"head_dim": 32}),
    "tied": ("Qwen3", {"tie_word_embeddings": True}),
    "mistral": ("Mistral", {"sliding_window": None}),
}
UNKNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "architecture gemma2": ("Gemma2", {"head_dim": 16}),
    "architecture phi3": ("Phi3", {"pad_token_id": 0}),
    "sliding-window attention": ("Qwen2", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}),
    "activation gelu": ("Llama", {"hidden_act": "gelu"}),
    "rotary embedding dynamic": ("Llama", {"rope_parameters": {**LLAMA3, "rope_type": "dynamic"}}),
}


def _model(architecture: str, options: dict[str, Any]) -> Any:
    import transformers

    torch.manual_seed(1)
    config = getattr(transformers, f"{architecture}Config")(**{**SIZES, **options})
    model = getattr(transformers, f"{architecture}ForCausalLM")(config).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            # As initialised they do nothing, and a decoder without them would pass.
            parameter.normal_(1.0 if "norm" in name else 0.0, 0.3)
    return model


def _base(tiny: Base, model: Any) -> Base:
    linears = {n: (m.in_features, m.out_features) for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    return replace(tiny, model=model, linears=linears)


@pytest.mark.parametrize("which", KNOWN)
def test_logits_are_those_of_transformers(tiny: Base, which: str) -> None:
    """Whether a prompt comes at once, in pieces or token by token, beside others or alone."""
    model = _model(*KNOWN[which])
    assert why_not(model) == ""
    ids = torch.randint(300, (3, 120), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
        decoder = Decoder(_base(tiny, model), 2**30, 0)
        a, b, c = (decoder.memory.open(120) for _ in range(3))
        tokens = ids.tolist()
        # At once; in pieces; token by token from the 20th on: all in the same steps.
        decoder.step([Work(c, tokens[2][:20], None, wanted=False)])
        decoder.step([Work(b, tokens[1][:50], None, wanted=False), Work(c, tokens[2][20:21], None)])
        got = decoder.step([Work(c, tokens[2][21:22], None), Work(a, tokens[0], None), Work(b, tokens[1][50:90], None)])
        torch.testing.assert_close(got, torch.stack([expected[2, 21], expected[0, 119], expected[1, 89]]))
        for at in range(90, 120):
            # Row b lies between a and c and so does c before a: the order of the works is not that of the rows.
            got = decoder.step([Work(c, [tokens[2][at - 68]], None), Work(b, [tokens[1][at]], None)])
            torch.testing.assert_close(got, torch.stack([expected[2, at - 68], expected[1, at]]), atol=1e-4, rtol=1e-4)
    assert (got - torch.stack([expected[2, at - 67], expected[1, at]])).abs().max() > 0.1, "the control"


@pytest.mark.parametrize("which", UNKNOWN)
def test_what_the_decoder_cannot_do_is_named_and_done_row_by_row(tiny: Base, which: str) -> None:
    model = _model(*UNKNOWN[which])
    assert why_not(model) == which
    ids = torch.randint(300, (1, 40), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = model(input_ids=ids).logits[0]
        decoder = RowDecoder(_base(tiny, model))
        row = decoder.memory.open(40)
        assert decoder.step([Work(row, ids[0, :30].tolist(), None, wanted=False)]).shape[0] == 0
        for at in range(30, 40):
            got = decoder.step([Work(row, [int(ids[0, at])], None)])[0]
            torch.testing.assert_close(got, expected[at], atol=1e-4, rtol=1e-4)
        decoder.memory.close(row)
    assert decoder.memory.rows == []


def test_an_engine_on_an_unknown_architecture_answers_as_the_fast_one(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a base that both can do, so that one is the other's oracle."""
    asked = [("Who are you?", name) for name in (None, "ann", "bob", {"ann": 0.3, "cat": 0.9})]
    with running(tiny, selves) as engine:
        fast = [ask(engine, *pair) for pair in asked]
        assert engine.status().batched
    monkeypatch.setattr("llm.decoder.why_not", lambda model: "architecture other")
    with running(load_tiny(tiny.folder), selves) as engine:
        assert [ask(engine, *pair) for pair in asked] == fast
        status = engine.status()
    assert (status.batched, status.why_not_batched) == (False, "architecture other")
    assert len(set(fast)) == len(fast)


@pytest.mark.parametrize("rows", [[0, 0, 1, 1, 2, 2], [0, 1, 2, None, 2, 1], [0, 0, 0, 1, 2, None]])
def test_rows_with_different_adapters_get_what_they_get_alone(
    tiny: Base, tmp_path: Path, rows: list[int | None]
) -> None:
    """Evenly shared out they are stacked after a few steps, else they are done one after another."""
    registry = AdapterRegistry((tmp_path,))
    registry.bind(tiny.fingerprint, tiny.linears)
    decoder = Decoder(tiny, 2**30, 0)
    adapters = []
    for seed in range(3):
        # Of different ranks, and one without what the others change.
        write_adapter(tmp_path, f"a{seed}", tiny, seed=seed, rank=2 + seed, ending=("q_proj", "down_proj")[seed % 2 :])
        weights = load_weights(registry.get(f"a{seed}"), tiny.device)
        adapters.append(decoder.adapter([(weights, 1.0)]))
    chosen = [None if row is None else adapters[row] for row in rows]
    tokens = torch.randint(300, (len(rows), 40), generator=torch.Generator().manual_seed(2)).tolist()

    def read(numbers: list[int]) -> torch.Tensor:
        """Logits [rows, 20, vocabulary] of the last 20 tokens."""
        opened = [decoder.memory.open(40) for _ in numbers]
        for row, number in zip(opened, numbers, strict=True):
            decoder.step([Work(row, tokens[number][: 15 + number], chosen[number], wanted=False)])
        steps = []
        for at in range(20):
            works = [Work(row, [tokens[n][15 + n + at]], chosen[n]) for row, n in zip(opened, numbers, strict=True)]
            if at == 19 and len(numbers) > 1:
                # Someone new joins with the adapter of the rows beside which it comes to stand.
                joining = decoder.memory.open(40)
                works.append(Work(joining, tokens[0][:30], chosen[-1], wanted=False))
            steps.append(decoder.step(works))
        for row in list(decoder.memory.rows):
            decoder.memory.close(row)
        return torch.stack(steps, 1)

    with torch.inference_mode():
        together = read(list(range(len(rows))))
        assert bool(decoder._stacks.bytes) == (rows == [0, 0, 1, 1, 2, 2])
        alone = torch.cat([read([number]) for number in range(len(rows))])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-3)
    assert (together - alone.roll(2, 0)).abs().mean() > 0.1, "the control: rotated adapters"
