"""An adapter on the upper layers only: what lies below it never changes, so it is computed once for each row.

A step then runs the upper layers alone, forward and backward, from the states that enter them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from training.base_model import Base
from training.data import Encoded, batches, collate
from training.errors import BaseModelError

# States kept in memory at most (bytes); rows beyond it are computed anew in every step.
KEPT_AT_MOST = 2**30


def remember(base: Base, rows: Sequence[Encoded]) -> None:
    """Keep the states that enter the first adapted layer, for `rows` together if they fit.

    Which rows share a batch depends on `rows` alone, so that a resumed training computes the same bits.
    """
    if not base.first:
        return
    _check(base)
    size = 2 * base.model.config.hidden_size
    if size * (sum(len(row.ids) for row in rows) + sum(len(s) for s in base.states.values())) > KEPT_AT_MOST:
        return
    for part in batches([len(row.ids) for row in rows], base.unlearned):
        base.between()
        chosen = [rows[i] for i in part]
        for row, state in zip(chosen, _below(base, chosen), strict=True):
            base.states[tuple(row.ids)] = state[: len(row.ids)].clone()


def through(base: Base, rows: Sequence[Encoded]) -> Any:
    """Last hidden states [rows, longest, width] of rows, from the kept states where there are any."""
    if not base.first:
        tensors = collate(rows, base.pad_id)
        return base.hidden(tensors["input_ids"].to(base.device), tensors["attention_mask"].to(base.device))
    import torch

    keys = [tuple(row.ids) for row in rows]
    if all(key in base.states for key in keys):
        kept = [base.states[key] for key in keys]
    else:
        kept = [state[: len(row.ids)] for row, state in zip(rows, _below(base, rows), strict=True)]
    states = torch.nn.utils.rnn.pad_sequence(kept, batch_first=True)
    mask = collate(rows, base.pad_id)["attention_mask"].to(base.device)
    decoder = base.decoder()
    upper = _only(decoder, list(decoder.layers)[base.first :])
    return upper(inputs_embeds=states, attention_mask=mask, use_cache=False).last_hidden_state


def _check(base: Base) -> None:
    """Refuse a base whose upper layers cannot be run apart.

    Raises:
        BaseModelError: they give other states than the whole; only `depth: 1` can be trained.
    """
    import torch

    row = Encoded([token % base.model.config.vocab_size for token in range(8, 24)], [])
    ids = torch.tensor([row.ids], device=base.device)
    kinds = set(getattr(base.model.config, "layer_types", None) or ["full_attention"])
    with torch.no_grad():
        alike = len(kinds) == 1 and torch.allclose(
            base.hidden(ids, torch.ones_like(ids)).float(), through(base, [row]).float(), rtol=1e-2, atol=1e-2
        )
    if not alike:
        raise BaseModelError(
            en="The upper layers of this base cannot be trained apart. Nothing was learned; set depth to 1.",
            zh="该基座的上层无法单独训练，没有学到任何内容；请把 depth 设为 1。",
        )


def _below(base: Base, rows: Sequence[Encoded]) -> Any:
    """States [rows, longest, width] that enter the first adapted layer."""
    import torch

    tensors = {k: v.to(base.device) for k, v in collate(rows, base.pad_id).items() if k != "labels"}
    decoder = base.decoder()
    lower = _only(decoder, list(decoder.layers)[: base.first], torch.nn.Identity())
    with torch.no_grad():
        return lower(**tensors, use_cache=False).last_hidden_state


def _only(decoder: Any, layers: list[Any], norm: Any = None) -> Any:
    """The decoder with these layers alone, and `norm` in place of its last norm; the decoder itself is untouched, so
    that several threads may do so at once."""
    import torch

    part = copy.copy(decoder)
    part._modules = {**decoder._modules, "layers": torch.nn.ModuleList(layers), "norm": norm or decoder.norm}
    return part
