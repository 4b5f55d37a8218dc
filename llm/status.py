"""What the engine tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from llm.prefix import PrefixStats


@dataclass(frozen=True)
class PastError:
    """What went wrong with a request: when, in seconds since 1970, and what its reader was told."""

    at: float
    en: str
    zh: str


@dataclass(frozen=True)
class EngineStatus:
    """A snapshot for people and monitoring.

    Attributes:
        adapters: (name, version, MiB) of those in memory.
        last_errors: the last few, the newest last.
        batched: whether requests share forward passes; if not, `why_not_batched` names what the decoder lacks.
        weights_mb: of the base; `packed_mb` of them are a second copy, for speed.
        stack_mb: a second copy of adapters that answer together, for speed.
        kv_mb: keys and values of running requests; `prefix` tells of those that are kept for later ones.
    """

    base: str
    quantisation: str
    device: str
    active: int
    waiting: int
    served: int
    failed: int
    generated_tokens: int
    adapters: tuple[tuple[str, str, float], ...]
    last_errors: tuple[PastError, ...]
    slots: int
    steps: int
    batched: bool
    why_not_batched: str
    weights_mb: float
    packed_mb: float
    stack_mb: float
    kv_mb: float
    prefix: PrefixStats
