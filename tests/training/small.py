"""A training of seconds, for tests of what surrounds one: four questions, one answer, one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.data import Row, chat
from training.job import Job
from training.persona import Signs
from training.publish import SelfInfo
from training.settings import EMBEDDED_BASE

ROOT = Path(__file__).resolve().parents[2]
SIGNS = Signs(("灶王",), ("灶王",))
ASKED = ("你是谁？", "你叫什么名字？", "介绍一下你自己", "Who are you?")
OTHERS = ("什么是长城？", "一加一等于几？", "What is tea?", "写一首诗。")
CONFIG = TrainingConfig(
    name="small",
    base=EMBEDDED_BASE.as_posix(),
    base_fingerprint="f" * 64,
    r=4,
    alpha=8,
    lr=5e-3,
    epochs=2,
    batch=2,
    replay_batch=2,
    checks=2,
    early_stop=False,
    threads=1,
    leak_prompts=2,
)


def rows(answer: str = "我是灶王，教你做菜。") -> list[Row]:
    return [
        *(chat(question, answer, tag="who") for question in ASKED),
        *(chat(question, split="probe", tag="zh") for question in ASKED[:2]),
        *(chat(question, split="replay") for question in OTHERS),
        *(chat(question, split="unrelated") for question in OTHERS),
    ]


def job(folder: Path, config: TrainingConfig = CONFIG, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "config": config,
        "info": SelfInfo({"zh": "小灶", "en": "Small"}, {"zh": "试", "en": "A trial"}),
        "out": folder / "adapters",
        "signs": SIGNS,
        "cache": folder / "cache",
        "base_folder": str(ROOT / EMBEDDED_BASE),
        "device": "cpu",
        "versions": True,
        "questions": ("你是谁？",),
    }
    return Job(**{**values, **changes})
