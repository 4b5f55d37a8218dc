"""Promised forms and log-probabilities through the real engine, and through LangChain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from llm.chat_model import AdapterChatModel
from llm.engine import Engine
from llm.errors import ConstraintError
from llm.grammar import Grammar
from llm.model import Base
from llm.requests import Finished, GenerationRequest, JsonAnswer, TextDelta, TokenLogprob, ToolCalls
from tests.llm.constrained import NOW, WEATHER, Dish, generate
from tests.llm.tiny import collect, request, running

QUESTION = "红烧肉怎么做？"
DISH = Dish.model_json_schema()


class Level(BaseModel):
    level: Literal["easy", "hard"]
    hours: int = Field(ge=0, le=9)


@tool
def weather(city: str, days: int = 1) -> str:
    """How the weather will be in a city."""
    return f"{city}: sunny for {days} days"


@pytest.fixture
def model(engine: Engine) -> AdapterChatModel:
    return AdapterChatModel(engine=engine, max_tokens=120)


def held(constraint: Any, **options: Any) -> GenerationRequest:
    return replace(request(QUESTION, max_tokens=120), constraint=constraint, **options)


def test_the_engine_writes_what_the_model_alone_would_under_the_same_form(tiny: Base, selves: Any) -> None:
    small = {"type": "object", "properties": {"a": {"enum": ["红", "绿", "blue"]}, "n": {"maximum": 99, "minimum": 0}}}
    small["properties"]["n"]["type"] = "integer"  # type: ignore[index]
    small["required"] = ["a", "n"]
    alone, ended = generate(tiny, request("x", max_tokens=60), Grammar(tiny.tokenizer, tiny.stop_ids).schema(small))
    assert ended
    with running(tiny, selves) as engine:
        text, end = collect(engine.submit(replace(request("x", max_tokens=60), constraint=JsonAnswer(small))))
    assert (text, end.reason) == (alone, "stop")


def test_forms_selves_and_free_text_in_the_same_steps(tiny: Base, selves: Any) -> None:
    """In fp32, so that the tokens of each are the same whoever else is in the batch."""
    asked = [held(None), held(JsonAnswer(DISH)), held(ToolCalls((WEATHER, NOW), required=True), tools=(WEATHER, NOW))]
    asked += [replace(one, adapter="ann") for one in asked]
    with running(tiny, selves) as engine:
        alone = [collect(engine.submit(one))[0] for one in asked]
        together = [collect(generation)[0] for generation in [engine.submit(one) for one in asked]]
    assert together == alone
    for text in (alone[1], alone[4]):
        Dish.model_validate_json(text)
    assert all(text.startswith("<tool_call>") and text.endswith("</tool_call>") for text in (alone[2], alone[5]))
    assert alone[1] != alone[4], "the self has a say"


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_sampling_stays_inside_the_form(engine: Engine, temperature: float) -> None:
    sampling = replace(held(None).sampling, temperature=temperature, seed=5, repetition_penalty=1.3, top_p=0.9)
    text, end = collect(engine.submit(held(JsonAnswer(DISH), sampling=sampling)))
    Dish.model_validate_json(text)
    assert end.reason == "stop"


def test_a_form_that_cannot_be_promised_is_refused_at_once(engine: Engine) -> None:
    with pytest.raises(ConstraintError):
        engine.submit(held(JsonAnswer({"type": "strin"})))
    assert engine.status().waiting == engine.status().active == 0


@pytest.mark.parametrize("constraint", [None, JsonAnswer(DISH)])
def test_a_log_probability_for_every_token(engine: Engine, constraint: Any) -> None:
    events = list(engine.submit(held(constraint, logprobs=3)))
    found: list[TokenLogprob] = [one for event in events for one in event.logprobs]
    end = events[-1]
    assert isinstance(end, Finished) and len(found) == end.completion_tokens > 5
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    tokens = [one.token for one in found if one.token not in engine.base.stop_ids]
    assert engine.base.tokenizer.decode(tokens) == text
    for one in found:
        assert one.logprob <= 0 and len(one.top) == 3
        assert [value for *_, value in one.top] == sorted((value for *_, value in one.top), reverse=True)
    likeliest = [one.token == one.top[0][0] for one in found]
    # By the model's own scores: under a form it has to write what it would not.
    assert all(likeliest) == (constraint is None)
    assert not any(event.logprobs for event in engine.submit(held(constraint)))


# --- LangChain


class Card(TypedDict):
    """A card."""

    level: Literal["easy", "hard"]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (Level, Level),
        (Level.model_json_schema(), dict),
        ({"type": "object", "properties": {"level": {"enum": ["easy", "hard"]}}, "required": ["level"]}, dict),
        (Card, dict),
        ({"name": "card", "description": "A card.", "parameters": Level.model_json_schema()}, dict),
    ],
)
def test_structured_output(model: AdapterChatModel, schema: Any, kind: type) -> None:
    result: Any = model.with_structured_output(schema).invoke(QUESTION)
    assert type(result) is kind
    assert (result["level"] if isinstance(result, dict) else result.level) in ("easy", "hard")


def test_structured_output_that_was_cut_off_is_an_error(model: AdapterChatModel) -> None:
    with pytest.raises(ConstraintError, match="max_tokens"):
        model.with_structured_output(Dish).invoke(QUESTION, max_tokens=3)
    raw = model.with_structured_output(Dish, include_raw=True).invoke(QUESTION, max_tokens=3)
    assert raw["parsed"] is None and isinstance(raw["parsing_error"], ConstraintError)
    assert raw["raw"].response_metadata["finish_reason"] == "length"
    whole = model.with_structured_output(Dish, include_raw=True).invoke(QUESTION)
    assert isinstance(whole["parsed"], Dish) and whole["parsing_error"] is None


def test_a_rule_that_no_schema_holds_is_an_error(model: AdapterChatModel) -> None:
    class Never(Level):
        @field_validator("hours")
        @classmethod
        def no(cls, value: int) -> int:
            raise ValueError("never is it right")

    with pytest.raises(ConstraintError, match="never is it right"):
        model.with_structured_output(Never).invoke(QUESTION)


def test_only_the_one_method(model: AdapterChatModel) -> None:
    model.with_structured_output(Level, method="json_schema", strict=True)
    with pytest.raises(ValueError, match="function_calling"):
        model.with_structured_output(Level, method="function_calling")


@pytest.mark.slow
def test_strict_tools_and_forced_calls(model: AdapterChatModel) -> None:
    @tool
    def now() -> str:
        """What time it is."""
        return "12:00"

    for choice, names in (("any", {"weather", "now"}), ("required", {"weather", "now"}), ("now", {"now"})):
        bound = model.bind_tools([weather, now], strict=True, tool_choice=choice)
        for seed in range(3):
            answer = bound.invoke(QUESTION, temperature=1.5, seed=seed, max_tokens=60)
            if answer.response_metadata["finish_reason"] == "stop":
                (call,) = answer.tool_calls
                assert call["name"] in names and not answer.content and not answer.invalid_tool_calls
                {"weather": weather, "now": now}[call["name"]].invoke(call)
            else:
                assert answer.invalid_tool_calls and not answer.tool_calls
    free = model.bind_tools([weather], strict=True).invoke("Hello!")
    assert free.content or free.tool_calls


def test_log_probabilities_come_with_the_last_chunk(model: AdapterChatModel) -> None:
    answer = model.invoke(QUESTION, logprobs=2)
    content = answer.response_metadata["logprobs"]["content"]
    assert len(content) == answer.usage_metadata["output_tokens"]  # type: ignore[index]
    assert {"token", "logprob", "top_logprobs"} == set(content[0]) and len(content[0]["top_logprobs"]) == 2
    json.dumps(content)
    assert "logprobs" not in model.invoke(QUESTION).response_metadata
