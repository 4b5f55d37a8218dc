"""The lean RMS norm against the model's own, forward and backward, and the norms that are left alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from training.fast_norm import speed_up_norms


def norm(kind: Any, width: int = 64) -> Any:
    torch.manual_seed(1)
    layer = kind(width).bfloat16().requires_grad_(False)
    layer.weight.copy_(torch.randn(width))
    return layer


def gradient(layer: Any, x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    layer(x).backward(grad)
    assert x.grad is not None
    return x.grad.float()


def apart(some: torch.Tensor, others: torch.Tensor) -> float:
    return float((some - others).norm() / others.norm())


@pytest.mark.parametrize("shape", [(7, 64), (3, 5, 8, 64)])
def test_it_is_the_models_own(shape: tuple[int, ...]) -> None:
    x, grad = 3 * torch.randn(shape).bfloat16(), torch.randn(shape).bfloat16()
    own, lean = norm(Qwen3RMSNorm), norm(Qwen3RMSNorm)
    assert speed_up_norms(lean) == 1
    assert torch.equal(lean(x), own(x))
    exact = gradient(norm(Qwen3RMSNorm).float(), x.float(), grad.float())
    assert apart(gradient(lean, x, grad), exact) < 0.01
    # control: without its second term the gradient is another one
    scaled = grad.float() * own.weight * (own(x).float() / (own.weight * x.float()))
    assert apart(scaled, exact) > 0.05


def test_what_computes_otherwise_or_learns_is_left_alone() -> None:
    other, learning, wide = norm(Gemma3RMSNorm), norm(Qwen3RMSNorm), norm(Qwen3RMSNorm).float()
    learning.weight.requires_grad_()
    assert [speed_up_norms(layer) for layer in (other, learning, wide, torch.nn.LayerNorm(64).bfloat16())] == [0] * 4
