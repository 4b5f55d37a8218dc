"""Adapters trained elsewhere, brought in as selves: PEFT folders and zip files, and XTuner's .pth checkpoints.

What is imported is checked like any self (it fits the base, its numbers are finite) before it is there, by one rename.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.adapter_files import PREFIX
from llm.adapters import AdapterInfo, AdapterRegistry
from llm.errors import AdapterImportError, InvalidAdapterError
from llm.imported_weights import Unusable, in_own_layout, lora_only, lora_settings, rank_of, read_checkpoint
from llm.lora import load_weights

if TYPE_CHECKING:
    from llm.model import Base

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_CONFIG, _PASSPORT = "adapter_config.json", "passport.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_PICKLES = (".pth", ".pt", ".bin")
_ADVICE = (
    "; export it again where it was trained, as a PEFT folder with plain LoRA for the base that runs here",
    "；请在训练它的地方重新导出：PEFT 文件夹、普通 LoRA、与这里的基座一致",
)
# Larger than any adapter for a base that fits on a laptop.
MOST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Wanted:
    """What is to be imported.

    Attributes:
        path: a PEFT folder, a zip file of one, or an XTuner checkpoint (.pth).
        name: of the self; "" makes one from the path.
        alpha: LoRA's alpha, for a .pth whose training does not tell it; None takes what is told.
        config: the XTuner configuration (.py) of the training, of which alpha is read; it is not run.
    """

    path: Path
    name: str = ""
    alpha: float | None = None
    config: Path | None = None


@dataclass(frozen=True)
class _Found:
    """Weights under PEFT's names, with PEFT's configuration of them and their passport."""

    tensors: dict[str, Any]
    config: dict[str, Any]
    passport: dict[str, Any]


def bring_in(wanted: Wanted, root: Path, registry: AdapterRegistry, base: Base) -> AdapterInfo:
    """Import an adapter into the folder `root` as a self that answers from the next message on.

    Args:
        registry: bound to `base`; tells which names are taken.

    Raises:
        AdapterImportError: it is no LoRA adapter, does not fit the base, its name is taken, or the disk refuses.
            Nothing was imported then.
    """
    name = wanted.name or re.sub(r"[^a-z0-9_-]+", "-", wanted.path.stem.lower()).strip("-_")[:48]
    try:
        if not _NAME.fullmatch(name):
            raise Unusable(
                f"“{name}” cannot be the name of a self (up to 48 lower-case letters, digits, - or _); give another",
                f"“{name}”不能作为分身的名称（不超过 48 个小写字母、数字、- 或 _），请另起一个",
                advised=True,
            )
        if (root / name).exists() or any(info.name == name for info in registry.scan()):
            raise Unusable(
                f"there is a self called “{name}” already; give another name",
                f"已有名为“{name}”的分身，请另起名称",
                advised=True,
            )
        found = _found(wanted)
        shape = base.model.config
        heads = shape.num_attention_heads
        tensors = in_own_layout(found.tensors, heads, getattr(shape, "num_key_value_heads", None) or heads)
        return _put(root, name, _Found(tensors, found.config, _papers(found, name, wanted.path)), registry)
    except Unusable as error:
        raise _refused(wanted.path, error) from error
    except OSError as error:
        said = f"{error.strerror}: {error.filename}"
        why = Unusable(f"{said}; free some space or check its rights", f"{said}；请腾出空间或检查权限", advised=True)
        raise _refused(wanted.path, why) from error


def _found(wanted: Wanted) -> _Found:
    path = wanted.path
    if path.is_dir():
        if any(path.glob("**/*zero_pp_rank_*")) or any(path.glob("**/mp_rank_*")):
            raise Unusable(
                "it is a folder of DeepSpeed ZeRO, whose weights lie in pieces; turn it into a PEFT folder first "
                "(xtuner convert pth_to_hf) and import that",
                "这是 DeepSpeed ZeRO 的文件夹，权重分片存放；请先转成 PEFT 文件夹（xtuner convert pth_to_hf）再导入",
                advised=True,
            )
        return _peft({file.name: file for file in path.iterdir() if file.is_file()})
    if not path.is_file():
        raise Unusable("there is no such file or folder", "没有这个文件或文件夹")
    if path.suffix.lower() == ".zip":
        return _zipped(path)
    if path.suffix.lower() in _PICKLES:
        return _xtuner(wanted)
    raise Unusable(
        "it is no PEFT folder, no .zip of one and no .pth checkpoint", "它不是 PEFT 文件夹、其 .zip，也不是 .pth 检查点"
    )


def _peft(files: dict[str, Path]) -> _Found:
    """A folder as PEFT writes it, by the names of its files; of an older PEFT's, with a pickle."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights = next((name for name in _WEIGHTS if name in files), None)
    if _CONFIG not in files or weights is None:
        raise Unusable(f"it lacks {_CONFIG} or {_WEIGHTS[0]}", f"缺少 {_CONFIG} 或 {_WEIGHTS[0]}")
    config = _json(files[_CONFIG])
    passport = _json(files[_PASSPORT]) if _PASSPORT in files else {}
    try:
        tensors = read_checkpoint(files[weights]).tensors if weights != _WEIGHTS[0] else load_file(files[weights])
    except SafetensorError as error:
        raise Unusable(f"{weights} is damaged", f"{weights} 已损坏") from error
    return _Found(lora_only(tensors), config, passport)


