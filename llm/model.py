"""The base model in memory: loading a checkpoint at 4 bits, bf16 or fp32."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.errors import ModelLoadError
from llm.fingerprint import base_fingerprint
from llm.presets import Preset
from llm.settings import LlmSettings


@dataclass(frozen=True)
class Base:
    """A loaded base.

    Attributes:
        name: what people call it.
        folder: the checkpoint.
        model: a transformers causal language model in eval mode, without gradients.
        tokenizer: its tokenizer, with a chat template.
        fingerprint: of the checkpoint (llm.fingerprint).
        quantisation: "nf4", "bf16" or "fp32", as loaded.
        context_length: tokens.
        stop_ids: token ids that end an answer.
        linears: module path -> (in_features, out_features) of every linear layer an adapter may change.
        defaults: sampling that the checkpoint's authors ship (temperature, top_p, top_k, repetition_penalty).
        template_options: extra variables of its chat template.
        notes: what the user should know, e.g. that 4 bits were not possible, as (English, Chinese).
    """

    name: str
    folder: Path
    model: Any
    tokenizer: Any
    fingerprint: str
    quantisation: str
    context_length: int
    stop_ids: frozenset[int]
    linears: dict[str, tuple[int, int]]
    defaults: dict[str, float]
    template_options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def device(self) -> Any:
        return self.model.device

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """Special tokens of two or more characters: in a user's text they are only text."""
        return tuple(t for t in self.tokenizer.all_special_tokens if len(t) > 1)

    @property
    def compute_dtype(self) -> Any:
        """Float type of activations; what adapters are held in."""
        return next(p.dtype for p in self.model.parameters() if p.is_floating_point())

    @property
    def bytes(self) -> int:
        """Memory of the weights."""
        return sum(t.nbytes for t in [*self.model.parameters(), *self.model.buffers()])


def load_base(folder: Path, settings: LlmSettings, preset: Preset | None = None) -> Base:
    """Load the checkpoint in `folder`.

    Args:
        preset: what is known of this checkpoint: its name, context, stop tokens and chat template.

    Raises:
        ModelLoadError: the folder is no checkpoint, is damaged, does not fit the memory or needs remote code.
    """
    import torch

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    name = preset.name if preset else folder.name
    config = _read_json(folder / "config.json")
    if "auto_map" in config and not settings.trust_remote_code and not _known(config):
        raise ModelLoadError(
            en=f"“{name}” comes with its own Python code, which would run with your rights. Nothing was "
            "loaded. If you trust its authors, start again with --trust-remote-code; else choose another base.",
            zh=f"“{name}” 自带 Python 代码，加载即以你的权限运行，因此没有加载。"
            "若信任其作者，请加 --trust-remote-code 重新启动；否则请换一个基座模型。",
        )
    device = settings.device if settings.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    quantisation, notes = _quantisation(config, settings.quantisation)
    try:
        model = _load(folder, config, quantisation, device, settings)
        tokenizer = _tokenizer(folder, settings, preset)
        fingerprint = base_fingerprint(folder)
    except Exception as error:
        # safetensors and tokenizers raise plain `Exception`s for damaged files, a checkpoint's own code anything.
        raise ModelLoadError(
            en=f"The base model in {folder} could not be loaded: {_first_line(error)}. Chat is off until one is. "
            "Check that the folder is complete (config, tokenizer, weights) and that memory suffices, or start with "
            "--model embedded.",
            zh=f"无法加载 {folder} 中的基座模型：{_first_line(error)}。在加载成功之前无法对话。"
            "请检查文件夹是否完整（配置、分词器、权重）、内存是否足够，或用 --model embedded 启动。",
        ) from error
    model.eval().requires_grad_(False)
    return Base(
        name=name,
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        fingerprint=fingerprint,
        quantisation=quantisation,
        context_length=_context_length(model, settings, preset),
        stop_ids=_stop_ids(model, tokenizer, preset.stop_tokens if preset else ()),
        template_options=dict(preset.template_options) if preset else {},
        linears={n: (m.in_features, m.out_features) for n, m in model.named_modules() if _is_linear(m)},
        defaults=_defaults(model),
        notes=notes,
    )


