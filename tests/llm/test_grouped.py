"""The kernels for GPUs against torch's own operations: in Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

CUDA = torch.cuda.is_available()
if not CUDA:
    # Read when the kernels are imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")
pytest.importorskip("triton", reason="Triton comes with PyTorch's CUDA wheels only")

from llm.adapters import AdapterRegistry  # noqa: E402
from llm.attention_kernel import attend  # noqa: E402
from llm.decoder import Decoder  # noqa: E402
from llm.grouped import AdapterTable, deltas  # noqa: E402
from llm.kv import KeyValueMemory, KeyValueShape  # noqa: E402
from llm.lora import LoraLayer, LoraWeights, load_weights  # noqa: E402
from llm.model import Base  # noqa: E402
from llm.projections import Place  # noqa: E402
from llm.stack import Adapter, Deltas, Span, make_adapter  # noqa: E402
from llm.steps import Work  # noqa: E402
from tests.llm.tiny import write_adapter  # noqa: E402

DEVICE = torch.device("cuda" if CUDA else "cpu")
# The interpreter cannot multiply bfloat16.
HALF = torch.bfloat16 if CUDA else torch.float16
# Mean error over mean size: of float32's sums in another order; of the roundings to 16 bits.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
PLACES = (
    Place(("q", "k", "v"), 320, (96, 32, 32)),
    Place(("o",), 96, (320,)),
    Place(("gate", "up"), 320, (208, 208)),
    # Neither a multiple of 16 nor of what a program sums.
    Place(("down",), 531, (90,)),
)


def _adapter(seed: int, ranks: dict[str, int], dtype: torch.dtype) -> Adapter:
    """One with these ranks by layer, the same for each layer or none."""
    generator = torch.Generator().manual_seed(seed)
    layers = {}
    for place in PLACES:
        for path, outputs in zip(place.paths, place.outputs, strict=True):
            if rank := ranks.get(path, ranks.get("all", 0)):
                a = torch.randn(rank, place.inputs, generator=generator) / place.inputs**0.5
                b = torch.randn(outputs, rank, generator=generator)
                layers[path] = LoraLayer(a.to(DEVICE, dtype), b.to(DEVICE, dtype), 0.7)
    return make_adapter([(LoraWeights(f"a{seed}", str(seed), layers), 1.0)], PLACES, dtype, grain=16)


def _error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got.float() - expected.float()).abs().mean() / expected.float().abs().mean())


# Rows of each adapter, in order; None: without one. Short steps, prompts, and more blocks than one an adapter.
STEPS: tuple[tuple[tuple[int | None, int], ...], ...] = (
    ((0, 1),),
    ((0, 1), (1, 1), (0, 1), (None, 2), (3, 1), (2, 1)),
    ((2, 40), (None, 3), (1, 20)),
    ((0, 70), (1, 90), (2, 1), (0, 3)),
)


@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize("step", STEPS)
def test_the_kernels_add_what_torch_adds(step: tuple[tuple[int | None, int], ...], dtype: torch.dtype) -> None:
    adapters = [
        _adapter(0, {"all": 16}, dtype),
        _adapter(1, {"all": 5}, dtype),
        _adapter(2, {"q": 3, "v": 40, "down": 100}, dtype),
        _adapter(3, {"o": 1, "up": 24}, dtype),
    ]
    table = AdapterTable(PLACES, DEVICE, slots=2)
    generator = torch.Generator().manual_seed(9)
    spans, count = [], 0
    for number, rows in step:
        if number is not None:
            spans.append(Span(count, count + rows, adapters[number]))
        count += rows
    ours, oracle = deltas(spans, table), Deltas(spans)
    wrong = Deltas([Span(s.start, s.stop, adapters[(adapters.index(s.adapter) + 1) % 4]) for s in spans])
    for place, layers in enumerate(PLACES):
        x = torch.randn(count, layers.inputs, generator=generator).to(DEVICE, dtype)
        y = torch.randn(count, sum(layers.outputs), generator=generator).to(DEVICE, dtype)
        got, expected, other = y.clone(), y.clone(), y.clone()
        ours.begin(place, x)
        ours.add(place, x, got)
        oracle.add(place, x, expected)
        wrong.add(place, x, other)
        assert _error(got, expected) < TOLERANCE[dtype], layers.paths
        assert _error(other, expected) > 0.05, "the control: each row with the next adapter"


def test_a_slot_is_used_again_when_its_adapter_is_gone() -> None:
    table = AdapterTable(PLACES, DEVICE, slots=2)
    adapters = [_adapter(seed, {"all": 2}, torch.float32) for seed in range(3)]
    assert len({table.slot(adapter) for adapter in adapters}) == 3, "it grows"
    before = table.data.clone()
    gone = table.slot(adapters[1])
    del adapters[1]
    new = _adapter(7, {"all": 2}, torch.float32)
    assert table.slot(new) in (gone, 3)
    for adapter in adapters:
        number = table.slot(adapter)
        assert torch.equal(table.data[number], before[number])


@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize(("heads", "key_heads", "size"), [(7, 1, 16), (4, 2, 24), (4, 4, 32)])
def test_attention_is_that_of_torch(heads: int, key_heads: int, size: int, dtype: torch.dtype) -> None:
    """Over rows of different lengths, in any order, beside what nobody may see."""
    memory = KeyValueMemory(KeyValueShape(2, key_heads, size, dtype, DEVICE), 2**28)
    generator = torch.Generator().manual_seed(1)
    lengths = [1, 150, 64, 65, 3]
    rows = [memory.open(300) for _ in lengths]
    memory.data.copy_(torch.randn(memory.data.shape, generator=generator))
    order = [3, 0, 4, 1]
    turned = torch.randn(len(order), heads + key_heads, size, generator=generator).to(DEVICE, dtype)
    where = torch.tensor(order, device=DEVICE)
    seen = torch.tensor([lengths[row] for row in order], device=DEVICE)
    capacity, room, scale = memory.data.shape[2] * key_heads * memory.data.shape[4], memory.data.shape[4], size**-0.5
    for layer in range(2):
        got = attend(turned[:, :heads], memory.flat[layer], where, seen, (key_heads, capacity, room, scale))
        expected: list[Any] = []
        for at, row in enumerate(order):
            keys, values = memory.read(rows[row], 0, lengths[row])[layer].float()
            q = turned[at, :heads].float().view(key_heads, heads // key_heads, size)
            expected.append(torch.nn.functional.scaled_dot_product_attention(q, keys, values).flatten())
        assert _error(got, torch.stack(expected)) < TOLERANCE[dtype]
        assert _error(got.roll(1, 0), torch.stack(expected)) > 0.1, "the control"


@pytest.mark.skipif(CUDA, reason="compares with the decoder for CPUs on the same base")
@pytest.mark.slow
def test_prepared_steps_and_prompts_side_by_side_give_the_same_scores(tiny: Base, tmp_path: Path) -> None:
    """Rows come, change their order and go; some steps read prompts, equally long ones together."""
    registry = AdapterRegistry((tmp_path,))
    registry.bind(tiny.fingerprint, tiny.linears)
    everything = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj", "lm_head")
    for number in range(3):
        write_adapter(tmp_path, f"a{number}", tiny, seed=number, rank=3 + number, ending=everything[number:])
    tokens = torch.randint(300, (5, 60), generator=torch.Generator().manual_seed(2)).tolist()

    def read(decoder: Decoder) -> list[torch.Tensor]:
        adapters = [decoder.adapter([(load_weights(registry.get(f"a{n}"), tiny.device), 1.0)]) for n in range(3)]
        chosen = [adapters[0], None, adapters[1], adapters[2], adapters[0]]
        rows = {n: decoder.memory.open(80) for n in range(4)}
        out = []
        beginnings = (20, 31, 5, 17)
        out.append(decoder.step([Work(rows[n], tokens[n][: beginnings[n]], chosen[n]) for n in (0, 1, 2, 3)]))
        out.append(decoder.step([Work(rows[0], tokens[0][20:30], chosen[0], wanted=False)]))
        for at in range(31, 36):
            out.append(decoder.step([Work(rows[n], [tokens[n][at]], chosen[n]) for n in (3, 0, 2, 1)]))
        decoder.memory.close(rows.pop(1))
        rows[4] = decoder.memory.open(80)
        first = [Work(rows[n], [tokens[n][36]], chosen[n]) for n in (2, 0)]
        out.append(decoder.step([*first, Work(rows[4], tokens[4][:9], chosen[4])]))
        for at in range(37, 42):
            out.append(decoder.step([Work(rows[n], [tokens[n][at]], chosen[n]) for n in (0, 2, 4)]))
        return out

    with torch.inference_mode():
        expected = read(Decoder(tiny, 2**28, 0))
        decoder = Decoder(tiny, 2**28, 0, kernels=True)
        assert decoder.graphs is not None
        decoder.graphs.patience = 3
        got = read(decoder)
        assert decoder.graphs.count == 2, "four rows, and three filled up to four, with fewer adapters"
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)
    assert (got[-1] - expected[-2]).abs().max() > 0.1, "the control: the step before"


@pytest.mark.skipif(not CUDA, reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_pass_the_trial_at_the_start(dtype: torch.dtype) -> None:
    from llm.kernels import why_no_kernels

    assert why_no_kernels(DEVICE, dtype) == ""
