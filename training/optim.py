"""Muon for matrices and AdamW for the rest, with equal matrices orthogonalised in one batch.

Source: Jordan et al., "Muon" (2024); the factor 0.2 * sqrt(max(rows, columns)) gives the update AdamW's RMS
(Liu et al., "Muon is scalable", 2025), so that one learning rate serves both.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz iteration (n, rows, columns) towards the nearest orthogonal matrices, in bfloat16 on a GPU."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.to(torch.bfloat16 if matrices.is_cuda else torch.float32)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return (x.mT if tall else x).float()


class MuonAdamW:
    """Muon for `matrices` (2-D parameters of layers), AdamW for `others` (embeddings and norms).

    State lives on the parameters' device.
    """

    def __init__(
        self, matrices: list[nn.Parameter], others: list[nn.Parameter], decay: float = 0.05, momentum: float = 0.95
    ) -> None:
        groups: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for p in matrices:
            groups[tuple(p.shape)].append(p)
        self.groups = list(groups.values())
        self.buffers = [torch.zeros(len(g), *g[0].shape, device=g[0].device) for g in self.groups]
        self.decay, self.momentum = decay, momentum
        self.adam = torch.optim.AdamW(others, lr=1.0, betas=(0.9, 0.95), weight_decay=0.0, fused=others[0].is_cuda)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update at learning rate `lr` from the parameters' `grad`."""
        for group, buffer in zip(self.groups, self.buffers, strict=True):
            grad = torch.stack([p.grad for p in group if p.grad is not None])
            buffer.lerp_(grad, 1 - self.momentum)
            update = orthogonalise(torch.lerp(grad, buffer, self.momentum))
            scale = 0.2 * max(group[0].shape) ** 0.5
            torch._foreach_mul_(group, 1 - lr * self.decay)
            torch._foreach_add_(group, list(update.unbind(0)), alpha=-lr * scale)
        for settings in self.adam.param_groups:
            settings["lr"] = lr
        self.adam.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {"buffers": self.buffers, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave."""
        for mine, saved in zip(self.buffers, state["buffers"], strict=True):
            mine.copy_(saved)
        self.adam.load_state_dict(state["adam"])
