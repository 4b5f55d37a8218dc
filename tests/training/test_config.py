"""Recipes: every field documented and checked, unknown entries refused with the nearest name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from training.config import TrainingConfig, describe, load_recipe
from training.errors import ConfigError


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_field_is_explained(lang: str) -> None:
    told = describe(lang)
    assert set(told) == {f.name for f in fields(TrainingConfig)}
    assert all(len(text) > 3 for text in told.values())
    assert any("一" <= char <= "鿿" for char in "".join(told.values())) == (lang == "zh")


@pytest.mark.parametrize(("name", "rank", "depth"), [("persona", 4, 1.0), ("domain", 6, 1.0)])
def test_shipped_recipes_load(name: str, rank: int, depth: float) -> None:
    config = load_recipe(name)
    assert (config.r, config.depth) == (rank, depth)


def test_an_unknown_entry_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        TrainingConfig().with_values({"epoch": 3})
    assert '"epochs"' in caught.value.en and "epochs" in caught.value.zh
    assert TrainingConfig().with_values({"epochs": 3}).epochs == 3.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("r", 0),
        ("r", 8.5),
        ("r", True),
        ("lr", float("nan")),
        ("lr", -1e-4),
        ("lr", "fast"),
        ("batch", None),
        ("rslora", "yes"),
        ("target_modules", []),
        ("target_modules", ["q_proj", 3]),
        ("name", "../up"),
        ("name", "Chef"),
        ("name", ""),
        ("base", 7),
    ],
)
def test_values_that_cannot_be_used_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainingConfig().with_values({key: value})
    assert caught.value.en and caught.value.zh


def test_a_recipe_file_is_read_over_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    # YAML 1.1 takes 2e-4 for text
    path.write_text("lr: 2e-4\ntarget_modules: q_proj\n", encoding="utf-8")
    config = load_recipe(path)
    assert config == TrainingConfig(lr=2e-4, target_modules=("q_proj",))
    assert TrainingConfig().with_values(config.to_dict()) == config


def test_a_missing_or_broken_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="persona"):
        load_recipe("nonesuch")
    broken = tmp_path / "broken.yaml"
    broken.write_text("lr: [1", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broken\.yaml"):
        load_recipe(broken)
    broken.write_text("- a list", encoding="utf-8")
    with pytest.raises(ConfigError, match="list"):
        load_recipe(broken)
