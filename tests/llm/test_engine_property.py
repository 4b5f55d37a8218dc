"""Anything may happen in any order: submit, cancel, fail, swap. Everyone gets exactly one end and nothing is left over.

The oracle answers one request at a time with transformers' own forward pass and the adapter's plain formula.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.adapters import AdapterRegistry
from llm.engine import Engine
from llm.errors import DeadlineError, LlmError, QueueFullError
from llm.lora import LoraWeights, load_weights
from llm.model import Base
from llm.requests import AdapterChoice, Failed, Finished, Generation, TextDelta
from llm.resident import parts_of
from llm.rowwise import RowDecoder
from llm.sampling import choose
from llm.settings import LlmSettings
from llm.steps import Work
from tests.llm.tiny import load_tiny, record_terminals, request, text_of, write_adapter

# The second begins like the first for more than a block, so that the prefix cache has something to give.
LONG = "Tell me about the river and the mountains. " * 12
PROMPTS = ("hi", "红烧肉要炖多久？", LONG + "Now?", LONG + "And then?", "word " * 300)
CHOICES: tuple[AdapterChoice, ...] = (None, "ann", "bob", {"ann": 0.5, "bob": 0.7}, "wild")
SAMPLINGS: tuple[dict[str, Any], ...] = ({}, {}, {"temperature": 1.0, "seed": 5}, {"repetition_penalty": 1.3})

submissions = st.tuples(
    st.just("submit"),
    st.integers(0, len(PROMPTS) - 1),
    st.integers(0, len(CHOICES) - 1),
    st.integers(0, len(SAMPLINGS) - 1),
    st.integers(1, 12),
    # Seconds in which it must have begun.
    st.sampled_from([None, None, 0.0, 0.01]),
)
operation = st.one_of(
    submissions,
    submissions,
    submissions,
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("raise"), st.integers(0, 5), st.integers(0, 6)),
    st.tuples(st.just("wait"), st.integers(0, 5)),
    st.tuples(st.just("swap"), st.sampled_from(["ann", "bob"]), st.integers(1, 3)),
)


class World:
    """An engine, its oracle, and what was asked of it.

    Attributes:
        ends: generation id -> terminal events.
        versions: of all adapters there have been.
        raising: generation id -> after how many tokens its steps raise.
    """

    def __init__(self, engine: Engine, oracle: RowDecoder, adapters: Path, ends: dict[int, list[Any]]) -> None:
        self.engine, self.oracle, self.base, self.adapters, self.ends = engine, oracle, engine.base, adapters, ends
        self.versions: dict[str, LoraWeights] = {}
        self.raising: dict[int, int] = {}

    def __repr__(self) -> str:
        return "World"

    def swap(self, name: str, seed: int) -> None:
        new = write_adapter(self.adapters.parent / "new", name, self.base, seed=seed * 10 + ord(name[0]))
        (new / "adapter_model.safetensors").replace(self.adapters / name / "adapter_model.safetensors")
        self.note(name)

    def note(self, name: str) -> None:
        weights = load_weights(self.engine.registry.get(name), self.base.device)
        self.versions[weights.version] = weights

    @functools.cache  # noqa: B019 (the world lives as long as the module)
    def answer(self, prompt: int, parts: tuple[tuple[str, float], ...], sampling: int, tokens: int) -> str:
        """The text of the whole answer, made alone; `parts` are versions and weights."""
        options = request(PROMPTS[prompt], max_tokens=tokens, **SAMPLINGS[sampling])
        adapter = self.oracle.adapter([(self.versions[v], weight) for v, weight in parts]) if parts else None
        row, made = self.oracle.memory.open(0), []
        random = torch.Generator().manual_seed(options.sampling.seed or 0)
        read = self.engine.prompt_ids(options)
        with torch.inference_mode():
            while len(made) < tokens and not (made and made[-1] in self.base.stop_ids):
                logits = self.oracle.step([Work(row, read, adapter)])[0]
                made.append(choose(logits, made, options.sampling, random))
                read = made[-1:]
        self.oracle.memory.close(row)
        return text_of(self.base, made)


@pytest.fixture(scope="module")
def world(tiny: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    adapters = tmp_path_factory.mktemp("world") / "adapters"
    for name in ("ann", "bob"):
        write_adapter(adapters, name, tiny, seed=ord(name[0]))
    write_adapter(adapters, "wild", tiny, seed=4, lora_alpha=1e38)
    patch = pytest.MonkeyPatch()
    ends = record_terminals(patch)
    small = LlmSettings(adapters, threads=1, slots=4, max_queue=12, adapter_memory_mb=0, prefix_memory_mb=1)
    engine = Engine(tiny, AdapterRegistry((adapters,)), small)
    world = World(engine, RowDecoder(load_tiny(tiny.folder)), adapters, ends)
    for name in ("ann", "bob"):
        world.note(name)
    step = engine.decoder.step

    def raising(works: Any) -> Any:
        rows = {id(work.row) for work in works}
        for answer in engine._answers:
            after = world.raising.get(answer.generation.id)
            if id(answer.row) in rows and after is not None and len(answer.tokens) >= after:
                raise RuntimeError("out of memory")
        return step(works)

    patch.setattr(engine.decoder, "step", raising)
    yield world
    engine.shutdown()
    patch.undo()


Asked = tuple[Generation, int, int, int, int, Any]


def _play(world: World, script: list[tuple[Any, ...]]) -> list[Asked]:
    """Run the script; the requests that were accepted."""
    asked: list[Asked] = []
    heard: dict[int, list[Any]] = {}
    for what, *values in script:
        if what == "submit":
            prompt, choice, sampling, tokens, timeout = values
            wanted = request(PROMPTS[prompt], CHOICES[choice], max_tokens=tokens, **SAMPLINGS[sampling])
            wanted = replace(wanted, timeout_s=timeout)
            try:
                asked.append((world.engine.submit(wanted), *values))
            except QueueFullError:
                assert world.engine.status().waiting >= 12
        elif what == "swap":
            world.swap(*values)
        elif asked:
            generation = asked[-1 - values[0] % len(asked)][0]
            if what == "cancel":
                generation.cancel()
            elif what == "raise":
                world.raising[generation.id] = values[1]
            elif generation.id not in heard:
                heard[generation.id] = _events(generation)
    for generation, *_ in asked:
        generation.heard = heard.get(generation.id) or _events(generation)  # type: ignore[attr-defined]
    return asked


def _events(generation: Generation) -> list[Any]:
    events: list[Any] = []
    try:
        events.extend(generation)
    except LlmError as error:
        events.append(error)
    return events


def _check(world: World, asked: list[Asked]) -> None:
    for generation, prompt, choice, sampling, tokens, timeout in asked:
        (end,) = world.ends[generation.id]
        events = generation.heard  # type: ignore[attr-defined]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        if isinstance(end, Failed):
            late = timeout is not None and isinstance(end.error, DeadlineError)
            assert late or CHOICES[choice] == "wild" or generation.id in world.raising, end.error
            continue
        assert isinstance(end, Finished)
        shares = [weight for _, weight in parts_of(CHOICES[choice])]
        if shares and not end.adapter_version:
            assert (end.reason, text) == ("cancelled", ""), "it had not begun"
            continue
        parts = tuple(zip(end.adapter_version.split("+"), shares, strict=True)) if shares else ()
        if CHOICES[choice] == "wild":
            assert end.reason == "cancelled" and text == ""
            continue
        right = world.answer(prompt, parts, sampling, tokens)
        if end.reason == "cancelled":
            assert right.startswith(text), (text, right)
        else:
            assert text == right, (PROMPTS[prompt][:20], CHOICES[choice], SAMPLINGS[sampling])
    _nothing_is_left(world)


def _nothing_is_left(world: World) -> None:
    engine = world.engine
    status = engine.status()
    assert (status.active, status.waiting, status.prefix.pinned) == (0, 0, 0)
    assert engine.decoder.memory.rows == []
    assert len(status.adapters) <= 1, "none is over the budget for longer than it is used"
    assert status.prefix.bytes <= status.prefix.budget
    assert bool(engine.decoder.memory.data.isfinite().all())


@settings(max_examples=30, deadline=None)
@given(st.lists(operation, min_size=20, max_size=40))
def test_whatever_happens_everyone_gets_their_own_answer_and_one_end(
    world: World, script: list[tuple[Any, ...]]
) -> None:
    _check(world, _play(world, script))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(operation, min_size=100, max_size=110))
def test_ten_thousand_operations(world: World, script: list[tuple[Any, ...]]) -> None:
    _check(world, _play(world, script))


def test_the_oracle_would_notice(world: World) -> None:
    """The negative control: another prompt, adapter, mix or seed is another answer."""
    ann, bob = list(world.versions)[:2]
    answers = [
        world.answer(1, (), 0, 12),
        world.answer(2, (), 0, 12),
        world.answer(3, (), 0, 12),
        world.answer(1, ((ann, 1.0),), 0, 12),
        world.answer(1, ((bob, 1.0),), 0, 12),
        world.answer(1, ((ann, 0.5), (bob, 0.7)), 0, 12),
        world.answer(1, ((ann, 0.7), (bob, 0.5)), 0, 12),
        world.answer(1, (), 2, 12),
    ]
    assert len(set(answers)) == len(answers)
