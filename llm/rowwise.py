"""Bases that `llm.decoder` does not know: transformers' own forward pass, one request after another.

Correct for whatever transformers loads, and slower: the weights are read once for every request. The base is never
changed; which adapter the next pass uses is one reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.lora import LoraLayer, LoraWeights

if TYPE_CHECKING:
    import torch

    from llm.model import Base
    from llm.steps import Work


class CachedRow:
    """One request's keys and values, in transformers' own form."""

    def __init__(self, cache: Any) -> None:
        self.cache, self.length = cache, 0


class Caches:
    """Stands where `llm.kv.KeyValueMemory` stands; memory is what transformers takes."""

    bytes = 0

    def __init__(self, config: Any) -> None:
        self._config = config
        self.rows: list[CachedRow] = []

    def fits(self, reserve: int) -> bool:
        return True

    def open(self, reserve: int) -> CachedRow:
        from transformers import DynamicCache

        self.rows.append(CachedRow(DynamicCache(config=self._config)))
        return self.rows[-1]

    def close(self, row: CachedRow, *, clean: bool = False) -> None:
        self.rows.remove(row)


@dataclass(frozen=True, eq=False)
class LayerAdapter:
    """An adapter or a mix by module path; every scale is inside `b`."""

    layers: dict[str, LoraLayer]

    @property
    def bytes(self) -> int:
        return sum(layer.a.nbytes + layer.b.nbytes for layer in self.layers.values())


class RowDecoder:
    """The decoder for any `base`: its `step` takes one request at a time."""

    batched = False
    packed_bytes = stack_bytes = 0

    def __init__(self, base: Base) -> None:
        self._model, self._device, self._dtype = base.model, base.device, base.compute_dtype
        self._current: dict[str, LoraLayer] = {}
        self._install(base.linears)
        self.memory = Caches(base.model.config)

    def adapter(self, parts: Sequence[tuple[LoraWeights, float]]) -> LayerAdapter:
        """Weights times their shares; a mix is exact, as one pair of the sum of their ranks."""
        import torch

        paths = {path for weights, _ in parts for path in weights.layers}
        layers = {}
        for path in paths:
            own = [(weights.layers[path], share) for weights, share in parts if path in weights.layers]
            a = torch.cat([layer.a for layer, _ in own])
            b = torch.cat([layer.b.float() * (layer.scale * share) for layer, share in own], 1)
            layers[path] = LoraLayer(a.to(self._dtype), b.to(self._dtype), 1.0)
        return LayerAdapter(layers)

    def step(self, works: Sequence[Work]) -> torch.Tensor:
        """Read the one work's tokens; its logits [1, vocabulary], or [0, vocabulary] where none are wanted."""
        import torch

        (work,) = works
        row = work.row
        self._current = work.adapter.layers if work.adapter else {}
        tokens = torch.tensor([work.tokens], device=self._device)
        out = self._model(input_ids=tokens, past_key_values=row.cache, use_cache=True, logits_to_keep=1)
        row.length += len(work.tokens)
        return out.logits[0, -1:].float() if work.wanted else out.logits[0, :0].float()

    def _install(self, linears: dict[str, tuple[int, int]]) -> None:
        wrapper = _wrapper_class()
        for path in linears:
            layer = self._model.get_submodule(path)
            # A second decoder on the same base replaces the first one's wrappers instead of wrapping them.
            self._model.set_submodule(path, wrapper(getattr(layer, "wrapped", layer), path, self))


def _wrapper_class() -> type:
    # Made in a function so that importing this file does not import torch.
    import torch

    class LoraLinear(torch.nn.Module):
        """A linear layer that adds the current adapter's product to what the base gives."""

        def __init__(self, wrapped: torch.nn.Module, path: str, decoder: RowDecoder) -> None:
            super().__init__()
            self.wrapped, self.path, self.decoder = wrapped, path, decoder

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.wrapped(x)
            layer = self.decoder._current.get(self.path)
            if layer is None:
                return y
            linear = torch.nn.functional.linear
            return y + linear(linear(x.to(layer.a.dtype), layer.a), layer.b).to(y.dtype)

    return LoraLinear
