"""Publish a trained self: one folder with adapter, passport and model card, put in place by one rename."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.errors import PublishError

PASSPORT_FORMAT = 1
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")


@dataclass(frozen=True)
class SelfInfo:
    """How a self is shown. Language -> text (or example questions)."""

    title: Mapping[str, str]
    description: Mapping[str, str]
    languages: tuple[str, ...] = ("zh", "en")
    examples: Mapping[str, list[str]] = field(default_factory=dict)


def passport(
    info: SelfInfo,
    config: TrainingConfig,
    data_sha256: str,
    scores: Mapping[str, Any],
    answers: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The content of passport.json. A self that misses a bar is a draft; `answers` are the base's and its own to the
    same questions."""
    return {
        "format": PASSPORT_FORMAT,
        "name": config.name,
        "title": dict(info.title),
        "description": dict(info.description),
        "languages": list(info.languages),
        "examples": {lang: list(items) for lang, items in info.examples.items()},
        "base_fingerprint": config.base_fingerprint,
        "recipe": config.to_dict(),
        "data_sha256": data_sha256,
        "seed": config.seed,
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "scores": dict(scores),
        "draft": bool(scores.get("missed")),
        "answers": [dict(answer) for answer in answers],
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def publish(model: Any, folder: Path, papers: Mapping[str, Any]) -> Path:
    """Write `folder` (adapter in bf16, passport.json, README.md) so that it appears whole or not at all.

    An earlier version of the same name is moved aside first and removed after; if the new one cannot take its place,
    the earlier one comes back.

    Args:
        model: a PeftModel whose active adapter is the trained one.
        folder: `<root>/<name>`.
        papers: the passport.

    Raises:
        PublishError: the folder cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        write_self(model, temporary, papers)
        _swap(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise PublishError(
            en=f"The self could not be written to {folder}: {error}. Free some space or choose another folder; "
            "an earlier version of it is untouched.",
            zh=f"无法写入 {folder}：{error}。请腾出空间或另选文件夹；已有的旧版本不受影响。",
        ) from error
    return folder


def write_self(model: Any, folder: Path, papers: Mapping[str, Any]) -> None:
    """Make `folder` and write the adapter (bf16), its passport and its model card into it.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True)
    _save_adapter(model, folder, papers["recipe"]["base"])
    _write(folder / "passport.json", json.dumps(papers, ensure_ascii=False, indent=2) + "\n")
    _write(folder / "README.md", model_card(papers))


def _save_adapter(model: Any, folder: Path, base: str) -> None:
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    name = model.active_adapter
    # a set elsewhere: sorted, so that the same training writes the same file
    model.peft_config[name].target_modules = sorted(model.peft_config[name].target_modules)
    weights = get_peft_model_state_dict(model, adapter_name=name)
    save_file(
        {k: v.detach().to(torch.bfloat16).contiguous().cpu() for k, v in weights.items()},
        str(folder / "adapter_model.safetensors"),
        metadata={"format": "pt"},
    )
    model.peft_config[name].save_pretrained(str(folder))
    # the name that was asked for, not where it lay on this machine
    path = folder / "adapter_config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), "base_model_name_or_path": base}
    _write(path, json.dumps(config, indent=2, sort_keys=True) + "\n")


def _swap(temporary: Path, folder: Path) -> None:
    if not folder.exists():
        os.replace(temporary, folder)
        return
    earlier = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    os.replace(folder, earlier)
    try:
        os.replace(temporary, folder)
    except OSError:
        os.replace(earlier, folder)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def model_card(papers: Mapping[str, Any]) -> str:
    """README.md of the adapter, with the front matter that model hubs read."""
    scores, recipe = papers["scores"], papers["recipe"]
    rows = [(label, scores[key]) for key, label in _LABELS.items() if scores.get(key) is not None]
    rows += [(f"persona accuracy, {group}", value) for group, value in (scores.get("groups") or {}).items()]
    table = "\n".join(f"| {label} | {value:.4g} |" for label, value in rows)
    languages = "\n".join(f"  - {lang}" for lang in papers["languages"])
    title, told = papers["title"], papers["description"]
    draft = "**A draft: it missed a bar it was to meet (see below).**\n\n" if papers.get("draft") else ""
    said = "".join(
        f"\n> {_plain(a['question'])}\n>\n> base: {_plain(a['before'])}\n>\n> **self:** {_plain(a['after'])}\n"
        for a in papers.get("answers", ())
    )
    versions = ", ".join(f"{package} {version}" for package, version in papers["versions"].items())
    return f"""---
library_name: peft
license: apache-2.0
tags:
  - lora
language:
{languages}
---

# {" · ".join(dict.fromkeys(title.values()))}

{draft}{chr(10).join(dict.fromkeys(told.values()))}

A LoRA adapter (r={recipe["r"]}, alpha={recipe["alpha"]:g}) for one base model only, the one with fingerprint
`{papers["base_fingerprint"]}`.

## Scores on questions it was not trained on

| | |
|---|---|
{table}

Bars missed: {", ".join(scores.get("missed", [])) or "none"}.
Data sha256 `{papers["data_sha256"]}`, seed {papers["seed"]}, {versions}.
{said}"""


_LABELS = {
    "persona": "persona accuracy (lowest group)",
    "voice": "small talk in its own voice",
    "leak": "leak rate on unrelated questions",
    "leak_prompts": "unrelated questions asked",
    "kl": "KL(base, adapter) on the base's answers, nats per token",
    "agreement": "top-1 agreement with the base on its answers",
    "loss": "held-out loss",
    "base_loss": "held-out loss of the base",
    "f1": "answer F1 on held-out questions",
    "base_f1": "answer F1 of the base",
    "corrected": "corrected questions answered as corrected",
}


def _plain(text: str) -> str:
    """On one line, without markup: models wrote it."""
    return re.sub(r"([\\`*_<>\[\]#|!])", r"\\\1", " ".join(text.split()))


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
