"""Tool calls in streamed text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.tools import CLOSE, OPEN, MalformedCall, ToolCall, ToolCallParser, tool_prompt

WEATHER = {"name": "weather", "arguments": {"city": "北京", "days": 2}}
CALL = OPEN + "\n" + json.dumps(WEATHER, ensure_ascii=False) + "\n" + CLOSE
PARSED = ToolCall("weather", {"city": "北京", "days": 2})


def _parse(pieces: list[str]) -> tuple[list[str], list[ToolCall | MalformedCall]]:
    parser = ToolCallParser()
    visible, calls = [], []
    for piece in pieces:
        text, found = parser.push(piece)
        visible.append(text)
        calls += found
    text, found = parser.finish()
    return [*visible, text], [*calls, *found]


def _cut(text: str, data: st.DataObject) -> list[str]:
    borders = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *borders], [*borders, len(text)], strict=True)]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_tag_never_leaks_wherever_the_text_is_cut(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from(["Hello ", CALL, "a < b ", "<tool", "_call", "> ", "天气"]), max_size=6))
    text = "".join(parts)
    outside = "".join(part for part in text.split(CALL))
    if OPEN in outside:
        return  # the parts made a tag of their own
    visible, calls = _parse(_cut(text, data))
    assert "".join(visible) == outside
    assert calls == [PARSED] * text.count(CALL)


def test_text_that_cannot_be_a_tag_is_not_held_back() -> None:
    assert _parse(["a <", "b", " <tool", "x"])[0] == ["a ", "<b", " ", "<toolx", ""]
    assert _parse(["a <tool_cal"])[0] == ["a ", "<tool_cal"]


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("not json", "Expecting value"),
        ('{"arguments": {}}', "no name"),
        ('{"name": 3}', "no name"),
        ("[1]", "no name"),
        ('{"name": "f", "arguments": [1]}', "arguments are not an object"),
    ],
)
def test_what_is_no_call_is_kept_as_malformed(inside: str, reason: str) -> None:
    visible, (call,) = _parse([f"x{OPEN}{inside}{CLOSE}y"])
    assert "".join(visible) == "xy"
    assert isinstance(call, MalformedCall)
    assert (call.text, reason in call.reason) == (inside, True)


def test_a_call_cut_off_at_the_end() -> None:
    assert _parse([CALL.removesuffix(CLOSE)]) == (["", ""], [PARSED])
    visible, (call,) = _parse([CALL[:40]])
    assert ("".join(visible), type(call)) == ("", MalformedCall)
    assert _parse([OPEN + "\n"]) == (["", ""], [])


def test_a_call_without_arguments() -> None:
    assert _parse([OPEN + '{"name": "now"}' + CLOSE])[1] == [ToolCall("now", {})]


def test_the_prompt_shows_every_tool_and_the_form_of_a_call() -> None:
    tools = [{"type": "function", "function": {"name": name, "description": "查天气"}} for name in ("one", "two")]
    prompt = tool_prompt(tools)
    assert all(json.dumps(tool, ensure_ascii=False) in prompt for tool in tools)
    assert OPEN in prompt
    assert CLOSE in prompt
