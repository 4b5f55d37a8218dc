"""Adapters in memory: what a LoRA file holds, and how it is read.

Hu et al. 2021 (arXiv:2106.09685): y = W x + s B A x with s = alpha / r, or alpha / sqrt(r) for rsLoRA (Kalajdzievski
2023, arXiv:2312.03732).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm.adapter_files import PREFIX, adapter_files, content_version
from llm.adapters import AdapterInfo
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


def load_weights(info: AdapterInfo, device: torch.device) -> LoraWeights:
    """Read the adapter straight onto `device`, in the float type in which it is stored.

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
    tensors = {key.removeprefix(PREFIX): t.to(device) for key, t in tensors.items()}
    if not _finite(list(tensors.values())):
        raise damaged(info.name, "it holds NaN or infinite values")
    paths = [key.removesuffix(".lora_A.weight") for key in tensors if key.endswith(".lora_A.weight")]
    layers = {
        path: LoraLayer(tensors[path + ".lora_A.weight"], tensors[path + ".lora_B.weight"], info.scale)
        for path in paths
    }
    return LoraWeights(info.name, content_version(config, weights), layers)


def _finite(tensors: list[torch.Tensor]) -> bool:
    import torch

    # The bounds show NaN as well as infinity, in a fraction of the time that looking at every element takes.
    return bool(torch.stack([bound.float() for t in tensors for bound in t.aminmax()]).isfinite().all())


def damaged(name: str, reason: str) -> InvalidAdapterError:
    """The error for weights that cannot be used."""
    return InvalidAdapterError(
        en=f"The adapter “{name}” is damaged: {reason}. It was not used; train or copy it again, or take another.",
        zh=f"适配器“{name}”已损坏：{reason}。没有使用它；请重新训练或复制，或选择其他分身。",
    )
