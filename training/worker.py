"""Starts the queued trainings: one process per device, which outlives the app."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.events import Failed
from training.jobs import MOST_STARTS, JobStore, JobView
from training.run import BUSY

ROOT = Path(__file__).resolve().parent.parent
LOOK_S = 0.5
log = logging.getLogger(__name__)


class Worker:
    """Looks after the jobs of `store` from a thread of its own until it is closed.

    Trainings that run already (of an earlier app on the same folder) are found by their locks and left to run; those
    whose process was killed go on from their checkpoint.
    """

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self._children: dict[str, subprocess.Popen[Any]] = {}
        self._closing = threading.Event()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, every half second."""
        self._thread = threading.Thread(target=self._run, name="trainings", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start no more. What runs goes on without the app, and is found again by the next one."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(10)

    def look(self) -> None:
        """One look at all jobs: bury the dead, start what may start."""
        with self._turn:
            views = self.store.all()
            busy = {view.device for view in views if view.alive}
            for view in views:
                process = self._children.get(view.id)
                if process is not None:
                    if process.poll() is None:
                        busy.add(view.device)
                        continue
                    del self._children[view.id]
                    self._ended(view, process.returncode)
                    # what it told last is read at the next look
                    continue
                if view.alive or view.state not in ("queued", "stopping"):
                    continue
                if view.progress.starts >= MOST_STARTS:
                    self.store.fail(view.id, _keeps_dying())
                elif view.device not in busy and not self.store.device_busy(view.device):
                    busy.add(view.device)
                    self._children[view.id] = launch(self.store.folder / view.id, view.config.threads)

    def _run(self) -> None:
        while not self._closing.wait(LOOK_S):
            try:
                self.look()
            except (TrainingError, OSError):
                # a job removed, or a disk full, at this very moment; the next look may find it better
                log.exception("looking after the trainings")

    def _ended(self, view: JobView, code: int) -> None:
        """A process that fell over before it could say why: tell what it printed last."""
        if code <= 0 or code == BUSY or self.store.get(view.id).progress.end is not None:
            return
        said = _tail(self.store.folder / view.id / "log.txt")
        self.store.fail(
            view.id,
            Failed(
                f"The training could not begin: {said}. Run make setup or pip install -r requirements.txt, and resume.",
                f"训练未能开始：{said}。请运行 make setup 或 pip install -r requirements.txt，然后继续。",
            ),
        )


def launch(folder: Path, threads: int) -> subprocess.Popen[Any]:
    """Start the process that does the job in `folder`, in a session of its own: Ctrl+C and the end of the app do not
    reach it."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
    }
    # on Windows: below normal priority and a group of its own
    apart: dict[str, Any] = {"creationflags": 0x4200} if os.name == "nt" else {"start_new_session": True}
    with (folder / "log.txt").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "training.run", str(folder.resolve())],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            **apart,
        )


def _tail(path: Path) -> str:
    """The last line that a process printed, at most 300 characters."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "?"
    return lines[-1][:300] if lines else "?"


def _keeps_dying() -> Failed:
    return Failed(
        f"The training's process was ended {MOST_STARTS} times without getting further, most likely because the "
        "machine ran out of memory. Nothing was published. Close other programs and resume it, or train anew with a "
        "smaller batch or max_length.",
        f"训练进程连续 {MOST_STARTS} 次被中止且没有进展，很可能是内存不足。没有发布任何内容。"
        "请关闭其他程序后继续，或以更小的 batch、max_length 重新训练。",
    )
