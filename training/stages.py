"""The stages of a pretraining or fine-tuning run, as its recipes (YAML) write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.decoder import DecoderConfig


@dataclass(frozen=True)
class Stage:
    """A stretch of training; pairs are (value at its start, value at its end), linear between.

    Attributes:
        seconds, tokens: how long it lasts; the first limit reached ends it (0: no such limit).
        drill: share of the rows that are samples; the rest is text.
        context: loss weight of what is only read (answers and text have 1).
        samples: the folder of the data that the samples come from.
        dropout: share of each layer's output that is dropped.
        quantise: train through nf4 (straight-through estimator), so that the stored weights are the trained ones.
    """

    name: str
    lr: tuple[float, float]
    drill: tuple[float, float]
    seconds: float = 0.0
    tokens: float = 0.0
    context: float = 1.0
    samples: str = "drill"
    dropout: float = 0.0
    quantise: bool = False

    def __post_init__(self) -> None:
        if self.seconds <= 0 and self.tokens <= 0:
            raise ValueError(f"stage {self.name}: give seconds or tokens")


@dataclass(frozen=True)
class Recipe:
    """Model sizes, batch and stages, read from YAML files (the first names the model)."""

    model: DecoderConfig
    stages: tuple[Stage, ...]
    batch_rows: int = 128
    micro_rows: int = 32
    warmup: int = 100
    decay: float = 0.05
    seed: int = 1


def read_recipes(paths: list[Path]) -> Recipe:
    """One recipe of the stages of all files in order; sizes and batch are those of the first file.

    Raises:
        ValueError: for a stage without a limit.
    """
    import yaml

    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    stages = tuple(_stage(stage) for text in texts for stage in text["stages"])
    first = {k: v for k, v in texts[0].items() if k not in ("stages", "model", "task", "description")}
    return Recipe(DecoderConfig(**texts[0].get("model", {})), stages, **first)


def _stage(values: dict[str, Any]) -> Stage:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Stage(**fields)
