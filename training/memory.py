"""Memory that runs out in the middle of a training: half as many rows at a time, and on it goes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from training.base_model import Base
from training.errors import BaseModelError
from training.events import Halved

T = TypeVar("T")


def surely(base: Base, work: Callable[[], T]) -> Generator[Halved, None, T]:
    """Do `work` again with half of `base.at_once` rows each time memory runs out; returns what it returns.

    Raises:
        BaseModelError: memory runs out with a single row.
    """
    while True:
        try:
            return work()
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
            if base.at_once == 1:
                raise BaseModelError(
                    en="Memory ran out with a single row, so nothing could be learned. Shorten the rows (max_length), "
                    "lower the rank (r), close other programs, or choose a smaller base.",
                    zh="即使一次只处理一行，内存仍不够，训练无法进行。请缩短数据（max_length）、降低秩（r）、"
                    "关闭其他程序，或换更小的基座。",
                ) from error
        base.at_once //= 2
        _free()
        yield Halved(base.at_once)


def ran_out(error: BaseException) -> bool:
    """Whether this is memory running out: torch says so by a class on a GPU and only in words on a CPU."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error).lower()
    return "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words


def _free() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
