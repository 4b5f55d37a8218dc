"""What requests share, and what they must not: prompts read before, mixes, memory, and the waiting line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llm.errors import AdapterNotFoundError, DeadlineError, InvalidAdapterError
from llm.model import Base
from tests.llm.tiny import Gate, ask, collect, request, running, write_adapter

SYSTEM = "Tell me about the river, the mountains and whoever lives there. " * 10


def test_a_known_beginning_is_not_read_again(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves, prefix_memory_mb=0) as engine:
        right = {name: ask(engine, SYSTEM + "And then?", name) for name in (None, "ann", "bob")}
    with running(tiny, selves) as engine:
        for name in (None, "ann"):
            ask(engine, SYSTEM + "Why?", name)
        gate = Gate(monkeypatch, engine)
        for name in (None, "ann", "bob"):
            gate.calls.clear()
            assert ask(engine, SYSTEM + "And then?", name) == right[name]
            prompt = len(engine.prompt_ids(request(SYSTEM + "And then?")))
            read = sum(len(tokens) for step in gate.calls for tokens in step if len(tokens) > 1)
            # "bob" has read nothing yet: what others read is not his.
            assert read == prompt if name == "bob" else read < 64 < prompt, name
        assert engine.status().prefix.matched_tokens > 100


def test_a_new_version_does_not_use_what_the_old_one_read(tiny: Base, selves: Path) -> None:
    with running(tiny, selves) as engine:
        old = ask(engine, SYSTEM, "ann")
        write_adapter(selves, "ann", tiny, seed=77)
        new = ask(engine, SYSTEM, "ann")
    with running(tiny, selves) as engine:
        assert ask(engine, SYSTEM, "ann") == new != old


def test_the_second_turn_reads_only_what_is_new(tiny: Base, selves: Path) -> None:
    with running(tiny, selves) as engine:
        first = request(SYSTEM, "ann", max_tokens=40)
        answer, end = collect(engine.submit(first))
        follow = (*first.messages, {"role": "assistant", "content": answer}, {"role": "user", "content": "Why?"})
        before = engine.status().prefix
        collect(engine.submit(replace(first, messages=follow)))
        found = engine.status().prefix.matched_tokens - before.matched_tokens
    # The random text need not come back as the same tokens, the prompt does.
    assert found >= end.prompt_tokens - 40


def test_a_mix_is_the_sum_of_its_parts(tiny: Base, selves: Path) -> None:
    with running(tiny, selves) as engine:
        ann = ask(engine, SYSTEM, "ann")
        assert ask(engine, SYSTEM, {"ann": 1.0}) == ann == ask(engine, SYSTEM, {"ann": 1.0, "bob": 0.0})
        mixes = [ask(engine, SYSTEM, mix) for mix in ({"ann": 0.5, "bob": 0.7}, {"ann": 0.7, "bob": 0.5}, {"bob": 1})]
        assert len({ann, *mixes}) == 4
        assert ask(engine, SYSTEM, {}) == ask(engine, SYSTEM)
        _, end = collect(engine.submit(request(SYSTEM, {"bob": 0.7, "ann": 0.5})))
        versions = [engine.registry.get(name).version for name in ("ann", "bob")]
        assert end.adapter_version == "+".join(versions)
        assert ("ann*0.5 + bob*0.7", end.adapter_version) in [entry[:2] for entry in engine.status().adapters]
        with pytest.raises(AdapterNotFoundError):
            engine.submit(request(SYSTEM, {"ann": 1.0, "nobody": 0.1}))
        for weight in (float("nan"), float("inf"), True, "1"):
            with pytest.raises(InvalidAdapterError) as caught:
                engine.submit(request(SYSTEM, {"ann": weight}))  # type: ignore[dict-item]
            assert "ann" in caught.value.en and "ann" in caught.value.zh


def test_the_wild_do_not_reach_their_neighbours(tiny: Base, selves: Path) -> None:
    """NaN in one row's keys and values stays there, also when another takes its place."""
    write_adapter(selves, "wild", tiny, seed=4, lora_alpha=1e38)
    asked = [("hi", "ann"), ("Who are you?", "bob"), ("List three fish dishes.", None)]
    with running(tiny, selves, slots=4, prefix_memory_mb=0) as engine:
        alone = [ask(engine, *pair) for pair in asked]
        for _ in range(3):
            generations = [engine.submit(request(SYSTEM, "wild"))]
            generations += [engine.submit(request(*pair)) for pair in asked]
            generations += [engine.submit(request("hello", "wild"))]
            assert [collect(generation)[0] for generation in generations[1:4]] == alone
            for wild in (generations[0], generations[4]):
                with pytest.raises(Exception, match="not finite"):
                    collect(wild)
        assert engine.status().failed == 6


def test_who_does_not_fit_into_memory_waits(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves, kv_memory_mb=0, prefix_memory_mb=0) as engine:
        right = ask(engine, "hi", "ann")
        gate = Gate(monkeypatch, engine)
        generations = [engine.submit(request("hi", "ann")) for _ in range(3)]
        assert [collect(generation)[0] for generation in generations] == [right] * 3
        assert max(len(step) for step in gate.calls) == 1
        # Whoever is cancelled while they wait for memory hears of it, and does not block the line.
        gate.close_after(len(gate.calls) + 2)
        generations = [engine.submit(request("hi", "ann")) for _ in range(3)]
        assert gate.reached.wait(30)
        generations[1].cancel()
        gate.open()
        assert [collect(generation)[1].reason for generation in generations] == ["length", "cancelled", "length"]


def test_who_waited_too_long_is_told_so(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves, slots=1) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(3)
        first = engine.submit(request("hi"))
        assert gate.reached.wait(30)
        late = engine.submit(replace(request("hi"), timeout_s=0.0))
        patient = engine.submit(replace(request("hi"), timeout_s=600.0))
        gate.open()
        with pytest.raises(DeadlineError) as caught:
            collect(late)
        assert caught.value.zh
        assert collect(first)[1].reason == collect(patient)[1].reason == "length"
        assert (engine.status().failed, engine.status().served) == (1, 2)


def test_people_go_before_jobs_and_sessions_take_turns(
    tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tiny, selves, slots=1) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(0)
        blocking = engine.submit(request("hi", max_tokens=1))
        assert gate.reached.wait(30)
        line = [("job", "batch"), ("a", "interactive"), ("a", "interactive"), ("b", "interactive")]
        generations = [
            engine.submit(replace(request(f"{number}", max_tokens=1), session=session, priority=priority))
            for number, (session, priority) in enumerate(line)
        ]
        gate.open()
        for generation in (blocking, *generations):
            collect(generation)
        prompts = [engine.prompt_ids(request(f"{number}")) for number in range(len(line))]
        begun = [tokens for step in gate.calls for tokens in step][1:]
        order = [next(n for n, prompt in enumerate(prompts) if prompt[-len(tokens) :] == tokens) for tokens in begun]
    assert order == [1, 3, 2, 0]
