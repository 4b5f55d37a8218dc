"""LoRA on top of a resident base: the base is never changed, the current adapter is one reference.

Hu et al. 2021 (arXiv:2106.09685): y = W x + s B A x with s = alpha / r, or alpha / sqrt(r) for rsLoRA (Kalajdzievski
2023, arXiv:2312.03732).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.adapters import PREFIX, AdapterInfo, adapter_files, content_version
from llm.errors import InvalidAdapterError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LoraLayer:
    """One layer's pair: `a` [r, in], `b` [out, r], and the scale of their product."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float


@dataclass(frozen=True)
class LoraWeights:
    """One version of one adapter, in memory; immutable."""

    name: str
    version: str
    layers: dict[str, LoraLayer]

    @property
    def bytes(self) -> int:
        return sum(layer.a.nbytes + layer.b.nbytes for layer in self.layers.values())


class LoraSwitch:
    """Which adapter the next forward pass uses. Only the engine's thread touches it."""

    def __init__(self) -> None:
        self.layers: dict[str, LoraLayer] = {}

    def use(self, weights: LoraWeights | None) -> None:
        self.layers = weights.layers if weights else {}


def install(model: Any, linears: dict[str, tuple[int, int]]) -> LoraSwitch:
    """Wrap every layer of `linears` (module path -> shape) in `model`, once; return the switch that they all obey."""
    switch = LoraSwitch()
    wrapper = _wrapper_class()
    for path in linears:
        layer = model.get_submodule(path)
        # A second engine on the same base replaces the first one's wrappers instead of wrapping them.
        model.set_submodule(path, wrapper(getattr(layer, "wrapped", layer), path, switch))
    return switch


def load_weights(info: AdapterInfo, *, device: torch.device, dtype: torch.dtype) -> LoraWeights:
    """Read the adapter straight onto `device` and into `dtype`.

    The version of what is returned is that of the bytes read, which is another than `info.version` where the files
    changed in between.

    Raises:
        InvalidAdapterError: the file is damaged or holds a value that is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        # Read, not mapped: a file that is overwritten in place must not change, or crash, a running answer.
        config, weights = (path.read_bytes() for path in adapter_files(info.folder))
        tensors = load(weights)
    except (OSError, SafetensorError) as error:
        raise damaged(info.name, str(error)) from error
    tensors = {key.removeprefix(PREFIX): t.to(device, dtype) for key, t in tensors.items()}
    if not all(bool(t.isfinite().all()) for t in tensors.values()):
        raise damaged(info.name, "it holds NaN or infinite values")
    paths = [key.removesuffix(".lora_A.weight") for key in tensors if key.endswith(".lora_A.weight")]
    layers = {
        path: LoraLayer(tensors[path + ".lora_A.weight"], tensors[path + ".lora_B.weight"], info.scale)
        for path in paths
    }
    return LoraWeights(info.name, content_version(config, weights), layers)


def damaged(name: str, reason: str) -> InvalidAdapterError:
    """The error for weights that cannot be used."""
    return InvalidAdapterError(
        en=f"The adapter “{name}” is damaged: {reason}. It was not used; train or copy it again, or take another.",
        zh=f"适配器“{name}”已损坏：{reason}。没有使用它；请重新训练或复制，或选择其他分身。",
    )


def _wrapper_class() -> type:
    # Made in a function so that importing this file does not import torch.
    import torch

    class LoraLinear(torch.nn.Module):
        """A linear layer that adds the current adapter's product to what the base gives."""

        def __init__(self, wrapped: torch.nn.Module, path: str, switch: LoraSwitch) -> None:
            super().__init__()
            self.wrapped, self.path, self.switch = wrapped, path, switch

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.wrapped(x)
            layer = self.switch.layers.get(self.path)
            if layer is None:
                return y
            delta = torch.nn.functional.linear(torch.nn.functional.linear(x.to(layer.a.dtype), layer.a), layer.b)
            # `alpha` multiplies in float inside the addition: one rounding instead of two in bf16.
            return torch.add(y, delta.to(y.dtype), alpha=layer.scale)

    return LoraLinear