def _quantisation(config: dict[str, Any], wanted: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What to load as, and what to tell the user about it."""
    if wanted not in ("auto", "nf4"):
        return wanted, ()
    if _has_bitsandbytes():
        return "nf4", ()
    if wanted == "nf4" or _stored_in_4_bits(config):
        note = (
            "bitsandbytes does not run here, so the base is in bf16 instead of 4 bits: the same answers, more memory.",
            "此环境没有可用的 bitsandbytes，基座模型以 bf16 而非 4 位加载：回答相同，占用内存更多。",
        )
        return "bf16", (note,)
    return "bf16", ()


def _load(folder: Path, config: dict[str, Any], quantisation: str, device: str, settings: LlmSettings) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

    dtype = torch.float32 if quantisation == "fp32" else torch.bfloat16
    options: dict[str, Any] = {"dtype": dtype, "device_map": device, "trust_remote_code": settings.trust_remote_code}
    stored = _stored_in_4_bits(config)
    if stored and quantisation != "nf4":
        from llm.nf4 import dequantised_state

        plain = AutoConfig.from_pretrained(folder, trust_remote_code=settings.trust_remote_code)
        del plain.quantization_config
        model = AutoModelForCausalLM.from_config(plain, dtype=dtype)
        lacking = model.load_state_dict(dequantised_state(folder, dtype), strict=False)
        _complete(set(lacking.missing_keys) - set(model.all_tied_weights_keys))
        model.tie_weights()
        return model.to(device)
    if quantisation == "nf4" and not stored:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    model, report = loaded
    _complete(report["missing_keys"])
    return model


def _complete(missing: Collection[str]) -> None:
    """transformers fills missing weights with random numbers and only warns."""
    if missing:
        raise ValueError(f"{len(missing)} weights are missing, the first is {min(missing)}")


def _tokenizer(folder: Path, settings: LlmSettings, preset: Preset | None) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=settings.trust_remote_code)
    if not tokenizer.chat_template and preset:
        tokenizer.chat_template = preset.chat_template
    if not tokenizer.chat_template:
        raise ValueError("its tokenizer has no chat template")
    return tokenizer


def _context_length(model: Any, settings: LlmSettings, preset: Preset | None) -> int:
    own = preset.context_length if preset else int(getattr(model.config, "max_position_embeddings", 4096))
    return min(own, settings.context_length) if settings.context_length else own


def _stop_ids(model: Any, tokenizer: Any, stop: tuple[str, ...]) -> frozenset[int]:
    ids = model.generation_config.eos_token_id
    found = set(ids if isinstance(ids, list) else [ids]) | {tokenizer.eos_token_id}
    vocabulary = tokenizer.get_vocab()
    found |= {vocabulary[token] for token in (*stop, "<|im_end|>", "<|endoftext|>") if token in vocabulary}
    return frozenset(token for token in found if token is not None)


def _defaults(model: Any) -> dict[str, float]:
    generation = model.generation_config
    if not generation.do_sample:
        return {"temperature": 0.0}
    names = ("temperature", "top_p", "top_k", "repetition_penalty")
    return {name: value for name in names if (value := getattr(generation, name, None)) is not None}


def _known(config: dict[str, Any]) -> bool:
    """Whether transformers has this architecture itself, so that the checkpoint's code is not needed."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING


def _is_linear(module: Any) -> bool:
    import torch

    return isinstance(module, torch.nn.Linear)


def _stored_in_4_bits(config: dict[str, Any]) -> bool:
    return bool((config.get("quantization_config") or {}).get("load_in_4bit"))


def _has_bitsandbytes() -> bool:
    try:
        import bitsandbytes  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        # A wheel without a native library for this machine raises OSError or RuntimeError instead of ImportError.
        return False
    return True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(
            en=f"{path.parent} holds no readable config.json, so it is not a model checkpoint. Nothing was loaded. "
            "Give a folder in Hugging Face format, a preset (python app.py models) or --model embedded.",
            zh=f"{path.parent} 中没有可读的 config.json，不是模型文件夹，因此没有加载。"
            "请给出 Hugging Face 格式的文件夹、预设名（python app.py models 可列出）或 --model embedded。",
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")
