"""A Qwen3 decoder for training: plain PyTorch, packed rows, parameter names as transformers has them.

Shapes: B rows, T tokens a row, D hidden, H query heads, K key/value heads, V vocabulary. Documents in a row are
told apart by `positions` (B, T), which start again at 0 with each, and never attend to one another. Source: the
Qwen3 technical report (2025): grouped-query attention with per-head RMSNorm on queries and keys, rotary positions,
SwiGLU, tied embeddings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes of the model; `head_dim` times `heads` need not equal `hidden`."""

    vocab: int = 10240
    hidden: int = 448
    layers: int = 18
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 64
    inner: int = 1216
    rope_theta: float = 100000.0
    eps: float = 1e-6

    def to_hugging_face(self) -> dict[str, Any]:
        """The same as config.json keys of transformers' Qwen3."""
        return {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.inner,
            "rms_norm_eps": self.eps,
            "rope_theta": self.rope_theta,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "pad_token_id": 0,
            "use_sliding_window": False,
            "sliding_window": None,
            "torch_dtype": "bfloat16",
        }


class Linear(nn.Module):
    """A bias-free linear map that keeps float32 weights and computes in the input's dtype."""

    def __init__(self, inputs: int, outputs: int, std: float = 0.02) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * std)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class RMSNorm(nn.Module):
    """Root mean square norm over the last axis, computed in float32, given back in the input's dtype."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, self.eps).to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding, halves convention; x (B, heads, T, head_dim), cos and sin (B, 1, T, head_dim)."""
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), dim=-1) * sin


class Attention(nn.Module):
    """Grouped-query attention; x (B, T, D), mask from `document_mask` (CPU) or `boundaries` (flash attention, GPU)."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.c = c
        self.q_proj = Linear(c.hidden, c.heads * c.head_dim)
        self.k_proj = Linear(c.hidden, c.kv_heads * c.head_dim)
        self.v_proj = Linear(c.hidden, c.kv_heads * c.head_dim)
        self.o_proj = Linear(c.heads * c.head_dim, c.hidden, 0.02 / math.sqrt(2 * c.layers))
        self.q_norm = RMSNorm(c.head_dim, c.eps)
        self.k_norm = RMSNorm(c.head_dim, c.eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        b, t, _ = x.shape
        c = self.c
        q = rotate(self.q_norm(self.q_proj(x).view(b, t, c.heads, c.head_dim)).transpose(1, 2), cos, sin)
        k = rotate(self.k_norm(self.k_proj(x).view(b, t, c.kv_heads, c.head_dim)).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(b, t, c.kv_heads, c.head_dim).transpose(1, 2)
        if mask.dtype == torch.bool:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True).transpose(1, 2)
        else:
            flat = (x.transpose(1, 2).reshape(b * t, -1, c.head_dim) for x in (q, k, v))
            out = torch.ops.aten._flash_attention_forward(*flat, mask, mask, t, t, 0.0, True, False)[0]
        return self.o_proj(out.reshape(b, t, -1))


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(c.hidden, c.inner)
        self.up_proj = Linear(c.hidden, c.inner)
        self.down_proj = Linear(c.inner, c.hidden, 0.02 / math.sqrt(2 * c.layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention and MLP, each after a norm and added to what came in, in training with `dropout`."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.dropout = 0.0
        self.self_attn = Attention(c)
        self.mlp = MLP(c)
        self.input_layernorm = RMSNorm(c.hidden, c.eps)
        self.post_attention_layernorm = RMSNorm(c.hidden, c.eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        x = x + self._drop(self.self_attn(self.input_layernorm(x), cos, sin, mask))
        return x + self._drop(self.mlp(self.post_attention_layernorm(x)))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.dropout and self.training else x


class _Body(nn.Module):
    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocab, c.hidden)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.hidden, c.eps)


class Decoder(nn.Module):
    """The whole model; `forward` gives the weighted loss sums of a batch of packed rows."""

    def __init__(self, config: DecoderConfig, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.config = config
        self.dtype = dtype
        self.model = _Body(config)
        self.sums = self._sums

    def hidden(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Normed states of the last layer, (B, T, D)."""
        half = (
            torch.arange(0, self.config.head_dim, 2, device=tokens.device, dtype=torch.float32) / self.config.head_dim
        )
        angles = positions.float()[:, None, :, None] * self.config.rope_theta**-half
        cos, sin = (torch.cat((f, f), dim=-1).to(self.dtype) for f in (angles.cos(), angles.sin()))
        x = F.embedding(tokens, self.model.embed_tokens.weight).to(self.dtype)
        for layer in self.model.layers:
            x = layer(x, cos, sin, mask)
        return self.model.norm(x)

    def set_dropout(self, share: float) -> None:
        """The share of every layer's output that is dropped in training (compiled layers are compiled anew)."""
        for layer in self.model.modules():
            if isinstance(layer, Layer):
                layer.dropout = share

    def logits(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Scores of the next token, (B, T, V)."""
        return F.linear(self.hidden(tokens, positions, mask), self.model.embed_tokens.weight.to(self.dtype))

    def forward(self, tokens: Tensor, positions: Tensor, roles: Tensor, mask: Tensor) -> Tensor:
        """Sums of the cross entropy of the targets of each role, (4,), then their counts, (4,): shape (2, 4).

        tokens, positions, roles (B, T) int64; token t+1 is predicted at t, within its document only.
        """
        return self.sums(self.hidden(tokens, positions, mask), tokens, positions, roles)

    def _sums(self, hidden: Tensor, tokens: Tensor, positions: Tensor, roles: Tensor) -> Tensor:
        logits = F.linear(hidden[:, :-1], self.model.embed_tokens.weight.to(self.dtype)).float()
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1), reduction="none")
        target = torch.where(positions[:, 1:] > 0, roles[:, 1:], 0).reshape(-1)  # nothing predicts a first token
        kind = F.one_hot(target, 4).float()
        return torch.stack((loss @ kind, kind.sum(0)))

    def compile_parts(self) -> None:
        """Compiles a layer (once, shared by all) and the loss: a tenth of the time that the whole model takes."""
        for layer in self.model.layers:
            layer.compile()
        self.sums = torch.compile(self._sums)


def document_mask(positions: Tensor) -> Tensor:
    """Causal attention within documents, as a boolean mask (B, 1, T, T): for CPU and tests."""
    documents = (positions == 0).cumsum(1)
    t = positions.shape[1]
    same = documents[:, :, None] == documents[:, None, :]
    return (same & torch.ones(t, t, dtype=torch.bool, device=positions.device).tril())[:, None]


def boundaries(positions: Tensor, limit: int = 16) -> Tensor:
    """The same for flash attention: int32 document borders over the flattened batch, (B * limit + 1,).

    Padded with empty documents to a fixed length, so that compiled code sees one shape. A batch of more than
    `limit` documents a row on average has its last ones merged.
    """
    total = positions.numel()
    found = (positions.reshape(-1) == 0).nonzero().reshape(-1)[: positions.shape[0] * limit]
    out = torch.full((positions.shape[0] * limit + 1,), total, dtype=torch.int32)
    out[: found.numel()] = found.to(torch.int32)
    return out
