"""The chat tab: a viewer of conversations that live on the server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from llm.adapters import AdapterRegistry
from llm.chat_render import render
from llm.chat_runs import ChatRuns, Run
from llm.errors import ConversationError, LlmError
from llm.settings import LlmSettings
from llm.texts import text

BASE = ""  # the picker's value for "no adapter"
NO_DOCUMENTS = ""  # the picker's value for plain chat


@dataclass(frozen=True)
class ChatServices:
    """What the tab is given by app.py.

    Attributes:
        collections: () -> [(title, slug)] of what can be answered from.
        examples: language -> example questions for the empty page.
        owner: whose conversations a request sees.
        k: passages read where the user does not choose.
    """

    runs: ChatRuns
    registry: AdapterRegistry
    settings: LlmSettings
    collections: Callable[[], Sequence[tuple[str, str]]]
    examples: Callable[[str], Sequence[str]]
    owner: Callable[[gr.Request], str]
    k: int


@dataclass(frozen=True)
class ChatParts:
    """Components that other tabs or the page itself refer to."""

    collection: gr.Dropdown
    adapter: gr.Dropdown


def language(request: gr.Request) -> str:
    """ "zh" or "en", the browser's first choice of the two."""
    for entry in (request.headers.get("accept-language") or "").split(","):
        code = entry.split(";")[0].strip().lower()
        if code.startswith(("zh", "en")):
            return code[:2]
    return "en"


def build(services: ChatServices, i18n: Callable[[str], Any], secret: str) -> ChatParts:
    """Add the tab's components to the surrounding Blocks and wire them.

    Args:
        i18n: key of llm.texts -> label in the browser's language.
        secret: encrypts what the browser stores (the current conversation's id); must outlive a restart.
    """
    tab = _Tab(services)
    current = gr.BrowserState("", storage_key="fenshen-conversation", secret=secret)
    with gr.Sidebar(position="left", width=280, open=False, elem_id="fs-history"):
        new = gr.Button(i18n("chat_new"), variant="primary", elem_id="fs-new", icon=None)
        history = gr.Radio([], label=i18n("chat_history"), elem_id="fs-conversations", container=False)
        nothing = gr.Markdown(i18n("chat_no_history"), elem_classes="fs-hint")
        delete = gr.Button(i18n("chat_delete"), variant="stop", size="sm", elem_id="fs-delete", visible=False)
    with gr.Column(elem_id="fs-chat"):
        chatbot = gr.Chatbot(
            elem_id="fs-log",
            show_label=False,
            label=i18n("chat_tab"),
            container=False,
            layout="bubble",
            buttons=[],
            editable="user",
            feedback_options=(),
            height="100%",
            min_height=260,
            group_consecutive_messages=False,
        )
        with gr.Group(elem_id="fs-compose"):
            question = gr.Textbox(
                show_label=False,
                label=i18n("chat_tab"),
                placeholder=i18n("chat_ask"),
                lines=1,
                max_lines=8,
                submit_btn=True,
                stop_btn=False,
                autofocus=True,
                container=False,
                elem_id="fs-question",
            )
            with gr.Row(elem_id="fs-choices"):
                adapter = gr.Dropdown(
                    [], value=BASE, label=i18n("chat_self"), filterable=False, min_width=150, elem_id="fs-adapter"
                )
                collection = gr.Dropdown(
                    [],
                    value=NO_DOCUMENTS,
                    label=i18n("chat_collection"),
                    filterable=False,
                    min_width=150,
                    elem_id="fs-collection",
                )
    with gr.Sidebar(position="right", width=300, open=False, elem_id="fs-settings", label=i18n("chat_settings")):
        options = _options(services, i18n)

    chosen = [adapter, collection, *options]
    view = [chatbot, question, current]
    listing = [history, nothing, delete]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def watch(event: Any) -> None:
        event.then(tab.follow, [current], [chatbot, question], **quiet).then(tab.listing, [current], listing, **quiet)

    watch(gr.on([question.submit], tab.ask, [question, current, *chosen], view, **quiet))
    watch(chatbot.retry(tab.retry, [current, *chosen], view, **quiet))
    watch(chatbot.edit(tab.edit, [current, *chosen], view, **quiet))
    watch(chatbot.example_select(tab.example, [current, *chosen], view, **quiet))
    chatbot.undo(tab.undo, [current], view, **quiet).then(tab.listing, [current], listing, **quiet)
    question.stop(tab.stop, [current], None, **quiet)
    new.click(tab.new, None, view, **quiet).then(tab.listing, [current], listing, **quiet)
    delete.click(tab.delete, [current], view, **quiet).then(tab.listing, [current], listing, **quiet)
    opened = history.input(tab.open, [history], [*view, adapter, collection], **quiet)
    watch(opened)
    adapter.focus(tab.adapters, None, adapter, **quiet)
    collection.focus(tab.collections, None, collection, **quiet)
    loaded = gr.on(None, tab.load, [current], [*view, adapter, collection], **quiet)
    watch(loaded)
    return ChatParts(collection, adapter)


def _options(services: ChatServices, i18n: Callable[[str], Any]) -> list[Any]:
    """The side panel; the order is that of `_Tab._chosen`."""
    return [
        gr.Textbox(label=i18n("chat_system"), placeholder=i18n("chat_system_hint"), lines=3, max_lines=10),
        gr.Slider(1, 8, services.k, step=1, label=i18n("chat_k")),
        gr.Slider(0, 2, 0, step=0.05, label=i18n("chat_temperature"), info=i18n("chat_temperature_info")),
        gr.Slider(0.05, 1, 1, step=0.05, label=i18n("chat_top_p")),
        gr.Slider(0, 200, 0, step=1, label=i18n("chat_top_k"), info=i18n("chat_top_k_info")),
        gr.Slider(1, 2, 1, step=0.05, label=i18n("chat_penalty")),
        gr.Slider(16, 2048, services.settings.max_tokens, step=16, label=i18n("chat_max_tokens")),
        gr.Number(-1, label=i18n("chat_seed"), info=i18n("chat_seed_info"), precision=0),
    ]


