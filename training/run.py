"""`python -m training.run JOB_DIR`: train what job.json asks for and publish it.

A job folder holds job.json (`Job`), rows.jsonl (`data.save_rows`) and, as the training goes on, events.jsonl
(`events.py`), checkpoint.pt and lock, which the training process holds as long as it lives. Whoever wants it to pause
or to stop writes that word into the file wish. It is all that a training needs: the app can close, and read the events
later.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from training.answers import BaseAnswers
from training.base_model import Base, load_base
from training.data import Row, data_sha256, load_rows
from training.errors import BusyError, ConfigError, Interrupted, TrainingError
from training.events import Done, Event, EventLog, Failed, Paused, Phase, Stopped
from training.job import Job, read_job
from training.locks import device_lock, held
from training.loop import Outcome, Surroundings, Training
from training.memory import surely
from training.publish import passport, publish
from training.report_card import Examiner
from training.versions import publish_version

GROUP = Path("/proc/self/autogroup")
log = logging.getLogger(__name__)
PUBLISHED, FAILED, USAGE, BUSY = 0, 1, 2, 3


def run(folder: Path) -> Path | None:
    """Do the job, from its checkpoint on if it has one.

    Returns:
        The published adapter folder; None where the job was paused, or stopped before there was anything to keep.

    Raises:
        BusyError: another process does this job, or another job runs on the device; nothing was done.
        TrainingError: and writes it as a `failed` event. Any other exception is written as one too, and raised.
    """
    with held(folder / "lock", 5.0), _device(folder):
        log = EventLog(folder / "events.jsonl")
        try:
            return _run(folder, log)
        except TrainingError as error:
            log.write(Failed(error.en, error.zh))
            raise
        except Exception as error:
            log.write(Failed(f"The training stopped: {error!r}", f"训练中断：{error!r}"))
            raise


def _run(folder: Path, log: EventLog) -> Path | None:
    began = time.monotonic()
    job = read_job(folder)
    rows = load_rows(folder / "rows.jsonl")
    log.write(Phase("loading"))
    base = load_base(job.base_folder or job.config.base, job.config.threads, job.device, nf4=job.config.nf4)
    base.add_adapter(job.config)
    wish = _Wish(folder)
    around = Surroundings(wish, folder / "checkpoint.pt", job.questions)
    outcome, stopped = _train(job, rows, base, around, log)
    if outcome is None:
        if stopped:
            log.write(Stopped(seconds=round(time.monotonic() - began, 1)))
        return None
    scores = outcome.card.to_dict()
    log.write(Phase("publishing"))
    papers = passport(job.info, job.config, data_sha256(rows), scores, outcome.answers)
    if job.versions:
        path = publish_version(base.model, job.out, {**papers, "job": folder.name}, folder)
    else:
        path = publish(base.model, job.out / job.config.name, papers)
    kind = Stopped if outcome.stopped else Done
    log.write(kind(str(path), round(time.monotonic() - began, 1), scores, papers["draft"]))
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return path


def _train(job: Job, rows: list[Row], base: Base, around: Surroundings, log: EventLog) -> tuple[Outcome | None, bool]:
    """Train and log; returns the outcome (None if there is nothing to keep yet) and whether it was to stop."""
    answers = BaseAnswers(base, job.cache, job.config.base_fingerprint)
    training: Training | None = None

    def between() -> None:
        # the preparation and the final report take minutes on a CPU; between the steps the loop itself looks
        wish = around.wish()
        begun, stepping = (training.begun, training.stepping) if training else (False, False)
        nothing_yet = not begun and not (around.saved and around.saved.exists())
        if (wish == "pause" and not stepping) or (wish == "stop" and nothing_yet):
            raise Interrupted(wish)

    base.between = between
    try:
        examiner = _logged(log, surely(base, lambda: Examiner(answers, rows, job.signs, job.config)))
        training = Training(answers, rows, examiner, job.config, around)
        _logged(log, training.run())
    except Interrupted as interrupted:
        if str(interrupted) == "stop":
            return None, True
        log.write(Paused(training.saved_step if training else 0))
        return None, False
    return training.outcome, training.stopped


def _logged(log: EventLog, events: Iterator[Event]) -> Any:
    """Write all events; returns what their generator returns."""
    while True:
        try:
            log.write(next(events))
        except StopIteration as end:
            return end.value


class _Wish:
    """What is wanted of this process: the job's file says so, or a SIGTERM, which means that it is to end now and to
    go on later."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wish"
        self.ended = False
        try:
            signal.signal(signal.SIGTERM, self._end)
        except ValueError:
            # not the main thread (a test, a notebook): the file alone counts
            self.ended = False

    def _end(self, *_: Any) -> None:
        self.ended = True

    def __call__(self) -> str:
        if self.ended:
            return "pause"
        try:
            return self._file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""


def _device(folder: Path) -> AbstractContextManager[Any]:
    """The lock of the job's device; nothing where it names none, or cannot be read, which is told later."""
    try:
        device = read_job(folder).device
    except ConfigError:
        return nullcontext()
    return held(device_lock(folder.parent, device), 0.5) if device else nullcontext()


def _after_the_chat() -> None:
    """A training is background work: what the chat needs of the processor comes first."""
    if not hasattr(os, "setpriority"):
        # Windows: whoever started it gave it a lower class
        return
    os.setpriority(os.PRIO_PROCESS, 0, max(10, os.getpriority(os.PRIO_PROCESS, 0)))
    if GROUP.exists() and os.getsid(0) == os.getpid():
        # where Linux shares out between sessions, a process's own niceness counts within its session alone
        # (sched(7), "The autogroup feature"); this session is the training's own
        try:
            GROUP.write_text("10", encoding="ascii")
        except OSError as error:
            log.info("the session's niceness stays as it is: %s", error)


def main(arguments: list[str] | None = None) -> int:
    """Command line: one job folder. Exit 0 published, paused or stopped, 1 failed (the reason is in events.jsonl and on
    stderr), 2 wrong call, 3 it runs already or the device is taken."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0].startswith("-"):
        sys.stderr.write("usage: python -m training.run JOB_DIR\n")
        return USAGE
    # Threads that wait asleep: spinning ones made a training tenfold slower beside other work on the same cores.
    # Both must be set before torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    _after_the_chat()
    try:
        run(Path(given[0]))
    except BusyError:
        return BUSY
    except TrainingError as error:
        sys.stderr.write(f"{error.en}\n{error.zh}\n")
        return FAILED
    return PUBLISHED


if __name__ == "__main__":
    sys.exit(main())
