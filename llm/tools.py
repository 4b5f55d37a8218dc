"""Tool calls in text: the Hermes format of Qwen2.5 and Qwen3 (`<tool_call>{"name", "arguments"}</tool_call>`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

OPEN, CLOSE = "<tool_call>", "</tool_call>"


def tool_prompt(tools: list[dict[str, Any]]) -> str:
    """System prompt text that offers `tools` (OpenAI function schemas), for chat templates that cannot do it."""
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"<tools>\n{lines}\n</tools>\n\n"
        "For each function call, return a JSON object within <tool_call></tool_call> tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


@dataclass(frozen=True)
class ToolCall:
    """A call the model made; `arguments` is its JSON object."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class MalformedCall:
    """Text between the tags that is not a call."""

    text: str
    reason: str


class ToolCallParser:
    """Takes calls out of streamed text; what is not inside the tags passes through as soon as it cannot be a tag."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = False

    def push(self, text: str) -> tuple[str, list[ToolCall | MalformedCall]]:
        """(visible text, calls completed by `text`)."""
        self._held += text
        visible, calls = "", []
        while True:
            tag = CLOSE if self._inside else OPEN
            before, found, after = self._held.partition(tag)
            if not found:
                break
            if self._inside:
                calls.append(_parse(before))
            else:
                visible += before
            self._held, self._inside = after, not self._inside
        if not self._inside:
            keep = next(
                (n for n in range(min(len(self._held), len(OPEN) - 1), 0, -1) if OPEN.startswith(self._held[-n:])), 0
            )
            cut = len(self._held) - keep
            visible, self._held = visible + self._held[:cut], self._held[cut:]
        return visible, calls

    def finish(self) -> tuple[str, list[ToolCall | MalformedCall]]:
        """What is left when the answer ends; a call whose closing tag is missing still counts if it is whole."""
        rest, self._held = self._held, ""
        if self._inside and rest.strip():
            return "", [_parse(rest)]
        return ("" if self._inside else rest), []


def _parse(text: str) -> ToolCall | MalformedCall:
    try:
        value = json.loads(text)
    except ValueError as error:
        return MalformedCall(text, str(error))
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return MalformedCall(text, "no name")
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        return MalformedCall(text, "arguments are not an object")
    return ToolCall(value["name"], arguments)
