"""Tool calls held to their form, on tokenizers whose tags are special tokens, plain tokens, or no tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llm.errors import ConstraintError
from llm.grammar import Grammar
from llm.model import Base
from llm.settings import EMBEDDED_BASE
from llm.tools import CLOSE, OPEN, ToolCall, ToolCallParser
from tests.llm.constrained import NOW, WEATHER, babble, fits, generate
from tests.llm.tiny import request

STOP = (0, 2)
CALL = OPEN + '\n{"name": "weather", "arguments": {"city": "北京"}}\n' + CLOSE


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(EMBEDDED_BASE)


@pytest.fixture(scope="module", params=["special tags", "plain tags", "no tags"])
def any_tokenizer(tokenizer: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The base's tokenizer (its tool tags are special tokens), and as those of other bases are."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    stored = json.loads(tokenizer.backend_tokenizer.to_str())
    for token in [t for t in stored["added_tokens"] if t["content"] in (OPEN, CLOSE)]:
        if request.param == "plain tags":
            token["special"] = False
        elif request.param == "no tags":
            stored["added_tokens"].remove(token)
            stored["model"]["vocab"][f"unused{token['id']}"] = stored["model"]["vocab"].pop(token["content"])
    backend = Tokenizer.from_str(json.dumps(stored))
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    assert (len(made(OPEN)["input_ids"]) > 1) == (request.param == "no tags")
    yield made


@pytest.mark.parametrize("spelled", [False, True])
def test_free_text_with_whole_calls(any_tokenizer: Any, spelled: bool) -> None:
    grammar = Grammar(any_tokenizer, STOP)
    now = OPEN + '\n{"name": "现在", "arguments": {}}\n' + CLOSE
    for text in ("你好 a < b, <tool", CALL, "Let me see.\n" + CALL, CALL + "\n" + now + " Done."):
        constraint = grammar.tools([WEATHER, NOW])
        assert fits(constraint, any_tokenizer, text, spelled=spelled) == text
        constraint.accept(2)
        assert constraint.finished


@pytest.mark.parametrize("spelled", [False, True])
@pytest.mark.parametrize(
    "inside",
    [
        "garbage",
        '\n{"name": "nobody"',
        '\n{"name": "weather", "arguments": {}}',
        '\n{"name": "weather", "arguments": {"city": 3',
        '\n{"name": "weather", "arguments": {"city": "a", "town": "b"',
        '\n{"name": "现在", "arguments": {"city"',
        '\n{"name": "现在", "arguments": {}}' + CLOSE,
    ],
)
def test_a_call_of_another_form_cannot_be_written(any_tokenizer: Any, inside: str, spelled: bool) -> None:
    constraint = Grammar(any_tokenizer, STOP).tools([WEATHER, NOW])
    text = "So: " + OPEN + inside
    written = fits(constraint, any_tokenizer, text, spelled=spelled)
    assert written.startswith("So: " + OPEN) and len(written) < len(text)
    with pytest.raises(ValueError):
        constraint.accept(2)  # nor can the answer end there


def test_a_forced_call_is_all_there_is(any_tokenizer: Any) -> None:
    grammar = Grammar(any_tokenizer, STOP)
    assert fits(grammar.tools([WEATHER], required=True), any_tokenizer, "Hello") == ""
    constraint = grammar.tools([WEATHER], required=True)
    assert fits(constraint, any_tokenizer, CALL) == CALL and constraint.finished


@pytest.mark.parametrize("seed", range(12))
def test_random_tokens_make_calls_of_the_bound_tools(any_tokenizer: Any, seed: int) -> None:
    constraint = Grammar(any_tokenizer, STOP).tools([WEATHER, NOW], required=True)
    parser = ToolCallParser()
    visible, (call,) = parser.push(babble(constraint, any_tokenizer, seed=seed))
    assert (visible, parser.finish()) == ("", ("", []))
    assert isinstance(call, ToolCall) and call.name in ("weather", "现在")
    if call.name == "weather":
        assert set(call.arguments) in ({"city"}, {"city", "days"}) and len(call.arguments["city"]) <= 8
        assert call.arguments.get("days", 1) in (1, 2, 3)
    else:
        assert call.arguments == {}


def test_the_real_base_calls_the_tool(base: Base) -> None:
    from dataclasses import replace

    grammar = Grammar(base.tokenizer, base.stop_ids)
    asked = replace(request("北京天气怎么样？", max_tokens=100), tools=(WEATHER, NOW))
    for seed in range(4):
        text, ended = generate(base, asked, grammar.tools([WEATHER, NOW], required=True), seed=seed)
        (call,) = ToolCallParser().push(text)[1]
        assert ended and isinstance(call, ToolCall)


def test_no_tools_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(ConstraintError):
        Grammar(tokenizer, STOP).tools([])
