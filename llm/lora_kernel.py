"""Triton kernels for adapters side by side: every row of a step times its own A and B, whatever their ranks.

Two kernels, as SGMV of Punica (Chen et al. 2023, arXiv:2310.18547) and MBGMM of S-LoRA (Sheng et al. 2023,
arXiv:2311.03285): `shrink` makes h = x A in float32, `expand` adds h B to y. Rows of one adapter are worked on in
blocks of M, so that its weights are read once a block; they are found through a table of addresses, so that adapters
are never copied side by side. Import this only where Triton is (it comes with PyTorch's CUDA wheels).

The tables, all int64:
    table [slots, places, 7]: addresses of a [in, rank] and b [rank, out], the four bounds of the ranks of at most three
        layers (`llm.stack.Pair`), and rank, a multiple of 16; all 0 where the adapter changes nothing.
    order [members]: rows of the step that have an adapter, those of one adapter next to each other.
    blocks [B, 3]: slot, and the members first ≤ m < last that belong to the block; none where first = last.
    tiles [T, 3]: layer, and the columns first ≤ c < last of y that one program makes.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Not compiled anew for every place, and for tables that begin at an odd number.
_SAME = {
    "do_not_specialize": ["place", "places", "members"],
    "do_not_specialize_on_alignment": ["order", "blocks"],
}


@triton.jit(**_SAME)
def shrink(
    x,
    h,
    table,
    order,
    blocks,
    place,
    places,
    inputs,
    x_stride,
    members,
    width,
    chunk,
    M: tl.constexpr,
    K: tl.constexpr,
    R: tl.constexpr,
):
    """h [splits, members, width] = x [N, inputs] A; program (block, split) sums `chunk` inputs, a multiple of K."""
    block, split = tl.program_id(0), tl.program_id(1)
    first, last = tl.load(blocks + 3 * block + 1), tl.load(blocks + 3 * block + 2)
    entry = table + (tl.load(blocks + 3 * block) * places + place) * 7
    # Stored in steps of 16, and said so, for else nothing is read more than two bytes at a time.
    rank = tl.multiple_of(tl.load(entry + 6), 16)
    if (first < last) & (rank > 0):
        a = tl.load(entry).to(tl.pointer_type(x.dtype.element_ty))
        member = first + tl.arange(0, M)
        mine = member < last
        row = tl.load(order + member, mask=mine, other=0)
        stop = tl.minimum((split + 1) * chunk, inputs)
        for r in range(0, rank, R):
            ranks = r + tl.arange(0, R)
            total = tl.zeros((M, R), tl.float32)
            for start in range(split * chunk, stop, K):
                k = start + tl.arange(0, K)
                xs = tl.load(
                    x + row[:, None] * x_stride + k[None, :], mask=mine[:, None] & (k < inputs)[None, :], other=0.0
                )
                at = tl.multiple_of(a + k[:, None] * rank + ranks[None, :], [16, 16])
                weights = tl.load(at, mask=(k < inputs)[:, None] & (ranks < rank)[None, :], other=0.0)
                total = tl.dot(xs, weights, total, input_precision="ieee")
            at = (split * members + member)[:, None] * width + ranks[None, :]
            tl.store(h + at, total, mask=mine[:, None] & (ranks < rank)[None, :])


@triton.jit(**_SAME)
def expand(
    h,
    y,
    table,
    order,
    blocks,
    tiles,
    place,
    places,
    outputs,
    y_stride,
    members,
    width,
    SPLITS: tl.constexpr,
    M: tl.constexpr,
    C: tl.constexpr,
    R: tl.constexpr,
    EVEN: tl.constexpr,
):
    """y [N, outputs] += (the sum of h over its splits) B; program (tile, block) makes M rows of C columns.

    EVEN says that all columns of `tiles` are multiples of 16.
    """
    tile, block = tl.program_id(0), tl.program_id(1)
    first, last = tl.load(blocks + 3 * block + 1), tl.load(blocks + 3 * block + 2)
    entry = table + (tl.load(blocks + 3 * block) * places + place) * 7
    layer = tl.load(tiles + 3 * tile)
    low, high = tl.load(entry + 2 + layer), tl.load(entry + 3 + layer)
    if (first < last) & (low < high):
        b = tl.load(entry + 1).to(tl.pointer_type(y.dtype.element_ty))
        member = first + tl.arange(0, M)
        mine = member < last
        row = tl.load(order + member, mask=mine, other=0)
        left, right = tl.load(tiles + 3 * tile + 1), tl.load(tiles + 3 * tile + 2)
        if EVEN:
            left, right = tl.multiple_of(left, 16), tl.multiple_of(right, 16)
        column = left + tl.arange(0, C)
        inside = column < right
        total = tl.zeros((M, C), tl.float32)
        for r in range(low, high, R):
            ranks = r + tl.arange(0, R)
            both = mine[:, None] & (ranks < high)[None, :]
            part = tl.zeros((M, R), tl.float32)
            for split in range(SPLITS):
                part += tl.load(h + (split * members + member)[:, None] * width + ranks[None, :], mask=both, other=0.0)
            from_b = b + ranks[:, None] * outputs + column[None, :]
            if EVEN:
                from_b = tl.multiple_of(from_b, [16, 16])
            weights = tl.load(from_b, mask=(ranks < high)[:, None] & inside[None, :], other=0.0)
            total = tl.dot(part.to(weights.dtype), weights, total, input_precision="ieee")
        at = y + row[:, None] * y_stride + column[None, :]
        both = mine[:, None] & inside[None, :]
        tl.store(at, (tl.load(at, mask=both, other=0.0) + total).to(y.dtype.element_ty), mask=both)
