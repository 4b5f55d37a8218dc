"""Work in lanes on a CPU: each thread takes whole parts of it by itself.

The many small operations of a small base gain little from two threads each, and lose much where the threads have to
wait for one another, all the more beside other work. Results come in the order of the parts, so what is computed from
them is the same bits however the threads happen to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")


class Lanes:
    """`count` threads with one thread of torch each; a single lane is the caller's own thread, with all of torch's."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._pool: ThreadPoolExecutor | None = None

    def map(self, work: Callable[[P], R], parts: Iterable[P]) -> list[R]:
        """`work` done on every part. What it raises is raised here, once no part is being worked on any more; the
        parts not begun by then are left."""
        waiting = list(parts)
        if self.count == 1 or len(waiting) == 1:
            return [work(part) for part in waiting]
        import torch

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count, "lane", torch.set_num_threads, (1,))
        threads = torch.get_num_threads()
        futures: list[Future[R]] = [self._pool.submit(work, part) for part in waiting]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
            # what a lane sets is the default of threads to come
            torch.set_num_threads(threads)
        return [future.result() for future in futures]

    def shares(self, total: int, most: int) -> int:
        """How many of `total` things, at most `most`, go together so that every lane has something to do."""
        return max(1, min(most, -(-total // self.count)))
