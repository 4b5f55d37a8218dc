"""Root mean square norm: y = x / sqrt(mean(x²) + eps) * weight (Zhang and Sennrich 2019, arXiv:1910.07467)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class RmsNorm:
    """The norm over the last axis, with `weight` [size] or [heads, size] in the type of what is normed.

    torch's own takes ten small operations on a CPU, a tenth of a decode step of the embedded base. In float32 the same
    number is x / hypot(|x|, sqrt(size eps)) * (weight sqrt(size)), which takes four.
    """

    def __init__(self, weight: torch.Tensor, eps: float) -> None:
        import torch

        self._torch, size = torch, weight.shape[-1]
        self._few = weight.device.type == "cpu" and weight.dtype == torch.float32
        self._weight = weight * math.sqrt(size) if self._few else weight
        self._shape, self._eps, self._least = (size,), eps, weight.new_tensor(math.sqrt(size * eps))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        torch = self._torch
        if self._few:
            length = torch.hypot(torch.linalg.vector_norm(x, 2, -1, True), self._least)
            return torch.div(x, length).mul_(self._weight)
        if self._weight.ndim == 1:
            return torch.rms_norm(x, self._shape, self._weight, self._eps)
        return torch.rms_norm(x, self._shape, None, self._eps) * self._weight
