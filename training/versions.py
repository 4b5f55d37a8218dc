"""Versions of a self: `NAME/v1/`, `NAME/v2/`…, never changed once written, and `NAME/current`, which names one.

A new version is there with one rename, and so is the way back to an earlier one: whoever reads `current` finds a whole
self, whatever happens meanwhile. A folder that holds an adapter directly (dropped there, or trained elsewhere) is
version "." of itself.

A self that is renamed keeps its former names in `NAME/former`: what knows it by an old one (corrections, a training
that is going on) still finds it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import PublishError, SelfError
from training.publish import write_self

CURRENT, PLAIN, FORMER = "current", ".", "former"
# What a version was taught from: job.json and rows.jsonl of its training. Never exported.
TAUGHT = "taught"
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_ENDED = re.compile(r"([0-9]{1,12}\.[0-9]{6}) (.+)")
_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Version:
    """One version of a self; `passport` is {} where it has none that can be read."""

    name: str
    folder: Path
    current: bool
    passport: Mapping[str, Any]


def publish_version(model: Any, root: Path, papers: Mapping[str, Any], lesson: Path | None = None) -> Path:
    """Write the next version of `papers["name"]` and make it the current one; returns its folder. A self that was
    renamed while its training went on gets it under its new name.

    A job that published already (killed before it could say so) publishes nothing twice.

    Args:
        model: a PeftModel whose active adapter is the trained one.
        root: the adapters folder.
        papers: the passport; its "job" tells one training from another.
        lesson: the job's folder; the version keeps its job.json and rows.jsonl, to be taught more later.

    Raises:
        PublishError: the folder cannot be written; what was current stays so.
    """
    since = (lesson / "job.json").stat().st_mtime if lesson is not None else time.time()
    folder = root / now_called(root, papers["name"], since)
    temporary = root / f".{folder.name}.{uuid.uuid4().hex[:8]}"
    try:
        before = [v for v in versions(folder) if v.passport.get("job") == papers.get("job", "")]
        if before:
            point(folder, before[-1].name)
            return before[-1].folder
        numbers = [int(v.name[1:]) for v in versions(folder) if v.name != PLAIN]
        name = f"v{max(numbers, default=0) + 1}"
        write_self(model, temporary / name, papers)
        if lesson is not None:
            (temporary / name / TAUGHT).mkdir()
            for file in ("job.json", "rows.jsonl"):
                shutil.copyfile(lesson / file, temporary / name / TAUGHT / file)
        if folder.exists():
            os.replace(temporary / name, folder / name)
            temporary.rmdir()
            point(folder, name)
        else:
            _write(temporary / CURRENT, name)
            os.replace(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise PublishError(
            en=f"The self could not be written to {folder}: {error}. Free some space or choose another folder; "
            "an earlier version of it is untouched.",
            zh=f"无法写入 {folder}：{error}。请腾出空间或另选文件夹；已有的旧版本不受影响。",
        ) from error
    return folder / name


def versions(folder: Path) -> list[Version]:
    """Every whole version in a self's folder, oldest first; none where there is no such self."""
    if not folder.is_dir():
        return []
    named = [p for p in folder.iterdir() if _VERSION.fullmatch(p.name) and (p / _WEIGHTS).is_file()]
    found = sorted(named, key=lambda p: int(p.name[1:]))
    held = current(folder)
    plain = [Version(PLAIN, folder, held == PLAIN, _passport(folder))] if (folder / _WEIGHTS).is_file() else []
    return plain + [Version(p.name, p, p.name == held, _passport(p)) for p in found]


def current(folder: Path) -> str:
    """The version that answers: "v3", or "." for what lies in the folder itself."""
    try:
        named = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except OSError:
        return PLAIN
    return named if _VERSION.fullmatch(named) else PLAIN


def point(folder: Path, version: str) -> None:
    """Make `version` the current one, by one rename.

    Raises:
        SelfError: there is no such version.
        OSError: it cannot be written; nothing has changed.
    """
    known = [v.name for v in versions(folder)]
    if version not in known:
        raise SelfError(
            en=f"“{folder.name}” has no version {version}. Nothing was changed; choose one of: {', '.join(known)}.",
            zh=f"“{folder.name}”没有版本 {version}，未作任何改动。可选：{'、'.join(known)}。",
        )
    temporary = folder / f".{CURRENT}.{uuid.uuid4().hex[:8]}"
    _write(temporary, version)
    os.replace(temporary, folder / CURRENT)


def add_former(folder: Path) -> None:
    """Note that the self in `folder` is about to lose its name.

    Raises:
        OSError: it cannot be written; nothing has changed.
    """
    temporary = folder / f".{FORMER}.{uuid.uuid4().hex[:8]}"
    ended = [*_former(folder), (time.time(), folder.name)]
    _write(temporary, "\n".join(f"{when:.6f} {name}" for when, name in ended))
    os.replace(temporary, folder / FORMER)


def now_called(root: Path, name: str, since: float) -> str:
    """What the self that was called `name` at the time `since` (seconds since the epoch) is called now; `name` where it
    was not renamed after that."""
    folders = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")] if root.is_dir() else []
    renamed = [(when, p.name) for p in folders for when, old in _former(p) if old == name and when >= since]
    return min(renamed)[1] if renamed else name


def _former(folder: Path) -> list[tuple[float, str]]:
    """(when it ended, name) of every name that it has had; a line that is none is passed over."""
    try:
        lines = (folder / FORMER).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = map(_ENDED.fullmatch, lines)
    return [(float(match[1]), match[2]) for match in found if match]


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _passport(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads((folder / "passport.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}
