"""Where an adapter looks: in the directions that tell what it is to learn from what is to stay.

LoRA's A decides what the update of a layer reacts to. By default A is random, and the update reacts to everything; then
training has to unlearn its effect on what should stay. Here A begins with the directions in which the layer's inputs
vary most where the answers to be learned are written, relative to its inputs in replay rows (generalised eigenvectors
of the two second moments, the latter regularised). B begins with zeros as ever, so nothing is changed by it.

Related: EVA (Paischer et al., 2024) takes the inputs' own principal directions, CorDA (Yang et al., 2024) and AlphaEdit
(Fang et al., 2024) turn updates away from the inputs of what is to be kept.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any

from training.base_model import Base
from training.data import Encoded, batches, collate
from training.depth import through

# rows of each kind that are read, and inputs of a layer that are kept of each kind
ROWS, INPUTS = 128, 1024
# share of the mean variance that is added in every direction: a few inputs do not tell what never varies
RIDGE = 0.1
# mean square of what A gives on the inputs to be learned: as the default gives on normalised inputs
SCALE = 1 / 3
ROUNDS = 25


def point_apart(base: Base, own: Sequence[Encoded], kept: Sequence[Encoded], seed: int) -> None:
    """Set A [r, in] of every adapted layer from the rows to be learned and the rows to be kept; the same bits for the
    same rows and seed."""
    import torch

    learned = _inputs(base, own, seed, answers=True)
    stays = _inputs(base, kept, seed, answers=False)
    layers = _layers(base)

    def point(name: str) -> None:
        weight = layers[name].lora_A[layers[name].active_adapters[0]].weight
        with torch.no_grad():
            weight.copy_(_directions(learned[name].float(), stays[name].float(), len(weight), seed).to(weight))

    base.lanes.map(point, layers)


def _directions(learned: Any, stays: Any, count: int, seed: int) -> Any:
    """`count` directions [count, in] with the most of `learned` [n, in] per `stays` [m, in]: subspace iteration, where
    the regularised second moment is inverted by Woodbury's identity in the space of the m inputs."""
    import torch

    ridge = RIDGE * stays.square().mean()
    gram = stays @ stays.T
    gram.diagonal().add_(len(stays) * ridge)
    factor = torch.linalg.cholesky(gram)
    drawn = torch.Generator().manual_seed(seed)
    found = torch.randn(learned.shape[1], count + 10, generator=drawn).to(learned)
    for _ in range(ROUNDS):
        found = torch.linalg.qr(found)[0]
        found = learned.T @ (learned @ found)
        found = found - stays.T @ torch.cholesky_solve(stays @ found, factor)
    found = torch.linalg.qr(found)[0]
    # within the subspace: the two moments made diagonal together
    moments = [(x @ found).T @ (x @ found) / len(x) for x in (learned, stays)]
    moments[1].diagonal().add_(ridge)
    root = torch.linalg.cholesky(moments[1])
    half = torch.linalg.solve_triangular(root, moments[0], upper=False)
    whitened = torch.linalg.solve_triangular(root, half.T, upper=False)
    turned = torch.linalg.eigh((whitened + whitened.T) / 2)[1][:, -count:]
    best = found @ torch.linalg.solve_triangular(root.T, turned, upper=True)
    return (best * (SCALE / (learned @ best).square().mean(0)).sqrt()).T


def _inputs(base: Base, rows: Sequence[Encoded], seed: int, *, answers: bool) -> dict[str, Any]:
    """Layer -> inputs [at most INPUTS, in] of the base alone: where answers are written, or everywhere."""
    import torch

    rng = random.Random(seed)
    chosen = rng.sample(list(rows), min(ROWS, len(rows)))
    local = threading.local()

    def hook(name: str) -> Any:
        def note(layer: Any, inputs: tuple[Any, ...]) -> None:
            if local.of is not inputs[0]:
                # layers side by side (q, k, v) get the same input: kept once
                local.of, local.kept = inputs[0], inputs[0][local.where]
            local.found[name] = local.kept

        return note

    def read(part: list[int]) -> dict[str, Any]:
        base.between()
        tensors = collate([chosen[i] for i in part], base.pad_id)
        # position t predicts the token at t + 1
        answered = torch.nn.functional.pad(tensors["labels"][:, 1:] >= 0, (0, 1))
        local.where = (answered if answers else tensors["attention_mask"].bool()).to(base.device)
        local.of, local.found = None, {}
        with torch.no_grad():
            through(base, [chosen[i] for i in part])
        return local.found

    hooks = [layer.register_forward_pre_hook(hook(name)) for name, layer in _layers(base).items()]
    base.model.eval()
    try:
        with base.alone():
            most = base.lanes.shares(len(chosen), base.unlearned)
            found = base.lanes.map(read, batches([len(row.ids) for row in chosen], most))
    finally:
        for each in hooks:
            each.remove()
    positions = sum(len(next(iter(part.values()))) for part in found)
    few = torch.tensor(sorted(rng.sample(range(positions), min(INPUTS, positions))), device=base.device)
    return {name: torch.cat([part[name] for part in found])[few] for name in found[0]}


def _layers(base: Base) -> dict[str, Any]:
    """The adapted layers by name."""
    from peft.tuners.lora import LoraLayer

    return {name: layer for name, layer in base.model.named_modules() if isinstance(layer, LoraLayer)}
