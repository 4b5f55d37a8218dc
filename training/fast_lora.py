"""A leaner LoRA forward and backward for frozen bf16 layers on a CPU.

PEFT computes the low-rank part in float32, on a float32 copy of every layer's input; on a CPU with bf16 instructions
those small products cost nearly as much as the layer itself. Here they run in bf16, from float32 master weights, and
what is kept for the backward pass is the layer's input and r numbers per token. The tests hold it against PEFT.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def speed_up(model: Any) -> int:
    """Switch every LoRA layer of a PeftModel that allows it to the lean computation; returns how many did.

    Allowed: a plain bf16 `nn.Linear` below, one active adapter, no dropout, no variant such as DoRA.
    """
    import torch
    from peft.tuners.lora import Linear as LoraLinear

    changed = 0
    for layer in model.modules():
        if not isinstance(layer, LoraLinear) or type(layer.base_layer) is not torch.nn.Linear:
            continue
        name = layer.active_adapters[0]
        plain = isinstance(layer.lora_dropout[name], torch.nn.Identity) and not layer.lora_variant
        if len(layer.active_adapters) == 1 and plain and layer.base_layer.weight.dtype == torch.bfloat16:
            # an instance attribute, so that PEFT's own class stays as it is
            layer.forward = _Forward(layer, name)  # type: ignore[method-assign]
            changed += 1
    return changed


class _Forward:
    """Callable that replaces one layer's `forward`."""

    def __init__(self, layer: Any, name: str) -> None:
        self.layer, self.name = layer, name

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        import torch

        layer, base = self.layer, self.layer.base_layer
        if layer.disable_adapters:
            return base(x, *args, **kwargs)
        a, b = layer.lora_A[self.name].weight, layer.lora_B[self.name].weight
        if torch.is_grad_enabled():
            return _function().apply(x, base.weight, base.bias, a, b, layer.scaling[self.name])
        return _forward(x, base.weight, base.bias, a.to(x.dtype), b.to(x.dtype), layer.scaling[self.name])[0]


def _forward(x: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float) -> tuple[Any, Any]:
    import torch

    low = torch.nn.functional.linear(x, a)
    out = torch.nn.functional.linear(x, weight, bias)
    out.view(-1, out.shape[-1]).addmm_(low.view(-1, low.shape[-1]), b.t(), alpha=scale)
    return out, low


@cache
def _function() -> Any:
    import torch

    class FrozenLora(torch.autograd.Function):
        """y = x W' + bias + scale (x A') B', with gradients for x [..., in], A [r, in] and B [out, r]."""

        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float) -> Any:
            a16, b16 = a.to(x.dtype), b.to(x.dtype)
            out, low = _forward(x, weight, bias, a16, b16, scale)
            ctx.save_for_backward(x, weight, a16, b16, low)
            ctx.scale = scale
            return out

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, weight, a, b, low = ctx.saved_tensors
            flat = grad.reshape(-1, grad.shape[-1])
            grad_low = (flat @ b) * ctx.scale
            grad_b = (flat.t() @ low.reshape(-1, low.shape[-1])).float() * ctx.scale
            grad_a = (grad_low.t() @ x.reshape(-1, x.shape[-1])).float()
            grad_x = None
            if ctx.needs_input_grad[0]:
                grad_x = (flat @ weight).addmm_(grad_low, a).view_as(x)
            return grad_x, None, None, grad_a, grad_b, None

    return FrozenLora
