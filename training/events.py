"""What a training tells while it runs: typed events, one JSON line each in events.jsonl."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


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
    """One optimiser step; losses are nats per token, `seconds` since the start."""

    step: int
    steps: int
    epoch: float
    loss: float
    kl: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Scored:
    """A report card of the adapter after `step`; `best` if none before was better."""

    step: int
    scores: dict[str, Any]
    best: bool
    final: bool = False


@dataclass(frozen=True)
class Done:
    """Published. `path` is the adapter folder."""

    path: str
    seconds: float
    scores: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """Nothing was published; the message is for the user."""

    en: str
    zh: str


Event: TypeAlias = Started | Phase | Step | Scored | Done | Failed
_KINDS = {"started": Started, "phase": Phase, "step": Step, "scored": Scored, "done": Done, "failed": Failed}
_NAMES = {cls: name for name, cls in _KINDS.items()}


class EventLog:
    """Appends events to a file; each line is whole or absent for a reader that skips a torn last line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: Event) -> None:
        """Append one event with the time (seconds since the epoch)."""
        record = {"type": _NAMES[type(event)], "time": round(time.time(), 3), **asdict(event)}
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_events(path: Path) -> Iterator[Event]:
    """Events of a log, oldest first; a last line still being written is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        record = json.loads(line)
        record.pop("time")
        yield _KINDS[record.pop("type")](**record)
