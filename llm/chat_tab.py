"""The chat tab: a viewer of conversations that live on the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from llm import chat_tab_corrections, chat_tab_thumbs, chat_tab_view
from llm.chat_tab_corrections import CorrectParts
from llm.chat_tab_events import BASE, NO_DOCUMENTS, ChatEvents, ChatServices
from llm.chat_tab_view import ViewParts

I18n = Callable[[str], Any]


@dataclass(frozen=True)
class SideParts:
    """The two side panels; `options` are in the order of `ChatEvents.chosen`."""

    new: gr.Button
    history: gr.Radio
    nothing: gr.Markdown
    delete: gr.Button
    options: tuple[Any, ...]


@dataclass(frozen=True)
class ChatParts:
    """The tab itself."""

    chatbot: gr.Chatbot
    question: gr.Textbox
    adapter: gr.Dropdown
    collection: gr.Dropdown
    correct: CorrectParts
    view: ViewParts


def side_panels(services: ChatServices, i18n: I18n) -> SideParts:
    """Conversations on the left, settings on the right. Outside the tabs: a hidden panel would still take its room.

    Args:
        i18n: key of llm.texts -> label in the browser's language.
    """
    with gr.Sidebar(position="left", width=280, open=False, elem_id="fs-history"):
        new = gr.Button(i18n("chat_new"), variant="primary", elem_id="fs-new")
        history = gr.Radio([], label=i18n("chat_history"), elem_id="fs-conversations", container=False)
        nothing = gr.Markdown(i18n("chat_no_history"), elem_classes="fs-hint")
        delete = gr.Button(i18n("chat_delete"), variant="stop", size="sm", elem_id="fs-delete", visible=False)
    with gr.Sidebar(position="right", width=300, open=False, elem_id="fs-settings"):
        gr.Markdown(i18n("chat_settings"), elem_classes="fs-panel-title")
        options = (
            gr.Dropdown(
                [],
                label=i18n("chat_documents"),
                info=i18n("chat_documents_info"),
                multiselect=True,
                visible=False,
                elem_id="fs-documents",
            ),
            gr.Textbox(
                label=i18n("chat_system"),
                placeholder=i18n("chat_system_hint"),
                lines=3,
                max_lines=10,
                elem_id="fs-system",
            ),
            gr.Slider(1, 8, services.k, step=1, label=i18n("chat_k")),
            gr.Slider(0, 2, 0, step=0.05, label=i18n("chat_temperature"), info=i18n("chat_temperature_info")),
            gr.Slider(0.05, 1, 1, step=0.05, label=i18n("chat_top_p")),
            gr.Slider(0, 200, 0, step=1, label=i18n("chat_top_k"), info=i18n("chat_top_k_info")),
            gr.Slider(1, 2, 1, step=0.05, label=i18n("chat_penalty")),
            gr.Slider(16, 2048, services.settings.max_tokens, step=16, label=i18n("chat_max_tokens")),
            gr.Number(-1, label=i18n("chat_seed"), info=i18n("chat_seed_info"), precision=0),
        )
    return SideParts(new, history, nothing, delete, options)


def body(i18n: I18n) -> ChatParts:
    """The conversation, the text box, and the two choices that go with the next message."""
    with gr.Column(elem_id="fs-chat"):
        chatbot = gr.Chatbot(
            elem_id="fs-log",
            show_label=False,
            label=i18n("chat_tab"),
            container=False,
            layout="bubble",
            buttons=[],
            editable="user",
            feedback_options=("Like", "Dislike"),
            height="100%",
            min_height=240,
            group_consecutive_messages=False,
        )
        correct = chat_tab_corrections.box(i18n)
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
                adapter = _picker(i18n("chat_self"), BASE, "fs-adapter")
                collection = _picker(i18n("chat_collection"), NO_DOCUMENTS, "fs-collection")
        view = chat_tab_view.panel()
    return ChatParts(chatbot, question, adapter, collection, correct, view)


def _picker(label: Any, none: str, elem_id: str) -> gr.Dropdown:
    """A choice that goes with the next message. Any value is let through: what was chosen may be deleted by now, and a
    restarted app does not know what it offered to a page that stayed open. Whoever answers says what is wrong."""
    picker = gr.Dropdown([("", none)], value=none, label=label, allow_custom_value=True, min_width=120, elem_id=elem_id)
    picker.filterable = False  # chosen, not typed; the constructor does not take both
    return picker


def wire(
    page: gr.Blocks, tabs: gr.Tabs, services: ChatServices, parts: tuple[SideParts, ChatParts], secret: str
) -> None:
    """Connect the components of `side_panels` and `body` to what happens.

    Args:
        tabs: shows the tab "chat" when a conversation is chosen.
        secret: encrypts what the browser stores (the open conversation's id); must outlive a restart.
    """
    side, chat = parts
    events = ChatEvents(services)
    current = gr.BrowserState("", storage_key="fenshen-conversation", secret=secret)
    chosen = [current, chat.adapter, chat.collection, *side.options]
    view = [chat.chatbot, chat.question, current]
    whole = [*view, chat.adapter, chat.collection]
    listing = [side.history, side.nothing, side.delete]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    followers: list[Any] = []

    def list_after(event: Any) -> None:
        event.then(events.listing, [current], listing, **quiet)

    def follow_after(event: Any) -> None:
        followers.append(event.then(events.follow, [current], [chat.chatbot, chat.question], **quiet))
        list_after(followers[-1])

    asked = chat.question.submit(events.ask, [chat.question, *chosen], view, **quiet)
    list_after(asked)
    follow_after(asked)
    follow_after(chat.chatbot.retry(events.retry, chosen, view, **quiet))
    follow_after(chat.chatbot.edit(events.edit, chosen, view, **quiet))
    follow_after(chat.chatbot.example_select(events.example, chosen, view, **quiet))
    follow_after(page.load(events.opened, [current], whole, **quiet))
    # Leaving a conversation ends this page's view of its answer, not the answer.
    leave = {**quiet, "cancels": followers}
    show_chat: dict[str, Any] = {"fn": lambda: gr.Tabs(selected="chat"), "outputs": tabs, **quiet}
    follow_after(side.history.input(events.open, [side.history], whole, **{**leave, "cancels": list(followers)}))
    side.history.input(**show_chat)
    opened_new = side.new.click(events.new, None, view, **leave)
    list_after(opened_new)
    side.new.click(**show_chat)
    list_after(side.delete.click(events.delete, [current], view, **leave))
    chat_tab_corrections.wire(chat.chatbot, current, chat.correct, services, events)
    chat_tab_thumbs.wire(chat.chatbot, current, chat.correct, services, events)
    chat_tab_view.wire(current, chat.view, services)
    list_after(chat.chatbot.undo(events.undo, [current], view, **quiet))
    chat.question.stop(events.stop, [current], None, **quiet)
    documents = side.options[0]
    chat.collection.change(events.documents, chat.collection, documents, **quiet)
    documents.focus(events.more_documents, chat.collection, documents, **quiet)
    # Before the list is opened: one that changes while it is open is cut down to what matches the chosen entry, and one
    # that gets shorter then is a script error of Gradio's.
    tabs.change(events.adapters, None, chat.adapter, **quiet)
    tabs.change(events.collections, None, chat.collection, **quiet)
    chat.adapter.focus(events.adapters, None, chat.adapter, **quiet)
    chat.collection.focus(events.collections, None, chat.collection, **quiet)
