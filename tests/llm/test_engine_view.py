"""What the engine tells of itself, as values, text and HTML, from a real engine's status."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llm.engine import Engine
from llm.engine_view import Look, as_html, as_text, errors, facts, rows, tokens_per_second
from llm.model import Base
from llm.status import EngineStatus
from llm.texts import TEXTS
from tests.llm.pages import Page
from tests.llm.tiny import ask, running

LANGS = ("en", "zh")


@pytest.fixture(scope="module")
def status(tiny: Base, tmp_path_factory: pytest.TempPathFactory) -> EngineStatus:
    """After two questions that begin alike, one of them to a self."""
    from tests.llm.tiny import write_adapter

    folder = tmp_path_factory.mktemp("adapters")
    write_adapter(folder, "ann", tiny, seed=1)
    with running(tiny, folder) as engine:
        for adapter in (None, None, "ann"):
            ask(engine, "word " * 50, adapter)
        return _at_rest(engine)


def _at_rest(engine: Engine) -> EngineStatus:
    import time

    for _ in range(500):
        if not engine.status().active:
            break
        time.sleep(0.01)
    return engine.status()


def test_facts_are_plain_values_of_everything(status: EngineStatus) -> None:
    found = facts(status, 12.34)
    assert json.loads(json.dumps(found))["tokens_per_second"] == 12.3
    assert (found["served"], found["failed"], found["active"], found["waiting"]) == (3, 0, 0, 0)
    assert [one["name"] for one in found["adapters"]] == ["ann"]
    assert found["prefix"]["hits"] == 1 and found["prefix"]["matched_tokens"] > 0
    assert set(EngineStatus.__dataclass_fields__) <= set(found)


@pytest.mark.parametrize("lang", LANGS)
def test_text_and_page_show_the_same(status: EngineStatus, lang: str) -> None:
    found = json.loads(json.dumps(facts(status, 12.3)))
    shown, page = as_text(found, lang), Page(as_html(found, lang))
    assert len(rows(found, lang)) == 6
    for row in rows(found, lang):
        for part in row:
            assert part in shown and part in page.text
    for part in ("ann", status.adapters[0][1][:10], TEXTS[lang]["engine_no_errors"]):
        assert part in shown and part in page.text
    assert not page.open


def test_where_numbers_come_from(status: EngineStatus) -> None:
    prefix = replace(status.prefix, hits=3, misses=1, matched_tokens=30, asked_tokens=40, bytes=2**21, budget=2**23)
    busy = replace(status, active=2, slots=8, waiting=5, prefix=prefix, weights_mb=100.0, kv_mb=7.0, stack_mb=1.0)
    values = {row.label: row for row in rows(facts(busy, 99.6), "en")}
    assert values["Answering"].value == "2 of 8"
    assert values["Waiting"].value == "5"
    assert values["Tokens per second"].value == "100"
    assert values["Prompt tokens from the cache"][1:] == ("75%", "3 of 4 prompts, 2 of 8 MiB")
    assert values["Memory"].value == "110 MiB"
    assert "share" in values["Base"].detail
    lame = replace(busy, batched=False, why_not_batched="no fast form")
    assert "no fast form" in rows(facts(lame, 0), "en")[0].detail
    fresh = replace(status, prefix=replace(prefix, asked_tokens=0))
    assert "0%" in as_text(facts(fresh, 0), "zh")


@pytest.mark.parametrize("lang", LANGS)
def test_errors_newest_first_in_the_readers_language(status: EngineStatus, lang: str) -> None:
    found = {
        **facts(status, 0),
        "last_errors": [{"at": 0.0, "en": "old", "zh": "旧"}, {"at": 60.0, "en": "b", "zh": "新"}],
    }
    old, new = ("旧", "新") if lang == "zh" else ("old", "b")
    assert [line.split("  ")[1] for line in errors(found, lang)] == [new, old]
    assert as_text(found, lang).index(new) < as_text(found, lang).rindex(old)
    assert errors(facts(status, 0), lang) == []


def test_names_and_errors_are_only_text(status: EngineStatus) -> None:
    bad = "<img src=x onerror=alert(1)>"
    hostile = replace(status, base=bad, adapters=((bad, bad, 1.0),))
    found = {**facts(hostile, 0), "last_errors": [{"at": 0.0, "en": bad, "zh": bad}]}
    page = Page(as_html(found, "en"))
    assert "img" not in page.elements and page.text.count(bad) == 3


def test_speed_between_looks() -> None:
    assert tokens_per_second(None, Look(5.0, 100)) == 0
    assert tokens_per_second(Look(3.0, 40), Look(5.0, 100)) == 30
    assert tokens_per_second(Look(5.0, 40), Look(5.0, 100)) == 0
    assert tokens_per_second(Look(3.0, 400), Look(5.0, 100)) == 0, "another engine since"


def test_both_languages_say_the_same_things() -> None:
    import string

    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    keys = {lang: {key for key in TEXTS[lang] if key.startswith("engine_")} for lang in LANGS}
    assert keys["en"] == keys["zh"] and len(keys["en"]) > 15
    assert all(fields(TEXTS["en"][key]) == fields(TEXTS["zh"][key]) for key in keys["en"])
