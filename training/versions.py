"""Versions of a self: `NAME/v1/`, `NAME/v2/`…, never changed once written, and `NAME/current`, which names one.

A new version is there with one rename, and so is the way back to an earlier one: whoever reads `current` finds a whole
self, whatever happens meanwhile. A folder that holds an adapter directly (dropped there, or trained elsewhere) is
version "." of itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import PublishError, SelfError
from training.publish import write_self

CURRENT, PLAIN = "current", "."
# What a version was taught from: job.json and rows.jsonl of its training. Never exported.
TAUGHT = "taught"
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Version:
    """One version of a self; `passport` is {} where it has none that can be read."""

    name: str
    folder: Path
    current: bool
    passport: Mapping[str, Any]


def publish_version(model: Any, root: Path, papers: Mapping[str, Any], lesson: Path | None = None) -> Path:
    """Write the next version of `papers["name"]` and make it the current one; returns its folder.

    A job that published already (killed before it could say so) publishes nothing twice.

    Args:
        model: a PeftModel whose active adapter is the trained one.
        root: the adapters folder.
        papers: the passport; its "job" tells one training from another.
        lesson: the job's folder; the version keeps its job.json and rows.jsonl, to be taught more later.

    Raises:
        PublishError: the folder cannot be written; what was current stays so.
    """
    folder = root / papers["name"]
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
