"""What ends a request: exactly one terminal event each, whatever goes wrong, and the others go on."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.adapters import AdapterRegistry
from llm.engine import Engine
from llm.errors import (
    AdapterNotFoundError,
    EngineStoppedError,
    InvalidAdapterError,
    LlmError,
    QueueFullError,
)
from llm.model import Base
from llm.requests import Failed, Finished, Generation
from tests.llm.tiny import Gate, ask, collect, record_terminals, request, running, write_adapter

PROMPT = "Who are you?"


def _outcome(generation: Generation) -> str:
    try:
        return collect(generation)[1].reason
    except LlmError as error:
        return type(error).__name__


def _one_end_each(ends: dict[int, list[Any]], generations: list[Generation]) -> None:
    assert {generation.id: len(ends.get(generation.id, [])) for generation in generations} == {
        generation.id: 1 for generation in generations
    }


def test_cancel_ends_within_a_step_and_frees_the_slot(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tiny, selves, slots=1) as engine:
        event = threading.Event()
        step, calls = engine.decoder.step, []

        def counting(works: Any) -> Any:
            calls.append(1)
            if len(calls) == 7:
                event.set()
            return step(works)

        monkeypatch.setattr(engine.decoder, "step", counting)
        asked = request(PROMPT, max_tokens=900)
        generation = engine.submit(type(asked)(asked.messages, None, asked.sampling, cancel=event))
        text, end = collect(generation)
        assert (end.reason, end.completion_tokens, len(calls)) == ("cancelled", 7, 7)
        assert engine.status().active == 0
        monkeypatch.undo()
        assert text
        assert ask(engine, PROMPT, max_tokens=9).startswith(text), "what was written is kept"


def test_cancelling_one_request_leaves_the_callers_event_alone(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event may stand for several requests: ending one must not end the others."""
    shared = threading.Event()
    with running(tiny, selves) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(4)
        asked = request(PROMPT)
        pair = [engine.submit(type(asked)(asked.messages, None, asked.sampling, cancel=shared)) for _ in range(2)]
        assert gate.reached.wait(30)
        pair[0].cancel()
        gate.open()
        assert [_outcome(generation) for generation in pair] == ["cancelled", "length"]
        assert not shared.is_set()


