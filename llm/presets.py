"""Base models that are known by name: where to get them, how they are prompted, what they need.

Sizes come from each model's config.json, stop tokens from its generation_config.json and tokenizer, the rest from its
model card.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from llm.memory import GIB, Architecture, architecture_of, bytes_needed, read_config
from llm.settings import EMBEDDED_BASE

QUANTISATION_NAMES = ("nf4", "bf16", "fp32")
_NONE: Mapping[str, Any] = MappingProxyType({})

# ChatML as InternLM2 uses it: <s> first, no default system message (chat/chat_format.md of InternLM/InternLM).
INTERNLM2_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# After `build_inputs` in modeling_internlm.py of internlm-chat-7b at 739d369 (weights v1.0.3). Earlier weights
# ended a user's turn with <eoh>.
INTERNLM_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<|System|>:' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<|User|>:' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|Bot|>:' + message['content'] + '<eoa>\\n' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|Bot|>:' }}{% endif %}"
)


@dataclass(frozen=True)
class Preset:
    """A base model known by name.

    Attributes:
        name: what the user types.
        hubs: repository per source ("huggingface", "modelscope", "openxlab"); a source without one is absent.
        architecture: sizes, from which weights and memory follow.
        context_length: tokens of prompt and answer that the model takes without stretching its positions.
        stop_tokens: tokens that end an answer.
        licence: of the weights.
        ships_chat_template: its tokenizer_config.json has a template.
        chat_template: ours, for where the checkpoint has none.
        template_note: what the template does that its user should know.
        template_options: extra variables for the template.
        needs_remote_code: loads only by running Python code that comes with it.
        folder: the checkpoint's place where it comes with the application.
    """

    name: str
    hubs: Mapping[str, str]
    architecture: Architecture
    context_length: int
    stop_tokens: tuple[str, ...]
    licence: str
    ships_chat_template: bool = True
    chat_template: str | None = None
    template_note: str = ""
    template_options: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    needs_remote_code: bool = False
    folder: Path | None = None

    @property
    def parameters(self) -> int:
        """All weights, embeddings included."""
        return self.architecture.parameters

    @property
    def layers(self) -> int:
        """Decoder layers."""
        return self.architecture.layers

    @property
    def weights_gib(self) -> dict[str, float]:
        """GiB of the loaded weights for each quantisation."""
        return {name: self.architecture.weight_bytes(name) / GIB for name in QUANTISATION_NAMES}

    @property
    def min_memory_gib(self) -> float:
        """GiB that the smallest quantisation needs with one conversation of 2,048 tokens, rounded up to a half."""
        return math.ceil(memory_needed(self, "nf4", tokens=2048) / GIB * 2) / 2


def _internlm(name: str, *repositories: str, architecture: Architecture, **more: Any) -> Preset:
    hubs = dict(zip(("huggingface", "modelscope", "openxlab"), repositories, strict=True))
    return Preset(
        name,
        hubs,
        architecture,
        licence="code Apache-2.0; weights free for research, and for commercial use after a free application",
        **more,
    )


def _qwen(name: str, architecture: Architecture, **more: Any) -> Preset:
    repository = f"Qwen/{name}"
    return Preset(
        name,
        {"huggingface": repository, "modelscope": repository},
        architecture,
        context_length=32768,
        stop_tokens=("<|im_end|>", "<|endoftext|>"),
        # Qwen2.5-3B and -72B have other licences; they are not among the presets.
        licence="Apache-2.0",
        **more,
    )


_INTERNLM2: dict[str, Any] = {
    "context_length": 32768,
    "stop_tokens": ("<|im_end|>", "</s>"),
    "chat_template": INTERNLM2_TEMPLATE,
    "template_note": "ChatML after <s>; no default system message.",
}
_QWEN2 = {"template_note": 'ChatML; without a system message it adds "You are a helpful assistant."'}
_QWEN25 = {"template_note": 'ChatML; without a system message it adds "You are Qwen, created by Alibaba Cloud. …".'}
_QWEN3 = {
    "template_note": "ChatML; thinks in <think>…</think> first unless enable_thinking is false, as it is here.",
    "template_options": MappingProxyType({"enable_thinking": False}),
}

# Columns of Architecture: hidden, layers, heads, kv_heads, head_dim, intermediate, vocab.
PRESETS: tuple[Preset, ...] = (
    Preset(
        "embedded",
        {},
        Architecture(448, 18, 8, 2, 64, 1216, 10240, tied=True, qk_norm=True),
        context_length=4096,
        stop_tokens=("<|im_end|>", "<|endoftext|>"),
        licence="Apache-2.0",
        template_note="ChatML; no default system message.",
        folder=EMBEDDED_BASE,
    ),
    _internlm(
        "internlm2-chat-1.8b",
        "internlm/internlm2-chat-1_8b",
        "Shanghai_AI_Laboratory/internlm2-chat-1_8b",
        "OpenLMLab/internlm2-chat-1.8b",
        architecture=Architecture(2048, 24, 16, 8, 128, 8192, 92544),
        **_INTERNLM2,
    ),
    _internlm(
        "internlm2_5-7b-chat",
        "internlm/internlm2_5-7b-chat",
        "Shanghai_AI_Laboratory/internlm2_5-7b-chat",
        "OpenLMLab/internlm2_5-7b-chat",
        architecture=Architecture(4096, 32, 32, 8, 128, 14336, 92544),
        **_INTERNLM2,
    ),
    _internlm(
        "internlm-chat-7b",
        "internlm/internlm-chat-7b",
        "Shanghai_AI_Laboratory/internlm-chat-7b",
        "OpenLMLab/InternLM-chat-7b",
        architecture=Architecture(4096, 32, 32, 32, 128, 11008, 103168, qkv_bias=True, out_bias=True),
        context_length=2048,  # the card's 8k come from stretching the positions (dynamic NTK)
        stop_tokens=("<eoa>", "</s>"),
        ships_chat_template=False,
        chat_template=INTERNLM_TEMPLATE,
        template_note="<|User|>:…\\n<|Bot|>:…<eoa>; the checkpoint has no template, so ours is used.",
    ),
    _qwen("Qwen2-7B-Instruct", Architecture(3584, 28, 28, 4, 128, 18944, 152064, qkv_bias=True), **_QWEN2),
    _qwen("Qwen2.5-0.5B-Instruct", Architecture(896, 24, 14, 2, 64, 4864, 151936, tied=True, qkv_bias=True), **_QWEN25),
    _qwen(
        "Qwen2.5-1.5B-Instruct", Architecture(1536, 28, 12, 2, 128, 8960, 151936, tied=True, qkv_bias=True), **_QWEN25
    ),
    _qwen("Qwen2.5-7B-Instruct", Architecture(3584, 28, 28, 4, 128, 18944, 152064, qkv_bias=True), **_QWEN25),
    _qwen("Qwen3-0.6B", Architecture(1024, 28, 16, 8, 128, 3072, 151936, tied=True, qk_norm=True), **_QWEN3),
    _qwen("Qwen3-4B", Architecture(2560, 36, 32, 8, 128, 9728, 151936, tied=True, qk_norm=True), **_QWEN3),
    _qwen("Qwen3-8B", Architecture(4096, 36, 32, 8, 128, 12288, 151936, qk_norm=True), **_QWEN3),
)


def find(name: str) -> Preset | None:
    """The preset with this name, hub repository or folder name ("owner--name" too); letter case does not matter."""
    wanted = name.strip().casefold()
    tail = PurePath(wanted.replace("\\", "/")).name.rpartition("--")[2]
    for preset in PRESETS:
        repositories = {repository.casefold() for repository in preset.hubs.values()}
        folders = {repository.rpartition("/")[2] for repository in repositories} | {preset.name.casefold()}
        if wanted in repositories or wanted in folders:
            return preset
        # A folder of the same name is the same model; a repository of another owner need not be.
        if tail in folders and not _is_foreign_repository(wanted):
            return preset
    return None


def _is_foreign_repository(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith(("/", "./", "~")) and not Path(name).is_dir()


def memory_needed(source: Preset | Mapping[str, Any] | str | Path, quantisation: str, *, tokens: int = 4096) -> int:
    """Bytes of memory to run a base model: weights, key/value cache, working space, and Python itself.

    Args:
        source: a preset, the contents of a config.json, or the path of a checkpoint folder or of its config.json.
        quantisation: "nf4", "bf16" or "fp32".
        tokens: tokens of all conversations that are held at the same time.

    Raises:
        UnsupportedModelError: the config cannot be read or lacks a size that the estimate needs.
        ValueError: the quantisation is not one of the three.
    """
    if isinstance(source, Preset):
        architecture = source.architecture
    elif isinstance(source, Mapping):
        architecture = architecture_of(source)
    else:
        architecture = architecture_of(read_config(Path(source)))
    return bytes_needed(architecture, quantisation, tokens)
