"""The linear layers of a decoder, several at a time: what reads the same input is one matrix product.

On a CPU the weights of a small 4-bit or bf16 base are held a second time, as plain numbers in oneDNN's own layout: in
bf16 where the processor has AVX-512, else in float32. Measured on the embedded base, all linear layers, one core, ms:

| tokens in a step | 1 | 8 | 512 | mean error |
|---|---|---|---|---|
| AVX-512: bf16 copy | 3.1 | 4.2 | 92 | 0.22% |
| bitsandbytes' nf4 | 4.2 | 5.7 | 135 | 0.25% |
| plain bf16 | 6.0 | 6.9 | 107 | 0.22% |
| 8-bit weights | 2.6 | 6.3 | > 300 | 0.76% |
| AVX2: float32 copy | 5.8 | 8.9 | 326 | 0 |
| plain float32, bf16 | 8.2, 3.4 | 14.8, 25 | 375, - | 0, 0.22% |
| 8-bit weights | 3.1 | 9.1 | - | 0.76% |
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Place:
    """Linear layers that read the same input, in the order in which their outputs stand side by side.

    Attributes:
        paths: their module paths in the model.
        inputs: features in.
        outputs: features out of each.
    """

    paths: tuple[str, ...]
    inputs: int
    outputs: tuple[int, ...]


class Projection(Protocol):
    """x [N, in] in any float type -> [N, out]; `bytes` is what it holds beside the model's own weights."""

    bytes: int

    def __call__(self, x: torch.Tensor) -> torch.Tensor: ...


class Dense:
    """One plain matrix; the modules' own weights become views into it, so that nothing is held twice."""

    bytes = 0

    def __init__(self, modules: list[Any]) -> None:
        import torch

        self._linear = torch.nn.functional.linear
        self._weight, self._bias = _joined(modules)
        start = 0
        for module in modules if len(modules) > 1 else []:
            stop = start + module.out_features
            module.weight.data = self._weight[start:stop]
            start = stop

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self._linear(x.to(self._weight.dtype), self._weight, self._bias)


class Packed:
    """A copy in oneDNN's layout (the operator that torch's own compiler uses on CPUs)."""

    def __init__(self, modules: list[Any], dtype: torch.dtype) -> None:
        import torch

        weight, self._bias = _joined(modules, dtype)
        self._operator, self._dtype = torch.ops.mkldnn._linear_pointwise.default, dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        self.bytes = weight.nbytes

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self._operator(x.to(self._dtype), self._weight, self._bias, "none", [], "")


class Modules:
    """The model's own modules one by one: exactly its arithmetic, whatever they are."""

    bytes = 0

    def __init__(self, modules: list[Any], dtype: torch.dtype) -> None:
        import torch

        self._modules, self._dtype, self._cat = modules, dtype, torch.cat

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(self._dtype)
        if len(self._modules) == 1:
            return self._modules[0](x)
        return self._cat([module(x) for module in self._modules], -1)


def place_of(model: Any, paths: tuple[str, ...]) -> Place:
    """The place of the linear layers at `paths`."""
    modules = [model.get_submodule(path) for path in paths]
    return Place(paths, modules[0].in_features, tuple(module.out_features for module in modules))


def project(model: Any, place: Place, dtype: torch.dtype, packing: torch.dtype | None) -> Projection:
    """The fastest form of the layers at `place`; with `packing`, a copy in this type.

    Args:
        dtype: in which the model's own modules compute.
    """
    modules = [model.get_submodule(path) for path in place.paths]
    if packing and all(is_plain(module) or hasattr(module.weight, "quant_state") for module in modules):
        return Packed(modules, packing)
    if all(is_plain(module) for module in modules):
        return Dense(modules)
    return Modules(modules, dtype)


def packing_type(device: torch.device) -> torch.dtype | None:
    """The type of number that oneDNN multiplies fastest here; None where it does not run."""
    import torch

    mkldnn = torch.ops.mkldnn
    if device.type != "cpu" or not torch.backends.mkldnn.is_available() or not hasattr(mkldnn, "_linear_pointwise"):
        return None
    return torch.bfloat16 if mkldnn._is_mkldnn_bf16_supported() else torch.float32


def is_plain(module: Any) -> bool:
    """Whether the weight is a matrix of floats [out, in] and not packed in 4 bits."""
    return type(module).__name__ == "Linear"


def weight_of(module: Any, dtype: torch.dtype) -> torch.Tensor:
    """The module's weight [out, in] in `dtype`, taken out of 4 bits where it is in them."""
    if is_plain(module):
        return module.weight.detach().to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    state = module.weight.quant_state
    if getattr(state, "packing_format_for_cpu", False):
        # bitsandbytes repacks at the first call on some CPUs, with no way back that is exact: read through the module.
        return _by_columns(module, dtype)
    # Its own type would be bf16, which is one rounding too many for float32.
    state = copy.copy(state)
    state.dtype = dtype
    return dequantize_4bit(module.weight.data, state)


def _by_columns(module: Any, dtype: torch.dtype) -> torch.Tensor:
    """A weight [out, in] as what the module makes of the unit vectors; one product a weight, so no sum is rounded."""
    import torch

    bias, module.bias = module.bias, None
    try:
        unit = torch.eye(module.in_features, dtype=torch.bfloat16, device=module.weight.device)
        return module(unit).T.to(dtype).contiguous()
    finally:
        module.bias = bias


def _joined(modules: list[Any], dtype: torch.dtype | None = None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The modules' weights [sum of out, in] and biases, one after another; a lone module's own if the type fits."""
    import torch

    kind = dtype or modules[0].weight.dtype
    weights = [weight_of(module, kind) for module in modules]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    if all(module.bias is None for module in modules):
        return weight, None
    biases = [
        weight.new_zeros(module.out_features) if module.bias is None else module.bias.detach().to(kind)
        for module in modules
    ]
    return weight, torch.cat(biases)
