"""The selves on disk: found, checked against the base, named by an immutable version."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llm.errors import AdapterNotFoundError, InvalidAdapterError

# What PEFT puts before a module's path in the names of its tensors.
PREFIX = "base_model.model."
_WEIGHTS, _CONFIG, _PASSPORT = "adapter_model.safetensors", "adapter_config.json", "passport.json"
# A folder with several versions names the one that answers in this file.
_CURRENT, _VERSION = "current", re.compile(r"v[1-9][0-9]{0,5}")

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


@dataclass(frozen=True)
class AdapterInfo:
    """One adapter as found on disk.

    Attributes:
        name: its folder's name, by which it is chosen.
        folder: where it lies: that folder, or the version inside it that answers.
        version: 12 hex digits of the SHA-256 of its weights and configuration.
        valid: whether it may answer; if not, `reason` says why as (English, Chinese).
        rank, scale, bytes: of the adapter (0 where unreadable).
        shipped: comes with Fenshen.
        passport: passport.json, {} where there is none.
    """

    name: str
    folder: Path
    version: str = ""
    valid: bool = True
    reason: tuple[str, str] = ("", "")
    rank: int = 0
    scale: float = 0.0
    bytes: int = 0
    shipped: bool = False
    passport: dict[str, Any] = field(default_factory=dict)

    def title(self, lang: str = "en") -> str:
        """The name shown to people; a draft is marked."""
        shown = _localised(self.passport.get("title"), lang) or self.name
        if not self.draft:
            return shown
        return f"{shown}（草稿）" if lang.startswith("zh") else f"{shown} (draft)"

    @property
    def draft(self) -> bool:
        """It missed a bar that it was to meet when it was trained."""
        return self.passport.get("draft") is True

    def description(self, lang: str = "en") -> str:
        return _localised(self.passport.get("description"), lang)

    def examples(self, lang: str = "en") -> list[str]:
        """Questions that show this self."""
        examples = self.passport.get("examples")
        found = examples.get("zh" if lang.startswith("zh") else "en") if isinstance(examples, dict) else None
        return [example for example in found if isinstance(example, str)] if isinstance(found, list) else []


class AdapterRegistry:
    """All adapters in `folders`; an earlier folder wins over a later one for the same name.

    Args:
        folders: each holds `<name>/` with adapter_config.json and adapter_model.safetensors (PEFT's format), or with
            such folders `v1/`, `v2/`… and a file `current` that names one of them.
        shipped: those of the folders that come with Fenshen.
    """

    def __init__(self, folders: tuple[Path, ...], shipped: tuple[Path, ...] = ()) -> None:
        self._folders, self._shipped = folders, shipped
        self._fingerprint = ""
        self._linears: dict[str, tuple[int, int]] = {}
        self._known: dict[Path, tuple[tuple[int, ...], AdapterInfo]] = {}

    def bind(self, fingerprint: str, linears: dict[str, tuple[int, int]]) -> None:
        """From now on check every adapter against this base."""
        self._fingerprint, self._linears = fingerprint, linears
        self._known.clear()

    def scan(self) -> list[AdapterInfo]:
        """Every adapter, valid or not, sorted by name; reads the disk anew, so that a new one is offered at once."""
        infos = [self._inspect(name, folder, shipped=shipped) for name, (folder, shipped) in self._listed().items()]
        return sorted(infos, key=lambda info: info.name)

    def get(self, name: str) -> AdapterInfo:
        """The adapter of this name, checked.

        Raises:
            AdapterNotFoundError: there is none.
            InvalidAdapterError: it may not answer.
        """
        listed = self._listed()
        if name not in listed:
            known = ", ".join(info.name for info in self.scan() if info.valid) or "–"
            raise AdapterNotFoundError(
                en=f"There is no self called “{name}”. Nothing was answered. Choose one of: {known}; or none.",
                zh=f"没有名为“{name}”的分身，因此没有作答。可选：{known}；不选则使用基座模型。",
            )
        folder, shipped = listed[name]
        info = self._inspect(name, folder, shipped=shipped)
        if not info.valid:
            raise InvalidAdapterError(
                en=f"The self “{name}” cannot be used: {info.reason[0]}. Nothing was answered; choose another self.",
                zh=f"分身“{name}”无法使用：{info.reason[1]}。因此没有作答；请选择其他分身。",
            )
        return info

    def examine(self, name: str, folder: Path) -> AdapterInfo:
        """What `folder` would be as the self `name`: checked like those in their places, and not remembered."""
        return self._examine(name, folder, shipped=False)

    def _listed(self) -> dict[str, tuple[Path, bool]]:
        """Name -> (folder, whether it is shipped), without looking inside."""
        found: dict[str, tuple[Path, bool]] = {}
        for root in self._folders:
            for folder in root.iterdir() if root.is_dir() else []:
                if folder.is_dir() and not folder.name.startswith(".") and folder.name not in found:
                    found[folder.name] = _current(folder), root in self._shipped
        return found

    def _inspect(self, name: str, folder: Path, *, shipped: bool) -> AdapterInfo:
        """What is in `folder`, remembered while its files are the same by number, size and time."""
        try:
            stamp = _stamp(folder)
        except OSError:
            # It lacks a file, or is replaced at this very moment: `_examine` finds out which.
            return self._examine(name, folder, shipped=shipped)
        known = self._known.get(folder)
        if known is None or known[0] != stamp:
            known = self._known[folder] = stamp, self._examine(name, folder, shipped=shipped)
        return known[1]

    def _examine(self, name: str, folder: Path, *, shipped: bool) -> AdapterInfo:
        info = AdapterInfo(name, folder, shipped=shipped)
        try:
            config = _read_json(folder / _CONFIG)
            passport = _read_json(folder / _PASSPORT) if (folder / _PASSPORT).exists() else {}
            shapes = _shapes(folder / _WEIGHTS)
            version = content_version(*(path.read_bytes() for path in adapter_files(folder)))
            size = (folder / _WEIGHTS).stat().st_size
            rank, alpha = _number(config, "r"), _number(config, "lora_alpha")
        except _Unusable as problem:
            return _invalid(info, *problem.reason)
        except OSError as error:
            # Also a folder that is replaced at this very moment.
            return _invalid(info, f"it cannot be read ({error.strerror})", f"无法读取（{error.strerror}）")
        scale = 0.0 if rank < 1 else alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
        info = AdapterInfo(
            name,
            folder,
            version=version,
            rank=int(rank),
            scale=scale,
            bytes=size,
            shipped=shipped,
            passport=passport,
        )
        reason = _unsupported(config) or _mismatch(shapes, int(rank), self._linears) or self._other_base(passport)
        return _invalid(info, *reason) if reason else info

    def _other_base(self, passport: dict[str, Any]) -> tuple[str, str] | None:
        stated = passport.get("base_fingerprint")
        if not stated or not self._fingerprint or stated == self._fingerprint:
            return None
        return (
            f"it was trained on another base ({str(stated)[:12]}…, this one is {self._fingerprint[:12]}…)",
            f"它是在另一个基座模型上训练的（{str(stated)[:12]}…，当前为 {self._fingerprint[:12]}…）",
        )


def _current(folder: Path) -> Path:
    """The version in `folder` that answers; `folder` itself where it has none."""
    try:
        version = (folder / _CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return folder
    return folder / version if _VERSION.fullmatch(version) else folder


def adapter_files(folder: Path) -> tuple[Path, Path]:
    """Configuration and weights, in the order in which `content_version` takes their bytes."""
    return folder / _CONFIG, folder / _WEIGHTS


def content_version(config: bytes, weights: bytes) -> str:
    """The version of an adapter with this content: 12 hex digits of its SHA-256."""
    digest = hashlib.sha256(config)
    digest.update(weights)
    return digest.hexdigest()[:12]


def _stamp(folder: Path) -> tuple[int, ...]:
    """Number, size and times of its files; another after any change to one of them."""
    passport = folder / _PASSPORT
    files = (*adapter_files(folder), *([passport] if passport.exists() else []))
    return tuple(n for s in map(Path.stat, files) for n in (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))


class _Unusable(Exception):
    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.reason = (en, zh)


def _invalid(info: AdapterInfo, en: str, zh: str) -> AdapterInfo:
    return replace(info, valid=False, reason=(en, zh))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _Unusable(f"{path.name} is missing", f"缺少 {path.name}") from error
    except (OSError, ValueError) as error:
        raise _Unusable(f"{path.name} cannot be read", f"无法读取 {path.name}") from error
    if not isinstance(value, dict):
        raise _Unusable(f"{path.name} is not a JSON object", f"{path.name} 不是 JSON 对象")
    return value


def _number(config: dict[str, Any], key: str) -> float:
    value = config.get(key) or 0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Unusable(f"{_CONFIG} has {key} = {value!r}", f"{_CONFIG} 中 {key} = {value!r}")
    return value


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, out of the header alone."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise _Unusable(f"{path.name} is missing", f"缺少 {path.name}")
    try:
        with safe_open(path, framework="numpy") as stream:
            return {key: tuple(stream.get_slice(key).get_shape()) for key in stream.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _Unusable(f"{path.name} is damaged ({error})", f"{path.name} 已损坏（{error}）") from error


def _unsupported(config: dict[str, Any]) -> tuple[str, str] | None:
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


def _mismatch(
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


def _localised(value: Any, lang: str) -> str:
    if isinstance(value, dict):
        return str(value.get("zh" if lang.startswith("zh") else "en") or next(iter(value.values()), ""))
    return str(value or "")
