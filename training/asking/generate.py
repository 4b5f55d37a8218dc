"""Many sampled replies to each of many prompts at once, and how likely given replies are: for small models on a GPU.

Shapes: B prompts, n replies to each, P prompt tokens (padded on the right), S reply tokens, K key/value heads, G query
heads to each of them, d head size. A prompt's keys are kept once for all its replies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.decoder import Attention, Decoder, Layer, rotate


@dataclass(frozen=True)
class Sampling:
    """How replies are drawn: `count` to a prompt, at most `length` tokens, the `top` likeliest at a temperature."""

    count: int = 4
    length: int = 56
    top: int = 40
    temperature: float = 0.9


def padded(rows: Sequence[Sequence[int]], device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Token ids (B, P) padded on the right with 0, and lengths (B,), both int64."""
    lengths = torch.tensor([len(row) for row in rows])
    out = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row)
    return out.to(device), lengths.to(device)


def _layers(model: Decoder) -> list[Layer]:
    return [layer for layer in model.model.layers if isinstance(layer, Layer)]


def _angles(model: Decoder, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, T, d) of the rotary positions (B, T)."""
    d = model.config.head_dim
    half = torch.arange(0, d, 2, device=positions.device, dtype=torch.float32) / d
    angles = positions.float()[:, None, :, None] * model.config.rope_theta**-half
    cos, sin = (torch.cat((f, f), dim=-1).to(model.dtype) for f in (angles.cos(), angles.sin()))
    return cos, sin


def _projected(layer: Attention, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries (B, K*G, T, d), keys and values (B, K, T, d) of x (B, T, D)."""
    b, t, _ = x.shape
    c = layer.c
    q = rotate(layer.q_norm(layer.q_proj(x).view(b, t, c.heads, c.head_dim)).transpose(1, 2), cos, sin)
    k = rotate(layer.k_norm(layer.k_proj(x).view(b, t, c.kv_heads, c.head_dim)).transpose(1, 2), cos, sin)
    return q, k, layer.v_proj(x).view(b, t, c.kv_heads, c.head_dim).transpose(1, 2)


def _read(model: Decoder, tokens: Tensor, keep: list[tuple[Tensor, Tensor]] | None = None) -> Tensor:
    """States of the last layer (B, P, D); every layer's keys and values go to `keep`.

    What pads a prompt stands behind it, so causal attention needs no mask.
    """
    b, t = tokens.shape
    cos, sin = _angles(model, torch.arange(t, device=tokens.device)[None])
    x = F.embedding(tokens, model.model.embed_tokens.weight).to(model.dtype)
    for layer in _layers(model):
        q, k, v = _projected(layer.self_attn, layer.input_layernorm(x), cos, sin)
        if keep is not None:
            keep.append((k, v))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + layer.self_attn.o_proj(seen.transpose(1, 2).reshape(b, t, -1))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return model.model.norm(x)


def _logits(model: Decoder, states: Tensor) -> Tensor:
    return F.linear(states, model.model.embed_tokens.weight.to(model.dtype)).float()


@torch.inference_mode()
def sample(model: Decoder, prompts: Sequence[Sequence[int]], end: int, how: Sampling) -> list[list[list[int]]]:
    """`how.count` replies (token ids without `end`) to each prompt; one that does not end in time is empty."""
    device = model.model.embed_tokens.weight.device
    tokens, lengths = padded(prompts, device)
    b, p = tokens.shape
    n, c = how.count, model.config
    groups = c.heads // c.kv_heads
    kept: list[tuple[Tensor, Tensor]] = []
    states = _read(model, tokens, kept)
    last = states[torch.arange(b, device=device), lengths - 1].repeat_interleave(n, 0)
    hidden = torch.arange(p, device=device)[None] >= lengths[:, None]  # (B, P): what pads
    bias = torch.zeros(b, 1, 1, p, device=device, dtype=model.dtype).masked_fill_(hidden[:, None, None], float("-inf"))
    shape = (len(kept), b * n, c.kv_heads, how.length, c.head_dim)
    keys, values = (torch.zeros(shape, device=device, dtype=model.dtype) for _ in range(2))
    out = torch.full((b * n, how.length), end, device=device)
    done = torch.zeros(b * n, dtype=torch.bool, device=device)
    start = lengths.repeat_interleave(n)
    for step in range(how.length):
        found, ids = _logits(model, last).topk(how.top, dim=-1)
        drawn = torch.multinomial(torch.softmax(found / how.temperature, -1), 1)
        chosen = ids.gather(1, drawn).squeeze(1).masked_fill_(done, end)
        out[:, step] = chosen
        done |= chosen == end
        if step + 1 == how.length or (step % 8 == 7 and bool(done.all())):
            break
        cos, sin = _angles(model, (start + step)[:, None])
        x = F.embedding(chosen[:, None], model.model.embed_tokens.weight).to(model.dtype)
        for number, layer in enumerate(_layers(model)):
            q, k, v = _projected(layer.self_attn, layer.input_layernorm(x), cos, sin)
            keys[number, :, :, step], values[number, :, :, step] = k.squeeze(2), v.squeeze(2)
            before, told = kept[number]
            q = q.view(b, n, c.kv_heads, groups, c.head_dim) * c.head_dim**-0.5
            shared = q.transpose(1, 2).reshape(b, c.kv_heads, n * groups, c.head_dim)
            own = q.reshape(b * n, c.kv_heads, groups, c.head_dim)
            past = (shared @ before.transpose(2, 3) + bias).view(b, c.kv_heads, n, groups, p).transpose(1, 2)
            new = own @ keys[number, :, :, : step + 1].transpose(2, 3)
            weights = torch.cat((past.reshape(b * n, c.kv_heads, groups, p), new), -1).float().softmax(-1)
            weights = weights.to(model.dtype)
            far = weights[..., :p].view(b, n, c.kv_heads, groups, p).transpose(1, 2)
            seen = (far.reshape(b, c.kv_heads, n * groups, p) @ told).view(b, c.kv_heads, n, groups, c.head_dim)
            near = weights[..., p:] @ values[number, :, :, : step + 1]
            both = seen.transpose(1, 2).reshape(b * n, c.kv_heads, groups, c.head_dim) + near
            x = x + layer.self_attn.o_proj(both.reshape(b * n, 1, -1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        last = model.model.norm(x).squeeze(1)
    rows = out.tolist()
    replies = [row[: row.index(end)] if end in row else [] for row in rows]
    return [replies[i * n : (i + 1) * n] for i in range(b)]


@torch.inference_mode()
def likelihoods(model: Decoder, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """The mean log-probability of the second part of each row (of token ids) after the first."""
    device = model.model.embed_tokens.weight.device
    tokens, _ = padded([[*head, *tail] for head, tail in rows], device)
    states = _read(model, tokens)
    spots = [(i, len(head) - 1 + j, t) for i, (head, tail) in enumerate(rows) for j, t in enumerate(tail)]
    row, at, want = torch.tensor(spots, device=device).T
    told = torch.log_softmax(_logits(model, states[row, at]), -1).gather(1, want[:, None]).squeeze(1)
    sums = torch.zeros(len(rows), device=device).index_add_(0, row, told)
    counts = torch.zeros(len(rows), device=device).index_add_(0, row, torch.ones_like(told))
    return (sums / counts).tolist()


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices in order of length, in batches whose padded size stays below `tokens`."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) + 1) * lengths[i] > tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
