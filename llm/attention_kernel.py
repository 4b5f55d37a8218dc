"""A Triton kernel for decoding: one query token a row, over keys and values of any length, read where they lie.

As FlashAttention (Dao et al. 2022, arXiv:2205.14135): the keys pass once, with a running maximum and sum. The query
heads that share a key head stand together, so that keys and values are read once for all of them. No mask, no padding:
a row's length is read on the device, so that a captured graph serves any. Import this only where Triton is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl

if TYPE_CHECKING:
    import torch


@triton.jit(do_not_specialize_on_alignment=["rows", "lengths"])
def decode(
    q,
    out,
    flat,
    rows,
    lengths,
    q_stride,
    room,
    capacity,
    scale,
    HEADS: tl.constexpr,
    GROUP: tl.constexpr,
    SIZE: tl.constexpr,
    G: tl.constexpr,
    D: tl.constexpr,
    L: tl.constexpr,
):
    """Program (token, key head): GROUP queries [SIZE] over `lengths[token]` keys of row `rows[token]`.

    flat [2 * capacity, SIZE] with capacity = memory rows * HEADS * room: keys, then values (`llm.kv`).
    """
    token, head = tl.program_id(0), tl.program_id(1)
    length = tl.load(lengths + token)
    g, d = tl.arange(0, G), tl.arange(0, D)
    whose = (head * GROUP + g)[:, None] * SIZE + d[None, :]
    real = (g < GROUP)[:, None] & (d < SIZE)[None, :]
    query = tl.load(q + token * q_stride + whose, mask=real, other=0.0)
    keys = flat + (tl.load(rows + token) * HEADS + head) * room * SIZE
    values = keys + capacity * SIZE
    best = tl.full((G,), float("-inf"), tl.float32)
    norm = tl.zeros((G,), tl.float32)
    total = tl.zeros((G, D), tl.float32)
    for start in range(0, length, L):
        n = start + tl.arange(0, L)
        at = n[:, None] * SIZE + d[None, :]
        held = (n < length)[:, None] & (d < SIZE)[None, :]
        key = tl.load(keys + at, mask=held, other=0.0)
        scores = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        scores = tl.where((n < length)[None, :], scores, float("-inf"))
        higher = tl.maximum(best, tl.max(scores, 1))
        weights = tl.exp(scores - higher[:, None])
        shrunk = tl.exp(best - higher)
        value = tl.load(values + at, mask=held, other=0.0)
        total = tl.dot(weights.to(value.dtype), value, total * shrunk[:, None], input_precision="ieee")
        norm = norm * shrunk + tl.sum(weights, 1)
        best = higher
    total = total / norm[:, None]
    tl.store(out + token * HEADS * GROUP * SIZE + whose, total.to(out.dtype.element_ty), mask=real)


def attend(
    q: torch.Tensor, flat: torch.Tensor, rows: torch.Tensor, lengths: torch.Tensor, kv: tuple[int, int, int, float]
) -> torch.Tensor:
    """q [N, H, h] in any stride between tokens -> [N, H h].

    Args:
        flat: one layer of `llm.kv.KeyValueMemory.flat`.
        rows, lengths: int64 [N], of which row each token is, and how many keys it sees, at least one.
        kv: key heads K, rows * K * room, room (tokens a row has room for), and the scale of the scores.
    """
    import torch

    count, heads, size = q.shape
    key_heads, capacity, room, scale = kv
    out = torch.empty((count, heads * size), dtype=q.dtype, device=q.device)
    group = heads // key_heads
    decode[(count, key_heads)](
        q,
        out,
        flat,
        rows,
        lengths,
        q.stride(0),
        room,
        capacity,
        scale,
        HEADS=key_heads,
        GROUP=group,
        SIZE=size,
        G=max(16, triton.next_power_of_2(group)),
        D=max(16, triton.next_power_of_2(size)),
        L=64 if q.dtype.itemsize == 2 else 32,
    )
    return out
