"""`python -m training.run JOB_DIR`: train what job.json asks for and publish it.

A job folder holds job.json (format, config, info, out, signs, cache), rows.jsonl (`data.save_rows`) and, as the
training goes on, events.jsonl (`events.py`). It is all that a training needs: the app can close, and read the events
later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from training.answers import BaseAnswers
from training.base_model import load_base
from training.config import TrainingConfig, check_keys
from training.data import Row, data_sha256, load_rows, save_rows
from training.errors import ConfigError, TrainingError
from training.events import Done, EventLog, Failed, Phase
from training.loop import Training
from training.persona import Signs
from training.publish import SelfInfo, passport, publish
from training.report_card import Examiner

JOB_FORMAT = 1


@dataclass(frozen=True)
class Job:
    """What to train.

    Attributes:
        config, info: how, and how it is shown.
        out: the adapters folder to publish into.
        signs: what the report card looks for.
        cache: folder for the base's own answers, shared by trainings; None asks it anew.
    """

    config: TrainingConfig
    info: SelfInfo
    out: Path
    signs: Signs = field(default_factory=Signs)
    cache: Path | None = None


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
    )


def run(folder: Path) -> Path:
    """Do the job; returns the published adapter folder.

    Raises:
        TrainingError: and writes it as a `failed` event. Any other exception is written as one too, and raised.
    """
    log = EventLog(folder / "events.jsonl")
    began = time.monotonic()
    try:
        job = read_job(folder)
        rows = load_rows(folder / "rows.jsonl")
        log.write(Phase("loading"))
        published, scores = _train(job, rows, log)
    except TrainingError as error:
        log.write(Failed(error.en, error.zh))
        raise
    except Exception as error:
        log.write(Failed(f"The training stopped: {error!r}", f"训练中断：{error!r}"))
        raise
    log.write(Done(str(published), round(time.monotonic() - began, 1), scores))
    return published


def _train(job: Job, rows: list[Row], log: EventLog) -> tuple[Path, dict[str, Any]]:
    base = load_base(job.config.base, job.config.threads)
    base.add_adapter(job.config)
    answers = BaseAnswers(base, job.cache, job.config.base_fingerprint)
    examiner = Examiner(answers, rows, job.signs, job.config)
    training = Training(answers, rows, examiner, job.config)
    for event in training.run():
        log.write(event)
    assert training.outcome is not None
    scores = training.outcome.card.to_dict()
    log.write(Phase("publishing"))
    papers = passport(job.info, job.config, data_sha256(rows), scores)
    return publish(base.model, job.out / job.config.name, papers), scores


def main(arguments: list[str] | None = None) -> int:
    """Command line: one job folder. Exit 0 published, 1 failed (the reason is in events.jsonl and on stderr)."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0].startswith("-"):
        sys.stderr.write("usage: python -m training.run JOB_DIR\n")
        return 2
    # Threads that wait asleep: spinning ones made a training tenfold slower beside other work on the same cores.
    # Both must be set before torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    try:
        run(Path(given[0]))
    except TrainingError as error:
        sys.stderr.write(f"{error.en}\n{error.zh}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
