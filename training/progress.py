"""What a job's events add up to: where it stands, its curves, its answers on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from training.events import (
    TERMINAL,
    Corrections,
    Done,
    Event,
    Failed,
    Halved,
    Paused,
    Phase,
    Resumed,
    Sampled,
    Scored,
    Started,
    Step,
    Stopped,
)


@dataclass(frozen=True)
class Progress:
    """All that has been told so far, without what a resumed training tells again.

    Attributes:
        phase: the last one begun; "" before the first.
        started: rows, steps and so on; None before.
        steps: every step: the loss and learning-rate curves.
        cards: every report card: the persona, leak, KL and agreement curves; the last may be `final`.
        samples: the fixed questions with the base's and the self's answers.
        corrections: the corrected questions at the end.
        rows_at_once: after memory ran out; 0 where it did not.
        end: how it ended; None while it has not.
        starts: times its process began without getting further than before.
    """

    phase: str = ""
    started: Started | None = None
    steps: tuple[Step, ...] = ()
    cards: tuple[Scored, ...] = ()
    samples: tuple[Sampled, ...] = ()
    corrections: tuple[dict[str, str], ...] = ()
    rows_at_once: int = 0
    end: Done | Stopped | Failed | None = None
    starts: int = 0
    resumed: int = 0

    @property
    def last(self) -> Step | None:
        """The newest step."""
        return self.steps[-1] if self.steps else None

    @property
    def scores(self) -> dict[str, Any]:
        """Of the final report card, else of the best so far; {} before the first."""
        best = [card for card in self.cards if card.best]
        return best[-1].scores if best else {}


@dataclass
class Tally:
    """Adds events up without copying the curves for each."""

    now: Progress = field(default_factory=Progress)
    _steps: list[Step] = field(default_factory=list)
    _cards: list[Scored] = field(default_factory=list)
    _samples: list[Sampled] = field(default_factory=list)

    def add(self, events: Iterable[Event]) -> Progress:
        """Take `events` in; returns what all of them add up to."""
        changed = False
        for event in events:
            changed = True
            # whatever follows an end means that it was taken up again
            self.now = replace(self.now, end=event if isinstance(event, TERMINAL) else None)
            self._take(event)
        if changed:
            self.now = replace(
                self.now, steps=tuple(self._steps), cards=tuple(self._cards), samples=tuple(self._samples)
            )
        return self.now

    def _take(self, event: Event) -> None:
        if isinstance(event, Step):
            self._steps.append(event)
        elif isinstance(event, Scored):
            self._cards.append(event)
        elif isinstance(event, Sampled):
            self._samples.append(event)
        elif isinstance(event, Corrections):
            self.now = replace(self.now, corrections=tuple(event.answers))
        elif isinstance(event, Phase):
            starts = 0 if event.name == "queued" else self.now.starts + (event.name == "loading")
            self.now = replace(self.now, phase=event.name, starts=starts)
        elif isinstance(event, Started):
            self.now = replace(self.now, started=event)
        elif isinstance(event, Halved):
            self.now = replace(self.now, rows_at_once=event.rows)
        elif isinstance(event, Resumed):
            further = event.step > self.now.resumed
            self.now = replace(self.now, resumed=event.step, starts=1 if further else self.now.starts)
            self._keep(event.step)
        elif isinstance(event, Paused):
            self.now = replace(self.now, starts=0)

    def _keep(self, step: int) -> None:
        """Forget what was told of later steps: it is told again."""
        self._steps = [e for e in self._steps if e.step <= step]
        self._cards = [e for e in self._cards if e.step <= step and not e.final]
        self._samples = [e for e in self._samples if e.step <= step]
