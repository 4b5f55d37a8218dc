"""The trainings of one data folder: one folder each under jobs/, which survives whatever stops the app or machine.

A job's state is never written down, it is read off: its events say how it ended, its lock whether a process works on
it, its file `wish` what the user wants of it. So nothing can disagree after a crash, and an app that starts finds
running trainings as they are.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from training.config import TrainingConfig
from training.data import Row, check_rows
from training.errors import BusyError, JobError, TrainingError
from training.events import Event, EventLog, Failed, Phase, Stopped, read_from
from training.job import Job, read_job, write_job
from training.locks import device_lock, held, is_held
from training.progress import Progress, Tally

State = Literal["queued", "running", "pausing", "paused", "stopping", "done", "failed", "stopped"]
OVER = ("done", "failed", "stopped")
# A process that dies so often without getting further will do so again.
MOST_STARTS = 3


@dataclass(frozen=True)
class JobView:
    """One job as it is now.

    Attributes:
        id: its folder's name; sorted by it, jobs are in the order they were made in.
        created: seconds since the epoch.
        alive: a process works on it.
        progress: what it has told so far.
        error: (English, Chinese) of a failed one.
        path, draft: of a published self; "" and False before.
    """

    id: str
    state: State
    config: TrainingConfig
    device: str
    title: dict[str, str]
    created: float
    alive: bool
    progress: Progress
    error: tuple[str, str] = ("", "")
    path: str = ""
    draft: bool = False

    @property
    def name(self) -> str:
        """Of the self that is trained."""
        return self.config.name

    @property
    def share(self) -> float:
        """Steps done, 0 to 1."""
        last = self.progress.last
        return 1.0 if self.state == "done" else last.step / last.steps if last else 0.0


class JobStore:
    """Jobs in `folder`; any thread and any number of processes may use one.

    Nothing is made or read until it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tallies: dict[str, tuple[int, Tally]] = {}
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def submit(self, job: Job, rows: Sequence[Row]) -> JobView:
        """Queue a training. The job is on disk when this returns, whole or not at all.

        Raises:
            DataError: nothing to learn, or an unresolved {{placeholder}}; the message names row numbers.
            JobError: the folder cannot be written.
        """
        check_rows(rows)
        identity = f"{datetime.now():%Y%m%d-%H%M%S-%f}-{job.config.name}"
        temporary = self.folder / f".{identity}.{uuid.uuid4().hex[:8]}"
        try:
            write_job(temporary, job, list(rows))
            os.replace(temporary, self.folder / identity)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise JobError(
                en=f"The training could not be saved in {self.folder}: {error}. Nothing was started; free some space.",
                zh=f"无法在 {self.folder} 中保存训练任务：{error}。没有开始训练；请腾出空间。",
            ) from error
        return self.get(identity)

    def all(self) -> list[JobView]:
        """Every job, oldest first; one whose job.json is damaged is left out."""
        found = []
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            if path.is_dir() and not path.name.startswith("."):
                try:
                    found.append(self.get(path.name))
                except TrainingError:
                    continue
        return found

    def get(self, identity: str) -> JobView:
        """One job.

        Raises:
            JobError: there is none of this id.
            ConfigError: its job.json cannot be read.
        """
        folder = self._folder(identity)
        # before the events: a process that ends between the two has told its end already
        alive = is_held(folder / "lock")
        progress = self._progress(identity)
        wish = _read(folder / "wish")
        job = self._job(identity)
        end = progress.end
        return JobView(
            id=identity,
            state=_state(progress, alive, wish),
            config=job.config,
            device=job.device,
            title=dict(job.info.title),
            created=(folder / "job.json").stat().st_mtime,
            alive=alive,
            progress=progress,
            error=(end.en, end.zh) if isinstance(end, Failed) else ("", ""),
            path="" if end is None or isinstance(end, Failed) else end.path,
            draft=False if end is None or isinstance(end, Failed) else end.draft,
        )

    def events(self, identity: str, offset: int = 0) -> list[tuple[int, Event]]:
        """(offset after it, event) of everything told from `offset` on; hand the last offset back for what is new.

        Raises:
            JobError: there is no such job.
        """
        return list(read_from(self._folder(identity) / "events.jsonl", offset))

    def pause(self, identity: str) -> JobView:
        """Let it go on later: its process saves everything and ends.

        Raises:
            JobError: it is over, or being stopped.
        """
        self._must(identity, ("queued", "running", "pausing", "paused"))
        self._wish(identity, "pause")
        return self.get(identity)

    def resume(self, identity: str) -> JobView:
        """Queue a paused or failed job again; it goes on from its checkpoint.

        Raises:
            JobError: it is neither.
        """
        view = self._must(identity, ("pausing", "paused", "failed"))
        if view.state == "failed":
            self._tell(identity, Phase("queued"))
        self._wish(identity, "")
        return self.get(identity)

    def stop(self, identity: str) -> JobView:
        """End it. The best self so far is published (as a draft if it misses a bar); one that has not begun is just
        dropped.

        Raises:
            JobError: it is over.
        """
        view = self._must(identity, ("queued", "running", "pausing", "paused", "stopping"))
        self._wish(identity, "stop")
        if not view.alive and not (self._folder(identity) / "checkpoint.pt").exists():
            self._tell(identity, Stopped())
        return self.get(identity)

    def remove(self, identity: str) -> None:
        """Delete the job's folder: rows, events, checkpoint. What it published stays.

        Raises:
            JobError: a process works on it.
        """
        self._must(identity, ("queued", "paused", *OVER))
        gone = self.folder / f".{identity}.{uuid.uuid4().hex[:8]}"
        os.replace(self._folder(identity), gone)
        shutil.rmtree(gone, ignore_errors=True)

    def fail(self, identity: str, error: Failed) -> None:
        """Say for a process that died without a word why it did."""
        self._tell(identity, error)

    def rows_file(self, identity: str) -> Path:
        """The rows it learns from."""
        return self._folder(identity) / "rows.jsonl"

    def device_busy(self, device: str) -> bool:
        """Whether a training runs on it, ours or another app's."""
        return bool(device) and is_held(device_lock(self.folder, device))

    def _folder(self, identity: str) -> Path:
        folder = self.folder / identity
        if not identity or Path(identity).name != identity or identity.startswith(".") or not folder.is_dir():
            raise JobError(
                en=f"There is no training “{identity}”. Nothing was done; the command jobs lists them.",
                zh=f"没有训练任务“{identity}”，未作任何操作；命令 jobs 可列出全部任务。",
            )
        return folder

    def _job(self, identity: str) -> Job:
        with self._lock:
            if identity not in self._jobs:
                self._jobs[identity] = read_job(self.folder / identity)
            return self._jobs[identity]

    def _progress(self, identity: str) -> Progress:
        with self._lock:
            offset, tally = self._tallies.setdefault(identity, (0, Tally()))
            new = list(read_from(self.folder / identity / "events.jsonl", offset))
            if new:
                self._tallies[identity] = new[-1][0], tally
            return tally.add(event for _, event in new)

    def _must(self, identity: str, states: Sequence[str]) -> JobView:
        view = self.get(identity)
        if view.state not in states:
            raise JobError(
                en=f"The training “{identity}” is {view.state}, so this cannot be done with it. Nothing was changed.",
                zh=f"训练任务“{identity}”的状态是 {view.state}，无法执行此操作，未作任何改动。",
            )
        return view

    def _wish(self, identity: str, word: str) -> None:
        folder = self._folder(identity)
        temporary = folder / f".wish.{uuid.uuid4().hex[:8]}"
        temporary.write_text(word, encoding="utf-8")
        os.replace(temporary, folder / "wish")

    def _tell(self, identity: str, event: Event) -> None:
        """Write an event where no process does; one that has just begun tells its own."""
        folder = self._folder(identity)
        try:
            with held(folder / "lock", 0):
                EventLog(folder / "events.jsonl").write(event)
        except BusyError:
            return


def _state(progress: Progress, alive: bool, wish: str) -> State:
    if progress.end is not None and not alive:
        named: dict[str, State] = {"Done": "done", "Failed": "failed", "Stopped": "stopped"}
        return named[type(progress.end).__name__]
    if wish == "stop":
        return "stopping"
    if wish == "pause":
        return "pausing" if alive else "paused"
    return "running" if alive else "queued"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def as_dict(view: JobView) -> dict[str, Any]:
    """JSON-serialisable, without the curves."""
    last = view.progress.last
    return {
        "id": view.id,
        "name": view.name,
        "title": view.title,
        "state": view.state,
        "device": view.device,
        "created": round(view.created, 1),
        "phase": view.progress.phase,
        "step": last.step if last else 0,
        "steps": last.steps if last else 0,
        "loss": last.loss if last else None,
        "remaining": last.remaining if last else None,
        "rows_at_once": view.progress.rows_at_once,
        "scores": view.progress.scores,
        "path": view.path,
        "draft": view.draft,
        "error": {"en": view.error[0], "zh": view.error[1]} if view.error[0] else None,
    }
