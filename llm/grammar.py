"""Answers in a promised form: JSON of a schema, or tool calls that can be carried out.

Which tokens may come next is worked out by llguidance (https://github.com/guidance-ai/llguidance): it follows a grammar
byte by byte, whatever the tokenizer. JSON is written on one line, as `json.dumps` does it and as the calls in the
Hermes form are trained: where blanks are free, a small model can go on with them for ever.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llm.errors import ConstraintError
from llm.requests import JsonAnswer, SameWords, ToolCalls
from llm.tools import CLOSE, OPEN

if TYPE_CHECKING:
    import torch

# Compiled grammars kept; each takes some hundred KiB.
KEPT = 64
_ONE_LINE = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}

# JSON schema keywords whose value is a schema or a list of schemas, and those that map names to schemas.
_SCHEMAS = ("items", "prefixItems", "additionalProperties", "contains", "not", "if", "then", "else", "anyOf", "oneOf")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


class Constraint:
    """The form of one answer: `mask` before a token is chosen, `accept` after it.

    May be made in one thread and used in another, but only in one at a time.
    """

    def __init__(self, matcher: Any, stop_ids: frozenset[int]) -> None:
        self._matcher, self._stop_ids = matcher, stop_ids
        self._finished = False

    def mask(self, scores: torch.Tensor) -> None:
        """Set the scores of all tokens that may not come next to -inf, in place.

        Args:
            scores: [vocabulary], any float type and device; entries past the tokenizer's vocabulary are padding.

        Raises:
            ConstraintError: the form has become too intricate to follow.
        """
        import numpy as np
        import torch

        allowed = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        bits = np.unpackbits(~allowed, count=min(8 * len(allowed), len(scores)), bitorder="little")
        forbidden = torch.from_numpy(bits.view(np.bool_))
        scores[: len(bits)].masked_fill_(forbidden.to(scores.device), float("-inf"))
        scores[len(bits) :] = float("-inf")

    def accept(self, token: int) -> None:
        """Go on after `token`, which must be one that `mask` left.

        Raises:
            ValueError: it is none of them.
            ConstraintError: the form has become too intricate to follow.
        """
        if token in self._stop_ids and self._matcher.is_accepting():
            self._finished = True
            return
        if self._finished or not self._matcher.validate_tokens([token]):
            raise ValueError(f"token {token} may not come here")
        self._matcher.consume_token(token)
        self._check()
        self._finished = self._matcher.is_stopped()

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing can follow."""
        return self._finished

    def _check(self) -> None:
        if self._matcher.is_error():
            reason = _line(self._matcher.get_error())
            raise ConstraintError(
                en=f"The wanted form of the answer became too intricate to follow ({reason}). The answer was stopped; "
                "use a simpler schema.",
                zh=f"所要求的输出格式过于复杂，无法继续遵循（{reason}）。回答已中止；请简化 schema。",
            )


