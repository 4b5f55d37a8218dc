"""The engine: one thread owns the model and serves every conversation, each with its own self, in the same steps."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from llm.adapters import AdapterRegistry
from llm.answers import Answer, share
from llm.decoders import decoder_for
from llm.errors import LlmError, QueueFullError, broken, expired, stopped
from llm.grammar import Grammar
from llm.model import Base
from llm.prefix import PrefixCache, PrefixKey, prefix_key
from llm.prompts import prompt_ids
from llm.requests import Failed, Generation, GenerationRequest, Reason
from llm.resident import ResidentAdapters, parts_of
from llm.sampling import choose_many
from llm.scheduler import Scheduler
from llm.settings import LlmSettings
from llm.status import EngineStatus, PastError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

# Tokens of prompts that one step reads, alone and while others are being answered, when a step must stay short.
PREFILL_CPU, PREFILL_GPU = (512, 128), (4096, 1024)


class Engine:
    """Answers many requests at once: every step reads one token of each, and a piece of the prompts that are new.

    `submit` may be called from any thread.

    Args:
        base: the loaded base; the engine owns it from now on.
        registry: bound to this base here.
    """

    def __init__(self, base: Base, registry: AdapterRegistry, settings: LlmSettings) -> None:
        self.base, self.registry, self._settings = base, registry, settings
        registry.bind(base.fingerprint, base.linears)
        self.decoder, self._why_not = decoder_for(base, settings)
        self._resident = ResidentAdapters(registry, self.decoder, base.device, settings.adapter_memory_mb * 2**20)
        self._prefix = PrefixCache(settings.prefix_memory_mb * 2**20)
        self._grammar = Grammar(base.tokenizer, base.stop_ids)
        self._waiting: Scheduler[Answer] = Scheduler(settings.max_queue)
        self._prefill = PREFILL_CPU if base.device.type == "cpu" else PREFILL_GPU
        self._answers: list[Answer] = []
        # The one whose turn it is, while there is no memory for it.
        self._next: Answer | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self._served = self._failed = self._generated = self._steps = 0
        self._last_errors: deque[PastError] = deque(maxlen=5)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Generation:
        """Queue a request; answers at once.

        Raises: as `submit_all`.
        """
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Queue requests together: as many as there are free slots begin in the same step. All are queued, or none is
        answered.

        Raises:
            AdapterNotFoundError, InvalidAdapterError: its self cannot answer.
            PromptTooLongError: the prompt leaves no room for an answer.
            ConstraintError: the form that the answer shall have cannot be promised.
            QueueFullError: `max_queue` requests of its priority wait already.
            EngineStoppedError: after `shutdown`.
        """
        answers = [self._prepared(request) for request in requests]
        generations = [answer.generation for answer in answers]
        with self._wake:
            if self._stopping:
                raise stopped()
            try:
                for answer in answers:
                    self._waiting.push(answer)
            except QueueFullError:
                for generation in generations:
                    generation.cancel()
                raise
            finally:
                self._wake.notify()
        return generations

    def _prepared(self, request: GenerationRequest) -> Answer:
        generation = Generation(request)
        # Here, and not only when its turn comes: reading an adapter from disk should delay nobody else.
        self._resident.get(request.adapter)
        prompt = self.prompt_ids(request)
        constraint = self._grammar.constraint(request.constraint) if request.constraint else None
        return Answer(generation, prompt, self.base.context_length, constraint)

    def prompt_ids(self, request: GenerationRequest) -> list[int]:
        """Token ids of the rendered prompt.

        Raises:
            PromptTooLongError: it does not fit the base's context with room for at least one token.
        """
        return prompt_ids(self.base, request)

    def status(self) -> EngineStatus:
        with self._wake:
            return EngineStatus(
                base=self.base.name,
                quantisation=self.base.quantisation,
                device=str(self.base.device),
                active=len(self._answers),
                waiting=len(self._waiting) + (self._next is not None),
                served=self._served,
                failed=self._failed,
                generated_tokens=self._generated,
                adapters=self._resident.listed(),
                last_errors=tuple(self._last_errors),
                slots=self._settings.slots,
                steps=self._steps,
                batched=self.decoder.batched,
                why_not_batched=self._why_not,
                weights_mb=(self.base.bytes + self.decoder.packed_bytes) / 2**20,
                packed_mb=self.decoder.packed_bytes / 2**20,
                stack_mb=self.decoder.stack_bytes / 2**20,
                kv_mb=self.decoder.memory.bytes / 2**20,
                prefix=self._prefix.stats(),
            )

    def answering(self) -> set[str]:
        """Names of the selves that requests, begun or waiting, have chosen."""
        with self._wake:
            open_now = [*self._answers, *self._waiting, *([self._next] if self._next else [])]
        return {name for answer in open_now for name, _ in parts_of(answer.generation.request.adapter)}

    def shutdown(self) -> None:
        """End every request with an error and stop the thread. May be called twice."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    # --- everything below runs on the engine's thread

    def _run(self) -> None:
        import torch

        try:
            if self.base.device.type == "cuda":
                # Of this thread; kernels are launched on the current one.
                torch.cuda.set_device(self.base.device)
            with torch.inference_mode():
                while self._admit():
                    for answer in [a for a in self._answers if a.cancelled]:
                        self._end(answer, "cancelled")
                    if self._answers:
                        self._step(list(self._answers))
        finally:
            # Also if the thread should ever die of an error of our own: nobody must wait for ever.
            with self._wake:
                self._stopping = True
                left = [*self._answers, *([self._next] if self._next else []), *self._waiting.drain()]
                self._answers, self._next = [], None
            for answer in left:
                answer.generation.emit(Failed(stopped()))

    def _admit(self) -> bool:
        """Begin what fits, sleeping while there is nothing to do; False when shutting down."""
        with self._wake:
            while not (self._stopping or self._answers or self._next or len(self._waiting)):
                self._wake.wait()
            now = time.perf_counter()
            gone = self._waiting.sweep(now)
        for answer, reason in gone:
            self._drop(answer, reason)
        while not self._stopping and len(self._answers) < self._settings.slots:
            with self._wake:
                first = self._next or self._waiting.pop(now)
                over = first.over(now) if first else None
                stuck = first and not over and not self.decoder.memory.fits(first.size)
                self._next = first if stuck else None
            if first is None or stuck:
                break
            if over:
                self._drop(first, over)
            else:
                self._begin(first)
        return not self._stopping

    def _begin(self, answer: Answer) -> None:
        try:
            adapter = self._resident.get(answer.generation.request.adapter)
            answer.begin(adapter, self.base.tokenizer, self.base.device)
            answer.row = self.decoder.memory.open(answer.size)
        except Exception as error:
            self._report(answer, error)
            return
        with self._wake:
            self._answers.append(answer)
        if self.decoder.batched:
            try:
                with self._prefix.match(self._key(answer), answer.prompt) as match:
                    self.decoder.memory.write(answer.row, match.blocks)
            except Exception as error:
                self._fail(answer, error)

    def _step(self, answers: list[Answer]) -> None:
        """One forward pass for all of them, or one for each where the decoder cannot, or after an error."""
        pairs = share(answers, self._prefill)
        groups = [pairs] if self.decoder.batched else [[pair] for pair in pairs]
        for group in groups:
            try:
                logits = self.decoder.step([work for _, work in group])
            except Exception as error:
                if len(group) == 1:
                    self._fail(group[0][0], error)
                else:
                    # A step that failed has changed nothing: again, one by one, so that the guilty one fails alone.
                    log.warning("a step of %d requests failed (%r), doing it one by one", len(group), error)
                    groups.extend([pair] for pair in group)
                continue
            self._accept([answer for answer, work in group if work.wanted], logits)
        self._steps += 1

    def _accept(self, answers: list[Answer], logits: torch.Tensor) -> None:
        """Give each of `answers` its row of the logits [answers, vocabulary]."""
        import torch

        tokens, together = logits.argmax(-1), logits.device.type != "cpu"
        if together and (drawn := [number for number, answer in enumerate(answers) if answer.drawn]):
            rows = torch.tensor(drawn, device=logits.device)
            tokens[rows] = choose_many(logits[rows], [answers[number].draw for number in drawn])
        # One that is not finite makes the sum so too. Both in one piece, for each waits until the step is done.
        finite, best = torch.stack((logits.sum(-1).isfinite().long(), tokens)).tolist()
        for number, answer in enumerate(answers):
            try:
                if not finite[number]:
                    raise ValueError("the model's scores are not finite")
                if not answer.tokens:
                    self._remember(answer)
                answer.accept(logits[number], best[number], self.base.stop_ids, chosen=together)
                self._generated += 1
            except Exception as error:
                self._fail(answer, error)
                continue
            if answer.reason:
                self._end(answer, answer.reason)

    def _remember(self, answer: Answer) -> None:
        """Keep what was read for whoever begins with the same tokens and the same self."""
        if self.decoder.batched:
            row, memory = answer.row, self.decoder.memory
            tokens = (answer.prompt + answer.tokens)[: row.length]
            self._prefix.insert(self._key(answer), tokens, lambda start, stop: memory.read(row, start, stop))

    def _key(self, answer: Answer) -> PrefixKey:
        return prefix_key(f"{self.base.fingerprint} {self.base.quantisation}", answer.adapter.parts)

    def _end(self, answer: Answer, reason: Reason) -> None:
        try:
            self._remember(answer)
        except Exception as error:
            self._fail(answer, error)
            return
        # What was never seen to give finite scores is wiped.
        self._close(answer, clean=not answer.tokens)
        with self._wake:
            self._served += 1
        answer.finish(reason)

    def _close(self, answer: Answer, *, clean: bool = False) -> None:
        self.decoder.memory.close(answer.row, clean=clean)
        with self._wake:
            self._answers = [other for other in self._answers if other is not answer]

    def _drop(self, answer: Answer, reason: Literal["cancelled", "expired"]) -> None:
        """End a request that has not begun."""
        if reason == "cancelled":
            with self._wake:
                self._served += 1
            answer.finish("cancelled")
        else:
            self._report(answer, expired())

    def _fail(self, answer: Answer, error: Exception) -> None:
        """End this request alone: whatever went wrong in it, the thread and the other requests go on."""
        # What it left in memory may not be finite.
        self._close(answer, clean=True)
        self._report(answer, error)

    def _report(self, answer: Answer, error: Exception) -> None:
        if not isinstance(error, LlmError):
            log.error("request %s failed", answer.generation.id, exc_info=error)
            error = broken(error)
        with self._wake:
            self._failed += 1
            self._last_errors.append(PastError(time.time(), error.en, error.zh))
        answer.generation.emit(Failed(error))
