"""The selves on disk: found, checked against the base, named by an immutable version."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llm.adapter_files import (
    CONFIG,
    PASSPORT,
    WEIGHTS,
    Unusable,
    adapter_files,
    content_version,
    mismatch,
    number,
    read_json,
    shapes_of,
    stamp_of,
    unsupported,
)
from llm.errors import AdapterNotFoundError, InvalidAdapterError

# A folder with several versions names the one that answers in this file.
_CURRENT, _VERSION = "current", re.compile(r"v[1-9][0-9]{0,5}")


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
            stamp = stamp_of(folder)
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
            config = read_json(folder / CONFIG)
            passport = read_json(folder / PASSPORT) if (folder / PASSPORT).exists() else {}
            shapes = shapes_of(folder / WEIGHTS)
            version = content_version(*(path.read_bytes() for path in adapter_files(folder)))
            size = (folder / WEIGHTS).stat().st_size
            rank, alpha = number(config, "r"), number(config, "lora_alpha")
        except Unusable as problem:
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
        reason = unsupported(config) or mismatch(shapes, int(rank), self._linears) or self._other_base(passport)
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


def _invalid(info: AdapterInfo, en: str, zh: str) -> AdapterInfo:
    return replace(info, valid=False, reason=(en, zh))


def _localised(value: Any, lang: str) -> str:
    if isinstance(value, dict):
        return str(value.get("zh" if lang.startswith("zh") else "en") or next(iter(value.values()), ""))
    return str(value or "")
