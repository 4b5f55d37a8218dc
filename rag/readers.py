"""Processes that read files side by side, each file within limits of time and memory.

A pool of the standard library cannot end one task: it has no limit of time, and a worker that dies takes the pool
along. Here every process has a thread that feeds it; one that is too slow or dies costs its own file alone.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rag.loaders import problems
from rag.reader import Parsed, Refused, Task
from rag.settings import RagSettings
from rag.views import Look, Shown

log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[1]
_START = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from rag.reader import main; main()"
_LOOK_SECONDS = 0.2


class Readers:
    """Reading processes, started with the first file and kept. Thread-safe."""

    def __init__(self, settings: RagSettings) -> None:
        self._settings = settings
        self.count = settings.readers or min(4, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(self.count, "reader")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: list[_Process] = []
        self._closed = threading.Event()

    def submit(self, task: Task) -> Future[Parsed | Refused]:
        """Read a file as soon as a process is free; the future never raises for what the file holds."""
        return self._threads.submit(self._read, task)

    def look_up(self, look: Look) -> Future[Shown | Refused]:
        """Look a passage up in its file, within the same limits."""
        return self._threads.submit(self._read, look)

    def _read(self, task: Task | Look) -> Any:
        process: _Process | None = getattr(self._own, "process", None)
        if process is None:
            process = self._own.process = _Process(self._settings)
            with self._lock:
                self._all.append(process)
                if len(self._all) == 1:
                    threading.Thread(target=self._watch, name="reader-watch", daemon=True).start()
        return process.read(task)

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            with self._lock:
                processes = list(self._all)
            for process in processes:
                process.end_if_late()

    def close(self) -> None:
        """End every process; what is being read is given up."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for process in self._all:
                process.kill()
        self._threads.shutdown(wait=True)
        for process in self._all:
            process.stop()


class _Process:
    """One process, started anew after it died. `read` is called by one thread, the rest by any."""

    def __init__(self, settings: RagSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None
        self._late = self._ended = False

    def read(self, task: Task | Look) -> Any:
        """What the process answers: `Parsed` or `Shown`, or `Refused`."""
        self._late = False
        try:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            pickle.dump(task, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            self._deadline = time.monotonic() + self._settings.read_seconds
            answer = pickle.load(process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self.stop()
            log.warning("The process that read %s ended (%r)", task.source, error)
            problem = (
                problems.took_too_long(task.source, self._settings.read_seconds)
                if self._late
                else problems.crashed_reader(task.source)
            )
            return Refused(problem.en, problem.zh)
        finally:
            self._deadline = None
        if isinstance(answer, Refused) and answer.spent:
            self.stop()
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            if self._ended:
                raise EOFError("closed")
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # threads count as memory
            )
            assert self._process.stdin is not None
            pickle.dump(self._settings, self._process.stdin)
        return self._process

    def end_if_late(self) -> None:
        deadline, process = self._deadline, self._process
        if process is not None and deadline is not None and time.monotonic() > deadline:
            self._late = True
            process.kill()

    def stop(self) -> None:
        """End the process; the next file starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:  # what was still to be written has no reader any more
                        continue

    def kill(self) -> None:
        """Kill the process for good; `stop` is to follow once its thread is done."""
        self._ended = True
        if (process := self._process) is not None:
            process.kill()
