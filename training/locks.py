"""Locks that a process holds as long as it lives: the operating system lets go of them, however it ends."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from training.errors import BusyError


def held(path: Path, patience: float) -> AbstractContextManager[Any]:
    """Hold the lock `path`.

    Args:
        patience: seconds to wait for it.

    Raises:
        BusyError: another process holds it.
    """
    from filelock import FileLock, Timeout

    try:
        return FileLock(path).acquire(timeout=patience)
    except Timeout as error:
        raise BusyError(
            en=f"{path.parent.name} is being trained already, or another training runs on this device.",
            zh=f"{path.parent.name} 已在训练中，或该设备上正在进行另一个训练。",
        ) from error


def is_held(path: Path) -> bool:
    """Whether a process holds this lock file."""
    if not path.exists():
        return False
    for attempt in range(3):
        try:
            with held(path, 0):
                return False
        except BusyError:
            # perhaps only someone else who looks, as we do
            time.sleep(0.01 * (attempt < 2))
    return True


def device_lock(jobs: Path, device: str) -> Path:
    """The lock file that a training on `device` holds, in the folder of all jobs."""
    return jobs / f".device-{device.replace(':', '-')}.lock"
