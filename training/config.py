"""What one training is to do: a validated, frozen dataclass, and the recipes (YAML) it is read from."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from training.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


def _doc(default: Any, en: str, zh: str, low: float | None = None, high: float | None = None) -> Any:
    meta = {"en": en, "zh": zh, "low": low, "high": high}
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class TrainingConfig:
    """One training. Every field carries its explanation in English and Chinese (`describe`).

    Raises:
        ConfigError: a value has the wrong type or lies outside its range.
    """

    name: str = _doc(
        "self",
        "Name of the adapter folder: lower-case letters, digits, - and _.",
        "适配器文件夹名：小写字母、数字、-、_。",
    )
    base: str = _doc(
        "llm/embedded/base",
        "Base model: a folder or a hub name.",
        "基座模型：文件夹或模型仓库名。",
    )
    base_fingerprint: str = _doc(
        "",
        "Fingerprint of the base, kept in the passport so that the adapter is offered for no other base.",
        "基座指纹，写入护照，适配器只用于这个基座。",
    )
    r: int = _doc(16, "Rank of the LoRA matrices.", "LoRA 矩阵的秩。", 1, 256)
    alpha: int = _doc(
        32,
        "LoRA scale: the update is multiplied by alpha / r.",
        "LoRA 缩放：更新量乘以 alpha / r。",
        1,
        1024,
    )
    rslora: bool = _doc(
        False,
        "Scale by alpha / sqrt(r) instead (rsLoRA).",
        "改为按 alpha / sqrt(r) 缩放（rsLoRA）。",
    )
    contrast: bool = _doc(
        False,
        "Begin where the rows to be learned differ most from the replay rows: learns in fewer steps, forgets less.",
        "从待学数据与重放数据差别最大的方向开始：步数更少，遗忘更少。",
    )
    target_modules: tuple[str, ...] = _doc(
        ["all-linear"],
        'Names of the linear layers to adapt, or ["all-linear"] for every one but the output layer.',
        '要适配的线性层名；["all-linear"] 表示输出层以外的全部。',
    )
    depth: float = _doc(
        1.0,
        "Share of the layers that are adapted, from the top. What lies below is computed once for each row.",
        "适配的层所占比例，自顶层算起。其下各层每行只算一次，不必每步重算。",
        0.01,
        1.0,
    )
    dropout: float = _doc(
        0.0,
        "Share of the adapter's inputs left out at random in training (LoRA dropout).",
        "训练时随机丢弃的适配器输入比例（LoRA dropout）。",
        0.0,
        0.9,
    )
    nf4: bool = _doc(
        True,
        "On a GPU, hold a base that is stored in more than 4 bits in nf4 with double quantisation.",
        "在 GPU 上，把不是以 4 位存储的基座按 nf4（双重量化）装入。",
    )
    lr: float = _doc(
        1e-4,
        "Highest learning rate (AdamW, cosine decay to zero).",
        "最高学习率（AdamW，余弦衰减到零）。",
        1e-7,
        1.0,
    )
    warmup: float = _doc(
        0.05,
        "Share of the steps in which the rate rises from zero.",
        "学习率从零上升所占的步数比例。",
        0.0,
        0.9,
    )
    epochs: float = _doc(5.0, "At most this many passes over the rows.", "最多训练的轮数。", 0.01, 1000)
    batch: int = _doc(16, "Rows per step.", "每步的行数。", 1, 4096)
    replay_batch: int = _doc(
        16,
        "Replay rows per step; 0 trains without replay.",
        "每步的重放行数；0 表示不重放。",
        0,
        4096,
    )
    replay_rows: int = _doc(
        160,
        "How many questions the base answers itself before training, to be held on to.",
        "训练前由基座自己回答、训练中要保持的问题数。",
        0,
        100_000,
    )
    kl_weight: float = _doc(
        1.0,
        "Weight of KL(base || adapter) on the replay rows.",
        "重放行上 KL(基座 || 适配器) 的权重。",
        0.0,
        1000,
    )
    max_length: int = _doc(
        1024,
        "Longest row in tokens; longer ones are refused.",
        "一行最多的词元数，更长的行被拒绝。",
        8,
        1_048_576,
    )
    seed: int = _doc(
        0,
        "Seed of the initial weights and of the order of the rows.",
        "初始权重与行顺序的随机种子。",
        0,
        2**31 - 1,
    )
    threads: int = _doc(2, "CPU threads.", "CPU 线程数。", 1, 1024)
    checks: int = _doc(
        4,
        "How many times the report card is drawn up on the way (evenly spread).",
        "训练途中评定成绩单的次数（均匀分布）。",
        1,
        100,
    )
    early_stop: bool = _doc(True, "Stop as soon as a report card meets every bar.", "成绩单全部达标时立即停止。")
    leak_prompts: int = _doc(
        300,
        "Unrelated questions on the final report card (1% can be claimed from 300 on).",
        "最终成绩单上的无关问题数（至少 300 才能说 1%）。",
        0,
        100_000,
    )

    def __post_init__(self) -> None:
        for spec in fields(self):
            object.__setattr__(self, spec.name, _checked(spec, getattr(self, spec.name)))
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                en=f'The name "{self.name}" cannot be a folder. Use up to 48 lower-case letters, digits, - or _.',
                zh=f"名称“{self.name}”不能作文件夹名。请用不超过 48 个小写字母、数字、- 或 _。",
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON or YAML."""
        return {**asdict(self), "target_modules": list(self.target_modules)}

    def with_values(self, values: Mapping[str, Any]) -> TrainingConfig:
        """A copy with `values` changed; unknown keys are refused."""
        check_keys(values, [f.name for f in fields(self)], "recipe")
        return replace(self, **values)


