"""One thread that does the latest of each kind of work, for what may lag behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Hashable)


class Background(Generic[T]):
    """Calls `work(subject)` in a thread of its own for each subject that was named since it was last worked on."""

    def __init__(self, work: Callable[[T], None]) -> None:
        self._work = work
        self._due: dict[T, None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = self._busy = False

    def later(self, subject: T) -> None:
        """Have it worked on; once, however often it is named meanwhile."""
        with self._changed:
            if self._closed:
                return
            self._due[subject] = None
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="index", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Until nothing is due."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not (self._due or self._busy))

    def close(self) -> None:
        """Finish what is being worked on, and leave out the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._due)
                if self._closed:
                    return
                subject = next(iter(self._due))
                del self._due[subject]
                self._busy = True
            try:
                self._work(subject)
            except Exception:  # what lags behind is brought up later; the thread has to live for the rest
                log.exception("Work in the background failed")
            with self._changed:
                self._busy = False
                self._changed.notify_all()
