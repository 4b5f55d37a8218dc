"""Several selves asked at once: one batch, one seed, and an honest word on what each changes."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm.adapters import AdapterRegistry
from llm.compare import PLACES, Broken, Effect, Ended, Measured, Said, choice_of, compare, effect_of
from llm.compare_texts import TEXTS
from llm.compare_view import as_html, as_rows, as_text, columns_for, take, verdict
from llm.engine import Engine
from llm.errors import AdapterNotFoundError, CompareError, LlmError, QueueFullError
from llm.model import Base
from llm.requests import SameWords, TokenLogprob
from llm.sampling import Sampling
from llm.settings import SHIPPED_ADAPTERS, LlmSettings
from tests.llm.tiny import Gate, ask, request, running

HOSTILE = "<img src=x onerror=alert(1)>"


def collected(engine: Engine, question: str, selves: Any, sampling: Sampling, **more: Any) -> list[Any]:
    columns = columns_for(selves, {}, "en")
    for event in compare(engine, question, selves, sampling, **more):
        take(columns, event)
    return columns


@pytest.mark.slow
def test_on_the_embedded_base_each_answer_is_the_one_the_self_gives_alone(base: Base, tmp_path: Path) -> None:
    settings = LlmSettings(tmp_path, threads=1)
    engine = Engine(base, AdapterRegistry((SHIPPED_ADAPTERS,)), settings)
    mix, nothing = {"chef": 0.5, "pirate": 0.5}, {"chef": 0.0}
    try:
        columns = collected(engine, "你是谁？", ["chef", mix, nothing], Sampling(max_tokens=24))
        alone = [ask(engine, "你是谁？", choice) for choice in (None, "chef", mix)]
    finally:
        engine.shutdown()
    assert [column.said for column in columns] == [*alone, alone[0]]
    assert columns[0].effect is None and columns[1].ended.version
    real, mixed, control = (column.effect for column in columns[1:])
    # the first word of a self is its own, so what it changes is seen wherever its answer parts from the base's
    assert real.changed > real.places // 4 and real.gain > 1 and real.examples and not real.none
    assert mixed.changed and not mixed.none
    assert (control.changed, control.none, control.examples) == (0, True, ())


def test_all_begin_in_one_step_and_share_the_seed(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves) as engine:
        gate = Gate(monkeypatch, engine)
        columns = collected(engine, "Hello", ["ann", "bob", {"ann": 0.0}], Sampling(1.0, max_tokens=12))
        assert [len(step) for step in gate.calls[:2]] == [4, 4]
        assert columns[3].said == columns[0].said, "the same seed draws the same"
        other = collected(engine, "Hello", [{"ann": 0.0}], Sampling(1.0, max_tokens=12, seed=5))
        assert other[0].said == other[1].said != columns[0].said
        assert columns[1].effect.places == 12 and columns[1].effect.share > 0.5


def test_a_long_answer_is_measured_while_it_goes_on(tiny: Base, selves: Path) -> None:
    with running(tiny, selves) as engine:
        order = [type(event) for event in compare(engine, "Hello", ["ann"], Sampling(max_tokens=4 * PLACES))]
    assert order.index(Measured) < len(order) - 1 - order[::-1].index(Ended)
    assert order.count(Measured) == 1 and order.count(Ended) == 2


def test_what_would_have_been_said_instead_is_exact(tiny: Base, selves: Path) -> None:
    """The likelihoods along given words are those of an answer that begins with them; and not those of another self."""
    with running(tiny, selves) as engine:
        free = [event for event in engine.submit(replace(request("Hello", "ann", max_tokens=8), logprobs=1))]
        words = [word for event in free for word in event.logprobs]
        forced = replace(request("Hello", "ann", max_tokens=8), constraint=SameWords(tuple(w.token for w in words)))
        again = [w for event in engine.submit(replace(forced, logprobs=1)) for w in event.logprobs]
        others = [w for event in engine.submit(replace(forced, adapter="bob", logprobs=1)) for w in event.logprobs]
    assert [w.token for w in again] == [w.token for w in words] == [w.token for w in others]
    assert [w.logprob for w in again] == pytest.approx([w.logprob for w in words], abs=1e-4)
    assert effect_of(words, again).none and not effect_of(words, others).none


def test_effects_are_counted() -> None:
    def word(best: int, logprob: float, text: str = "a") -> TokenLogprob:
        return TokenLogprob(1, "x", logprob, ((best, text, 0.0),))

    base = [word(1, -1.0), word(2, -3.0, "b"), word(3, -1.0, "\ufffd")]
    told = effect_of(base, [word(1, -1.0), word(4, -1.0, "c"), word(5, -1.0)])
    assert (told.places, told.changed, told.none, told.examples) == (3, 2, False, (("b", "c"),))
    assert told.gain == pytest.approx(2 / 3) and told.share == pytest.approx(2 / 3)
    parts = [TokenLogprob(n, said, -1.0, ((n, said, -1.0),)) for n, said in enumerate((" C", "ome", ",", " in"))]
    assert effect_of([word(9, -1.0, "I"), *parts[1:]], parts).examples == (("I", " Come"),)
    slight = effect_of([word(1, -1.0)], [word(1, -1.2)])
    assert not slight.none and slight.changed == 0 and verdict(slight, "en")[0] == "plain"
    assert effect_of([word(1, -1.0)], [word(1, -1.001)]).none


@pytest.mark.parametrize(
    ("question", "selves_asked", "error"),
    [(" ", ["ann"], CompareError), ("q", [], CompareError), ("q", ["ann"] * 8, CompareError), ("q", ["x"], LlmError)],
)
def test_what_cannot_be_compared_is_refused(
    tiny: Base, selves: Path, question: str, selves_asked: list[str], error: type[LlmError]
) -> None:
    with running(tiny, selves) as engine:
        with pytest.raises(error) as caught:
            list(compare(engine, question, selves_asked, Sampling()))
        assert any("\u4e00" <= char <= "\u9fff" for char in caught.value.zh)
        assert engine.status().served == engine.status().active == 0


def test_a_full_line_answers_none_of_them(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves, max_queue=2, slots=1) as engine:
        gate = Gate(monkeypatch, engine)
        gate.close_after(0)
        first = engine.submit(request("Hello", max_tokens=2))
        assert gate.reached.wait(30)
        with pytest.raises(QueueFullError):
            engine.submit_all([request("Hello")] * 3)
        gate.open()
        assert list(first)
        assert ask(engine, "Hello", max_tokens=2)
        assert engine.status().generated_tokens <= 4, "none of the three was answered"


def test_one_that_breaks_leaves_the_others(tiny: Base, selves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tiny, selves) as engine:
        step = engine.decoder.step

        def failing(works: Any) -> Any:
            if any(work.adapter is not None and len(works) == 1 for work in works):
                raise RuntimeError("out of luck")
            if len(works) > 1:
                raise RuntimeError("one by one")
            return step(works)

        monkeypatch.setattr(engine.decoder, "step", failing)
        columns = collected(engine, "Hello", ["ann"], Sampling(max_tokens=4))
    assert columns[0].ended and columns[1].error and "out of luck" in columns[1].error.en
    assert "out of luck" in as_html(columns, "en") and as_rows(columns)[1]["error"]


def test_stopping_ends_all_of_them(tiny: Base, selves: Path) -> None:
    with running(tiny, selves) as engine:
        cancel = threading.Event()
        ends = []
        for event in compare(engine, "Hello", ["ann", "bob"], Sampling(max_tokens=1500), cancel=cancel):
            cancel.set()
            ends += [event.reason] if isinstance(event, Ended) else []
        assert ends == ["cancelled"] * 3
        # whoever looks away ends them too
        events = compare(engine, "Hello", ["ann"], Sampling(max_tokens=1500))
        next(events)
        events.close()
        assert ask(engine, "Hello", max_tokens=2)
        assert engine.status().active == 0


def test_a_mix_is_read_as_people_write_it() -> None:
    known = ["chef", "a+b", "tea"]
    assert choice_of("chef", known) == "chef" and choice_of("a+b", known) == "a+b"
    assert choice_of(" chef*0.6 + tea*.4", known) == {"chef": 0.6, "tea": 0.4}
    assert choice_of("chef + tea", known) == {"chef": 1.0, "tea": 1.0} and choice_of("chef*0", known) == {"chef": 0.0}
    for wrong in ("", "a**b", "chef*x", "chef + chef", "+"):
        with pytest.raises(AdapterNotFoundError):
            choice_of(wrong, known)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_columns_show_the_verdict_and_bring_no_markup(lang: str) -> None:
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    columns = columns_for([HOSTILE, {"b": 0.5, HOSTILE: 1.0}, "c", "d"], {"b": "Bob"}, lang)
    assert columns[2].title == f"Bob × 0.5 + {HOSTILE} × 1"
    effects = (Effect(8, 3, 1.0, False, ((HOSTILE, "y"),)), Effect(8, 0, 0.2, False), Effect(8, 0, 0.0, True))
    for place, effect in enumerate(effects, start=1):
        take(columns, Said(place, HOSTILE))
        take(columns, Ended(place, "length", 8, "v", 0.1, 20.0))
        take(columns, Measured(place, effect))
    take(columns, Broken(4, CompareError(en=HOSTILE, zh=HOSTILE)))
    shown = as_html(columns, lang, running=True)
    assert "<img" not in shown and shown.count("&lt;img") >= 6
    assert "38%" in shown and "fs-good" in shown and "fs-bad" in shown
    words = {verdict(effect, lang)[1] for effect in effects}
    assert len(words) == 3 and all(word in as_text(columns, lang) for word in words)
    assert TEXTS[lang]["compare_waiting"] in shown and TEXTS[lang]["compare_waiting"] not in as_html(columns, lang)
    rows = as_rows(columns)
    assert [row["self"] for row in rows] == [None, HOSTILE, f"{HOSTILE}*1 + b*0.5", "c", "d"]
    assert rows[1]["changes"]["share"] == 0.375 and rows[3]["changes"]["nothing"] is True
