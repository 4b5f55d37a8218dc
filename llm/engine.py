"""The engine: one thread owns the model and serves every conversation, each with its own self."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from llm.adapters import AdapterRegistry
from llm.detokenise import Detokeniser
from llm.errors import LlmError, PromptTooLongError, QueueFullError, broken, stopped
from llm.lora import LoraWeights, damaged, install, load_weights
from llm.model import Base
from llm.requests import Failed, Finished, Generation, GenerationRequest, TextDelta
from llm.sampling import choose
from llm.settings import LlmSettings

log = logging.getLogger(__name__)

# Tokens of prompt per forward pass: a long prompt must not keep the running answers waiting.
PREFILL_CHUNK = 512


@dataclass(frozen=True)
class EngineStatus:
    """A snapshot for people and monitoring; adapters are (name, version, MiB) of those in memory."""

    base: str
    quantisation: str
    device: str
    active: int
    waiting: int
    served: int
    failed: int
    generated_tokens: int
    adapters: tuple[tuple[str, str, float], ...]
    last_error: str


@dataclass
class _Slot:
    """A request being answered. Only the engine's thread reads and writes it."""

    generation: Generation
    adapter: LoraWeights | None
    prompt: list[int]
    text: Detokeniser
    cache: Any
    random: Any
    read: int = 0
    tokens: list[int] = field(default_factory=list)
    first_token: float = 0.0


