"""How much memory a decoder-only checkpoint needs, from the numbers in its config.json alone.

Counts the matrices of the Llama family (Llama, Qwen2, Qwen3, InternLM and their relatives, dense or mixture of
experts). For other families it is an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.errors import UnsupportedModelError

GIB = 2**30
# Bytes per weight of a quantised matrix: 4 bits, an 8-bit scale per 64 weights and a 32-bit one per 256 scales
# (NF4 with double quantisation: Dettmers et al. 2023, arXiv:2305.14314, section 3).
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Python with torch, transformers and peft loaded, before any weights (0.43 GiB measured on Linux, CPU build).
RUNTIME_BYTES = GIB // 2
# Model types whose feed-forward block has two matrices instead of the three of a gated one.
_PLAIN_MLP = frozenset(
    [
        "bloom",
        "codegen",
        "falcon",
        "gpt2",
        "gpt_bigcode",
        "gpt_neo",
        "gpt_neox",
        "gptj",
        "mpt",
        "opt",
        "phi",
        "starcoder2",
        "stablelm_alpha",
    ]
)


@dataclass(frozen=True)
class Architecture:
    """Sizes of a decoder-only transformer.

    Attributes:
        hidden: width of the residual stream.
        layers: decoder layers.
        heads, kv_heads, head_dim: query heads, key/value heads, width of one head.
        intermediate: width of the feed-forward block (of one expert where there are several).
        vocab: rows of the embedding.
        tied: the output head shares the embedding's weights.
        qkv_bias, out_bias: the attention's projections carry biases.
        qk_norm: queries and keys are normalised per head.
        mlp_matrices: 3 for a gated feed-forward block, else 2.
        experts: feed-forward blocks per layer; 1 is a dense model.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: bool = False
    mlp_matrices: int = 3
    experts: int = 1

    @property
    def matrix_parameters(self) -> int:
        """Weights in the layers' linear matrices: what 4-bit quantisation shrinks."""
        query, key_value = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = self.hidden * (2 * query + 2 * key_value)
        feed_forward = self.mlp_matrices * self.hidden * self.intermediate * self.experts
        return self.layers * (attention + feed_forward)

    @property
    def other_parameters(self) -> int:
        """Embeddings, output head, norms, biases and routers: these stay in 16 bits under nf4."""
        query, key_value = self.heads * self.head_dim, self.kv_heads * self.head_dim
        layer = 2 * self.hidden
        layer += query + 2 * key_value if self.qkv_bias else 0
        layer += self.hidden if self.out_bias else 0
        layer += 2 * self.head_dim if self.qk_norm else 0
        layer += self.hidden * self.experts if self.experts > 1 else 0
        return self.layers * layer + self.hidden + self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights of the model."""
        return self.matrix_parameters + self.other_parameters

    def weight_bytes(self, quantisation: str) -> int:
        """Bytes of the loaded weights in "nf4" (double quantisation), "bf16" or "fp32"."""
        if quantisation == "nf4":
            return int(self.matrix_parameters * NF4_BYTES) + 2 * self.other_parameters
        return self.parameters * _bytes_per_value(quantisation)

    def cache_bytes(self, tokens: int, quantisation: str) -> int:
        """Bytes of the keys and values of `tokens` tokens."""
        return 2 * self.layers * self.kv_heads * self.head_dim * tokens * _activation_bytes(quantisation)

    def working_bytes(self, quantisation: str) -> int:
        """Bytes that come and go while loading and computing: the largest matrix unpacked, and a row of logits."""
        largest = self.hidden * max(self.intermediate, self.heads * self.head_dim, self.vocab)
        return largest * _activation_bytes(quantisation) + 4 * self.vocab


def _bytes_per_value(quantisation: str) -> int:
    try:
        return {"bf16": 2, "fp32": 4}[quantisation]
    except KeyError:
        raise ValueError(f"quantisation must be nf4, bf16 or fp32, not {quantisation!r}") from None


def _activation_bytes(quantisation: str) -> int:
    return 2 if quantisation == "nf4" else _bytes_per_value(quantisation)


def read_config(checkpoint: Path) -> dict[str, Any]:
    """The config.json of a checkpoint folder (or the file itself) as a dictionary.

    Raises:
        UnsupportedModelError: there is none, or it is not a JSON object.
    """
    path = checkpoint / "config.json" if checkpoint.is_dir() else checkpoint
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsupportedModelError(
            en=f"{path} could not be read as JSON ({error}). Without it the checkpoint cannot be loaded; "
            "download or copy the model again.",
            zh=f"无法把 {path} 读作 JSON（{error}）。缺少它就不能加载模型；请重新下载或复制该模型。",
        ) from error
    if not isinstance(config, dict):
        raise UnsupportedModelError(
            en=f"{path} is not a JSON object, so it does not describe a model; download or copy the model again.",
            zh=f"{path} 不是 JSON 对象，不是模型的配置；请重新下载或复制该模型。",
        )
    return config


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The sizes named in a config.json (those of "text_config" where the model also sees images).

    Raises:
        UnsupportedModelError: a size that the estimate needs is missing.
    """
    config = config.get("text_config") or config

    def size(*names: str, default: int | None = None) -> int:
        for name in names:
            value = config.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
        if default is None:
            raise UnsupportedModelError(
                en=f'config.json does not say "{names[0]}": this is not a decoder-only language model, or of a kind '
                "that is not known here. Choose another base model.",
                zh=f"config.json 中没有“{names[0]}”：它不是仅解码器的语言模型，或者属于未知的类型。请换一个基座模型。",
            )
        return default

    kind = str(config.get("model_type", ""))
    hidden, heads = size("hidden_size", "n_embd", "d_model"), size("num_attention_heads", "n_head", "n_heads")
    experts = size("num_experts", "num_local_experts", "n_routed_experts", default=1)
    dense_width = size("intermediate_size", "ffn_dim", "n_inner", default=4 * hidden)
    # InternLM writes "bias", the Llama family "attention_bias"; Qwen2 always has biases on q, k and v alone.
    bias = bool(config.get("attention_bias", config.get("bias", False)))
    return Architecture(
        hidden=hidden,
        layers=size("num_hidden_layers", "n_layer", "n_layers"),
        heads=heads,
        kv_heads=size("num_key_value_heads", default=heads),
        head_dim=size("head_dim", default=hidden // heads),
        intermediate=size("moe_intermediate_size", default=dense_width) if experts > 1 else dense_width,
        vocab=size("vocab_size"),
        # Transformers 4 left the field out where it had its default, and the default differed between families.
        tied=bool(config.get("tie_word_embeddings", kind in {"gpt2", "gemma", "gemma2", "gemma3_text"})),
        qkv_bias=bias or kind.startswith("qwen2"),
        out_bias=bias,
        qk_norm=kind.startswith("qwen3"),
        mlp_matrices=2 if kind in _PLAIN_MLP else 3,
        experts=experts,
    )


def bytes_needed(architecture: Architecture, quantisation: str, tokens: int) -> int:
    """Bytes to run: weights, keys and values of `tokens` tokens, working space, and Python with its libraries.

    Args:
        architecture: sizes of the model.
        quantisation: "nf4", "bf16" or "fp32".
        tokens: tokens of all conversations that are held at the same time.
    """
    return (
        architecture.weight_bytes(quantisation)
        + architecture.cache_bytes(tokens, quantisation)
        + architecture.working_bytes(quantisation)
        + RUNTIME_BYTES
    )
