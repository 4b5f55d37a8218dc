"""From what LangChain calls a schema to a JSON schema, and from an answer in its form to a value."""

from __future__ import annotations

import inspect
import json
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel

from llm.errors import ConstraintError


def json_schema_of(schema: Any) -> dict[str, Any]:
    """The JSON schema of a pydantic class, a TypedDict, a function, a JSON schema or an OpenAI function schema.

    Raises:
        ValueError: it is of no known kind.
    """
    if _is_model(schema):
        return schema.model_json_schema()
    # A JSON schema without a title is one for us too, although not for LangChain.
    if isinstance(schema, dict) and not {"function", "parameters", "input_schema", "name"} & set(schema):
        return schema
    return convert_to_json_schema(schema)


def structured(message: BaseMessage, schema: Any, *, include_raw: bool) -> Any:
    """The value that `message` holds: an object where `schema` is a pydantic class, else what its JSON says.

    Raises:
        ConstraintError: the answer was cut off, or breaks a rule that a JSON schema cannot hold (a validator).
    """
    try:
        parsed, wrong = _parsed(message, schema), None
    except ConstraintError as error:
        if not include_raw:
            raise
        parsed, wrong = None, error
    return {"raw": message, "parsed": parsed, "parsing_error": wrong} if include_raw else parsed


def _parsed(message: BaseMessage, schema: Any) -> Any:
    text, reason = message.text, message.response_metadata.get("finish_reason")
    try:
        value = json.loads(text)
        return schema.model_validate(value) if _is_model(schema) else value
    except ValueError as error:
        if reason == "length":
            raise ConstraintError(
                en=f"The answer was cut off after {len(text)} characters, before its JSON was whole. It cannot be "
                "used; allow more tokens with max_tokens, or limit the lengths in the schema.",
                zh=f"回答在第 {len(text)} 个字符处被截断，JSON 不完整，无法使用；"
                "请增大 max_tokens，或在 schema 中限制长度。",
            ) from error
        said = " ".join(str(error).split())[:200]
        raise ConstraintError(
            en=f"The answer ended ({reason}) without being a value of the schema: {said}. It cannot be used; "
            "ask again, or put this rule into the schema.",
            zh=f"回答结束（{reason}）但不符合 schema：{said}。无法使用；请重新提问，或把该规则写进 schema。",
        ) from error


def _is_model(schema: Any) -> bool:
    return inspect.isclass(schema) and issubclass(schema, BaseModel)
