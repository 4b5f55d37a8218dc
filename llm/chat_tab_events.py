"""What happens on the chat tab: its event handlers read and write the store, the page shows what they return."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from llm.adapters import AdapterRegistry
from llm.chat_render import as_typed, render
from llm.chat_runs import ChatRuns, Run
from llm.corrections import Accept
from llm.errors import ConversationError, LlmError
from llm.judging import Judge
from llm.settings import LlmSettings
from llm.texts import text

BASE = ""  # the picker's value for "no adapter"
NO_DOCUMENTS = ""  # the picker's value for plain chat


@dataclass(frozen=True)
class ChatServices:
    """What the tab is given by app.py.

    Attributes:
        collections: () -> [(title, slug)] of what can be answered from.
        documents: slug -> [(title, source name)] of what is in that collection.
        first_collection: slug that a new conversation starts with.
        examples: language -> example questions for the empty page.
        owner: whose conversations a request sees.
        k: passages read where the user does not choose.
        correct: keeps a correction for good.
        judge: keeps a question with whether its answer was right.
        view: (a passage as an answer's event had it, ranges of its text to mark) -> what `llm.view_render` draws.
    """

    runs: ChatRuns
    registry: AdapterRegistry
    settings: LlmSettings
    collections: Callable[[], Sequence[tuple[str, str]]]
    documents: Callable[[str], Sequence[tuple[str, str]]]
    first_collection: str
    examples: Callable[[str], Sequence[str]]
    owner: Callable[[gr.Request], str]
    k: int
    correct: Accept
    judge: Judge
    view: Callable[[Mapping[str, Any], Sequence[tuple[int, int]]], Mapping[str, Any]]


def language(request: gr.Request) -> str:
    """ "zh" or "en", the browser's first choice of the two."""
    for entry in (request.headers.get("accept-language") or "").split(","):
        code = entry.split(";")[0].strip().lower()
        if code.startswith(("zh", "en")):
            return code[:2]
    return "en"


class ChatEvents:
    """The tab's event handlers. Gradio fills in data and request by position: they stand before the inputs' rest."""

    def __init__(self, services: ChatServices) -> None:
        self._services = services
        self._runs, self._store = services.runs, services.runs.store

    # --- what is shown

    def open(self, conversation: str | None, request: gr.Request) -> tuple[Any, ...]:
        """A conversation out of the list, or on opening the page the one this browser had open."""
        lang = language(request)
        try:
            settings = self._store.get(self._services.owner(request), conversation).settings if conversation else None
        except ConversationError:
            conversation, settings = "", None
        conversation = conversation or ""
        adapter, collection = gr.update(choices=self._adapters(lang)), gr.update(choices=self._collections(lang))
        if settings is not None:
            adapter["value"] = settings.get("adapter") or BASE
            collection["value"] = settings.get("collection") or NO_DOCUMENTS
        elif slugs := [slug for _, slug in self._services.collections()]:
            first = self._services.first_collection
            collection["value"] = first if first in slugs else slugs[0]
        return self.show(conversation, lang), idle(), conversation, adapter, collection

    def opened(self, conversation: str | None, request: gr.Request) -> tuple[Any, ...]:
        """What `open` gives when the page is opened; a new visitor's log and question keep what they hold, because a
        question may have been sent already."""
        log, *rest = self.open(conversation, request)
        if conversation:
            return log, *rest
        welcome = {key: value for key, value in log.items() if key != "value"}
        return welcome, gr.skip(), gr.skip(), *rest[2:]

    def follow(self, conversation: str, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """The running answer, as it grows; ends with it."""
        lang = language(request)
        if not conversation:
            yield gr.skip(), gr.skip()
            return
        run = self._runs.find(conversation)
        if run is None:
            # a short answer may have ended since the page was told that it is being written
            yield self.show(conversation, lang), idle()
            return
        before = [m for m in self._store.messages(conversation) if m.id < run.message]
        titles = self._titles(lang)
        shown = render(before, lang, titles)
        for snapshot in run.follow():
            yield [*shown, *render([snapshot], lang, titles)], gr.skip()
        yield self.show(conversation, lang), idle()

    def listing(self, conversation: str, request: gr.Request) -> tuple[Any, Any, Any]:
        found = self._store.of_owner(self._services.owner(request))
        value = conversation if any(c.id == conversation for c in found) else None
        choices = [(c.title or "…", c.id) for c in found]
        return (
            gr.update(choices=choices, value=value),
            gr.update(visible=not found),
            gr.update(visible=value is not None),
        )

    def adapters(self, request: gr.Request) -> Any:
        return gr.update(choices=self._adapters(language(request)))

    def collections(self, request: gr.Request) -> Any:
        return gr.update(choices=self._collections(language(request)))

    def documents(self, collection: str) -> Any:
        """The documents that can be chosen of a collection; none are to begin with, which means all."""
        return gr.update(choices=list(self._services.documents(collection)), visible=bool(collection), value=[])

    def more_documents(self, collection: str) -> Any:
        """The same for one that is opened: what was added since can be chosen, too."""
        return gr.update(choices=list(self._services.documents(collection)))

    # --- what the user does

    def ask(self, question: str, conversation: str, request: gr.Request, *chosen: Any) -> tuple[Any, ...]:
        lang = language(request)
        if not question.strip():
            gr.Warning(text("toast_empty", lang))
            return gr.skip(), gr.skip(), conversation
        owner = self._services.owner(request)
        try:
            if not conversation or not self._mine(owner, conversation):
                conversation = self._store.create(owner).id
            self._runs.start(conversation, question.strip(), self.chosen(*chosen), owner)
        except LlmError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        return self.show(conversation, lang), busy(), conversation

    def example(self, conversation: str, data: gr.SelectData, request: gr.Request, *chosen: Any) -> tuple[Any, ...]:
        return self.ask(data.value["text"], conversation, request, *chosen)

    def retry(self, conversation: str, data: gr.RetryData, request: gr.Request, *chosen: Any) -> tuple[Any, ...]:
        return self._again(conversation, data.index, None, chosen, request)

    def edit(self, conversation: str, data: gr.EditData, request: gr.Request, *chosen: Any) -> tuple[Any, ...]:
        return self._again(conversation, data.index, as_typed(str(data.value)), chosen, request)

    def undo(self, conversation: str, data: gr.UndoData, request: gr.Request) -> tuple[Any, ...]:
        """Take the last question and its answer back into the text box."""
        lang = language(request)
        question = self._cut(conversation, data.index, request)
        return self.show(conversation, lang), gr.update(value=question), conversation

    def stop(self, conversation: str, request: gr.Request) -> None:
        if conversation and self._mine(self._services.owner(request), conversation):
            self._runs.stop(conversation)

    def new(self, request: gr.Request) -> tuple[Any, ...]:
        return self.show("", language(request)), idle(), ""

    def delete(self, conversation: str, request: gr.Request) -> tuple[Any, ...]:
        if conversation:
            self.stop(conversation, request)
            self._store.delete(self._services.owner(request), conversation)
        return self.new(request)

    # --- helpers

    def _again(
        self, conversation: str, index: Any, edited: str | None, chosen: tuple[Any, ...], request: gr.Request
    ) -> tuple[Any, ...]:
        question = self._cut(conversation, index, request)
        return self.ask(edited if edited is not None else question, conversation, request, *chosen)

    def _cut(self, conversation: str, index: Any, request: gr.Request) -> str:
        """Remove the question at or before position `index` with all that follows; returns it."""
        lang = language(request)
        if self._runs.find(conversation) or not self._mine(self._services.owner(request), conversation):
            raise gr.Error(text("answer_queued", lang), print_exception=False)
        messages = self._store.messages(conversation)
        position = int(index[0] if isinstance(index, (list, tuple)) else index)
        questions = [m for m in messages[: position + 1] if m.role == "user"]
        self._store.truncate(conversation, questions[-1].id)
        return questions[-1].content

    def _mine(self, owner: str, conversation: str) -> bool:
        try:
            self._store.get(owner, conversation)
        except ConversationError:
            return False
        return True

    def show(self, conversation: str, lang: str) -> Any:
        """The chat's value; for an empty conversation the welcome with examples."""
        messages = self._store.messages(conversation) if conversation else []
        run: Run | None = self._runs.find(conversation) if conversation else None
        if run:
            messages = [*(m for m in messages if m.id < run.message), next(run.follow())]
        examples = [{"text": question} for question in self._services.examples(lang)]
        return gr.update(
            value=render(messages, lang, self._titles(lang)),
            feedback_value=[m.about.get("thumb") or None for m in messages if m.role == "assistant"],
            placeholder=_welcome(lang),
            examples=examples,
        )

    def _titles(self, lang: str) -> Mapping[str, str]:
        titles = {info.name: info.title(lang) for info in self._services.registry.scan()}
        return {BASE: text("chat_base", lang), **titles}

    def _adapters(self, lang: str) -> list[tuple[str, str]]:
        valid = [info for info in self._services.registry.scan() if info.valid]
        return [(text("chat_base", lang), BASE), *((info.title(lang), info.name) for info in valid)]

    def _collections(self, lang: str) -> list[tuple[str, str]]:
        return [*self._services.collections(), (text("chat_no_documents", lang), NO_DOCUMENTS)]

    def chosen(self, *values: Any) -> dict[str, Any]:
        """The two pickers' and the side panel's values as options of a turn."""
        adapter, collection, documents, system, k, temperature, top_p, top_k, penalty, max_tokens, seed = values
        sampling = {
            "temperature": float(temperature),
            "top_p": float(top_p),
            "top_k": int(top_k),
            "repetition_penalty": float(penalty),
            "max_tokens": int(max_tokens),
            "seed": int(seed) if seed is not None and seed >= 0 else secrets.randbits(31),
        }
        return {
            "adapter": adapter or None,
            "collection": collection or None,
            "where": {"sources": documents} if collection and documents else None,
            "system_prompt": system or "",
            "k": int(k),
            "sampling": sampling,
        }


def idle() -> Any:
    return gr.update(submit_btn=True, stop_btn=False)


def busy() -> Any:
    return gr.update(value="", submit_btn=False, stop_btn=True)


def _welcome(lang: str) -> str:
    return (
        f'<div class="fs-welcome"><div class="fs-logo">分身</div><h2>{text("chat_empty_title", lang)}</h2>'
        f"<p>{text('chat_empty_text', lang)}</p></div>"
    )
