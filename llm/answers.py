"""A request on its way through the engine, from the waiting line to its last token."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Any, Literal

from llm.detokenise import Detokeniser
from llm.grammar import Constraint
from llm.logprobs import token_logprob
from llm.requests import Finished, Generation, Reason, TextDelta, TokenLogprob
from llm.resident import NONE, Resident
from llm.sampling import Sampling, choose
from llm.steps import Work


class Answer:
    """A request and everything that belongs to it. Only the engine's thread changes it once it is submitted.

    Attributes:
        prompt: token ids.
        adapter: pinned at the start, so that a new version on disk does not reach a running answer.
        row: its keys and values, None while it waits.
        tokens: of the answer so far.
        reason: why it is over, once it is.
    """

    def __init__(
        self, generation: Generation, prompt: list[int], context_length: int, constraint: Constraint | None = None
    ) -> None:
        self.generation, self.prompt, self._constraint = generation, prompt, constraint
        self.limit = min(generation.request.sampling.max_tokens, context_length - len(prompt))
        self.adapter: Resident = NONE
        self.row: Any = None
        self.tokens: list[int] = []
        self.reason: Reason | None = None
        self._tokenizer: Any = None
        self._text: Detokeniser | None = None
        # Of tokens chosen since the last event.
        self._logprobs: list[TokenLogprob] = []
        self._random: Any = None
        self._first_token = 0.0

    # What the waiting line asks.

    @property
    def session(self) -> Hashable:
        return self.generation.request.session

    @property
    def priority(self) -> Literal["interactive", "batch"]:
        return self.generation.request.priority

    @property
    def deadline(self) -> float | None:
        timeout = self.generation.request.timeout_s
        return None if timeout is None else self.generation.submitted + timeout

    @property
    def cancelled(self) -> bool:
        return self.generation.cancelled

    def over(self, now: float) -> Literal["cancelled", "expired"] | None:
        """Why it need not begin any more, if so."""
        if self.cancelled:
            return "cancelled"
        return "expired" if self.deadline is not None and now >= self.deadline else None

    @property
    def size(self) -> int:
        """The most tokens its row will hold; the last one chosen is never read."""
        return len(self.prompt) + self.limit

    def begin(self, adapter: Resident, tokenizer: Any, device: Any) -> None:
        """Everything but the row."""
        import torch

        sampling = self.generation.request.sampling
        self.adapter, self._tokenizer, self._text = adapter, tokenizer, Detokeniser(tokenizer, sampling.stop)
        if sampling.temperature > 0:
            self._random = torch.Generator(device=device)
            self._random.manual_seed(torch.seed() % 2**63 if sampling.seed is None else sampling.seed)

    @property
    def unread(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return max(0, len(self.prompt) - self.row.length)

    def work(self, most: int) -> Work:
        """What to read next: at most so many tokens of the prompt, or the token chosen last."""
        if not self.unread:
            return Work(self.row, self.tokens[-1:], self.adapter.ready)
        tokens = self.prompt[self.row.length : self.row.length + most]
        return Work(self.row, tokens, self.adapter.ready, wanted=len(tokens) == self.unread)

    @property
    def drawn(self) -> bool:
        """Whether its next token is neither simply the best nor bound to a form."""
        penalty = self.generation.request.sampling.repetition_penalty
        return self._constraint is None and (self._random is not None or penalty != 1.0)

    @property
    def draw(self) -> tuple[Sampling, list[int], Any]:
        """What `llm.sampling.choose_many` needs to know."""
        return self.generation.request.sampling, self.tokens, self._random

    def accept(self, logits: Any, best: int, stop_ids: frozenset[int], *, chosen: bool = False) -> None:
        """Choose the next token and send what is certain of its text; sets `reason` where it is the last one.

        Args:
            logits: [vocabulary].
            best: the index of the largest.
            chosen: `best` is the token that was drawn, if it had to be.
        """
        request = self.generation.request
        token = best if chosen and self._constraint is None else self._choose(logits, best)
        if not self.tokens:
            self._first_token = time.perf_counter()
        self.tokens.append(token)
        if request.logprobs:
            self._logprobs.append(token_logprob(logits, token, request.logprobs, self._tokenizer))
        if token in stop_ids:
            self.reason = "stop"
            return
        assert self._text is not None
        self._say(self._text.push(token))
        if self._text.stopped or (self._constraint and self._constraint.finished):
            self.reason = "stop"
        elif len(self.tokens) >= self.limit:
            self.reason = "length"

    def _choose(self, logits: Any, best: int) -> int:
        sampling, constraint = self.generation.request.sampling, self._constraint
        if constraint is None and not self.drawn:
            return best
        if constraint is None:
            return choose(logits, self.tokens, sampling, self._random)
        allowed = logits.clone()
        constraint.mask(allowed)
        token = choose(allowed, self.tokens, sampling, self._random)
        constraint.accept(token)
        return token

    def _say(self, text: str) -> None:
        if text:
            self.generation.emit(TextDelta(text, self._said()))

    def _said(self) -> tuple[TokenLogprob, ...]:
        said, self._logprobs = tuple(self._logprobs), []
        return said

    def finish(self, reason: Reason) -> None:
        """Send what is still held back, and the terminal event."""
        if self._text:
            self._say(self._text.finish())
        now = time.perf_counter()
        first = self._first_token or now
        count, decoding = len(self.tokens), now - first
        self.generation.emit(
            Finished(
                reason=reason,
                adapter=self.generation.request.adapter,
                adapter_version=self.adapter.version,
                prompt_tokens=len(self.prompt) if self.row else 0,
                completion_tokens=count,
                ttft_s=first - self.generation.submitted,
                total_s=now - self.generation.submitted,
                tokens_per_second=(count - 1) / decoding if count > 1 and decoding > 0 else 0.0,
                logprobs=self._said(),
            )
        )


def share(answers: Sequence[Answer], prefill: tuple[int, int]) -> list[tuple[Answer, Work]]:
    """What each of `answers` reads in the next step.

    New prompts share what a step may read, the shortest first, but a quarter is kept for the one that has waited
    longest.

    Args:
        prefill: tokens of prompts that a step reads, alone and while others are being answered.
    """
    pairs = [(answer, answer.work(1)) for answer in answers if not answer.unread]
    reading = [answer for answer in answers if answer.unread]
    left = prefill[bool(pairs)]
    kept = left // 4
    for answer in sorted(reading, key=lambda answer: answer.unread):
        if answer is reading[0]:
            kept = 0
        if left > kept:
            pairs.append((answer, answer.work(left - kept)))
            left -= len(pairs[-1][1].tokens)
    return pairs
