"""The LangChain face of the engine, on the real embedded base."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from llm.chat_model import AdapterChatModel
from llm.engine import Engine
from llm.errors import AdapterNotFoundError, LlmError, PromptTooLongError, SamplingError
from llm.requests import GenerationRequest
from tests.llm.tiny import CONTEXT, write_adapter

QUESTION = "Who are you?"
LONG = "Tell me a story."


@pytest.fixture
def model(engine: Engine, tmp_path: Path) -> AdapterChatModel:
    for seed, name in ((7, "ann"), (8, "bob")):
        # Weak enough to leave sentences, strong enough to be told apart.
        write_adapter(tmp_path / "adapters", name, engine.base, seed=seed, lora_alpha=10)
    return AdapterChatModel(engine=engine, max_tokens=8)


@pytest.fixture
def alone(model: AdapterChatModel) -> dict[str | None, str]:
    answers = {name: str(model.invoke(QUESTION, adapter=name).content) for name in (None, "ann", "bob")}
    assert len(set(answers.values())) == 3, "the control: the selves differ"
    return answers


@pytest.fixture
def tireless(tiny: Any, selves: Path) -> Iterator[AdapterChatModel]:
    """On the tiny random base, which never ends an answer by itself."""
    from tests.llm.tiny import running

    with running(tiny, selves) as engine:
        yield AdapterChatModel(engine=engine, max_tokens=CONTEXT)


def test_invoke(model: AdapterChatModel) -> None:
    answer = model.invoke([SystemMessage("Be brief."), HumanMessage(QUESTION)], adapter="ann")
    assert isinstance(answer, AIMessage)
    assert isinstance(answer.content, str)
    assert answer.content
    about = answer.response_metadata
    assert about["adapter"] == "ann"
    assert about["adapter_version"] == model.engine.registry.get("ann").version
    assert about["finish_reason"] in ("stop", "length")
    assert about["ttft_s"] > 0
    assert about["tokens_per_second"] > 0
    usage = answer.usage_metadata
    assert usage is not None
    assert usage["input_tokens"] == len(
        model.engine.prompt_ids(
            GenerationRequest(({"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}))
        )
    )
    assert 1 <= usage["output_tokens"] <= 16
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_stream_and_astream_give_the_pieces_of_invoke(model: AdapterChatModel) -> None:
    whole = model.invoke(QUESTION, adapter="ann")

    async def pieces() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(QUESTION, adapter="ann")]

    for chunks in (list(model.stream(QUESTION, adapter="ann")), asyncio.run(pieces())):
        assert len(chunks) > 3
        assert "".join(str(chunk.content) for chunk in chunks) == whole.content
        *texts, last = chunks
        assert all(chunk.content and chunk.usage_metadata is None for chunk in texts)
        assert last.usage_metadata == whole.usage_metadata
        assert last.response_metadata["adapter"] == "ann"
        assert last.response_metadata["finish_reason"] == whole.response_metadata["finish_reason"]
        joined: Any = chunks[0]
        for chunk in chunks[1:]:
            joined += chunk
        assert joined.usage_metadata == whole.usage_metadata


def test_the_self_by_argument_configuration_and_default(model: AdapterChatModel, alone: dict[str | None, str]) -> None:
    by_config: Any = {"configurable": {"adapter": "ann"}}
    assert model.invoke(QUESTION, config=by_config).content == alone["ann"]
    assert model.with_config(by_config).invoke(QUESTION).content == alone["ann"]
    assert model.bind(adapter="ann").invoke(QUESTION).content == alone["ann"]
    assert model.with_config(by_config).invoke(QUESTION, adapter="bob").content == alone["bob"], "the argument wins"
    assert model.with_config(by_config).invoke(QUESTION, adapter=None).content == alone[None]
    streamed = "".join(str(c.content) for c in model.with_config(by_config).stream(QUESTION))
    assert streamed == alone["ann"]
    ours = AdapterChatModel(engine=model.engine, max_tokens=model.max_tokens, adapter="bob")
    assert ours.invoke(QUESTION).content == alone["bob"]
    chain = ChatPromptTemplate.from_messages([("user", "{q}")]) | model | StrOutputParser()
    assert chain.invoke({"q": QUESTION}, config=by_config) == alone["ann"]
    assert "".join(chain.stream({"q": QUESTION}, config=by_config)) == alone["ann"]


def test_batches_with_a_self_for_each(model: AdapterChatModel, alone: dict[str | None, str]) -> None:
    names = ["ann", None, "bob", "ann", "bob", None]
    configs: list[Any] = [{"configurable": {"adapter": name}} for name in names]
    assert [m.content for m in model.batch([QUESTION] * 6, config=configs)] == [alone[name] for name in names]

    async def together() -> list[AIMessage]:
        return await model.abatch([QUESTION] * 6, config=configs)

    assert [m.content for m in asyncio.run(together())] == [alone[name] for name in names]


def test_sampling_arguments_reach_the_engine(model: AdapterChatModel) -> None:
    short: Any = model.invoke(LONG, max_tokens=3)
    assert short.usage_metadata["output_tokens"] == 3
    assert short.response_metadata["finish_reason"] == "length"
    hot: dict[str, Any] = {"temperature": 1.5, "max_tokens": 12}
    first = model.invoke(LONG, seed=1, **hot).content
    assert model.invoke(LONG, seed=1, **hot).content == first
    assert len({model.invoke(LONG, seed=seed, **hot).content for seed in range(4)}) > 1
    with pytest.raises(SamplingError):
        model.invoke(LONG, temperature=9)


@pytest.mark.parametrize("as_list", [True, False])
def test_stop_strings(model: AdapterChatModel, as_list: bool) -> None:
    whole = str(model.invoke(QUESTION).content)
    stop = whole[4:8]
    answer = model.invoke(QUESTION, stop=[stop] if as_list else stop)  # type: ignore[arg-type]
    assert answer.content == whole[: whole.index(stop)]
    assert answer.response_metadata["finish_reason"] == "stop"


def test_errors_reach_the_caller(model: AdapterChatModel) -> None:
    with pytest.raises(AdapterNotFoundError):
        model.invoke(QUESTION, adapter="nobody")
    with pytest.raises(PromptTooLongError):
        list(model.stream("word " * 6000))
    picture = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])
    with pytest.raises(LlmError, match="not text"):
        model.invoke([picture])
    parts = HumanMessage([{"type": "text", "text": QUESTION}])
    assert model.invoke([parts]).content == model.invoke(QUESTION).content


# --- ending an answer early


def _idle(engine: Engine) -> bool:
    """Whether the engine came to rest: a request that runs on would take minutes."""
    for _ in range(500):
        if engine.status().active == engine.status().waiting == 0:
            return True
        threading.Event().wait(0.01)
    return False


def test_a_cancel_event_ends_the_answer_and_keeps_what_was_said(tireless: AdapterChatModel) -> None:
    cancel = threading.Event()
    chunks: list[Any] = []
    for chunk in tireless.stream(LONG, cancel=cancel):
        chunks.append(chunk)
        if len(chunks) == 3:
            cancel.set()
    assert chunks[-1].response_metadata["finish_reason"] == "cancelled"
    assert 3 <= chunks[-1].usage_metadata["output_tokens"] < 1900


def test_closing_the_stream_cancels(tireless: AdapterChatModel) -> None:
    stream = tireless.stream(LONG, adapter="ann")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert _idle(tireless.engine)
    assert tireless.engine.status().generated_tokens < 1900


def test_closing_the_asynchronous_stream_cancels(tireless: AdapterChatModel) -> None:
    async def first() -> None:
        stream = tireless.astream(LONG)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(first())
    assert _idle(tireless.engine)
    assert tireless.engine.status().generated_tokens < 1900


def test_an_error_in_the_callers_loop_cancels(tireless: AdapterChatModel) -> None:
    class Angry(BaseCallbackHandler):
        raise_error = True

        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(tireless.stream(LONG, config={"callbacks": [Angry()]}))
    assert _idle(tireless.engine)
    assert tireless.engine.status().generated_tokens < 1900


def test_a_finished_answer_leaves_the_cancel_event_alone(model: AdapterChatModel) -> None:
    """The way of a question asks the model more than once with one event."""
    cancel = threading.Event()
    list(model.stream(QUESTION, cancel=cancel))
    closed = model.stream(QUESTION, cancel=cancel)
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    assert not cancel.is_set()
    assert model.invoke(QUESTION, cancel=cancel).response_metadata["finish_reason"] != "cancelled"