def _zipped(path: Path) -> _Found:
    """A PEFT folder in a zip file: of its entries only those three are read, wherever they lie."""
    import tempfile

    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="fenshen-import-") as folder:
            entries = {Path(e.filename).name: e for e in archive.infolist() if not e.is_dir()}
            chosen = [entries[name] for name in (_CONFIG, _PASSPORT, *_WEIGHTS) if name in entries]
            if sum(entry.file_size for entry in chosen) > MOST_BYTES:
                raise Unusable("it is larger than any adapter", "它比任何适配器都大")
            files = {}
            for entry in chosen:
                files[Path(entry.filename).name] = target = Path(folder) / Path(entry.filename).name
                with archive.open(entry) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out)
            return _peft(files)
    except zipfile.BadZipFile as error:
        raise Unusable("it is no zip file, or damaged", "它不是 zip 文件，或已损坏") from error
    except RuntimeError as error:
        raise Unusable(
            "it is locked with a password, or packed in an unknown way", "它有密码保护，或以未知方式压缩"
        ) from error


def _xtuner(wanted: Wanted) -> _Found:
    """A checkpoint of XTuner's (MMEngine's), or a bare state dict of PEFT's."""
    held = read_checkpoint(wanted.path)
    tensors = lora_only(held.tensors)
    rank = rank_of(tensors)
    told = lora_settings(held.config)
    if wanted.config is not None:
        told = lora_settings(wanted.config.read_text(encoding="utf-8", errors="replace"))
        if not told:
            raise Unusable(
                f"{wanted.config.name} does not tell one lora_alpha; give it yourself (--alpha)",
                f"{wanted.config.name} 中没有唯一的 lora_alpha；请自己给出（--alpha）",
                advised=True,
            )
    if told.get("r", rank) != rank:
        raise Unusable(
            f"its rank is {rank} but the configuration says r = {told['r']}: they are of different trainings",
            f"其秩为 {rank}，而配置中 r = {told['r']}：两者不是同一次训练",
        )
    alpha = told.get("lora_alpha") if wanted.alpha is None else wanted.alpha
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not (math.isfinite(alpha) and alpha > 0):
        raise Unusable(
            f"it does not tell how strong it is: give lora_alpha of its training (--alpha; often 16 or {2 * rank}), or "
            "its configuration (--xtuner-config)",
            f"其中没有写明强度：请给出训练时的 lora_alpha（--alpha，常为 16 或 {2 * rank}），"
            "或其配置文件（--xtuner-config）",
            advised=True,
        )
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": alpha,
        "use_rslora": told.get("use_rslora") is True,
        "use_dora": told.get("use_dora") is True,
        "bias": "none",
        "inference_mode": True,
    }
    return _Found(tensors, config, {})


def _papers(found: _Found, name: str, path: Path) -> dict[str, Any]:
    """Its passport; one that says where it comes from where it has none."""
    said = {"en": f"Imported from {path.name}", "zh": f"导入自 {path.name}"}
    own = {"format": 1, "title": {"en": name, "zh": name}, "description": said}
    return {**own, **found.passport, "name": name, "imported": {"file": path.name, "sha256": _sha256(path)}}


def _put(root: Path, name: str, found: _Found, registry: AdapterRegistry) -> AdapterInfo:
    """Write it beside, check it as it will be read, and rename it into its place."""
    import torch
    from safetensors.torch import save_file

    # The names it has here, so that other programs find its layers when it is exported.
    targets = sorted({key.removeprefix(PREFIX).rpartition(".lora_")[0].rpartition(".")[2] for key in found.tensors})
    temporary = root / f".{name}.{uuid.uuid4().hex[:8]}"
    temporary.mkdir(parents=True)
    try:
        save_file({key: tensor.contiguous() for key, tensor in found.tensors.items()}, temporary / _WEIGHTS[0])
        for file, content in ((_CONFIG, {**found.config, "target_modules": targets}), (_PASSPORT, found.passport)):
            written = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
            (temporary / file).write_text(written, encoding="utf-8")
        info = registry.examine(name, temporary)
        if not info.valid:
            raise Unusable(*info.reason)
        load_weights(info, torch.device("cpu"))
        os.rename(temporary, root / name)
    except InvalidAdapterError as error:
        raise Unusable("it holds NaN or infinite values", "其中有 NaN 或无穷大的数值") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return registry.get(name)


def _json(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Unusable(f"{path.name} cannot be read", f"无法读取 {path.name}") from error
    if not isinstance(held, dict):
        raise Unusable(f"{path.name} is not a JSON object", f"{path.name} 不是 JSON 对象")
    return held


def _sha256(path: Path) -> str:
    if path.is_dir():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _refused(path: Path, why: Unusable) -> AdapterImportError:
    en, zh = ("", "") if why.advised else _ADVICE
    return AdapterImportError(
        en=f"“{path.name}” was not imported: {why.en}. Nothing was changed{en}.",
        zh=f"没有导入“{path.name}”：{why.zh}。未作任何改动{zh}。",
    )