def depth_of(config: TrainingConfig, layers: int) -> int:
    """How many of `layers` are adapted, from the top."""
    return max(1, round(config.depth * layers))


def describe(lang: str = "en") -> dict[str, str]:
    """Field name -> what it does, in `lang`."""
    return {f.name: f.metadata["zh" if lang.startswith("zh") else "en"] for f in fields(TrainingConfig)}


def check_keys(values: Any, allowed: Iterable[str], what: str) -> None:
    """Refuse anything but a mapping with allowed keys, naming the nearest allowed one.

    Raises:
        ConfigError: `values` is no mapping, or has an unknown key.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(
            en=f"The {what} must be a set of names and values, but it is {type(values).__name__}.",
            zh=f"{what} 应为“名称: 值”的集合，实际是 {type(values).__name__}。",
        )
    names = list(allowed)
    for key in values:
        if key in names:
            continue
        near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
        en, zh = (f' Did you mean "{near[0]}"?', f"是不是“{near[0]}”？") if near else ("", "")
        raise ConfigError(
            en=f'The {what} has an unknown entry "{key}".{en} Known entries: {", ".join(names)}.',
            zh=f"{what} 中有未知项“{key}”。{zh}可用项：{', '.join(names)}。",
        )


def load_recipe(recipe: str | Path) -> TrainingConfig:
    """Read a recipe: the name of a shipped one ("persona", "domain") or the path of a YAML file.

    Raises:
        ConfigError: there is no such recipe, it is not YAML, or it does not validate.
    """
    import yaml

    path = Path(recipe)
    if path.suffix not in (".yaml", ".yml"):
        path = RECIPES / f"{recipe}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
        raise ConfigError(
            en=f'There is no recipe "{recipe}". Shipped recipes: {names}; or give the path of a .yaml file.',
            zh=f"没有名为“{recipe}”的配方。自带配方：{names}；也可给出 .yaml 文件的路径。",
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            en=f"The recipe {path.name} is not valid YAML: {error}",
            zh=f"配方 {path.name} 不是有效的 YAML：{error}",
        ) from error
    return TrainingConfig().with_values(values or {})


def _checked(spec: Any, value: Any) -> Any:
    kind = str(spec.type)
    low, high = spec.metadata["low"], spec.metadata["high"]
    if kind == "tuple[str, ...]":
        items = (value,) if isinstance(value, str) else value
        if isinstance(items, (list, tuple)) and items and all(isinstance(i, str) and i for i in items):
            return tuple(items)
        raise _wrong(spec.name, value, "a list of names", "名称列表")
    if kind == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(spec.name, value, "true or false", "true 或 false")
    if kind == "str":
        if isinstance(value, str):
            return value
        raise _wrong(spec.name, value, "text", "文本")
    # YAML 1.1 reads 1e-4 (no dot) as text
    if isinstance(value, str) and kind == "float":
        try:
            value = float(value)
        except ValueError:
            raise _wrong(spec.name, value, "a number", "数字") from None
    if isinstance(value, bool) or not isinstance(value, int if kind == "int" else (int, float)):
        wanted = ("a whole number", "整数") if kind == "int" else ("a number", "数字")
        raise _wrong(spec.name, value, *wanted)
    # written so that NaN fails too
    if not low <= value <= high:
        raise _wrong(spec.name, value, f"from {low:g} to {high:g}", f"{low:g} 到 {high:g} 之间")
    return value if kind == "int" else float(value)


def _wrong(name: str, value: Any, en: str, zh: str) -> ConfigError:
    return ConfigError(
        en=f'The recipe entry "{name}" must be {en}, but it is {value!r}.',
        zh=f"配方项“{name}”应为{zh}，实际是 {value!r}。",
    )
