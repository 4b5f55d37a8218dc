"""Tools bound to the chat model: what the prompt says of them, and what becomes of the model's calls.

The embedded base does not call tools reliably, so the words are put into its mouth where the engine's would come; the
prompt, the template, the parser and LangChain are the real ones.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from llm.chat_model import AdapterChatModel
from llm.engine import Engine
from llm.requests import Finished, Generation, GenerationRequest, TextDelta, ToolCalls

QUESTION = "Who are you?"


@pytest.fixture
def model(engine: Engine) -> AdapterChatModel:
    return AdapterChatModel(engine=engine, max_tokens=16)


@tool
def weather(city: str, days: int = 1) -> str:
    """How the weather will be in a city."""
    return f"{city}: sunny for {days} days"


def _scripted(monkeypatch: pytest.MonkeyPatch, engine: Engine, pieces: list[str]) -> list[GenerationRequest]:
    """Let the engine take requests as ever, and put these words into the model's mouth."""
    asked: list[GenerationRequest] = []

    def submit(request: GenerationRequest) -> Generation:
        asked.append(request)
        engine.prompt_ids(request)
        generation = Generation(request)
        for piece in pieces:
            generation.emit(TextDelta(piece))
        generation.emit(Finished("stop", None, "", 5, 7, 0.1, 0.2, 9.0))
        return generation

    monkeypatch.setattr(engine, "submit", submit)
    return asked


def test_the_prompt_offers_the_tools(model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _scripted(monkeypatch, model.engine, ["ok"])
    model.bind_tools([weather]).invoke([SystemMessage("Be kind."), HumanMessage(QUESTION)])
    model.bind_tools([weather]).invoke(QUESTION)
    model.invoke(QUESTION)
    # Through the base's own template where it knows tools, else through our system prompt: what counts is the prompt.
    read = model.engine.base.tokenizer.decode
    with_system, without, plain = (read(model.engine.prompt_ids(request)) for request in asked)
    assert "Be kind.\n\n# Tools" in with_system
    for prompt in (with_system, without):
        assert '"name": "weather"' in prompt
        assert "How the weather will be in a city." in prompt
        assert '"days"' in prompt
    assert without.count("<|im_start|>system") == 1 and without.count("<|im_start|>user") == 1
    assert QUESTION in plain and "weather" not in plain


def test_a_template_that_knows_tools_is_given_them(model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = model.engine.base.tokenizer
    template = "{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}" + tokenizer.chat_template
    monkeypatch.setattr(tokenizer, "chat_template", template)
    asked = _scripted(monkeypatch, model.engine, ["ok"])
    model.bind_tools([weather]).invoke(QUESTION)
    (request,) = asked
    assert [m["content"] for m in request.messages] == [QUESTION]
    prompt = tokenizer.decode(model.engine.prompt_ids(request))
    assert prompt.startswith("<weather>")


CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "北京"}}\n</tool_call>'


def test_calls_come_back_as_tool_calls(model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    _scripted(monkeypatch, model.engine, list("Let me see. " + CALL + CALL))
    bound = model.bind_tools([weather])
    answer = bound.invoke(QUESTION)
    assert answer.content == "Let me see. "
    assert [(c["name"], c["args"]) for c in answer.tool_calls] == [("weather", {"city": "北京"})] * 2
    assert len({c["id"] for c in answer.tool_calls}) == 2
    assert not answer.invalid_tool_calls
    assert weather.invoke(answer.tool_calls[0]).content == "北京: sunny for 1 days"
    chunks: list[Any] = list(bound.stream(QUESTION))
    assert not any("<" in str(chunk.content) for chunk in chunks)
    joined: Any = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    assert [(c["name"], c["args"]) for c in joined.tool_calls] == [("weather", {"city": "北京"})] * 2
    assert chunks[-1].usage_metadata["output_tokens"] == 7


@pytest.mark.parametrize(
    "inside", ["not json", '{"nome": "weather"}', '{"name": "weather", "arguments": {"city": "北', "[1, 2]"]
)
def test_a_malformed_call_is_an_invalid_tool_call(
    model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    _scripted(monkeypatch, model.engine, ["So: ", "<tool_call>", inside, "</tool_call>"])
    bound = model.bind_tools([weather])
    chunks: list[Any] = list(bound.stream(QUESTION))
    joined: Any = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    for answer in (bound.invoke(QUESTION), joined):
        assert not answer.tool_calls
        (call,) = answer.invalid_tool_calls
        assert inside in str(call["args"])
        assert answer.content == "So: "


def test_without_tools_a_tag_is_only_text(model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    _scripted(monkeypatch, model.engine, [CALL])
    answer = model.invoke(QUESTION)
    assert (answer.content, answer.tool_calls) == (CALL, [])


def test_a_call_and_its_result_go_back_into_the_prompt(
    model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _scripted(monkeypatch, model.engine, ["It will be sunny."])
    call = {"name": "weather", "args": {"city": "北京"}, "id": "call_1", "type": "tool_call"}
    history = [
        HumanMessage("天气？"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("北京: sunny", tool_call_id="call_1"),
    ]
    model.bind_tools([weather]).invoke(history)
    user, assistant, result = asked[0].messages[-3:]
    assert user == {"role": "user", "content": "天气？"}
    assert assistant == {"role": "assistant", "content": CALL}
    assert result == {"role": "user", "content": "<tool_response>\n北京: sunny\n</tool_response>"}


def test_a_call_can_be_forced_only_where_its_form_is_promised(model: AdapterChatModel) -> None:
    for choice in ("any", "required", "weather"):
        with pytest.raises(ValueError, match="strict"):
            model.bind_tools([weather], tool_choice=choice)
        model.bind_tools([weather], tool_choice=choice, strict=True)
    with pytest.raises(ValueError, match="no tool"):
        model.bind_tools([weather], tool_choice="nothing", strict=True)
    model.bind_tools([weather], tool_choice="auto")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, None),
        ({"strict": True}, False),
        ({"strict": True, "tool_choice": "auto"}, False),
        ({"strict": True, "tool_choice": "weather"}, True),
    ],
)
def test_what_the_engine_is_asked_to_hold_the_answer_to(
    model: AdapterChatModel, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], wanted: bool | None
) -> None:
    asked = _scripted(monkeypatch, model.engine, ["ok"])
    bound = model.bind_tools([weather], **options)
    bound.invoke(QUESTION, session="me", priority="batch", adapter={"ann": 0.5, "bob": 0.5})
    (request,) = asked
    assert (request.session, request.priority, request.adapter) == ("me", "batch", {"ann": 0.5, "bob": 0.5})
    if wanted is None:
        assert request.constraint is None
    else:
        assert isinstance(request.constraint, ToolCalls) and request.constraint.required is wanted
        assert [entry["function"]["name"] for entry in request.constraint.tools] == ["weather"]
