"""The engine as a LangChain chat model, so that every LangChain tool can talk to any self."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from llm.engine import Engine
from llm.errors import LlmError
from llm.requests import Finished, GenerationRequest
from llm.sampling import Sampling
from llm.tools import OPEN, ToolCall, ToolCallParser, tool_prompt

Config = RunnableConfig | None
_SAMPLING = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens", "seed")


class AdapterChatModel(BaseChatModel):
    """One base, many selves: `model.stream(messages, adapter="chef")`.

    The self is chosen per call, by `adapter=` or by `config={"configurable": {"adapter": …}}` (so `with_config` works
    too); the argument wins. Further call arguments: temperature, top_p, top_k, repetition_penalty, max_tokens, seed,
    stop, and `cancel` (a threading.Event that ends the answer within a step). Closing the stream ends it as well.

    Attributes:
        engine: serves the requests.
        adapter: self where the call names none; None is the plain base.
        max_tokens: answer length where the call names none.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    adapter: str | None = None
    max_tokens: int = 512

    @property
    def _llm_type(self) -> str:
        return "fenshen"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"base": self.engine.base.name, "adapter": self.adapter}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        """Offer functions, pydantic models or schemas to the model; its calls come back as `AIMessage.tool_calls`.

        Raises:
            ValueError: a `tool_choice` other than "auto" or None, which this model cannot promise.
        """
        if tool_choice not in (None, "auto"):
            raise ValueError(f"tool_choice={tool_choice!r}: a call cannot be forced here; use 'auto'")
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    # A configured self has to be read here: `_stream` is not given the config.
    def invoke(self, input: LanguageModelInput, config: Config = None, **kwargs: Any) -> AIMessage:
        return super().invoke(input, config, **_configured(config, kwargs))

    async def ainvoke(self, input: LanguageModelInput, config: Config = None, **kwargs: Any) -> AIMessage:
        return await super().ainvoke(input, config, **_configured(config, kwargs))

    def stream(self, input: LanguageModelInput, config: Config = None, **kwargs: Any) -> Iterator[AIMessageChunk]:
        yield from super().stream(input, config, **_configured(config, kwargs))

    async def astream(
        self, input: LanguageModelInput, config: Config = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        async for chunk in super().astream(input, config, **_configured(config, kwargs)):
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        whole: ChatGenerationChunk | None = None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            whole = chunk if whole is None else whole + chunk
        if whole is None:
            raise ValueError("the engine ended without a terminal event")
        message = whole.message
        answer = AIMessage(
            content=message.content,
            tool_calls=getattr(message, "tool_calls", []),
            invalid_tool_calls=getattr(message, "invalid_tool_calls", []),
            usage_metadata=getattr(message, "usage_metadata", None),
            response_metadata=message.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs)
        parser = ToolCallParser() if kwargs.get("tools") else None
        generation = self.engine.submit(request)
        try:
            for event in generation:
                if isinstance(event, Finished):
                    if parser:
                        yield from _chunks(*parser.finish())
                    yield _last_chunk(event)
                    return
                text, calls = parser.push(event.text) if parser else (event.text, [])
                for chunk in _chunks(text, calls):
                    if run_manager and chunk.text:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        finally:
            # Reached also when the caller closes the stream or a callback raises: the model must not go on alone.
            generation.cancel()

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> GenerationRequest:
        values: dict[str, Any] = {**self.engine.base.defaults, "max_tokens": self.max_tokens}
        values |= {name: options[name] for name in _SAMPLING if options.get(name) is not None}
        tools = tuple(options.get("tools") or ())
        native = "tools" in (self.engine.base.tokenizer.chat_template or "")
        if tools and not native:
            messages = _with_system(messages, tool_prompt(list(tools)))
        return GenerationRequest(
            messages=tuple(_plain(message) for message in messages),
            adapter=options.get("adapter", self.adapter),
            sampling=Sampling(stop=(stop,) if isinstance(stop, str) else tuple(stop or ()), **values),
            tools=tools if native else (),
            cancel=options.get("cancel") or threading.Event(),
        )


def _configured(config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    chosen = (config or {}).get("configurable", {})
    return {"adapter": chosen["adapter"], **kwargs} if "adapter" in chosen else kwargs


def _with_system(messages: list[BaseMessage], text: str) -> list[BaseMessage]:
    if messages and isinstance(messages[0], SystemMessage):
        return [SystemMessage(f"{messages[0].text}\n\n{text}"), *messages[1:]]
    return [SystemMessage(text), *messages]


def _plain(message: BaseMessage) -> dict[str, Any]:
    """A LangChain message as the {"role", "content"} dict that chat templates take; content is always a string."""
    entry = convert_to_openai_messages(message, text_format="string")
    role, content = entry["role"], entry.get("content") or ""
    if not isinstance(content, str):
        raise LlmError(
            en="The message holds an image or another part that is not text. Nothing was answered; send text only.",
            zh="消息中含有图片等非文本内容，因此没有作答；当前基座模型只能读文本。",
        )
    if isinstance(message, ToolMessage):
        return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}
    for call in getattr(message, "tool_calls", []):
        written = json.dumps({"name": call["name"], "arguments": call["args"]}, ensure_ascii=False)
        content += f"\n<tool_call>\n{written}\n</tool_call>"
    return {"role": role, "content": content.strip("\n")}


def _chunks(text: str, calls: list[Any]) -> Iterator[ChatGenerationChunk]:
    if text:
        yield ChatGenerationChunk(message=AIMessageChunk(content=text))
    for call in calls:
        good = isinstance(call, ToolCall)
        piece = tool_call_chunk(
            name=call.name if good else None,
            # With its tag a malformed call cannot be read as the (partial) JSON of a call without a name.
            args=json.dumps(call.arguments, ensure_ascii=False) if good else OPEN + call.text,
            id=f"call_{uuid.uuid4().hex[:12]}",
        )
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[piece]))


def _last_chunk(end: Finished) -> ChatGenerationChunk:
    usage = UsageMetadata(
        input_tokens=end.prompt_tokens,
        output_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )
    about = {
        "adapter": end.adapter,
        "adapter_version": end.adapter_version,
        "finish_reason": end.reason,
        "ttft_s": end.ttft_s,
        "tokens_per_second": end.tokens_per_second,
    }
    message = AIMessageChunk(content="", usage_metadata=usage, response_metadata=about, chunk_position="last")
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": end.reason})
