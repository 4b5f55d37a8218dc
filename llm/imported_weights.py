"""LoRA weights as other programs write them, in the names that PEFT gives to a base's layers.

Nothing in a file is ever run: pickles are read by PyTorch's own restricted reader (`weights_only`), and of the
configuration of a training, which is Python, only literals are read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.adapter_files import PREFIX
from llm.hubs.internlm import renamed, unfused

if TYPE_CHECKING:
    import torch

# Before the model's own names: of XTuner's wrapper and of data-parallel training.
_KEY = re.compile(
    r"(?:(?:llm|module|model)\.)*?base_model\.model\.(?P<path>.+)\.lora_(?P<part>[AB])(?:\.default)?\.weight"
)
# What a training keeps beside the weights (its log), none of which is needed.
_LOG = re.compile(r"(?:mmengine|numpy|collections)\..+|(?:__builtin__|builtins)\.(?:getattr|set|slice)")
_FUSED = "attention.wqkv"


class Unusable(Exception):
    """Why weights cannot be imported, as (English, Chinese); `advised`: that says what to do already."""

    def __init__(self, en: str, zh: str, *, advised: bool = False) -> None:
        super().__init__(en)
        self.en, self.zh, self.advised = en, zh, advised


class _Ignored:
    """Stands for whatever a log holds; made of anything, it is nothing."""

    def __new__(cls, *_: object) -> _Ignored:
        return object.__new__(cls)

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


@dataclass(frozen=True)
class Checkpoint:
    """What a .pth or .bin file holds: tensors by name, and the text of the training's configuration ("" for none)."""

    tensors: dict[str, torch.Tensor]
    config: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file that `torch.save` wrote: a state dict, or MMEngine's checkpoint around one.

    Raises:
        Unusable: it is none, is damaged, or holds objects that would have to be run to be read.
    """
    import pickle
    import zipfile

    import torch
    from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

    try:
        names = get_unsafe_globals_in_checkpoint(path) if zipfile.is_zipfile(path) else []
        foreign = sorted(name for name in names if not _LOG.fullmatch(name))
        if foreign:
            raise Unusable(
                f"it holds Python objects ({', '.join(foreign[:3])}) that would have to be run to be read",
                f"其中有必须运行才能读取的 Python 对象（{'、'.join(foreign[:3])}）",
            )
        with safe_globals([(_Ignored, name) for name in names]):
            held = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise Unusable(
            "it is damaged, is no checkpoint, or holds what would have to be run to be read",
            "已损坏、不是检查点，或其中有必须运行才能读取的内容",
        ) from error
    if not isinstance(held, Mapping):
        raise Unusable("it holds no weights by name", "其中没有按名称存放的权重")
    meta = held.get("meta")
    config = meta.get("cfg") if isinstance(meta, Mapping) else ""
    state = held.get("state_dict", held)
    tensors = {k: v for k, v in state.items() if isinstance(v, torch.Tensor)} if isinstance(state, Mapping) else {}
    return Checkpoint(tensors, config if isinstance(config, str) else "")


def lora_only(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights under PEFT's names.

    Raises:
        Unusable: there is no LoRA among them, or something besides.
    """
    found: dict[str, torch.Tensor] = {}
    others = []
    for key, tensor in tensors.items():
        match = _KEY.fullmatch(key)
        if match:
            found[f"{PREFIX}{match['path']}.lora_{match['part']}.weight"] = tensor
        else:
            others.append(key)
    if not found:
        some = ", ".join(others[:2]) or "–"
        raise Unusable(
            f"it holds no LoRA weights but {len(others)} others ({some}); a whole model is no adapter",
            f"其中没有 LoRA 权重，而是 {len(others)} 个其他张量（{some}）；完整模型不是适配器",
        )
    if others:
        raise Unusable(
            f"besides LoRA it holds {len(others)} tensors ({others[0]}) that an adapter cannot carry here",
            f"除 LoRA 外还有 {len(others)} 个这里的适配器无法携带的张量（{others[0]}）",
        )
    return found


def rank_of(tensors: Mapping[str, torch.Tensor]) -> int:
    """The one rank of all pairs.

    Raises:
        Unusable: they have several.
    """
    ranks = sorted({tensor.shape[0 if ".lora_A." in key else -1] for key, tensor in tensors.items()})
    if len(ranks) != 1:
        shown = ", ".join(map(str, ranks))
        raise Unusable(f"its layers have several ranks ({shown})", f"各层的秩不一致（{shown}）")
    return int(ranks[0])


def in_own_layout(tensors: Mapping[str, torch.Tensor], heads: int, groups: int) -> dict[str, torch.Tensor]:
    """Weights of an InternLM2 in the layers that it has here; others as they are.

    Its `wqkv` is query, key and value in one: they read the same, so each takes the whole A, and its own rows of B,
    which lie head by head (queries, key, value) as in llm.hubs.internlm. This is exact.

    Args:
        heads, groups: of the base: query heads, and key/value heads.

    Raises:
        Unusable: B does not divide into so many heads.
    """
    own: dict[str, torch.Tensor] = {}
    for key, tensor in tensors.items():
        if _FUSED not in key:
            own[renamed(key)] = tensor
            continue
        parts = {name: tensor.clone() for name in ("q_proj", "k_proj", "v_proj")}
        if ".lora_B." in key:
            if tensor.shape[0] % (heads + 2 * groups):
                raise Unusable(f"{key} has {tensor.shape[0]} rows, which are not its heads", f"{key} 的行数与头数不符")
            parts = unfused(tensor, heads, groups)
        for name, part in parts.items():
            own[key.replace(_FUSED, f"self_attn.{name}")] = part
    return own


def lora_settings(source: str) -> dict[str, Any]:
    """The literal entries that stand beside `lora_alpha` in a Python configuration, which is read and never run.

    {} where there is none, where several differ, or where it is no Python. Names that are set to a literal at the top
    are looked up.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: list[dict[str, Any]] = []
    for node in ast.walk(tree):
        pairs: list[tuple[Any, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [(k.value, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)]
        entries = {}
        for name, value in pairs:
            if isinstance(value, ast.Constant):
                entries[name] = value.value
            elif isinstance(value, ast.Name) and value.id in constants:
                entries[name] = constants[value.id]
        if "lora_alpha" in entries and entries not in found:
            found.append(entries)
    return found[0] if len(found) == 1 else {}
