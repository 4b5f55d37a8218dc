"""What a training tells while it runs: typed events, one JSON line each in events.jsonl."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, get_args


@dataclass(frozen=True)
class Started:
    """First event. `steps` is the most there can be; `parameters` counts trained numbers."""

    name: str
    rows: int
    replay_rows: int
    steps: int
    parameters: int
    device: str


@dataclass(frozen=True)
class Phase:
    """Work outside the steps has begun: loading | replay | training | report | publishing."""

    name: str


@dataclass(frozen=True)
class Step:
    """One optimiser step; losses are nats per token, `seconds` spent so far, `remaining` seconds to the end at most."""

    step: int
    steps: int
    epoch: float
    loss: float
    kl: float
    learning_rate: float
    seconds: float
    remaining: float = 0.0


@dataclass(frozen=True)
class Scored:
    """A report card of the adapter after `step`; `best` if none before was better."""

    step: int
    scores: dict[str, Any]
    best: bool
    final: bool = False


@dataclass(frozen=True)
class Sampled:
    """The fixed questions asked after `step`: [{"question", "before" (the base), "after" (the adapter)}]."""

    step: int
    epoch: float
    answers: list[dict[str, str]]


@dataclass(frozen=True)
class Corrections:
    """The corrected questions at the end: [{"question", "before" (what was corrected), "wanted", "after"}]."""

    answers: list[dict[str, str]]


@dataclass(frozen=True)
class Halved:
    """Memory ran out: from now on `rows` rows at a time. Gradients are added up, so the steps stay what they were."""

    rows: int


@dataclass(frozen=True)
class Resumed:
    """The training goes on after `step` (0: from the start); what was told of later steps is told again."""

    step: int


@dataclass(frozen=True)
class Paused:
    """The process has ended with everything up to `step` on disk."""

    step: int


@dataclass(frozen=True)
class Done:
    """Published. `path` is the adapter folder; a draft has missed a bar."""

    path: str
    seconds: float
    scores: dict[str, Any] = field(default_factory=dict)
    draft: bool = False


@dataclass(frozen=True)
class Stopped:
    """Ended early, on request. `path` is the adapter folder with the best so far, "" where there was nothing yet."""

    path: str = ""
    seconds: float = 0.0
    scores: dict[str, Any] = field(default_factory=dict)
    draft: bool = False


@dataclass(frozen=True)
class Failed:
    """Nothing was published; the message is for the user."""

    en: str
    zh: str


Event: TypeAlias = (
    Started | Phase | Step | Scored | Sampled | Corrections | Halved | Resumed | Paused | Done | Stopped | Failed
)
TERMINAL = (Done, Stopped, Failed)
_KINDS = {cls.__name__.lower(): cls for cls in get_args(Event)}
_NAMES = {cls: name for name, cls in _KINDS.items()}


class EventLog:
    """Appends events to a file; each line is whole or absent for a reader that skips a torn last line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _mend(path)

    def write(self, event: Event) -> None:
        """Append one event with the time (seconds since the epoch)."""
        record = {"type": _NAMES[type(event)], "time": round(time.time(), 3), **asdict(event)}
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _mend(path: Path) -> None:
    """Cut a line that a killed writer left unfinished, so that the next event does not run into it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def read_events(path: Path) -> Iterator[Event]:
    """Events of a log, oldest first; a last line still being written is left out, and so are unknown kinds."""
    yield from (event for _, event in read_from(path))


def read_from(path: Path, offset: int = 0) -> Iterator[tuple[int, Event]]:
    """(offset after it, event) of each whole line from byte `offset` on: hand the last one back to read on."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            record = json.loads(line)
            record.pop("time")
            kind = _KINDS.get(record.pop("type"))
            if kind is not None:
                yield offset, kind(**record)
