"""The forward pass of Llama-like models over the tokens of many requests at once.

The tokens of a step stand in one flat list, so that every weight is read once a step whatever they belong to; only
attention keeps the requests apart. Shapes: N tokens of a step, D hidden, H query heads and K key-value heads of size h,
G = H / K. Built from a loaded transformers model, whose weights and rotary embedding it uses; Touvron et al. 2023
(arXiv:2302.13971), with Qwen2's biases and Qwen3's norms of queries and keys where the model has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from llm.graphs import DecodeGraphs
from llm.grouped import AdapterTable
from llm.kv import KeyValueMemory, KeyValueShape
from llm.norms import RmsNorm
from llm.projections import Projection, packing_type, place_of, project
from llm.stack import Adapter, Stacks, make_adapter
from llm.steps import FreshPlan, RowsPlan, StepPlan, Work, plan

if TYPE_CHECKING:
    import torch

    from llm.lora import LoraWeights
    from llm.model import Base

_FAMILY = ("llama", "qwen2", "qwen3", "mistral")
# Their frequencies do not depend on how long the text has become.
_ROTARY = ("default", "linear", "llama3", "yarn")


@dataclass(frozen=True)
class _Layer:
    """One layer: norms, projections, and the norm of queries and keys together, if any."""

    before_attention: RmsNorm
    before_mlp: RmsNorm
    heads: RmsNorm | None
    projections: tuple[Projection, Projection, Projection, Projection]


class Decoder:
    """The decoder for `base`; one thread uses it.

    Activations, keys and values are float32 on a CPU, where that is the faster type for everything but the large
    matrices; elsewhere they have the base's own type.

    Args:
        memory_limit: bytes of keys and values.
        packing_limit: bytes of plain weights that may be held beside the base's own, to be faster on a CPU.
        kernels: use the kernels for GPUs, and captured graphs.
    """

    batched = True

    def __init__(self, base: Base, memory_limit: int, packing_limit: int, kernels: bool = False) -> None:
        import torch

        model, config = base.model, base.model.config
        inner = model.model
        self.dtype = torch.float32 if base.device.type == "cpu" else base.compute_dtype
        attention = inner.layers[0].self_attn
        self._head_dim = attention.head_dim
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._eps, self._scaling = config.rms_norm_eps, attention.scaling
        self._rotary, self._embedding = inner.rotary_emb, inner.embed_tokens.weight
        paths = [paths for index in range(len(inner.layers)) for paths in _paths(index)]
        self.places = [place_of(model, group) for group in (*paths, ("lm_head",))]
        packing = packing_type(base.device) if base.compute_dtype == torch.bfloat16 else None
        numbers = sum(place.inputs * sum(place.outputs) for place in self.places)
        if packing and packing.itemsize * numbers > packing_limit:
            packing = None
        made = [project(model, place, base.compute_dtype, packing) for place in self.places]
        self.packed_bytes = sum(projection.bytes for projection in made)
        self._head = made.pop()
        self._norm = self._rms(inner.norm)
        self._layers = [
            _Layer(
                self._rms(layer.input_layernorm),
                self._rms(layer.post_attention_layernorm),
                self._head_norms(layer.self_attn),
                (made[4 * index], made[4 * index + 1], made[4 * index + 2], made[4 * index + 3]),
            )
            for index, layer in enumerate(inner.layers)
        ]
        shape = KeyValueShape(len(inner.layers), self._kv_heads, self._head_dim, self.dtype, base.device)
        self.memory = KeyValueMemory(shape, memory_limit)
        self._stacks = Stacks()
        self._backends = _backends(base.device)
        self.table = AdapterTable(self.places, base.device) if kernels else None
        self.graphs = DecodeGraphs(self, self.table) if self.table else None

    @property
    def stack_bytes(self) -> int:
        return self._stacks.bytes

    def adapter(self, parts: Sequence[tuple[LoraWeights, float]]) -> Adapter:
        """Weights times their shares, in the form that `step` wants."""
        return make_adapter(parts, self.places, self.dtype, grain=16 if self.table else 1)

    def step(self, works: Sequence[Work]) -> torch.Tensor:
        """Read the tokens of `works`; the logits [wanted, vocabulary] of those of them that want any, in their order.

        Rows grow only when everything went well; after an exception the same works may be tried again.
        """
        logits = self.graphs.step(works) if self.graphs else None
        if logits is None:
            with self._backends():
                logits = self.forward(plan(works, self.memory, self._stacks, self.table))
        for work in works:
            work.row.length += len(work.tokens)
        return logits

    def forward(self, step: StepPlan) -> torch.Tensor:
        """The logits [wanted, vocabulary] of what is planned; keys and values are written."""
        x = self._embedding[step.tokens].to(self.dtype)
        cos, sin = self._rotary(x[None], step.positions[None])
        half = self._head_dim // 2
        # x rotated by half, times this, is transformers' rotate_half(x) times sin.
        sin = sin[0, :, None].clone()
        sin[..., :half].neg_()
        rotation = (cos[0, :, None], sin)
        slots = self.memory.slots(step.rows, step.positions)
        for index in range(len(self._layers)):
            x = self._layer(index, x, (*rotation, slots), step)
        x = self._norm(x if step.wanted is None else x[step.wanted])
        head = len(self.places) - 1
        if step.head:
            step.head.begin(head, x)
        logits = self._head(x).to(self.dtype)
        if step.head:
            step.head.add(head, x, logits)
        return logits.float()

    def _layer(self, index: int, x: torch.Tensor, at: tuple[Any, Any, Any], step: StepPlan) -> torch.Tensor:
        """Layer `index`; `at` is where the tokens are: rotation (cosine and sine) and slots of the memory."""
        import torch

        layer, heads, keys = self._layers[index], self._heads, self._kv_heads
        qkv = self._project(4 * index, layer.before_attention(x), step)
        qkv = qkv.view(-1, heads + 2 * keys, self._head_dim)
        turned = qkv[:, : heads + keys]
        if layer.heads is not None:
            turned = layer.heads(turned)
        cos, sin, slots = at
        turned = torch.addcmul(turned * cos, turned.roll(self._head_dim // 2, -1), sin)
        new = torch.cat((turned[:, heads:], qkv[:, heads + keys :]), 1)
        self.memory.flat[index].index_copy_(0, slots, new.view(-1, self._head_dim))
        attended = self._attend(index, turned, qkv[:, heads + keys :], step)
        x = self._add(4 * index + 1, attended, x, step)
        gate, up = self._project(4 * index + 2, layer.before_mlp(x), step).chunk(2, -1)
        return self._add(4 * index + 3, torch.nn.functional.silu(gate) * up, x, step)

    def _attend(self, index: int, turned: torch.Tensor, v: torch.Tensor, step: StepPlan) -> torch.Tensor:
        """Queries and keys [N, H + K, h] and values [N, K, h] -> [N, H h]; these keys and values are in memory already.

        The G queries that share a key head are attended as if they were G tokens (decoding) or G heads (prompts) of a
        batch of K, so that keys and values are never repeated.
        """
        import torch

        attention = torch.nn.functional.scaled_dot_product_attention
        parts, h, groups = [], self._head_dim, self._heads // self._kv_heads
        q, decode = turned[:, : self._heads], step.decode
        if isinstance(decode, RowsPlan):
            from llm.attention_kernel import attend

            shape = self._kv_heads, self.memory.capacity, self.memory.room, self._scaling
            parts.append(attend(q[: decode.count], self.memory.flat[index], decode.rows, decode.lengths, shape))
        elif decode:
            grouped = q[: decode.count].reshape(-1, self._kv_heads, groups, h)
            if decode.to_rows is not None:
                grouped = grouped[decode.to_rows]
            out = attention(
                grouped, decode.keys[index], decode.values[index], attn_mask=decode.mask, scale=self._scaling
            )
            if decode.from_rows is not None:
                out = out[decode.from_rows]
            parts.append(out.reshape(-1, self._heads * h))
        parts += [self._begin(turned, v, fresh) for fresh in step.fresh]
        for chunk in step.chunks:
            own = q[chunk.start : chunk.stop].view(-1, self._kv_heads, groups, h).permute(1, 2, 0, 3)
            keys, values = (t[index][0, :, None].expand(-1, groups, -1, -1) for t in (chunk.keys, chunk.values))
            out = attention(own, keys, values, attn_mask=chunk.mask, is_causal=chunk.mask is None, scale=self._scaling)
            parts.append(out.permute(2, 0, 1, 3).reshape(-1, self._heads * h))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _begin(self, turned: torch.Tensor, v: torch.Tensor, fresh: FreshPlan) -> torch.Tensor:
        """Attention within the beginnings of several prompts, which see nothing but themselves: [stop - start, H h]."""
        import torch

        heads, keys, h = self._heads, self._kv_heads, self._head_dim
        chunks, longest = fresh.gather.shape
        # [chunks, K, tokens, h], each key head for its G queries as if these were the heads of a batch of chunks * K.
        both = turned[fresh.gather].transpose(1, 2)
        q = both[:, :heads].reshape(chunks * keys, heads // keys, longest, h)
        k, values = (
            t.reshape(chunks * keys, 1, longest, h).expand(q.shape)
            for t in (both[:, heads:], v[fresh.gather].transpose(1, 2))
        )
        out = torch.nn.functional.scaled_dot_product_attention(q, k, values, is_causal=True, scale=self._scaling)
        out = out.view(chunks, heads, longest, h).transpose(1, 2).reshape(-1, heads * h)
        return out[fresh.scatter]

    def _project(self, place: int, x: torch.Tensor, step: StepPlan) -> torch.Tensor:
        if step.deltas:
            step.deltas.begin(place, x)
        y = self._layers[place // 4].projections[place % 4](x).to(self.dtype)
        if step.deltas:
            step.deltas.add(place, x, y)
        return y

    def _add(self, place: int, x: torch.Tensor, residual: torch.Tensor, step: StepPlan) -> torch.Tensor:
        """residual [N, D] + what the projection makes of x."""
        if step.deltas:
            step.deltas.begin(place, x)
        y = residual + self._layers[place // 4].projections[place % 4](x)
        if step.deltas:
            step.deltas.add(place, x, y)
        return y

    def _rms(self, norm: Any) -> RmsNorm:
        return RmsNorm(norm.weight.detach().to(self.dtype), self._eps)

    def _head_norms(self, attention: Any) -> RmsNorm | None:
        import torch

        if not hasattr(attention, "q_norm"):
            return None
        q, k = (norm.weight.detach().to(self.dtype) for norm in (attention.q_norm, attention.k_norm))
        return RmsNorm(torch.cat((q.expand(self._heads, -1), k.expand(self._kv_heads, -1))), self._eps)


def _backends(device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    """Which of torch's attentions may be used: cuDNN's makes a plan for every new length, which takes longer."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    if device.type == "cpu":
        return nullcontext
    return partial(sdpa_kernel, [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


def why_not(model: Any) -> str:
    """What keeps this model from being run by `Decoder`; "" when nothing does."""
    config = model.config
    if config.model_type not in _FAMILY:
        return f"architecture {config.model_type}"
    if getattr(config, "hidden_act", "") != "silu":
        return f"activation {config.hidden_act}"
    sliding = getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)
    kinds = getattr(config, "layer_types", None)
    if sliding if kinds is None else "sliding_attention" in kinds:
        return "sliding-window attention"
    rotary = getattr(model.model.rotary_emb, "rope_type", "")
    return "" if rotary in _ROTARY else f"rotary embedding {rotary}"


def _paths(layer: int) -> tuple[tuple[str, ...], ...]:
    attention, mlp = f"model.layers.{layer}.self_attn.", f"model.layers.{layer}.mlp."
    return (
        (attention + "q_proj", attention + "k_proj", attention + "v_proj"),
        (attention + "o_proj",),
        (mlp + "gate_proj", mlp + "up_proj"),
        (mlp + "down_proj",),
    )
