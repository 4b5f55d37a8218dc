"""The same question to several selves at once, and how much each of them really changes what the base would say.

All answers are asked for together, with the same seed, so that they share each step. What a self changes is measured on
its own words: the base reads the question and the beginning of the self's answer, and tells at every place what it
would have said next. Two answers cannot be compared word by word: where they have parted, each goes on from its own.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llm.errors import AdapterNotFoundError, CompareError, LlmError
from llm.requests import (
    AdapterChoice,
    Finished,
    Generation,
    GenerationRequest,
    Reason,
    SameWords,
    TextDelta,
    TokenLogprob,
)
from llm.sampling import Sampling

if TYPE_CHECKING:
    from llm.engine import Engine

# Selves beside the base: with it they fit the slots there are by default.
MOST = 7
# Places at the beginning of an answer at which next words are compared.
PLACES = 32
# Nats by which a word's likelihood differs where nothing does: rounding, in bf16 and in another order of the batch.
ROUNDING = 0.1
# Pairs of words that are shown.
EXAMPLES = 3


@dataclass(frozen=True)
class Effect:
    """What a self changes at the first places of its answer.

    Attributes:
        places: at which next words were compared.
        changed: where its likeliest next word is another than the base's.
        gain: nats by which its words are likelier to it than to the base, on average.
        none: it changes nothing at all, not even how likely the words are.
        examples: (the base's likeliest word, its own) where they differ.
    """

    places: int
    changed: int
    gain: float
    none: bool
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def share(self) -> float:
        """Of the next words that are others, 0 to 1."""
        return self.changed / self.places


@dataclass(frozen=True)
class Said:
    """More of an answer; `place` 0 is the base, 1… the selves in order."""

    place: int
    text: str


@dataclass(frozen=True)
class Ended:
    """An answer's end; times as in `Finished`."""

    place: int
    reason: Reason
    tokens: int
    version: str
    ttft_s: float
    tokens_per_second: float


@dataclass(frozen=True)
class Measured:
    """What a self changes."""

    place: int
    effect: Effect


@dataclass(frozen=True)
class Broken:
    """This answer, or what its self changes, could not be finished; the others go on."""

    place: int
    error: LlmError


CompareEvent = Said | Ended | Measured | Broken


def compare(
    engine: Engine,
    question: str,
    selves: Sequence[AdapterChoice],
    sampling: Sampling,
    *,
    session: Hashable = None,
    cancel: threading.Event | None = None,
) -> Iterator[CompareEvent]:
    """Ask the base and `selves` the same; events come as they happen, those of all answers mixed.

    Args:
        selves: names, or mixes as {name: weight}.
        sampling: of all answers; without a seed of its own they share a fixed one.
        cancel: when set, every answer ends within a step.

    Raises:
        CompareError: nothing to ask, or nobody to ask, or too many.
        LlmError: as `Engine.submit_all`; nothing was answered then.
    """
    if not question.strip():
        raise CompareError(
            en="The question is empty. Nothing was asked; type one first.", zh="问题为空，没有提问；请先输入。"
        )
    if not 1 <= len(selves) <= MOST:
        raise CompareError(
            en=f"1 to {MOST} selves can be compared with the base, not {len(selves)}. Nothing was asked; choose again.",
            zh=f"可与基座比较的分身为 1 到 {MOST} 个，现在是 {len(selves)} 个，没有提问；请重新选择。",
        )
    cancel = cancel or threading.Event()
    if sampling.seed is None:
        sampling = replace(sampling, seed=0)
    message = {"role": "user", "content": question.strip()}
    asked = GenerationRequest((message,), sampling=sampling, session=session, cancel=cancel, logprobs=1)
    running = _Running(engine)
    try:
        running.begin([asked, *(replace(asked, adapter=choice) for choice in selves)])
        yield from _events(running, asked, selves)
    finally:
        running.cancel()


def _events(running: _Running, asked: GenerationRequest, selves: Sequence[AdapterChoice]) -> Iterator[CompareEvent]:
    words: dict[int, tuple[TokenLogprob, ...]] = dict.fromkeys(range(len(selves) + 1), ())
    base: dict[int, tuple[TokenLogprob, ...]] = {}
    for place, measuring, event in running:
        if isinstance(event, LlmError):
            yield Broken(place, event)
            continue
        if measuring:
            base[place] += event.logprobs
            if isinstance(event, Finished) and event.reason != "cancelled":
                yield Measured(place, effect_of(base[place], words[place]))
            continue
        if place not in base:
            words[place] = (words[place] + event.logprobs)[:PLACES]
        if isinstance(event, TextDelta):
            yield Said(place, event.text)
        else:
            speed = event.ttft_s, event.tokens_per_second
            yield Ended(place, event.reason, event.completion_tokens, event.adapter_version, *speed)
        enough = isinstance(event, Finished) or len(words[place]) == PLACES
        if place and place not in base and words[place] and enough and not asked.cancel.is_set():
            base[place] = ()
            tokens = tuple(word.token for word in words[place])
            reading = replace(asked, sampling=Sampling(max_tokens=len(tokens)), constraint=SameWords(tokens))
            try:
                running.begin([reading], place, measuring=True)
            except LlmError as error:
                yield Broken(place, error)


def effect_of(base: Sequence[TokenLogprob], own: Sequence[TokenLogprob]) -> Effect:
    """What a self changes, from the likelihoods of the same words, one or more, each with the likeliest there."""
    pairs = list(zip(base, own, strict=True))
    differ = [at for at, (one, other) in enumerate(pairs) if one.top[0][0] != other.top[0][0]]
    gains = [other.logprob - one.logprob for one, other in pairs]
    instead = [(base[at].top[0][1], _word(own, at)) for at in differ]
    # A part of a character cannot be shown.
    shown = [(theirs, mine) for theirs, mine in instead if "\ufffd" not in theirs + mine]
    return Effect(
        len(pairs),
        len(differ),
        sum(gains) / len(gains),
        not differ and max(map(abs, gains)) < ROUNDING,
        tuple(shown[:EXAMPLES]),
    )


def _word(said: Sequence[TokenLogprob], at: int) -> str:
    """What was likeliest there, with the rest of its word where it is a part of one that was said."""
    token, word, _ = said[at].top[0]
    if token == said[at].token:
        for later in said[at + 1 :]:
            if not (word[-1:].isascii() and word[-1:].isalpha() and later.text.isascii() and later.text.isalpha()):
                break
            word += later.text
    return word


class _Running:
    """Generations side by side; iterating gives (place, whether it measures, event or error) until all have ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._events: queue.SimpleQueue[tuple[int, bool, TextDelta | Finished | LlmError]] = queue.SimpleQueue()
        self._open: list[Generation] = []
        self._left = 0

    def begin(self, requests: Sequence[GenerationRequest], first: int = 0, *, measuring: bool = False) -> None:
        """Submit them together, for the places from `first` on."""
        generations = self._engine.submit_all(requests)
        self._open += generations
        self._left += len(generations)
        for place, generation in enumerate(generations, start=first):
            arguments = (place, measuring, generation)
            threading.Thread(target=self._follow, args=arguments, name="compare", daemon=True).start()

    def cancel(self) -> None:
        for generation in self._open:
            generation.cancel()

    def __iter__(self) -> Iterator[tuple[int, bool, TextDelta | Finished | LlmError]]:
        while self._left:
            place, measuring, event = self._events.get()
            if not isinstance(event, TextDelta):
                self._left -= 1
            yield place, measuring, event

    def _follow(self, place: int, measuring: bool, generation: Generation) -> None:
        try:
            for event in generation:
                self._events.put((place, measuring, event))
        except LlmError as error:
            self._events.put((place, measuring, error))


_PART = re.compile(r"\s*(?P<name>[^*]+?)\s*(?:\*\s*(?P<weight>-?[0-9]*\.?[0-9]+))?\s*")


def choice_of(written: str, known: Collection[str]) -> AdapterChoice:
    """A self as people write it: "chef", or the mix "chef*0.6 + tea*0.4" (a weight left out is 1).

    Args:
        known: names of the selves there are; one of them is never taken apart.

    Raises:
        AdapterNotFoundError: it cannot be read so.
    """
    if written in known:
        return written
    found = [_PART.fullmatch(part) for part in written.split("+")]
    parts = {match["name"]: float(match["weight"] or 1) for match in found if match}
    if None in found or len(parts) != len(found):
        raise AdapterNotFoundError(
            en=f"“{written}” is no self and no mix. Nothing was asked; write a name, or a mix like "
            "“chef*0.6 + tea*0.4”, each name once.",
            zh=f"“{written}”既不是分身也不是混合，因此没有提问；请写名称，或“chef*0.6 + tea*0.4”这样的混合，"
            "每个名称一次。",
        )
    return parts if len(parts) > 1 or "*" in written else written.strip()
