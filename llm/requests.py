"""What goes into the engine and what comes out: requests, events, and the handle of a running generation."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llm.errors import LlmError, SamplingError
from llm.sampling import Sampling

AdapterChoice = str | Mapping[str, float] | None

Reason = Literal["stop", "length", "cancelled"]

# As many as OpenAI's API offers.
MAX_LOGPROBS = 20

_ids = itertools.count(1)


@dataclass(frozen=True)
class JsonAnswer:
    """The whole answer is one JSON value of `schema`."""

    schema: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCalls:
    """Every `<tool_call>` in the answer is a valid call of one of `tools` (OpenAI function schemas).

    Attributes:
        required: the answer is such a call and nothing else.
    """

    tools: tuple[dict[str, Any], ...]
    required: bool = False


@dataclass(frozen=True)
class SameWords:
    """The answer is exactly these token ids: for `logprobs`, which tell what the model would have said instead."""

    tokens: tuple[int, ...]


@dataclass(frozen=True)
class GenerationRequest:
    """One answer to be generated.

    Attributes:
        messages: OpenAI-style {"role", "content"} dicts, rendered with the base's chat template.
        adapter: name of the self; a mix as {name: weight}; None for the plain base.
        tools: OpenAI-style function schemas for templates that render tools themselves.
        cancel: when set from outside, the request ends within a step.
        session: whose turn it takes while others wait.
        priority: "interactive" goes before "batch".
        timeout_s: a request that could not begin in this time is not begun any more; None waits for ever.
        constraint: the form the answer must have (llm.grammar); it may still be cut off by `max_tokens`.
        logprobs: with each token its log-probability and those of so many likeliest tokens (llm.logprobs); 0 for none.
    """

    messages: tuple[dict[str, Any], ...]
    adapter: AdapterChoice = None
    sampling: Sampling = field(default_factory=Sampling)
    tools: tuple[dict[str, Any], ...] = ()
    cancel: threading.Event = field(default_factory=threading.Event)
    session: Hashable = None
    priority: Literal["interactive", "batch"] = "interactive"
    timeout_s: float | None = None
    constraint: JsonAnswer | ToolCalls | SameWords | None = None
    logprobs: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.logprobs, int) and 0 <= self.logprobs <= MAX_LOGPROBS):
            raise SamplingError(
                en=f"logprobs = {self.logprobs!r} is out of range (0 … {MAX_LOGPROBS}). Nothing was generated; choose "
                "one in it.",
                zh=f"logprobs = {self.logprobs!r} 超出范围（0 … {MAX_LOGPROBS}），没有生成任何内容；请改用范围内的值。",
            )


@dataclass(frozen=True)
class TokenLogprob:
    """How likely a token of the answer was: by the model's own scores, before temperature, penalty and constraint.

    Attributes:
        text: of this token alone; a part of a character shows as U+FFFD.
        top: the likeliest tokens as (id, text, natural log-probability), best first.
    """

    token: int
    text: str
    logprob: float
    top: tuple[tuple[int, str, float], ...] = ()


@dataclass(frozen=True)
class TextDelta:
    """Text that became certain.

    Attributes:
        logprobs: where the request asks for them, of the tokens chosen since the event before; held-back text may
            belong to earlier ones. All events together hold one for each token, the one that ends the answer included.
    """

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The one and last event of a request that ended well.

    `ttft_s` is measured from submission to the first token, queueing included; `tokens_per_second` over the
    decode steps after it. `logprobs` are of the tokens that no `TextDelta` came after.
    """

    reason: Reason
    adapter: AdapterChoice
    adapter_version: str
    prompt_tokens: int
    completion_tokens: int
    ttft_s: float
    total_s: float
    tokens_per_second: float
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The one and last event of a request that ended in an error; the others go on."""

    error: LlmError


GenerationEvent = TextDelta | Finished | Failed


class Generation:
    """Handle of a submitted request: iterate over it for events, `cancel()` it at any time.

    The iterator ends after exactly one `Finished`; a `Failed` is raised as its error.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self.id = next(_ids)
        self.request = request
        self.submitted = time.perf_counter()
        self._events: queue.SimpleQueue[GenerationEvent] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._ended = False

    def __iter__(self) -> Iterator[TextDelta | Finished]:
        while True:
            event = self._events.get()
            if isinstance(event, Failed):
                raise event.error
            yield event
            if isinstance(event, Finished):
                return

    def cancel(self) -> None:
        """End the request within a step; it still gets its `Finished` event.

        The caller's own `request.cancel` is only read, never set: it may belong to other requests too.
        """
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set() or self.request.cancel.is_set()

    def emit(self, event: GenerationEvent) -> None:
        """Called by the engine only. After the terminal event nothing more is let through."""
        if self._ended:
            return
        self._ended = not isinstance(event, TextDelta)
        self._events.put(event)
