"""How a training is laid out in steps, and how long it will take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

# The fixed questions are asked so often at most: an answer takes as long as a step.
MOST_SAMPLES = 6


@dataclass(frozen=True)
class Plan:
    """How many steps there are at most, in an epoch, and after which a report card is drawn up."""

    steps: int
    per_epoch: int
    checks: set[int]

    @property
    def samples(self) -> set[int]:
        """Steps at the quarters of each epoch, as many of them evenly spread as there is time for."""
        quarters = math.ceil(4 * self.steps / self.per_epoch)
        apart = math.ceil(quarters / MOST_SAMPLES)
        return {min(self.steps, math.ceil(self.per_epoch * n / 4)) for n in range(quarters, 0, -apart)}


class Clock:
    """Seconds spent, and how many are left."""

    def __init__(self) -> None:
        self._spent: dict[str, list[float]] = {}
        self.start(0.0)

    def start(self, seconds: float) -> None:
        """Count on from `seconds`."""
        self._began = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def took(self, what: str, seconds: float) -> None:
        """One more "step", "sample" or "card" took so long."""
        self._spent.setdefault(what, []).append(seconds)

    def remaining(self, plan: Plan, step: int) -> float:
        """Seconds to the end after `step`, if it does not stop early; cards count once one has been drawn up."""
        # the final card asks everything: about four of those on the way
        cards = sum(check > step for check in plan.checks) + (step in plan.checks) + 4
        left = {"step": plan.steps - step, "sample": sum(s >= step for s in plan.samples), "card": cards}
        means = {what: sum(times[-20:]) / len(times[-20:]) for what, times in self._spent.items()}
        return round(sum(means.get(what, 0.0) * count for what, count in left.items()), 1)


def check_steps(steps: int, checks: int) -> set[int]:
    """Steps after which a report card is drawn up: evenly spread, the last one always among them."""
    return {math.ceil(steps * n / checks) for n in range(1, checks + 1)}


def rate(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate at a 0-based step: linear rise, then cosine decay to zero."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))
