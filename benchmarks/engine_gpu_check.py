"""Correctness on this machine: kernels against torch's operations, the engine's tokens against PEFT's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.engine_gpu_base import QWEN2_7B, SMALL, random_base, tokenizer
from benchmarks.engine_rivals import random_adapter

TOKENS = 32
# Mean error over mean size of what is added or attended.
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}
STRONG = 0.5


def check(device: Any, small: bool) -> dict[str, Any]:
    """Every figure beside its tolerance; "passed" says whether all held, controls included."""
    import torch

    found: dict[str, Any] = {"passed": True}
    if device.type == "cuda":
        for dtype in (torch.float32, torch.bfloat16):
            name = str(dtype).removeprefix("torch.")
            for what, error, control in (*_adapters(device, dtype, small), *_attention(device, dtype)):
                good = error < TOLERANCE[name] and control > 0.1
                found[f"{what}, {name}"] = {"error": error, "tolerance": TOLERANCE[name], "control": control}
                found["passed"] &= good
                print(
                    f"{what}, {name}: error {error:.1e}, control {control:.2f}{'' if good else '  WRONG'}", flush=True
                )
    for what, tokens in _tokens(device).items():
        found[f"tokens against PEFT, kernels {what}"] = tokens
        found["passed"] &= tokens["equal"] == tokens["asked"] == tokens["different with the next adapter"]
        print(f"tokens against PEFT, kernels {what}: {tokens}", flush=True)
    return found


def _error(got: Any, expected: Any, scale: Any) -> float:
    return float((got.double() - expected.double()).abs().mean() / scale.double().abs().mean())


def _adapters(device: Any, dtype: Any, small: bool) -> list[tuple[str, float, float]]:
    """The grouped kernel at every place of a layer of Qwen2-7B, against torch in float64 on the same numbers."""
    import torch

    from llm.grouped import AdapterTable, deltas
    from llm.lora import LoraLayer, LoraWeights
    from llm.projections import Place
    from llm.stack import Deltas, Span, make_adapter

    sizes = SMALL if small else QWEN2_7B
    hidden, inner = int(sizes["hidden_size"]), int(sizes["intermediate_size"])
    places = [
        Place(("q", "k", "v"), hidden, (hidden, hidden // 7, hidden // 7)),
        Place(("o",), hidden, (hidden,)),
        Place(("gate", "up"), hidden, (inner, inner)),
        Place(("down",), inner, (hidden,)),
    ]
    generator = torch.Generator(device).manual_seed(1)

    def numbers(*shape: int) -> Any:
        return torch.randn(shape, generator=generator, device=device)

    adapters: list[Any] = []
    exact: list[Any] = []
    for rank in (16, 16, 16, 8, 64, 4, 16, 100):
        layers = {}
        for place in places:
            for path, outputs in zip(place.paths, place.outputs, strict=True):
                a, b = numbers(rank, place.inputs) / place.inputs**0.5, numbers(outputs, rank)
                layers[path] = LoraLayer(a.to(dtype), b.to(dtype), 0.5)
        parts = [(LoraWeights(str(rank), str(len(adapters)), layers), 1.0)]
        adapters.append(make_adapter(parts, places, dtype, grain=16))
        exact.append(make_adapter(parts, places, torch.float64))
    table, results = AdapterTable(places, device), []
    for what, rows in (("decoding", 4), ("prompts", 190)):
        spans = [Span(rows * n, rows * (n + 1), adapter) for n, adapter in enumerate(adapters)]
        truth, other = ([Span(s.start, s.stop, exact[(n + by) % 8]) for n, s in enumerate(spans)] for by in (0, 1))
        worst, least = 0.0, float("inf")
        for number, place in enumerate(places):
            x, start = numbers(8 * rows, place.inputs).to(dtype), torch.zeros(8 * rows, sum(place.outputs))
            got = start.to(device, dtype)
            grouped = deltas(spans, table)
            grouped.begin(number, x)
            grouped.add(number, x, got)
            expected, rotated = start.to(device).double(), start.to(device).double()
            Deltas(truth).add(number, x.double(), expected)
            Deltas(other).add(number, x.double(), rotated)
            worst = max(worst, _error(got, expected, expected))
            least = min(least, _error(rotated, expected, expected))
        results.append((f"adapters, {what}", worst, least))
    return results


def _attention(device: Any, dtype: Any) -> list[tuple[str, float, float]]:
    """The decode kernel over 32 rows of very different lengths, against torch in float64."""
    import torch

    from llm.attention_kernel import attend
    from llm.kv import KeyValueMemory, KeyValueShape

    memory = KeyValueMemory(KeyValueShape(1, 4, 128, dtype, device), 2**30)
    rows = [memory.open(1500) for _ in range(32)]
    generator = torch.Generator(device).manual_seed(1)
    memory.data.copy_(torch.randn(memory.data.shape, generator=generator, device=device))
    lengths = [1 + 47 * n for n in range(32)]
    turned = torch.randn((32, 32, 128), generator=generator, device=device).to(dtype)
    q, order = turned[:, :28], list(range(31, -1, -1))
    where, seen = torch.tensor(order, device=device), torch.tensor([lengths[row] for row in order], device=device)
    got = attend(q, memory.flat[0], where, seen, (4, memory.capacity, memory.room, 128**-0.5))
    expected = []
    for at, row in enumerate(order):
        keys, values = memory.read(rows[row], 0, lengths[row])[0].double()
        scores = q[at].double().view(4, 7, 128) @ keys.transpose(1, 2) * 128**-0.5
        expected.append((scores.softmax(-1) @ values).flatten())
    truth = torch.stack(expected)
    return [("attention", _error(got, truth, truth), _error(truth.roll(1, 0), truth, truth))]


def _tokens(device: Any) -> dict[str, dict[str, Any]]:
    """Greedy answers in fp32 of a small random Qwen2, all at once, against PEFT's `generate` one by one."""
    from peft import PeftModel

    base = random_base(SMALL, "fp32", device)
    names = [f"a{number}" for number in range(4)]
    asked = [(f"{number}. " + "Who are you? " * (1 + 5 * (number % 4)), names[number % 4]) for number in range(16)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, adapter in enumerate(names):
            random_adapter(folder / adapter, base, 4 + 4 * number, seed=number, strength=STRONG)
        ours = {"on": _ours(base, folder, asked, True), "off": _ours(base, folder, asked, False)}
        model = PeftModel.from_pretrained(base.model, str(folder / names[0]), names[0]).eval()
        for adapter in names[1:]:
            model.load_adapter(str(folder / adapter), adapter)
    prompts = ours["on"][1]
    right = [_theirs(model, name, prompts[n], TOKENS + n) for n, (_, name) in enumerate(asked)]
    wrong = [_theirs(model, names[(n + 1) % 4], prompts[n], TOKENS + n) for n in range(len(asked))]
    return {
        kernels: {
            "asked": len(asked),
            "equal": sum(text == other for text, other in zip(texts, right, strict=True)),
            "different with the next adapter": sum(text != other for text, other in zip(texts, wrong, strict=True)),
            "prepared steps": graphs.count if graphs else 0,
            "captured": bool(graphs and graphs.enabled),
        }
        for kernels, (texts, _, graphs) in ours.items()
    }


def _ours(base: Any, folder: Path, asked: list[tuple[str, str]], kernels: bool) -> tuple[list[str], Any, Any]:
    """The engine's texts, the prompts as tokens, and the prepared steps."""
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.requests import GenerationRequest, TextDelta
    from llm.sampling import Sampling
    from llm.settings import LlmSettings

    settings = LlmSettings(folder, slots=10, prefix_memory_mb=0, gpu_kernels=kernels, packed_mb=0)
    engine = Engine(base, AdapterRegistry((folder,)), settings)
    running = [
        engine.submit(GenerationRequest(({"role": "user", "content": prompt},), name, Sampling(max_tokens=TOKENS + n)))
        for n, (prompt, name) in enumerate(asked)
    ]
    texts = ["".join(e.text for e in generation if isinstance(e, TextDelta)) for generation in running]
    prompts = [engine.prompt_ids(generation.request) for generation in running]
    engine.shutdown()
    return texts, prompts, engine.decoder.graphs


def _theirs(model: Any, name: str, prompt: list[int], count: int) -> str:
    import torch

    from llm.detokenise import Detokeniser

    model.set_adapter(name, inference_mode=True)
    ids = torch.tensor([prompt], device=model.device)
    options = {"max_new_tokens": count, "do_sample": False, "pad_token_id": 0}
    with torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
    shown = Detokeniser(tokenizer())
    return "".join(shown.push(token) for token in out[0, len(prompt) :].tolist()) + shown.finish()
