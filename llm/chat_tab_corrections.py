"""Correcting an answer in the chat: a box with the answer in it is opened, what is written there is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from llm.chat_render import safe_markdown
from llm.chat_tab_events import ChatEvents, ChatServices, language
from llm.corrections import correctable, correction_of
from llm.errors import LlmError
from llm.texts import text


@dataclass(frozen=True)
class CorrectParts:
    """The box; `target` is the id of the answer that is being corrected, `open` the unseen button that page.js presses
    for the words under an answer."""

    panel: gr.Column
    asked: gr.Markdown
    wanted: gr.Textbox
    save: gr.Button
    cancel: gr.Button
    target: gr.State
    open: gr.Button
    pointed: gr.Textbox

    @property
    def whole(self) -> list[Any]:
        """What opening it changes."""
        return [self.panel, self.asked, self.wanted, self.target]


def box(i18n: Callable[[str], Any]) -> CorrectParts:
    """The box, closed; stands between the conversation and the text box."""
    with gr.Column(visible=False, elem_id="fs-correct") as panel:
        asked = gr.Markdown(elem_classes="fs-hint")
        wanted = gr.Textbox(label=i18n("correct_title"), lines=2, max_lines=8, elem_id="fs-correct-wanted")
        with gr.Row():
            save = gr.Button(i18n("correct_save"), size="sm", variant="primary", elem_id="fs-correct-save")
            cancel = gr.Button(i18n("correct_cancel"), size="sm", elem_id="fs-correct-cancel")
        target = gr.State(0)
    return CorrectParts(
        panel,
        asked,
        wanted,
        save,
        cancel,
        target,
        gr.Button(visible="hidden", elem_id="fs-correct-open"),
        gr.Textbox(visible=False),
    )


def wire(chatbot: gr.Chatbot, current: Any, parts: CorrectParts, services: ChatServices, chat: ChatEvents) -> None:
    """Connect the box with the conversation `current` that `chatbot` shows."""
    events = CorrectEvents(services, chat)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    pointed = "(conversation, pointed) => [conversation, window.fsWanted]"
    parts.open.click(events.open, [current, parts.pointed], parts.whole, js=pointed, **quiet)
    parts.save.click(events.save, [current, parts.target, parts.wanted], [chatbot, parts.panel], **quiet)
    parts.cancel.click(events.close, [current], [chatbot, parts.panel], **quiet)
    # what is open belongs to the conversation that was open
    current.change(lambda: gr.update(visible=False), None, parts.panel, **quiet)


class CorrectEvents:
    """Handlers. Gradio fills in data and request by position: they stand before the inputs' rest."""

    def __init__(self, services: ChatServices, chat: ChatEvents) -> None:
        self._services, self._chat, self._store = services, chat, services.runs.store

    def open(self, conversation: str, pointed: str, request: gr.Request) -> tuple[Any, ...]:
        """The box with the answer that was pointed at, "MESSAGE-0"."""
        message = str(pointed).partition("-")[0]
        try:
            return self.opened(conversation, int(message) if message.isdigit() else 0, request)
        except LlmError as error:
            raise gr.Error(error.message(language(request)), print_exception=False) from error

    def opened(self, conversation: str, message: int, request: gr.Request) -> tuple[Any, ...]:
        """The same by the answer's id.

        Raises:
            ConversationError: it cannot be corrected.
        """
        self._store.get(self._services.owner(request), conversation)
        question, answer = correctable(self._store.messages(conversation), message)
        shown = answer.about.get("corrected") or answer.content
        return gr.update(visible=True), safe_markdown(question.content), gr.update(value=shown), answer.id

    def save(self, conversation: str, target: int, wanted: str, request: gr.Request) -> tuple[Any, ...]:
        """Hand the correction over, then mark the answer: a kill between the two costs the mark alone."""
        lang, owner = language(request), self._services.owner(request)
        try:
            self._store.get(owner, conversation)
            messages = self._store.messages(conversation)
            _, answer = correctable(messages, target)
            self._services.correct(correction_of(messages, target, wanted, owner))
            about = {**answer.about, "corrected": wanted.strip()}
            self._store.update(answer.id, answer.content, answer.status, about)
        except LlmError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        gr.Info(text("correct_kept", lang))
        return self._chat.show(conversation, lang), gr.update(visible=False)

    def close(self, conversation: str, request: gr.Request) -> tuple[Any, ...]:
        """As if nothing had been pointed at."""
        return self._chat.show(conversation, language(request)), gr.update(visible=False)
