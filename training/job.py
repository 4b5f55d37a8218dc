"""What one training is asked to do, as a folder: job.json and rows.jsonl."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from training.config import TrainingConfig, check_keys
from training.data import Row, save_rows
from training.errors import ConfigError
from training.persona import Signs
from training.publish import SelfInfo

JOB_FORMAT = 1


@dataclass(frozen=True)
class Job:
    """What to train.

    Attributes:
        config, info: how, and how it is shown.
        out: the adapters folder to publish into.
        signs: what the report card looks for.
        cache: folder for the base's own answers, shared by trainings; None asks it anew.
        base_folder: where the base lies; "" where `config.base` says so (which the published files repeat).
        device: "cpu", "cuda", "cuda:1"…: one job at a time runs on each; "" takes the GPU if there is one, unasked.
        versions: publish as a new version beside earlier ones instead of in their place.
        questions: asked every quarter epoch, for people to watch.
    """

    config: TrainingConfig
    info: SelfInfo
    out: Path
    signs: Signs = field(default_factory=Signs)
    cache: Path | None = None
    base_folder: str = ""
    device: str = ""
    versions: bool = False
    questions: tuple[str, ...] = ()


def write_job(folder: Path, job: Job, rows: list[Row]) -> None:
    """Write job.json and rows.jsonl into a new folder."""
    folder.mkdir(parents=True)
    save_rows(rows, folder / "rows.jsonl")
    record = {
        "format": JOB_FORMAT,
        "config": job.config.to_dict(),
        "info": asdict(job.info),
        "out": str(job.out),
        "signs": asdict(job.signs),
        "cache": str(job.cache) if job.cache else None,
        "base_folder": job.base_folder,
        "device": job.device,
        "versions": job.versions,
        "questions": list(job.questions),
    }
    (folder / "job.json").write_text(json.dumps(record, ensure_ascii=False, indent=2), encoding="utf-8")


def read_job(folder: Path) -> Job:
    """Read job.json.

    Raises:
        ConfigError: it is missing, damaged, of another format, or asks for something unknown.
    """
    path = folder / "job.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            en=f"{path} cannot be read as a training job: {error}", zh=f"无法读取训练任务 {path}：{error}"
        ) from error
    check_keys(record, ["format", *(f.name for f in fields(Job))], "job")
    if record.pop("format", None) != JOB_FORMAT:
        raise ConfigError(en=f"{path} was written by another version.", zh=f"{path} 由其他版本写成。")
    for key, kind in (("info", SelfInfo), ("signs", Signs)):
        check_keys(record[key], [f.name for f in fields(kind)], f"job's {key}")
    return Job(
        config=TrainingConfig().with_values(record["config"]),
        info=SelfInfo(**{**record["info"], "languages": tuple(record["info"]["languages"])}),
        out=Path(record["out"]),
        signs=Signs(**{key: tuple(texts) for key, texts in record["signs"].items()}),
        cache=Path(record["cache"]) if record.get("cache") else None,
        base_folder=record.get("base_folder", ""),
        device=record.get("device", ""),
        versions=record.get("versions", False),
        questions=tuple(record.get("questions", ())),
    )
