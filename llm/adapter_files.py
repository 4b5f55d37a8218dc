"""An adapter's files: what lies in its folder, and whether the engine can use it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

# What PEFT puts before a module's path in the names of its tensors.
PREFIX = "base_model.model."
WEIGHTS, CONFIG, PASSPORT = "adapter_model.safetensors", "adapter_config.json", "passport.json"

# Options of PEFT's LoraConfig that change the arithmetic in ways the engine does not do, with what each is called.
_UNSUPPORTED = {
    "use_dora": "DoRA",
    "fan_in_fan_out": "fan_in_fan_out",
    "modules_to_save": "modules_to_save",
    "rank_pattern": "rank_pattern",
    "alpha_pattern": "alpha_pattern",
    "lora_bias": "lora_bias",
    "trainable_token_indices": "trainable_token_indices",
    "layer_replication": "layer_replication",
    "target_parameters": "target_parameters",
    "use_qalora": "QALoRA",
    "use_bdlora": "BD-LoRA",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
    "alora_invocation_tokens": "aLoRA",
    "arrow_config": "Arrow",
}
# Initialisations that rewrite the base's weights: without that rewriting the adapter answers wrongly.
_REWRITES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


class Unusable(Exception):
    """Why a file cannot be used, as `reason` (English, Chinese)."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.reason = (en, zh)


def adapter_files(folder: Path) -> tuple[Path, Path]:
    """Configuration and weights, in the order in which `content_version` takes their bytes."""
    return folder / CONFIG, folder / WEIGHTS


def content_version(config: bytes, weights: bytes) -> str:
    """The version of an adapter with this content: 12 hex digits of its SHA-256."""
    digest = hashlib.sha256(config)
    digest.update(weights)
    return digest.hexdigest()[:12]


def stamp_of(folder: Path) -> tuple[int, ...]:
    """Number, size and times of its files; another after any change to one of them."""
    passport = folder / PASSPORT
    files = (*adapter_files(folder), *([passport] if passport.exists() else []))
    return tuple(n for s in map(Path.stat, files) for n in (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))


def read_json(path: Path) -> dict[str, Any]:
    """The object in this file.

    Raises:
        Unusable: it is missing, cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Unusable(f"{path.name} is missing", f"缺少 {path.name}") from error
    except (OSError, ValueError) as error:
        raise Unusable(f"{path.name} cannot be read", f"无法读取 {path.name}") from error
    if not isinstance(value, dict):
        raise Unusable(f"{path.name} is not a JSON object", f"{path.name} 不是 JSON 对象")
    return value


def number(config: dict[str, Any], key: str) -> float:
    """The number at `key`, 0 where there is none.

    Raises:
        Unusable: it is no finite number.
    """
    value = config.get(key) or 0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Unusable(f"{CONFIG} has {key} = {value!r}", f"{CONFIG} 中 {key} = {value!r}")
    return value


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, out of the header alone.

    Raises:
        Unusable: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise Unusable(f"{path.name} is missing", f"缺少 {path.name}")
    try:
        with safe_open(path, framework="numpy") as stream:
            return {key: tuple(stream.get_slice(key).get_shape()) for key in stream.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise Unusable(f"{path.name} is damaged ({error})", f"{path.name} 已损坏（{error}）") from error


def unsupported(config: dict[str, Any]) -> tuple[str, str] | None:
    """What this configuration asks for that the engine does not do; None where there is nothing."""
    kind = config.get("peft_type")
    if kind != "LORA":
        return f"it is of type {kind}, only LORA is supported", f"类型为 {kind}，只支持 LORA"
    named = [label for key, label in _UNSUPPORTED.items() if config.get(key)]
    if config.get("bias", "none") != "none":
        named.append(f"bias={config['bias']}")
    if str(config.get("init_lora_weights", "")).lower().startswith(_REWRITES_BASE):
        named.append(f"init_lora_weights={config['init_lora_weights']}")
    if named:
        return f"it uses {', '.join(named)}, which is not supported", f"它使用了不支持的 {', '.join(named)}"
    return None


def mismatch(
    shapes: dict[str, tuple[int, ...]], rank: int, linears: dict[str, tuple[int, int]]
) -> tuple[str, str] | None:
    """Why these tensors do not fit the base's layers; None when they do, or no base is known yet."""
    if not shapes or rank < 1:
        return "it holds no LoRA weights", "其中没有 LoRA 权重"
    for key, shape in shapes.items():
        path, _, part = key.removeprefix(PREFIX).rpartition(".lora_")
        if part not in ("A.weight", "B.weight"):
            return f"it holds an unexpected tensor {key}", f"含有意外的张量 {key}"
        other = f"{PREFIX}{path}.lora_{'B' if part[0] == 'A' else 'A'}.weight"
        if other not in shapes:
            return f"{path} lacks its other half", f"{path} 缺少另一半权重"
        if not linears:
            continue
        if path not in linears:
            return f"the base has no layer {path}", f"基座模型没有 {path} 这一层"
        inputs, outputs = linears[path]
        expected = (rank, inputs) if part[0] == "A" else (outputs, rank)
        if shape != expected:
            return f"{path} has shape {shape}, the base needs {expected}", f"{path} 形状为 {shape}，应为 {expected}"
    return None