class Engine:
    """Answers requests one token each in turn, so that a short answer never waits for a long one.

    Every slot has its own key-value cache and its own adapter; changing self between two steps is the change of one
    reference (llm.lora). `submit` may be called from any thread.

    Args:
        base: the loaded base; the engine owns it from now on.
        registry: bound to this base here.
    """

    def __init__(self, base: Base, registry: AdapterRegistry, settings: LlmSettings) -> None:
        self.base, self.registry, self._settings = base, registry, settings
        registry.bind(base.fingerprint, base.linears)
        self._switch = install(base.model, base.linears)
        self._waiting: deque[Generation] = deque()
        self._slots: list[_Slot] = []
        self._adapters: OrderedDict[tuple[str, str], LoraWeights] = OrderedDict()
        self._wake = threading.Condition()
        self._stopping = False
        self._served = self._failed = self._generated = 0
        self._last_error = ""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Generation:
        """Queue a request; answers at once.

        Raises:
            AdapterNotFoundError, InvalidAdapterError: its self cannot answer.
            PromptTooLongError: the prompt leaves no room for an answer.
            QueueFullError: `max_queue` requests wait already.
            EngineStoppedError: after `shutdown`.
        """
        if request.adapter is not None:
            self.registry.get(request.adapter)
        self.prompt_ids(request)
        generation = Generation(request)
        with self._wake:
            if self._stopping:
                raise stopped()
            if len(self._waiting) >= self._settings.max_queue:
                raise QueueFullError(
                    en=f"{len(self._waiting)} questions are waiting. Yours was not queued; ask again in a moment.",
                    zh=f"已有 {len(self._waiting)} 个问题在排队，你的问题没有进入队列；请稍后再问。",
                )
            self._waiting.append(generation)
            self._wake.notify()
        return generation

    def prompt_ids(self, request: GenerationRequest) -> list[int]:
        """Token ids of the rendered prompt.

        Raises:
            PromptTooLongError: it does not fit the base's context with room for at least one token.
        """
        options: dict[str, Any] = {"tools": list(request.tools)} if request.tools else {}
        text = self.base.tokenizer.apply_chat_template(
            [self._harmless(message) for message in request.messages],
            tokenize=False,
            add_generation_prompt=True,
            **self.base.template_options,
            **options,
        )
        ids = self.base.tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) >= self.base.context_length:
            raise PromptTooLongError(
                en=f"The question with its history and passages has {len(ids)} tokens, this base reads at most "
                f"{self.base.context_length}. Nothing was answered; shorten it or start a new conversation.",
                zh=f"问题连同历史和资料共 {len(ids)} 个词元，当前基座最多读 {self.base.context_length} 个，"
                "因此没有作答；请缩短问题或新建对话。",
            )
        return ids

    def status(self) -> EngineStatus:
        with self._wake:
            adapters = tuple((w.name, w.version, w.bytes / 2**20) for w in self._adapters.values())
            return EngineStatus(
                base=self.base.name,
                quantisation=self.base.quantisation,
                device=str(self.base.device),
                active=len(self._slots),
                waiting=len(self._waiting),
                served=self._served,
                failed=self._failed,
                generated_tokens=self._generated,
                adapters=adapters,
                last_error=self._last_error,
            )

    def shutdown(self) -> None:
        """End every request with an error and stop the thread. May be called twice."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    # --- everything below runs on the engine's thread

    def _run(self) -> None:
        import torch

        with torch.inference_mode():
            while self._admit():
                prefilled = False
                for slot in list(self._slots):
                    reading = slot.read < len(slot.prompt)
                    if reading and prefilled:
                        continue
                    prefilled |= reading
                    self._step(slot)
        with self._wake:
            left = [*(slot.generation for slot in self._slots), *self._waiting]
            self._slots.clear()
            self._waiting.clear()
        for generation in left:
            generation.emit(Failed(stopped()))

    def _admit(self) -> bool:
        """Move waiting requests into free slots, sleeping while there is nothing to do; False when shutting down."""
        with self._wake:
            while not (self._stopping or self._slots or self._waiting):
                self._wake.wait()
            arrived: list[Generation] = []
            while not self._stopping and self._waiting and len(self._slots) + len(arrived) < self._settings.slots:
                arrived.append(self._waiting.popleft())
            # A request cancelled while it waits must not wait for a slot to hear of it.
            dropped = [g for g in self._waiting if g.cancelled]
            self._waiting = deque(g for g in self._waiting if g not in dropped)
        for generation in dropped:
            generation.emit(_finished(generation, None, "cancelled"))
        for generation in arrived:
            self._start(generation)
        return not self._stopping

    def _start(self, generation: Generation) -> None:
        try:
            slot = self._slot(generation)
        except Exception as error:
            self._fail(generation, error)
            return
        with self._wake:
            self._slots.append(slot)

    def _slot(self, generation: Generation) -> _Slot:
        import torch
        from transformers import DynamicCache

        request = generation.request
        adapter = self._weights(request.adapter) if request.adapter is not None else None
        prompt = self.prompt_ids(request)
        random = None
        if request.sampling.temperature > 0:
            random = torch.Generator(device=self.base.device)
            random.manual_seed(torch.seed() % 2**63 if request.sampling.seed is None else request.sampling.seed)
        text = Detokeniser(self.base.tokenizer, request.sampling.stop)
        return _Slot(generation, adapter, prompt, text, DynamicCache(config=self.base.model.config), random)

    def _weights(self, name: str) -> LoraWeights:
        """The adapter's current version, from memory or disk. Running requests keep the version they began with."""
        for _ in range(3):
            info = self.registry.get(name)
            key = (info.name, info.version)
            if key in self._adapters:
                break
            weights = load_weights(info, device=self.base.device, dtype=self.base.compute_dtype)
            # Else it was replaced after the check: what was read may not fit the base, so check anew.
            if weights.version == info.version:
                with self._wake:
                    self._adapters[key] = weights
                break
        else:
            raise damaged(name, "its files keep changing")
        with self._wake:
            self._adapters.move_to_end(key)
            budget = self._settings.adapter_memory_mb * 2**20
            while len(self._adapters) > 1 and sum(w.bytes for w in self._adapters.values()) > budget:
                self._adapters.popitem(last=False)
            return self._adapters[key]

    def _step(self, slot: _Slot) -> None:
        """One forward pass for one slot: a chunk of its prompt, or its next token."""
        generation = slot.generation
        try:
            if generation.cancelled:
                self._end(slot, "cancelled")
                return
            if slot.read < len(slot.prompt):
                ids = slot.prompt[slot.read : slot.read + PREFILL_CHUNK]
                slot.read += len(ids)
            else:
                ids = slot.tokens[-1:]
            logits = self._forward(slot, ids)
            if slot.read < len(slot.prompt):
                return
            self._accept(slot, logits)
        except Exception as error:
            self._release(slot)
            self._fail(generation, error)

    def _forward(self, slot: _Slot, ids: list[int]) -> Any:
        """Logits [vocabulary] after `ids`; the slot's cache grows by them."""
        import torch

        self._switch.use(slot.adapter)
        tokens = torch.tensor([ids], device=self.base.device)
        out = self.base.model(input_ids=tokens, past_key_values=slot.cache, use_cache=True, logits_to_keep=1)
        return out.logits[0, -1]

    def _accept(self, slot: _Slot, logits: Any) -> None:
        sampling = slot.generation.request.sampling
        if not bool(logits.isfinite().all()):
            raise ValueError("the model's scores are not finite")
        token = choose(logits, slot.tokens, sampling, slot.random)
        if not slot.tokens:
            slot.first_token = time.perf_counter()
        slot.tokens.append(token)
        self._generated += 1
        if token in self.base.stop_ids:
            self._end(slot, "stop")
            return
        if delta := slot.text.push(token):
            slot.generation.emit(TextDelta(delta))
        room = self.base.context_length - len(slot.prompt)
        if slot.text.stopped:
            self._end(slot, "stop")
        elif len(slot.tokens) >= min(sampling.max_tokens, room):
            self._end(slot, "length")

    def _end(self, slot: _Slot, reason: str) -> None:
        if rest := slot.text.finish():
            slot.generation.emit(TextDelta(rest))
        self._release(slot)
        with self._wake:
            self._served += 1
        slot.generation.emit(_finished(slot.generation, slot, reason))

    def _release(self, slot: _Slot) -> None:
        with self._wake:
            self._slots = [other for other in self._slots if other is not slot]

    def _fail(self, generation: Generation, error: Exception) -> None:
        """End this request alone: whatever went wrong in it, the thread and the other requests go on."""
        if not isinstance(error, LlmError):
            log.error("request %s failed", generation.id, exc_info=error)
            error = broken(error)
        with self._wake:
            self._failed += 1
            self._last_error = error.en
        generation.emit(Failed(error))

    def _harmless(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message with the tokenizer's control tokens taken apart, so that text can never open or close a turn."""
        content = message.get("content")
        if not isinstance(content, str):
            return message
        for token in self.base.control_tokens:
            if token in content:
                content = content.replace(token, token[0] + "\u200b" + token[1:])
        return {**message, "content": content}


def _finished(generation: Generation, slot: _Slot | None, reason: Any) -> Finished:
    now = time.perf_counter()
    tokens = slot.tokens if slot else []
    first = slot.first_token if slot and slot.first_token else now
    decoding = now - first
    return Finished(
        reason=reason,
        adapter=generation.request.adapter,
        adapter_version=slot.adapter.version if slot and slot.adapter else "",
        prompt_tokens=len(slot.prompt) if slot else 0,
        completion_tokens=len(tokens),
        ttft_s=first - generation.submitted,
        total_s=now - generation.submitted,
        tokens_per_second=(len(tokens) - 1) / decoding if len(tokens) > 1 and decoding > 0 else 0.0,
    )
