"""Where a training stands, on disk: written beside the last one and renamed over it, so that it is never torn."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass
class Checkpoint:
    """Everything that a training needs to go on as if nothing had happened.

    Attributes:
        step: optimiser steps done.
        weights: trained parameters, float32.
        optimiser: its state_dict.
        best: (merit, step, weights) of the best candidate, None before the first report card.
        at_once: rows at a time, halved where memory ran out.
        random: torch's generator state on the CPU, uint8 (dropout draws from it), and the devices' ones.
        seconds: spent so far.
        finished: the steps are over; what is left is the final report card.
    """

    step: int
    weights: list[Any]
    optimiser: dict[str, Any]
    best: tuple[float, int, list[Any]] | None
    at_once: int
    random: list[Any]
    seconds: float
    finished: bool = False


def random_state() -> list[Any]:
    """Of every generator of torch."""
    import torch

    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def set_random_state(states: list[Any]) -> None:
    """Take over what `random_state` gave."""
    import torch

    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state_all(states[1:])


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write `path`: whole or as it was, also when the machine stops at this moment.

    Raises:
        OSError: the disk is full or cannot be written; the last checkpoint stays.
    """
    import torch

    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        torch.save({f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(path: Path, device: str = "cpu") -> Checkpoint | None:
    """What `save` wrote, tensors on `device`; None where there is none or the disk has damaged it (then the training
    starts anew)."""
    import torch

    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(**_moved(held, device))
    except FileNotFoundError:
        return None
    except (OSError, EOFError, RuntimeError, TypeError, ValueError, KeyError, pickle.UnpicklingError):
        return None


def _moved(held: dict[str, Any], device: str) -> dict[str, Any]:
    """The weights on `device`; the optimiser moves its own state, generators' states live on the CPU."""
    held["weights"] = [w.to(device) for w in held["weights"]]
    if held["best"] is not None:
        merit, step, weights = held["best"]
        held["best"] = merit, step, [w.to(device) for w in weights]
    return held
