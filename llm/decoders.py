"""Which decoder a base gets."""

from __future__ import annotations

import logging
from typing import Any

from llm.model import Base
from llm.settings import LlmSettings

log = logging.getLogger(__name__)


def decoder_for(base: Base, settings: LlmSettings) -> tuple[Any, str]:
    """The decoder for `base`, and what keeps it from being the fast one."""
    import torch

    from llm.decoder import Decoder, why_not
    from llm.kernels import why_no_kernels
    from llm.rowwise import RowDecoder

    if reason := why_not(base.model):
        return RowDecoder(base), reason
    kernels = base.device.type == "cuda" and settings.gpu_kernels
    with torch.no_grad():
        if kernels and (reason := why_no_kernels(base.device, base.compute_dtype)):
            log.warning("the kernels for GPUs are not used: %s", reason)
            kernels = False
        return Decoder(base, settings.kv_memory_mb * 2**20, settings.packed_mb * 2**20, kernels), ""