class Given(Constraint):
    """An answer of which every token is given beforehand."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens, self._at = tuple(tokens), 0

    def mask(self, scores: torch.Tensor) -> None:
        """Leave the one token that comes next, in place: scores [vocabulary]."""
        kept = scores[self._tokens[self._at]].clone()
        scores.fill_(float("-inf"))
        scores[self._tokens[self._at]] = kept

    def accept(self, token: int) -> None:
        """Go on after `token`."""
        self._at += 1

    @property
    def finished(self) -> bool:
        return self._at == len(self._tokens)


class Grammar:
    """Makes constraints for one tokenizer; compiled forms are kept. May be used by many threads.

    Args:
        tokenizer: a transformers tokenizer.
        stop_ids: tokens that end an answer; the tokenizer's own end of sequence where none are given.
    """

    def __init__(self, tokenizer: Any, stop_ids: Collection[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._stop_ids = frozenset(stop_ids) or frozenset({tokenizer.eos_token_id})
        self._vocabulary: Any = None
        self._compiled: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def constraint(self, wanted: JsonAnswer | ToolCalls | SameWords) -> Constraint:
        """What a request asks for.

        Raises:
            ConstraintError: it cannot be promised.
        """
        if isinstance(wanted, SameWords):
            return Given(wanted.tokens)
        if isinstance(wanted, JsonAnswer):
            return self.schema(wanted.schema)
        return self.tools(wanted.tools, required=wanted.required)

    def schema(self, json_schema: Mapping[str, Any]) -> Constraint:
        """The whole answer is one JSON value of `json_schema` (JSON Schema 2020-12, the part that llguidance knows).

        An object whose schema lists its properties and does not speak of others has no others.

        Raises:
            ConstraintError: the schema is wrong or uses what is not supported.
        """
        if not isinstance(json_schema, Mapping):
            raise _unusable("it is not a JSON object", "它不是 JSON 对象")
        from_schema = _library().LLMatcher.grammar_from_json_schema
        return self._constraint(from_schema(_written(closed(json_schema)), overrides=_ONE_LINE))

    def tools(self, tools: Sequence[Mapping[str, Any]], *, required: bool = False) -> Constraint:
        """Free text in which every `<tool_call>` is a whole and valid call of one of `tools`.

        Args:
            tools: OpenAI function schemas.
            required: the answer is such a call, without text around it.

        Raises:
            ConstraintError: there are none, or the schema of one cannot be used.
        """
        if not tools:
            raise _unusable("no tools were given", "没有给出任何工具")
        functions = [tool.get("function", tool) for tool in tools]
        rules = [f"call_{number}: {_call(function)}" for number, function in enumerate(functions)]
        anyone = " | ".join(f"call_{number}" for number in range(len(functions)))
        opening, closing = self._tag(OPEN), self._tag(CLOSE)
        if required:
            rules += [f"start: {_either(_string(OPEN), opening)} inside"]
        else:
            # A lazy token ends with its first match, so a tag that is spelled out in pieces opens a call as well.
            rules += [
                "start: (said inside)* TEXT",
                f"said: {_either('spelled', opening and f'TEXT {opening}')}",
                rf"spelled[lazy]: /(.|\n)*{OPEN}/",
                r"TEXT: /(.|\n)*/",
            ]
        rules += [rf'inside: "\n" ({anyone}) "\n" {_either(_string(CLOSE), closing)}']
        return self._constraint(_library().LLMatcher.grammar_from_lark("\n".join(["%llguidance {}", *rules])))

    def _constraint(self, grammar: str) -> Constraint:
        with self._lock:
            if grammar not in self._compiled:
                matcher = _library().LLMatcher(self._tokens(), grammar, log_level=0)
                if matcher.is_error():
                    reason = _line(matcher.get_error())
                    raise _unusable(reason, reason)
                self._compiled[grammar] = matcher
                if len(self._compiled) > KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(grammar)
            return Constraint(self._compiled[grammar].deep_copy(), self._stop_ids)

    def _tag(self, tag: str) -> str:
        """`tag` in a grammar where it is one token with a meaning of its own, else ""."""
        token = self._tokenizer.convert_tokens_to_ids(tag)
        if token is None or self._tokenizer.convert_ids_to_tokens(token) != tag:
            return ""
        with self._lock:
            return tag if self._tokens().is_special_token(token) else ""

    def _tokens(self) -> Any:
        """The vocabulary as llguidance holds it; made once, which takes a second for a large one."""
        if self._vocabulary is None:
            backend = getattr(self._tokenizer, "backend_tokenizer", None)
            if backend is None:
                raise ConstraintError(
                    en="This base has a tokenizer without the fast form (tokenizer.json), so the form of an answer "
                    "cannot be promised. Nothing was generated; ask without a schema, or choose another base.",
                    zh="当前基座的分词器没有快速版本（tokenizer.json），无法保证输出格式，因此没有生成任何内容；"
                    "请不带 schema 提问，或换一个基座模型。",
                )
            # Padding and truncation are stored with a tokenizer and must not apply here.
            stored = {**json.loads(backend.to_str()), "padding": None, "truncation": None}
            self._vocabulary = _library().LLTokenizer(json.dumps(stored), eos_token=sorted(self._stop_ids))
        return self._vocabulary


def closed(schema: Any) -> Any:
    """`schema` with every object that lists its properties closed to others, unless it says something about them.

    A schema with `allOf` stays as it is: its parts see one another's properties as others.
    """
    return schema if "allOf" in str(schema) else _closed(schema)


def _closed(schema: Any) -> Any:
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_closed(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    result = dict(schema)
    for key in schema:
        if key in _SCHEMAS:
            result[key] = _closed(schema[key])
        elif key in _NAMED and isinstance(schema[key], Mapping):
            result[key] = {name: _closed(part) for name, part in schema[key].items()}
    about_others = ("additionalProperties", "unevaluatedProperties", "patternProperties")
    if "properties" in schema and not any(key in schema for key in about_others):
        result["additionalProperties"] = False
    return result


def _call(function: Mapping[str, Any]) -> str:
    """The grammar of a call of `function`, as llm.tools reads it."""
    parameters = closed(function.get("parameters") or {"type": "object", "properties": {}})
    if not isinstance(parameters, Mapping):
        raise _unusable("the parameters of a tool are no schema", "工具的参数不是 schema")
    before = f'{{"name": {_string(function.get("name", ""))}, "arguments": '
    return f'{_string(before)} %json {_written({**parameters, "x-guidance": _ONE_LINE})} "}}"'


def _either(first: str, second: str) -> str:
    return f"({first} | {second})" if second else first


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _written(schema: Any) -> str:
    try:
        return json.dumps(schema, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise _unusable(_line(str(error)), _line(str(error))) from error


def _library() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise ConstraintError(
            en=f"The library that keeps answers to a form is missing ({error}). Nothing was generated; run make setup "
            "or pip install -r requirements.txt, or ask without a schema.",
            zh=f"缺少约束输出格式的程序库（{error}），因此没有生成任何内容；"
            "请运行 make setup 或 pip install -r requirements.txt，或不带 schema 提问。",
        ) from error
    return llguidance


def _unusable(en: str, zh: str) -> ConstraintError:
    return ConstraintError(
        en=f"Answers cannot be held to this schema: {en}. Nothing was generated; change the schema, or ask without it "
        "and check the answer yourself.",
        zh=f"无法让回答遵循这个 schema：{zh}。没有生成任何内容；请修改 schema，或不带 schema 提问并自行检查回答。",
    )


def _line(text: str) -> str:
    # What the library advises after that are options of its own.
    return " ".join(text.partition(". Enable")[0].split())[:200].rstrip(".")
