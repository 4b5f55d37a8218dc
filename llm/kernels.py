"""Whether the kernels for GPUs run here and are right: they are compiled on the machine they run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Mean error over mean size that rounding alone does not reach.
_WRONG = 0.02


def why_no_kernels(device: torch.device, dtype: torch.dtype) -> str:
    """What keeps the kernels from being used; "" when nothing does.

    Tried out on a small problem, since a missing compiler or a card that is too old shows only then.
    """
    if device.type != "cuda":
        return f"device {device.type}"
    try:
        adapters, attention = _adapters_error(device, dtype), _attention_error(device, dtype)
    except Exception as error:
        return f"Triton: {type(error).__name__}: {error}"[:300]
    if not (adapters < _WRONG and attention < _WRONG):
        return f"Triton's results are wrong here, adapters by {adapters:.1%}, attention by {attention:.1%}"
    return ""


def _adapters_error(device: torch.device, dtype: torch.dtype) -> float:
    import torch

    from llm.grouped import AdapterTable, deltas
    from llm.lora import LoraLayer, LoraWeights
    from llm.projections import Place
    from llm.stack import Deltas, Span, make_adapter

    places = [Place(("one", "two"), 512, (256, 64))]
    generator = torch.Generator(device).manual_seed(0)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    spans = []
    for start, rank in ((0, 16), (3, 4)):
        layers = {"one": LoraLayer(numbers(rank, 512), numbers(256, rank), 0.1)}
        weights = LoraWeights(str(rank), str(rank), layers)
        spans.append(Span(start, start + 3, make_adapter([(weights, 1.0)], places, dtype, grain=16)))
    x, y = numbers(7, 512), numbers(7, 320)
    expected = y.clone()
    Deltas(spans).add(0, x, expected)
    grouped = deltas(spans, AdapterTable(places, device))
    grouped.begin(0, x)
    grouped.add(0, x, y)
    return float((y - expected).float().abs().mean() / expected.float().abs().mean())


def _attention_error(device: torch.device, dtype: torch.dtype) -> float:
    import torch

    from llm.attention_kernel import attend

    generator = torch.Generator(device).manual_seed(0)
    q, flat = (torch.randn(shape, generator=generator, device=device).to(dtype) for shape in ((2, 4, 64), (1024, 64)))
    rows, lengths = torch.tensor([1, 0], device=device), torch.tensor([100, 70], device=device)
    # Two rows of 256 tokens and one key head.
    got = attend(q, flat, rows, lengths, (1, 512, 256, 0.125))
    keys, values = flat.float().view(2, 2, 256, 64)
    expected = [
        torch.softmax(q[at].float() @ keys[row, :length].T * 0.125, -1) @ values[row, :length]
        for at, (row, length) in enumerate(((1, 100), (0, 70)))
    ]
    return float((got.float() - torch.stack(expected).flatten(1)).abs().mean() / torch.stack(expected).abs().mean())
