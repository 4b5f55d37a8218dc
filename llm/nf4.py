"""Reading a bitsandbytes nf4 checkpoint without bitsandbytes.

For machines that bitsandbytes does not support, and for `--quantisation bf16` on a checkpoint stored at 4 bits.
Format: Dettmers et al. 2023 (QLoRA, arXiv:2305.14314, section 3): blocks of 64 weights share an absmax, and blocks of
256 absmax values are themselves quantised to 8 bits around their mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATE = ".quant_state.bitsandbytes__nf4"


def dequantised_state(folder: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """State dict of the checkpoint in `folder` with every nf4 weight [out, in] expanded to `dtype`.

    Raises:
        OSError: a shard cannot be read.
        KeyError: part of a weight's quantisation state is missing.
    """
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for shard in sorted(folder.glob("*.safetensors")):
        stored.update(load_file(shard))
    packed = [name.removesuffix(_STATE) for name in stored if name.endswith(_STATE)]
    parts = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", _STATE)
    extra = {name + part for name in packed for part in parts}
    plain = {name: t.to(dtype) for name, t in stored.items() if name not in extra and name not in packed}
    return plain | {name: _dequantise(stored, name).to(dtype) for name in packed}


def _dequantise(stored: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    import torch

    state = json.loads(bytes(stored[name + _STATE].tolist()))
    absmax = stored[name + ".absmax"]
    if absmax.dtype == torch.uint8:
        nested = stored[name + ".nested_quant_map"].float()[absmax.long()]
        blocks = stored[name + ".nested_absmax"].float().repeat_interleave(state["nested_blocksize"])
        absmax = nested * blocks[: nested.numel()] + state["nested_offset"]
    # Some checkpoints (FSDP) keep the bytes in a wider type.
    byte = stored[name].flatten().view(torch.uint8)
    # Two weights a byte, the first in the high half.
    codes = torch.stack([byte >> 4, byte & 15], dim=1).flatten().long()
    values = stored[name + ".quant_map"].float()[codes]
    scale = absmax.float().repeat_interleave(state["blocksize"])[: values.numel()]
    return (values * scale)[: torch.Size(state["shape"]).numel()].reshape(state["shape"])
