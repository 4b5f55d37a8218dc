"""What a self was taught from: kept with its version, still in its training's folder, or shipped as a form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import NAME, TrainingConfig
from training.data import Row, load_rows
from training.errors import TrainingError
from training.job import read_job
from training.lessons import QUESTIONS, Place
from training.persona import Signs
from training.publish import SelfInfo
from training.shipped.specs import shipped_lesson, shipped_names
from training.versions import TAUGHT, versions


@dataclass(frozen=True)
class Taught:
    """How a self was taught, how it is shown, what its report card looks for, and the rows."""

    config: TrainingConfig
    info: SelfInfo
    signs: Signs
    questions: tuple[str, ...]
    rows: tuple[Row, ...]


def taught(name: str, place: Place, jobs: Path) -> Taught | None:
    """What the version of `name` that answers was taught from; None where nobody knows: it was put there whole.

    The user's own self goes before a shipped one of the same name, as it does in the chat.

    Args:
        jobs: the trainings' folders.
    """
    if not NAME.fullmatch(name):
        return None
    held = [v for v in versions(place.adapters / name) if v.current] or versions(place.adapters / name)[-1:]
    if held:
        version = held[0]
        job = str(version.passport.get("job") or "")
        folders = [version.folder / TAUGHT, *([jobs / job] if job and Path(job).name == job else [])]
        return next((found for folder in folders if (found := _kept(folder)) is not None), None)
    if name not in shipped_names():
        return None
    config, info, signs, rows = shipped_lesson(name, {})
    return Taught(config, info, signs, _questions(rows), tuple(rows))


def placed(config: TrainingConfig, name: str, place: Place) -> TrainingConfig:
    """The same recipe for the self `name` on the base that answers now."""
    values = {"name": name, "base": place.base, "base_fingerprint": place.fingerprint, "threads": place.threads}
    return config.with_values(values)


def _kept(folder: Path) -> Taught | None:
    try:
        job, rows = read_job(folder), load_rows(folder / "rows.jsonl")
    except (OSError, TrainingError):
        return None
    return Taught(job.config, job.info, job.signs, job.questions, tuple(rows))


def _questions(rows: list[Row]) -> tuple[str, ...]:
    asked = [row.messages[-1]["content"] for row in rows if row.split == "probe" and len(row.messages) == 1]
    return tuple(asked[: QUESTIONS - 1])
