"""The whole knowledge base checked, mended, shrunk, saved and put back, step by step for whoever watches."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.backup import BackupReport
from rag.knowledge_base import KnowledgeBase

Action = Literal["verify", "rebuild", "compact", "backup", "restore"]

_TELL_SECONDS = 0.3


@dataclass(frozen=True)
class CareStep:
    """What is being done; `title` of the collection, "" where it is the whole. `seconds` since the beginning."""

    title: str = ""
    number: int = 0
    total: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class CareDone:
    """What came of it.

    Attributes:
        problems: what `verify` finds afterwards, in words; not looked for after a backup.
        freed: bytes that the folder shrank by, None where that was not the aim.
        saved: what a backup holds, None for the others.
    """

    documents: int
    problems: tuple[str, ...] = ()
    freed: int | None = None
    saved: BackupReport | None = None


def care(base: KnowledgeBase, action: Action, file: Path | None = None) -> Iterator[CareStep | CareDone]:
    """Do it, in a thread of its own: an iterator that is given up does not stop it half-way.

    Args:
        file: zip to write (backup) or to read (restore).

    Raises:
        RagError: it could not be done; what was there is untouched.
    """
    steps: queue.SimpleQueue[CareStep | CareDone | BaseException] = queue.SimpleQueue()
    begun = time.monotonic()

    def work() -> None:
        try:
            steps.put(_do(base, action, file, steps))
        except BaseException as error:  # raised again where it is waited for
            steps.put(error)

    threading.Thread(target=work, name="care", daemon=True).start()
    at = CareStep()
    while True:
        try:
            step = steps.get(timeout=_TELL_SECONDS)
        except queue.Empty:
            step = at
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, CareDone):
            yield step
            return
        at = step
        yield CareStep(at.title, at.number, at.total, time.monotonic() - begun)


def _do(base: KnowledgeBase, action: Action, file: Path | None, steps: queue.SimpleQueue) -> CareDone:
    def told(title: str, number: int, total: int) -> None:
        steps.put(CareStep(title, number, total))

    freed = None
    if action == "backup":
        assert file is not None
        saved = base.backup(file)
        return CareDone(saved.documents, saved=saved)
    if action == "restore":
        assert file is not None
        base.restore(file)
    elif action == "rebuild":
        base.rebuild(told)
    elif action == "compact":
        freed = base.compact(told)
    problems = base.verify(told).problems
    return CareDone(sum(c.documents for c in base.collections()), problems, freed)