def test_a_request_cancelled_while_it_waits_hears_of_it_at_once(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = record_terminals(monkeypatch)
    with running(tiny, selves, slots=1) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(4)
        first = engine.submit(request(PROMPT, max_tokens=2000))
        assert gate.reached.wait(30)
        waiting = engine.submit(request(PROMPT))
        waiting.cancel()
        gate.open()
        assert _outcome(waiting) == "cancelled"
        assert engine.status().active == 1, "the first is still running"
        first.cancel()
        assert _outcome(first) == "cancelled"
    _one_end_each(ends, [first, waiting])


def test_the_queue_is_bounded(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = record_terminals(monkeypatch)
    with running(tiny, selves, slots=1, max_queue=2) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(0)
        generations = [engine.submit(request(PROMPT))]
        assert gate.reached.wait(30)
        generations += [engine.submit(request(PROMPT)) for _ in range(2)]
        with pytest.raises(QueueFullError) as caught:
            engine.submit(request(PROMPT))
        assert "2" in caught.value.en
        assert "2" in caught.value.zh
        assert engine.status().waiting == 2
        gate.open()
        assert [_outcome(generation) for generation in generations] == ["length"] * 3
    _one_end_each(ends, generations)


def test_shutdown_ends_every_request(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = record_terminals(monkeypatch)
    with running(tiny, selves, slots=2) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(4)
        generations = [engine.submit(request(PROMPT, name)) for name in ("ann", "bob", "cat", None)]
        assert gate.reached.wait(30)
        stopping = threading.Thread(target=engine.shutdown)
        stopping.start()
        while not engine._stopping:
            pass
        gate.open()
        stopping.join(30)
        assert not stopping.is_alive()
        assert [_outcome(generation) for generation in generations] == ["EngineStoppedError"] * 4
        with pytest.raises(EngineStoppedError):
            engine.submit(request(PROMPT))
        engine.shutdown()
        assert (engine.status().active, engine.status().waiting) == (0, 0)
    _one_end_each(ends, generations)


@pytest.mark.parametrize(
    "error", [RuntimeError("out of memory\nmore"), KeyError("x"), MemoryError(), ValueError(""), TypeError("t")]
)
def test_an_exception_in_the_forward_pass_ends_one_request_only(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ends = record_terminals(monkeypatch)
    with running(tiny, selves) as engine:
        alone = {name: ask(engine, PROMPT, name) for name in ("ann", "bob")}
        bad_prompt = request("bad", "ann")
        bad_ids = engine.prompt_ids(bad_prompt)
        step, together = engine.decoder.step, []

        def failing(works: Any) -> Any:
            if any(bad_ids[-len(work.tokens) :] == work.tokens for work in works):
                together.append(len(works))
                raise error
            return step(works)

        monkeypatch.setattr(engine.decoder, "step", failing)
        before = engine.submit(request(PROMPT, "ann"))
        bad = engine.submit(bad_prompt)
        after = engine.submit(request(PROMPT, "bob"))
        with pytest.raises(EngineStoppedError) as caught:
            collect(bad)
        assert caught.value.zh
        assert "\n" not in caught.value.en
        assert collect(before)[0] == alone["ann"]
        assert collect(after)[0] == alone["bob"]
        assert together[-1] == 1
        assert (engine.status().failed, engine.status().active) == (1, 0)
        (told,) = engine.status().last_errors
        assert (told.en, told.zh) == (caught.value.en, caught.value.zh) and told.at <= time.time() < told.at + 600
    _one_end_each(ends, [before, bad, after])


def test_scores_that_are_not_finite_are_an_error(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bf16 can overflow under a wild adapter; sampling from NaN would answer nonsense."""
    write_adapter(selves, "wild", tiny, seed=4, lora_alpha=1e38)
    with running(tiny, selves) as engine:
        with pytest.raises(EngineStoppedError, match="not finite"):
            ask(engine, PROMPT, "wild")
        assert ask(engine, PROMPT, "ann") != ask(engine, PROMPT)


def _spoil(folder: Path, how: str) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "adapter_model.safetensors"
    if how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "gone":
        weights.unlink()
    else:
        tensors = load_file(weights)
        next(iter(tensors.values()))[0, 0] = torch.nan if how == "NaN" else torch.inf
        save_file(tensors, weights)


@pytest.mark.parametrize("how", ["truncated", "gone", "NaN", "infinite"])
def test_an_adapter_damaged_after_the_check_ends_its_request_only(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ends = record_terminals(monkeypatch)
    # With room for one adapter, "bob" is loaded again when his turn comes, on the engine's thread.
    with running(tiny, selves, adapter_memory_mb=0, slots=1) as engine:
        right = ask(engine, PROMPT, "ann")
        gate = Gate(monkeypatch, engine)
        gate.close_after(0)
        pair = [engine.submit(request(PROMPT, name)) for name in (None, "bob", "ann")][1:]
        get = engine.registry.get

        def get_and_spoil(name: str) -> Any:
            info = get(name)
            if name == "bob" and threading.current_thread().name == "engine":
                _spoil(selves / "bob", how)
            return info

        monkeypatch.setattr(engine.registry, "get", get_and_spoil)
        gate.open()
        with pytest.raises(InvalidAdapterError) as caught:
            collect(pair[0])
        assert "bob" in caught.value.en
        assert "bob" in caught.value.zh
        assert collect(pair[1])[0] == right
        with pytest.raises(InvalidAdapterError):
            engine.submit(request(PROMPT, "bob"))
    _one_end_each(ends, pair)


def test_an_adapter_replaced_after_the_check_is_checked_anew(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tiny, selves, adapter_memory_mb=0, slots=1) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(0)
        ann = [engine.submit(request(PROMPT, name)) for name in (None, "ann", "bob")][1]
        get, replaced = engine.registry.get, threading.Event()

        def get_and_replace(name: str) -> Any:
            info = get(name)
            if threading.current_thread().name == "engine" and not replaced.is_set():
                replaced.set()
                write_adapter(selves, "ann", tiny, seed=50, rank=7)
            return info

        monkeypatch.setattr(engine.registry, "get", get_and_replace)
        gate.open()
        text, end = collect(ann)
        monkeypatch.undo()
        assert end.adapter_version == engine.registry.get("ann").version
        assert text == ask(engine, PROMPT, "ann")
        assert [version for _, version, _ in engine.status().adapters] == [end.adapter_version]


def test_what_cannot_be_answered_is_refused_at_once(tiny: Base, selves: Path) -> None:
    (selves / "bob" / "adapter_model.safetensors").write_bytes(b"no")
    with running(tiny, selves) as engine:
        with pytest.raises(AdapterNotFoundError) as unknown:
            engine.submit(request(PROMPT, "nobody"))
        assert "ann" in unknown.value.en
        assert "nobody" in unknown.value.zh
        with pytest.raises(InvalidAdapterError):
            engine.submit(request(PROMPT, "bob"))
        assert engine.status().waiting == engine.status().active == 0


def test_an_adapter_of_another_base_never_answers(tiny: Base, selves: Path) -> None:
    write_adapter(selves, "alien", tiny, seed=9)
    (selves / "alien" / "passport.json").write_text('{"base_fingerprint": "0123"}', encoding="utf-8")
    with running(tiny, selves) as engine, pytest.raises(InvalidAdapterError, match="another base"):
        ask(engine, PROMPT, "alien")


def test_a_terminal_event_is_the_last_one(tiny: Base) -> None:
    generation = Generation(request(PROMPT))
    error = EngineStoppedError(en="e", zh="z")
    generation.emit(Failed(error))
    generation.emit(Failed(error))
    with pytest.raises(EngineStoppedError):
        list(generation)
    assert generation._events.empty()


def test_stop_tokens_and_stop_strings_end_an_answer(engine: Engine) -> None:
    text, end = collect(engine.submit(request("你好", max_tokens=60)))
    assert end.reason == "stop"
    assert len(text) > 6
    short, end = collect(engine.submit(request("你好", max_tokens=60, stop=(text[3:6],))))
    assert (short, end.reason) == (text[:3], "stop")
    assert isinstance(end, Finished)
    assert end.prompt_tokens == len(engine.prompt_ids(request("你好")))
    assert 0 <= end.ttft_s <= end.total_s


def test_the_registry_is_bound_to_the_base(tiny: Base, selves: Path) -> None:
    registry = AdapterRegistry((selves,))
    assert registry.get("ann").valid
    engine = Engine(tiny, registry, _settings(selves))
    engine.shutdown()
    registry.bind("another", {"model.layers.0.self_attn.q_proj": (8, 8)})
    assert not next(info for info in registry.scan() if info.name == "ann").valid


def _settings(folder: Path) -> Any:
    from llm.settings import LlmSettings

    return LlmSettings(folder)
