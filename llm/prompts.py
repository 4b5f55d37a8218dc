"""Requests to tokens: the base's chat template, with what people wrote kept from being more than text."""

from __future__ import annotations

from typing import Any

from llm.errors import PromptTooLongError
from llm.model import Base
from llm.requests import GenerationRequest


def prompt_ids(base: Base, request: GenerationRequest) -> list[int]:
    """Token ids of the rendered prompt.

    Raises:
        PromptTooLongError: it does not fit the base's context with room for at least one token.
    """
    options: dict[str, Any] = {"tools": list(request.tools)} if request.tools else {}
    text = base.tokenizer.apply_chat_template(
        [_harmless(message, base.control_tokens) for message in request.messages],
        tokenize=False,
        add_generation_prompt=True,
        **base.template_options,
        **options,
    )
    ids = base.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) >= base.context_length:
        raise PromptTooLongError(
            en=f"The question with its history and passages has {len(ids)} tokens, this base reads at most "
            f"{base.context_length}. Nothing was answered; shorten it or start a new conversation.",
            zh=f"问题连同历史和资料共 {len(ids)} 个词元，当前基座最多读 {base.context_length} 个，"
            "因此没有作答；请缩短问题或新建对话。",
        )
    return ids


def _harmless(message: dict[str, Any], control_tokens: tuple[str, ...]) -> dict[str, Any]:
    """The message with the tokenizer's control tokens taken apart, so that text can never open or close a turn."""
    content = message.get("content")
    if not isinstance(content, str):
        return message
    for token in control_tokens:
        if token in content:
            content = content.replace(token, token[0] + "\u200b" + token[1:])
    return {**message, "content": content}
