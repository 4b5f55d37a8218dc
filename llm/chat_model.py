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
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from llm.engine import Engine
from llm.errors import LlmError
from llm.requests import Finished, GenerationRequest, JsonAnswer, TokenLogprob, ToolCalls
from llm.sampling import Sampling
from llm.structured import json_schema_of, structured
from llm.tools import OPEN, ToolCall, ToolCallParser, tool_prompt

Config = RunnableConfig | None
_SAMPLING = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens", "seed")
# LangChain's two words for: some tool has to be called.
_ANY = ("any", "required")


class AdapterChatModel(BaseChatModel):
    """One base, many selves: `model.stream(messages, adapter="chef")`.

    The self is chosen per call, by `adapter=` or by `config={"configurable": {"adapter": …}}` (so `with_config` works
    too); the argument wins. It may be a mix, {name: weight}. Further call arguments: temperature, top_p, top_k,
    repetition_penalty, max_tokens, seed, stop, `logprobs` (so many likeliest tokens beside each one's own; they come in
    the last chunk's response_metadata), `session` and `priority` ("interactive" or "batch") for the waiting line, and
    `cancel` (a threading.Event that ends the answer within a step). Closing the stream ends it as well.

    Attributes:
        engine: serves the requests.
        adapter: self where the call names none; None is the plain base.
        max_tokens: answer length where the call names none.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    adapter: str | dict[str, float] | None = None
    max_tokens: int = 512

    @property
    def _llm_type(self) -> str:
        return "fenshen"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"base": self.engine.base.name, "adapter": self.adapter}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, strict: bool | None = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        """Offer functions, pydantic models or schemas to the model; its calls come back as `AIMessage.tool_calls`.

        Args:
            tool_choice: "auto" or None; with `strict` also "any" or "required" (some tool has to be called) or the name
                of the one to be called.
            strict: every call is of one of these tools, with arguments of its schema.

        Raises:
            ValueError: a `tool_choice` that cannot be promised.
        """
        offered = [convert_to_openai_tool(tool) for tool in tools]
        if tool_choice not in (None, "auto", *_ANY) and tool_choice not in [t["function"]["name"] for t in offered]:
            raise ValueError(f"tool_choice={tool_choice!r}: no tool has this name")
        if tool_choice not in (None, "auto") and not strict:
            raise ValueError(f"tool_choice={tool_choice!r}: a call can be forced only with strict=True")
        form = {"strict": True, "tool_choice": tool_choice} if strict else {}
        return self.bind(tools=offered, **form, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Answers that are JSON of `schema`, whatever the model would rather say.

        The prompt stays as it is: say in it what is wanted. With a pydantic class the result is an object of it, else a
        dict. With `include_raw` it is {"raw": AIMessage, "parsed", "parsing_error"} and nothing is raised for an answer
        that was cut off.

        Args:
            schema: a pydantic class, a TypedDict, a function, a JSON schema, or an OpenAI function schema.
            kwargs: as for `invoke`; `method` is "json_schema", the only one there is.

        Raises:
            ValueError: another `method`, or a schema of no known kind.
            ConstraintError: when asked: the schema cannot be used, or the answer was cut off before its end.
        """
        if (method := kwargs.pop("method", "json_schema")) != "json_schema":
            raise ValueError(f"method={method!r}: answers are held to the schema itself; leave it out")
        kwargs.pop("strict", None)
        wanted = json_schema_of(schema)
        model = self.bind(json_schema=wanted, **kwargs)
        return model | RunnableLambda(lambda message: structured(message, schema, include_raw=include_raw))

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
        logprobs: list[TokenLogprob] = []
        try:
            for event in generation:
                logprobs += event.logprobs
                if isinstance(event, Finished):
                    if parser:
                        yield from _chunks(*parser.finish())
                    yield _last_chunk(event, logprobs)
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
            constraint=_form(options, tools),
            logprobs=int(options.get("logprobs") or 0),
            session=options.get("session"),
            priority=options.get("priority", "interactive"),
        )


def _form(options: dict[str, Any], tools: tuple[dict[str, Any], ...]) -> JsonAnswer | ToolCalls | None:
    """What the answer is held to."""
    if options.get("json_schema") is not None:
        return JsonAnswer(options["json_schema"])
    if not (tools and options.get("strict")):
        return None
    choice = options.get("tool_choice")
    if choice in (None, "auto"):
        return ToolCalls(tools)
    allowed = tools if choice in _ANY else tuple(tool for tool in tools if tool["function"]["name"] == choice)
    return ToolCalls(allowed, required=True)


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


def _last_chunk(end: Finished, logprobs: list[TokenLogprob]) -> ChatGenerationChunk:
    usage = UsageMetadata(
        input_tokens=end.prompt_tokens,
        output_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )
    about: dict[str, Any] = {
        "adapter": end.adapter,
        "adapter_version": end.adapter_version,
        "finish_reason": end.reason,
        "ttft_s": end.ttft_s,
        "tokens_per_second": end.tokens_per_second,
    }
    if logprobs:
        # The form of OpenAI's API, which LangChain's users know.
        about["logprobs"] = {
            "content": [
                {"token": one.text, "logprob": one.logprob}
                | {"top_logprobs": [{"token": text, "logprob": value} for _, text, value in one.top]}
                for one in logprobs
            ]
        }
    message = AIMessageChunk(content="", usage_metadata=usage, response_metadata=about, chunk_position="last")
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": end.reason})
