"""The base as training needs it: loaded, 4-bit weights unpacked once on a CPU, with a head applied where it counts."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.config import TrainingConfig, depth_of
from training.data import batches, render
from training.errors import BaseModelError
from training.fast_lora import speed_up
from training.fast_norm import speed_up_norms
from training.lanes import Lanes

# A 4-bit base whose bf16 weights exceed this stays packed on a CPU (bytes).
UNPACK_LIMIT = 4 * 2**30


@dataclass
class Base:
    """A loaded base and, once `add_adapter` ran, the adapter being trained on it.

    Attributes:
        model: the causal language model (a PeftModel after `add_adapter`).
        end_ids: token ids that end an answer.
        at_once: rows that go through the model together at most; halved where memory runs out (`training.memory`).
        lanes: where parts of the work are done at the same time.
        between: called before every batch of answers; what it raises ends the work.
        first: the first layer that is adapted; below it nothing changes (`training.depth`).
        states: token ids -> the states that enter it, of rows that come again.
    """

    model: Any
    tokenizer: Any
    end_ids: tuple[int, ...]
    pad_id: int
    device: str
    at_once: int = 32
    lanes: Lanes = field(default_factory=Lanes)
    between: Callable[[], None] = lambda: None
    first: int = 0
    states: dict[tuple[int, ...], Any] = field(default_factory=dict)

    def add_adapter(self, config: TrainingConfig) -> None:
        """Put a fresh, seeded LoRA adapter (float32 weights) on the base; the base itself is frozen."""
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(config.seed)
        modules = list(config.target_modules)
        layers = self.decoder().layers
        self.first = len(layers) - depth_of(config, len(layers))
        self.states = {}
        upper: dict[str, Any] = {}
        if self.first:
            # PEFT takes no layers together with "all-linear"
            if modules == ["all-linear"]:
                linear = (n for n, m in layers[-1].named_modules() if isinstance(m, torch.nn.Linear))
                modules = sorted({name.rsplit(".", 1)[-1] for name in linear})
            upper["layers_to_transform"] = list(range(self.first, len(layers)))
        lora = LoraConfig(
            r=config.r,
            lora_alpha=config.alpha,
            use_rslora=config.rslora,
            lora_dropout=config.dropout,
            target_modules="all-linear" if modules == ["all-linear"] else modules,
            task_type="CAUSAL_LM",
            **upper,
        )
        try:
            self.model = get_peft_model(self.model, lora)
        except ValueError as error:
            raise BaseModelError(
                en=f"This base has none of the layers {modules}: {error}",
                zh=f"该基座没有这些层：{modules}：{error}",
            ) from error
        if self.device == "cpu":
            speed_up(self.model)
            speed_up_norms(self.model)
        if config.dropout:
            # what is left out is drawn from one generator, in one order
            self.lanes = Lanes()

    @property
    def unlearned(self) -> int:
        """Rows at a time where nothing is learned: nothing is kept of them for a backward pass."""
        return 4 * self.at_once

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Within: the base without the adapter."""
        if hasattr(self.model, "disable_adapter"):
            with self.model.disable_adapter():
                yield
        else:
            yield

    def hidden(self, input_ids: Any, attention_mask: Any) -> Any:
        """Last hidden states [rows, tokens, width]."""
        return self.decoder()(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state

    def decoder(self) -> Any:
        """The model without its head."""
        return self._causal().get_decoder()

    def logits(self, hidden: Any) -> Any:
        """float32 logits [n, vocabulary] of hidden states [n, width]: the head is the largest matrix, so only
        the positions that are trained go through it."""
        return self._causal().get_output_embeddings()(hidden).float()

    def _causal(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def generate(self, conversations: Sequence[Any], max_new_tokens: int) -> list[str]:
        """Greedy answers to conversations (message lists ending with the user), in their order."""
        import torch
        from transformers import GenerationConfig

        texts = [render(self.tokenizer, messages, prompt=True) for messages in conversations]
        ids = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        settings = GenerationConfig(
            max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=list(self.end_ids), pad_token_id=self.pad_id
        )
        answers = [""] * len(ids)
        self.model.eval()

        def write(part: list[int]) -> None:
            self.between()
            width = max(len(ids[i]) for i in part)
            padded = torch.tensor([[self.pad_id] * (width - len(ids[i])) + ids[i] for i in part], device=self.device)
            mask = torch.tensor([[0] * (width - len(ids[i])) + [1] * len(ids[i]) for i in part], device=self.device)
            with torch.no_grad():
                out = self.model.generate(input_ids=padded, attention_mask=mask, generation_config=settings)
            for i, row in zip(part, out[:, width:].tolist(), strict=True):
                end = next((n for n, token in enumerate(row) if token in self.end_ids), len(row))
                answers[i] = self.tokenizer.decode(row[:end], skip_special_tokens=True).strip()

        most = self.lanes.shares(len(ids), self.unlearned)
        self.lanes.map(write, batches([len(i) + max_new_tokens for i in ids], most))
        return answers


def load_base(path: str, threads: int = 2, device: str = "", *, nf4: bool = True) -> Base:
    """Load a base.

    A 4-bit checkpoint stays 4-bit on a GPU. On a CPU its weights are unpacked to bf16 once, with the very values that
    the packed layers compute with, instead of on every call. Eager attention is used there: its bf16 backward is 1.4
    times faster than the fused one.

    Args:
        device: "cpu", "cuda", "cuda:1"…; "" takes the GPU if there is one.
        nf4: quantise a checkpoint that is not stored in 4 bits, on a GPU.

    Raises:
        BaseModelError: the base cannot be read, or is 4-bit and bitsandbytes is absent.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    attention = "eager" if device == "cpu" else "sdpa"
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=torch.bfloat16,
            device_map=device,
            attn_implementation=attention,
            **(_quantisation(path) if nf4 and device != "cpu" else {}),
        )
    except (OSError, ValueError, ImportError) as error:
        raise BaseModelError(
            en=f"The base {path} could not be loaded: {error}. Check the path; a 4-bit base needs bitsandbytes.",
            zh=f"无法加载基座 {path}：{error}。请检查路径；4 位基座需要 bitsandbytes。",
        ) from error
    if device == "cpu":
        _unpack(model)
    model.requires_grad_(False)
    ends = model.generation_config.eos_token_id
    found = [*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id]
    end_ids = tuple(dict.fromkeys(i for i in found if i is not None))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end_ids[0]
    lanes = Lanes(threads if device == "cpu" else 1)
    base = Base(model, tokenizer, end_ids, pad, device, lanes=lanes)
    _check_head(base)
    return base


def _quantisation(path: str) -> dict[str, Any]:
    """Arguments for nf4 with double quantisation; none for a checkpoint that is quantised already."""
    import torch
    from transformers import AutoConfig, BitsAndBytesConfig

    if getattr(AutoConfig.from_pretrained(path), "quantization_config", None):
        return {}
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": nf4}


def _unpack(model: Any) -> None:
    """Replace 4-bit linear layers by bf16 ones of the same values, where they fit."""
    if not getattr(model, "is_loaded_in_4bit", False):
        return
    import torch
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, Linear4bit)}
    if sum(2 * layer.in_features * layer.out_features for layer in layers.values()) > UNPACK_LIMIT:
        logging.getLogger(__name__).info("the base stays packed: its bf16 weights exceed %d bytes", UNPACK_LIMIT)
        return
    for name, layer in layers.items():
        plain = torch.nn.Linear(
            layer.in_features, layer.out_features, bias=layer.bias is not None, dtype=torch.bfloat16, device="meta"
        )
        packed: Any = layer.weight
        weight = dequantize_4bit(packed.data, packed.quant_state).to(torch.bfloat16)
        plain.weight = torch.nn.Parameter(weight, requires_grad=False)
        if layer.bias is not None:
            plain.bias = torch.nn.Parameter(layer.bias.data.to(torch.bfloat16), requires_grad=False)
        model.set_submodule(name, plain)
    # PEFT picks its layer classes by these
    model.is_loaded_in_4bit = model.is_quantized = False
    for attribute in ("quantization_method", "hf_quantizer"):
        if hasattr(model, attribute):
            delattr(model, attribute)
    del model.config.quantization_config


def _check_head(base: Base) -> None:
    """Some architectures scale or cap logits after the head; training must see what inference computes."""
    import torch

    ids = torch.arange(8, device=base.device)[None] % base.model.config.vocab_size
    mask = torch.ones_like(ids)
    compute: Callable[..., Any] = base.model
    with torch.no_grad():
        whole = compute(input_ids=ids, attention_mask=mask, use_cache=False).logits[0].float()
        ours = base.logits(base.hidden(ids, mask)[0])
    if not torch.allclose(whole, ours, rtol=1e-2, atol=1e-2):
        raise BaseModelError(
            en="This base changes its logits after the output layer, which training does not support.",
            zh="该基座在输出层之后还会改变 logits，训练不支持。",
        )
