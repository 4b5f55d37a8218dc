"""The plan of one step: in which order the tokens of its requests stand, and what attends to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.kv import KeyValueMemory
from llm.stack import Deltas, Span, Stacks

if TYPE_CHECKING:
    import torch

    from llm.grouped import AdapterTable, GroupedDeltas


@dataclass(frozen=True, eq=False)
class Work:
    """One request's part of a step.

    Attributes:
        row: its keys and values so far, as the decoder's memory opened it.
        tokens: to be read now: a piece of its prompt, or the token chosen last.
        adapter: as the decoder made it; None for the plain base.
        wanted: whether the logits after the last of the tokens are needed.
    """

    row: Any
    tokens: Sequence[int]
    adapter: Any
    wanted: bool = True


@dataclass(frozen=True)
class DecodePlan:
    """Rows that read one token each, attended together.

    Attributes:
        count: of these rows; they are the first of the step's tokens.
        keys, values: by layer [rows, K, length, h], of all rows of the memory from the first to the last of them.
        mask: [rows, 1, 1, length] to be added to the scores; None where all rows are equally long.
        to_rows, from_rows: order of the tokens -> order of the memory, and back; None where it is the same.
    """

    count: int
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    mask: torch.Tensor | None
    to_rows: torch.Tensor | None
    from_rows: torch.Tensor | None


@dataclass(frozen=True)
class RowsPlan:
    """The same where the kernel finds each row itself: which it is, and how many keys it sees, int64 [count]."""

    count: int
    rows: torch.Tensor
    lengths: torch.Tensor


@dataclass(frozen=True)
class FreshPlan:
    """Beginnings of prompts that are about equally long: the step's tokens start ≤ n < stop, attended together.

    Attributes:
        gather: [chunks, longest] of the step's tokens, each chunk filled up with its own last one.
        scatter: [stop - start] where those tokens are among chunks * longest.
    """

    start: int
    stop: int
    gather: torch.Tensor
    scatter: torch.Tensor


@dataclass(frozen=True)
class ChunkPlan:
    """A piece of a prompt: the step's tokens start ≤ n < stop; keys and values [1, K, length, h] by layer.

    `mask` [tokens, length] is True where a token may look; None for the plain triangle at the beginning of a prompt.
    """

    start: int
    stop: int
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    mask: torch.Tensor | None


@dataclass(frozen=True)
class StepPlan:
    """Everything `Decoder.step` needs to know: tokens, their rows of the memory and positions [N], who reads what.

    `wanted` holds the tokens whose logits are needed, in the order of the works, or is None for all of them; `head` is
    for these rows alone what `deltas` is for all. Tokens stand in the order decode, fresh, chunks.
    """

    tokens: torch.Tensor
    rows: torch.Tensor
    positions: torch.Tensor
    wanted: torch.Tensor | None
    decode: DecodePlan | RowsPlan | None
    fresh: tuple[FreshPlan, ...]
    chunks: tuple[ChunkPlan, ...]
    deltas: Deltas | GroupedDeltas | None
    head: Deltas | GroupedDeltas | None


def plan(works: Sequence[Work], memory: KeyValueMemory, stacks: Stacks, table: AdapterTable | None = None) -> StepPlan:
    """The plan for `works`: rows with one token first, then the prompts.

    Args:
        table: where adapters and attention are done by the kernels for GPUs, in any order of the rows; else those of
            one adapter stand next to each other.
    """
    import torch

    from llm.grouped import deltas

    device = memory.shape.device
    single = [work for work in works if len(work.tokens) == 1]
    longer = [work for work in works if len(work.tokens) > 1]
    fresh: list[Work] = []
    stack = None
    if table:
        fresh = sorted((work for work in longer if not work.row.length), key=lambda work: len(work.tokens))
        longer = [work for work in longer if work.row.length]
        ordered = [*single, *fresh]
    else:
        stack, ordered = stacks.arrange([(work.adapter, work) for work in sorted(single, key=lambda w: w.row.index)])
    ordered += longer
    starts: dict[Work, int] = {}
    spans: list[Span] = []
    count = 0
    for work in ordered:
        starts[work] = count
        count += len(work.tokens)
        if work.adapter:
            spans.append(Span(starts[work], count, work.adapter))
    places = [(work.row.index, work.row.length + n) for work in ordered for n in range(len(work.tokens))]
    last = [(starts[work] + len(work.tokens) - 1, work.adapter) for work in works if work.wanted]
    head = [Span(n, n + 1, adapter) for n, (_, adapter) in enumerate(last) if adapter and adapter.pairs[-1]]
    stacked = sum(work.adapter is not None for work in single)
    return StepPlan(
        tokens=torch.tensor([token for work in ordered for token in work.tokens], device=device),
        rows=torch.tensor([row for row, _ in places], device=device),
        positions=torch.tensor([position for _, position in places], device=device),
        wanted=torch.tensor([at for at, _ in last], dtype=torch.long, device=device),
        decode=_decode(ordered[: len(single)], memory, bool(table)) if single else None,
        fresh=tuple(_fresh(together, starts[together[0]], device) for together in _alike(fresh)),
        chunks=tuple(_chunk(work, starts[work], memory) for work in longer),
        deltas=(deltas(spans, table) if table else Deltas(spans, stack, stacked)) if spans else None,
        head=(deltas(head, table) if table else Deltas(head)) if head else None,
    )


def _decode(works: list[Work], memory: KeyValueMemory, kernel: bool) -> DecodePlan | RowsPlan:
    import torch

    device = memory.shape.device
    rows = [work.row.index for work in works]
    if kernel:
        both = torch.tensor([rows, [work.row.length + 1 for work in works]], device=device)
        return RowsPlan(len(works), both[0], both[1])
    first, last = min(rows), max(rows)
    # A row in between that is still reading its prompt is attended for nothing; it is in memory, so this is harmless.
    lengths = [1] * (last - first + 1)
    for work in works:
        lengths[work.row.index - first] = work.row.length + 1
    longest = max(lengths)
    keys, values = memory.views(first, last + 1, longest)
    mask = None
    if min(lengths) < longest:
        hidden = torch.arange(longest, device=device) >= torch.tensor(lengths, device=device)[:, None]
        mask = torch.zeros(hidden.shape, dtype=memory.shape.dtype, device=device)
        mask = mask.masked_fill_(hidden, float("-inf"))[:, None, None]
    to_rows = from_rows = None
    if rows != list(range(first, last + 1)):
        places = {row - first: at for at, row in enumerate(rows)}
        to_rows = torch.tensor([places.get(place, 0) for place in range(len(lengths))], device=device)
        from_rows = torch.tensor([row - first for row in rows], device=device)
    return DecodePlan(len(works), keys, values, mask, to_rows, from_rows)


def _alike(works: list[Work]) -> list[list[Work]]:
    """`works`, which stand in order of length, in groups of which none is twice as long as another."""
    groups: list[list[Work]] = []
    for work in works:
        if groups and len(work.tokens) <= 2 * len(groups[-1][0].tokens):
            groups[-1].append(work)
        else:
            groups.append([work])
    return groups


def _fresh(works: list[Work], start: int, device: Any) -> FreshPlan:
    import torch

    counts = [len(work.tokens) for work in works]
    longest, at = max(counts), start
    gather, scatter = [], []
    for number, count in enumerate(counts):
        # What a chunk is filled up with comes after all that its tokens may see.
        gather.append([at + min(n, count - 1) for n in range(longest)])
        scatter += [number * longest + n for n in range(count)]
        at += count
    return FreshPlan(start, at, torch.tensor(gather, device=device), torch.tensor(scatter, device=device))


def _chunk(work: Work, start: int, memory: KeyValueMemory) -> ChunkPlan:
    import torch

    before, count = work.row.length, len(work.tokens)
    keys, values = memory.views(work.row.index, work.row.index + 1, before + count)
    mask = None
    if before:
        mask = torch.ones(count, before + count, dtype=torch.bool, device=memory.shape.device).tril(before)
    return ChunkPlan(start, start + count, keys, values, mask)
