"""What is being loaded, for the page and for messages sent early."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One thing that has to load. `error` is (English, Chinese) once `state` is "failed"."""

    key: str
    en: str
    zh: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    detail: str = ""
    error: tuple[str, str] = ("", "")


class Startup:
    """Thread-safe progress of a fixed list of steps."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = {step.key: step for step in steps}
        self._changed = threading.Condition()

    def steps(self) -> list[Step]:
        with self._changed:
            return list(self._steps.values())

    def set(self, key: str, **changes: Any) -> None:
        with self._changed:
            self._steps[key] = replace(self._steps[key], **changes)
            self._changed.notify_all()

    @property
    def done(self) -> int:
        return sum(step.state == "done" for step in self.steps())

    @property
    def finished(self) -> bool:
        """Nothing more will happen: every step is done or failed."""
        return all(step.state in ("done", "failed") for step in self.steps())

    def current(self) -> Step | None:
        """The step that runs now, or failing that the next one."""
        steps = self.steps()
        return next((s for s in steps if s.state == "running"), next((s for s in steps if s.state == "waiting"), None))

    def wait(self, timeout: float) -> None:
        """Until something changes, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait(timeout)


class Part(Generic[T]):
    """Something that will be there later, or will have failed."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._value: T | None = None
        self._error: Exception | None = None

    def fulfil(self, value: T) -> None:
        self._value = value
        self._ready.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._ready.set()

    @property
    def ready(self) -> bool:
        return self._ready.is_set() and self._error is None

    def get(self) -> T:
        """Wait for it; raises what made it fail."""
        self._ready.wait()
        return self._result()

    def waiting(self, startup: Startup, cancel: Callable[[], bool]) -> Iterator[Step]:
        """What is being loaded, each time that changes, until the part is there or `cancel()` says so."""
        last = None
        while not self._ready.is_set() and not cancel():
            step = startup.current()
            if step is not None and step != last:
                yield step
                last = step
            startup.wait(0.25)

    def _result(self) -> T:
        if self._error is not None:
            raise self._error
        assert self._value is not None
        return self._value


def elapsed(start: float) -> str:
    """Seconds since `start` (time.perf_counter), as shown beside a finished step."""
    return f"{time.perf_counter() - start:.1f} s"
