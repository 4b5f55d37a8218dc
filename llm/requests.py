"""What goes into the engine and what comes out: requests, events, and the handle of a running generation."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from llm.errors import LlmError
from llm.sampling import Sampling

_ids = itertools.count(1)


@dataclass(frozen=True)
class GenerationRequest:
    """One answer to be generated.

    Attributes:
        messages: OpenAI-style {"role", "content"} dicts, rendered with the base's chat template.
        adapter: name of the self, None for the plain base.
        tools: OpenAI-style function schemas for templates that render tools themselves.
        cancel: when set from outside, the request ends within a step.
    """

    messages: tuple[dict[str, Any], ...]
    adapter: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    tools: tuple[dict[str, Any], ...] = ()
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class TextDelta:
    """Text that became certain."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The one and last event of a request that ended well.

    `ttft_s` is measured from submission to the first token, queueing included; `tokens_per_second` over the
    decode steps after it.
    """

    reason: Literal["stop", "length", "cancelled"]
    adapter: str | None
    adapter_version: str
    prompt_tokens: int
    completion_tokens: int
    ttft_s: float
    total_s: float
    tokens_per_second: float


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