class _Tab:
    """The tab's event handlers. They read and write the store; the page shows what they return."""

    def __init__(self, services: ChatServices) -> None:
        self._services = services
        self._runs, self._store = services.runs, services.runs.store

    # --- what is shown

    def load(self, conversation: str, request: gr.Request) -> tuple[Any, ...]:
        """On opening the page: the conversation this browser had open, or an empty one."""
        return self.open(conversation, request)

    def open(self, conversation: str, request: gr.Request) -> tuple[Any, ...]:
        lang = language(request)
        try:
            settings = self._store.get(self._services.owner(request), conversation).settings if conversation else None
        except ConversationError:
            conversation, settings = "", None
        adapter, collection = gr.update(choices=self._adapters(lang)), gr.update(choices=self._collections(lang))
        if settings is not None:
            adapter["value"] = settings.get("adapter") or BASE
            collection["value"] = settings.get("collection") or NO_DOCUMENTS
        elif slugs := [slug for _, slug in self._services.collections()]:
            collection["value"] = slugs[0]
        return self._show(conversation, lang), _idle(), conversation, adapter, collection

    def follow(self, conversation: str, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """The running answer, as it grows; ends with it."""
        lang = language(request)
        run = self._runs.find(conversation) if conversation else None
        if run is None:
            yield gr.skip(), gr.skip()
            return
        before = [m for m in self._store.messages(conversation) if m.id < run.message]
        titles = self._titles(lang)
        shown = render(before, lang, titles)
        for snapshot in run.follow():
            yield [*shown, *render([snapshot], lang, titles)], gr.skip()
        yield self._show(conversation, lang), _idle()

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

    # --- what the user does

    def ask(self, question: str, conversation: str, *chosen: Any, request: gr.Request) -> tuple[Any, ...]:
        lang = language(request)
        if not question.strip():
            gr.Warning(text("toast_empty", lang))
            return gr.skip(), gr.skip(), conversation
        owner = self._services.owner(request)
        try:
            if not conversation or not self._mine(owner, conversation):
                conversation = self._store.create(owner).id
            self._runs.start(conversation, question.strip(), self._chosen(*chosen))
        except LlmError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        return self._show(conversation, lang), _busy(), conversation

    def example(self, conversation: str, *chosen: Any, data: gr.SelectData, request: gr.Request) -> tuple[Any, ...]:
        return self.ask(data.value["text"], conversation, *chosen, request=request)

    def retry(self, conversation: str, *chosen: Any, data: gr.RetryData, request: gr.Request) -> tuple[Any, ...]:
        return self._again(conversation, data.index, None, chosen, request)

    def edit(self, conversation: str, *chosen: Any, data: gr.EditData, request: gr.Request) -> tuple[Any, ...]:
        return self._again(conversation, data.index, str(data.value), chosen, request)

    def undo(self, conversation: str, data: gr.UndoData, request: gr.Request) -> tuple[Any, ...]:
        """Take the last question and its answer back into the text box."""
        lang = language(request)
        question = self._cut(conversation, data.index, request)
        return self._show(conversation, lang), gr.update(value=question), conversation

    def stop(self, conversation: str, request: gr.Request) -> None:
        if conversation and self._mine(self._services.owner(request), conversation):
            self._runs.stop(conversation)

    def new(self, request: gr.Request) -> tuple[Any, ...]:
        return self._show("", language(request)), _idle(), ""

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
        return self.ask(edited if edited is not None else question, conversation, *chosen, request=request)

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

    def _show(self, conversation: str, lang: str) -> Any:
        """The chat's value; for an empty conversation the welcome with examples."""
        messages = self._store.messages(conversation) if conversation else []
        run: Run | None = self._runs.find(conversation) if conversation else None
        if run:
            messages = [m for m in messages if m.id < run.message] + [next(run.follow())]
        examples = [{"text": question} for question in self._services.examples(lang)]
        return gr.update(
            value=render(messages, lang, self._titles(lang)), placeholder=_welcome(lang), examples=examples
        )

    def _titles(self, lang: str) -> Mapping[str, str]:
        titles = {info.name: info.title(lang) for info in self._services.registry.scan()}
        return {BASE: text("chat_base", lang), **titles}

    def _adapters(self, lang: str) -> list[tuple[str, str]]:
        valid = [info for info in self._services.registry.scan() if info.valid]
        return [(text("chat_base", lang), BASE), *((info.title(lang), info.name) for info in valid)]

    def _collections(self, lang: str) -> list[tuple[str, str]]:
        return [*self._services.collections(), (text("chat_no_documents", lang), NO_DOCUMENTS)]

    def _chosen(self, *values: Any) -> dict[str, Any]:
        adapter, collection, system, k, temperature, top_p, top_k, penalty, max_tokens, seed = values
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
            "system_prompt": system or "",
            "k": int(k),
            "sampling": sampling,
        }


def _idle() -> Any:
    return gr.update(submit_btn=True, stop_btn=False)


def _busy() -> Any:
    return gr.update(value="", submit_btn=False, stop_btn=True)


def _welcome(lang: str) -> str:
    return (
        f'<div class="fs-welcome"><div class="fs-logo">分身</div><h2>{text("chat_empty_title", lang)}</h2>'
        f"<p>{text('chat_empty_text', lang)}</p></div>"
    )
