"""The recipes that come with the app, and copies of them to change."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from training.config import RECIPES, TrainingConfig, load_recipe
from training.errors import ConfigError

# Those for teaching selves, in the order they are offered; the folder holds those of the base and the embedder too.
OFFERED = ("persona", "domain", "incremental", "tutorial-xtuner", "tutorial-peft")


@dataclass(frozen=True)
class Recipe:
    """One recipe; `about` is what its file says of it, language -> text."""

    name: str
    about: dict[str, str]
    config: TrainingConfig
    path: Path


def recipes() -> list[Recipe]:
    """Every recipe that is offered."""
    return [_recipe(name) for name in OFFERED]


def copy_recipe(name: str, target: Path) -> Path:
    """Copy a recipe with its comments to `target` (a file, or a folder to put NAME.yaml into); returns the file.

    Raises:
        ConfigError: there is no such recipe, the file is there already, or it cannot be written.
    """
    if name not in OFFERED:
        raise ConfigError(
            en=f'There is no recipe "{name}". Nothing was copied; choose one of: {", ".join(OFFERED)}.',
            zh=f"没有名为“{name}”的配方，没有复制；可选：{'、'.join(OFFERED)}。",
        )
    path = target / f"{name}.yaml" if target.is_dir() else target
    if path.exists():
        raise ConfigError(
            en=f"{path} is there already. Nothing was copied; remove it or choose another name.",
            zh=f"{path} 已存在，没有复制；请删除它或换个名称。",
        )
    try:
        shutil.copyfile(RECIPES / f"{name}.yaml", path)
    except OSError as error:
        raise ConfigError(
            en=f"{path} cannot be written ({error}). Nothing was copied; choose another place.",
            zh=f"无法写入 {path}（{error}），没有复制；请换个位置。",
        ) from error
    return path


def _recipe(name: str) -> Recipe:
    path = RECIPES / f"{name}.yaml"
    en, zh = (line.lstrip("# ") for line in path.read_text(encoding="utf-8").splitlines()[:2])
    return Recipe(name, {"en": en, "zh": zh}, load_recipe(name), path)
