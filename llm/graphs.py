"""Decode steps prepared once and replayed: the whole step is one launch instead of about a thousand.

A step of a large base on a GPU is a chain of kernels of a few microseconds each, and Python takes longer to launch them
than they take. A CUDA graph repeats a recorded chain on the same addresses: tokens, positions, rows and the adapters'
tables are written into one buffer before, and everything else about them is read on the device. One graph serves every
step with as many rows and blocks of adapters, rounded up; a step that reads prompts is not prepared.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.grouped import AdapterTable, GroupedDeltas, Groups, group
from llm.stack import Span
from llm.steps import RowsPlan, StepPlan, Work

if TYPE_CHECKING:
    import torch

    from llm.decoder import Decoder

log = logging.getLogger(__name__)

# Rows, blocks, and what else is fixed when kernels are launched: places touched, rank, height of a block.
Key = tuple[int, int, int, int, int]


@dataclass
class _Prepared:
    """A step for one key.

    Attributes:
        inputs: int64 on the device, as `_numbers` lists them.
        plan: of which every tensor is a view of `inputs`.
        graph, logits: the captured step and where it leaves its result; None where steps are not captured.
    """

    inputs: torch.Tensor
    plan: StepPlan
    graph: Any = None
    logits: torch.Tensor | None = None


class DecodeGraphs:
    """The prepared steps of `decoder`; one thread uses it.

    Args:
        most: so many are kept, the least recently used leave first.

    Attributes:
        patience: a step is prepared when so many like it come after one another, since that takes as long as several.
        overlap: work on the adapters' first matrices beside the base's own product.
    """

    patience = 8
    overlap = True

    def __init__(self, decoder: Decoder, table: AdapterTable, most: int = 16) -> None:
        import torch

        self._decoder, self._table, self._most = decoder, table, most
        self._device = decoder.memory.shape.device
        self._prepared: OrderedDict[Key, _Prepared] = OrderedDict()
        self._last: Key | None = None
        self._again = 0
        self._addresses: tuple[int, ...] = ()
        self.enabled = True
        self._cuda = self._device.type == "cuda"
        self._staging = torch.zeros(0, dtype=torch.int64)
        if self._cuda:
            self._stream, self._side = torch.cuda.Stream(self._device), torch.cuda.Stream(self._device)

    @property
    def count(self) -> int:
        """Steps that are prepared."""
        return len(self._prepared)

    def clear(self) -> None:
        """Forget every prepared step."""
        self._prepared.clear()
        self._last, self._again = None, 0

    def step(self, works: Sequence[Work]) -> torch.Tensor | None:
        """The logits [works, vocabulary], valid until the next step; None where this step is not prepared."""
        if not self.enabled or any(len(work.tokens) > 1 or not work.wanted for work in works):
            return None
        padded, groups, key = self._key(works, _rounded(len(works)))
        memory = self._decoder.memory
        addresses = (memory.data.data_ptr(), memory.data.numel(), self._table.data.data_ptr())
        if addresses != self._addresses:
            self.clear()
            self._addresses = addresses
        self._again = self._again + 1 if key == self._last else 1
        self._last = key
        prepared = self._prepared.get(key)
        if prepared is None and self._again < self.patience:
            # One for more rows and adapters does these as well, and much faster than no prepared one.
            wider = min((other for other in self._prepared if _covers(other, key)), default=None)
            if wider is None:
                return None
            padded, groups, key = self._key(works, wider[0])
            if not _covers(wider, key):
                return None
            key, prepared = wider, self._prepared[wider]
        numbers = _numbers(padded, groups, key[1])
        if prepared is None:
            prepared = self._prepare(key, groups, numbers)
            if prepared is None:
                return None
        self._prepared.move_to_end(key)
        self._fill(prepared.inputs, numbers)
        if prepared.graph is None:
            logits = self._decoder.forward(prepared.plan)
        else:
            prepared.graph.replay()
            assert prepared.logits is not None
            logits = prepared.logits
        return logits[: len(works)]

    def _key(self, works: Sequence[Work], size: int) -> tuple[list[Work], Groups, Key]:
        """`works` filled up to `size`, their groups, and what a step prepared for them must be for."""
        # What is filled up does the first row's work again, and writes what is there already.
        padded = [*works, *[works[0]] * (size - len(works))]
        groups = group([Span(n, n + 1, work.adapter) for n, work in enumerate(padded) if work.adapter], self._table)
        blocks = 1 << (len(groups.blocks) - 1).bit_length() if groups.blocks else 0
        return padded, groups, (size, blocks, groups.touched, groups.rank, groups.height)

    def _fill(self, inputs: torch.Tensor, numbers: list[int]) -> None:
        import torch

        if not self._cuda:
            inputs.copy_(torch.tensor(numbers))
            return
        if len(self._staging) < len(numbers):
            self._staging = torch.zeros(2 * len(numbers), dtype=torch.int64, pin_memory=True)
        staging = self._staging[: len(numbers)]
        # Nobody reads it any more: every step ends with its tokens on the host.
        staging.copy_(torch.tensor(numbers))
        inputs.copy_(staging, non_blocking=True)

    def _prepare(self, key: Key, groups: Groups, numbers: list[int]) -> _Prepared | None:
        import torch

        inputs = torch.tensor(numbers, device=self._device)
        prepared = _Prepared(inputs, self._plan(inputs, key, groups))
        if self._cuda:
            try:
                self._capture(prepared)
            except RuntimeError:
                # CUDA's errors and a full memory are such; it is only slower without.
                log.warning("a decode step could not be captured; steps are launched one by one", exc_info=True)
                self.enabled = False
                return None
        self._prepared[key] = prepared
        while len(self._prepared) > self._most:
            self._prepared.popitem(last=False)
        return prepared

    def _capture(self, prepared: _Prepared) -> None:
        import torch

        graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            # Once as it is, for what is made at a first call must not be captured. It writes what the replay writes.
            self._decoder.forward(prepared.plan)
            torch.cuda.synchronize()
            # Other threads read adapters onto the device meanwhile.
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                prepared.logits = self._decoder.forward(prepared.plan)
            finally:
                graph.capture_end()
        torch.cuda.current_stream().wait_stream(self._stream)
        prepared.graph = graph

    def _plan(self, inputs: torch.Tensor, key: Key, groups: Groups) -> StepPlan:
        size, count = key[:2]
        tokens, positions, rows, lengths, order = inputs[: 5 * size].view(5, size).unbind(0)
        deltas = None
        if count:
            side = self._side if self._cuda and self.overlap else None
            deltas = GroupedDeltas(self._table, groups, order, inputs[5 * size :].view(count, 3), side)
        head = len(self._table.places) - 1
        return StepPlan(
            tokens=tokens,
            positions=positions,
            rows=rows,
            wanted=None,
            decode=RowsPlan(size, rows, lengths),
            fresh=(),
            chunks=(),
            deltas=deltas,
            head=deltas if groups.touched >> head & 1 else None,
        )


def _covers(wider: Key, key: Key) -> bool:
    """Whether a step prepared for `wider` can do one of `key`."""
    (size, blocks, touched, rank, height), (rows, needed, places, largest, high) = wider, key
    return size >= rows and blocks >= needed and not places & ~touched and rank >= largest and height == high


def _rounded(rows: int) -> int:
    """1, 2, 4, 8, 16, 24, 32…"""
    return 1 << (rows - 1).bit_length() if rows <= 8 else -(-rows // 8) * 8


def _numbers(works: Sequence[Work], groups: Groups, blocks: int) -> list[int]:
    """Tokens, positions, rows, lengths, the adapters' order, each as many as there are works; then the blocks."""
    positions = [work.row.length for work in works]
    return [
        *(work.tokens[0] for work in works),
        *positions,
        *(work.row.index for work in works),
        *(position + 1 for position in positions),
        *groups.order,
        *[0] * (len(works) - len(groups.order)),
        *(number for block in groups.blocks for number in block),
        *[0] * (3 * (blocks - len(groups.blocks))),
    ]
