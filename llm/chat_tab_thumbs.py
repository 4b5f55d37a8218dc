"""Thumbs under answers: up or down keeps a question to documents for measuring, down also opens the correction."""

from __future__ import annotations

from typing import Any

import gradio as gr

from llm.chat_tab_corrections import CorrectEvents, CorrectParts
from llm.chat_tab_events import ChatEvents, ChatServices, language
from llm.errors import LlmError
from llm.judging import Thumb, judgement_of
from llm.texts import text

_TOLD = {"Like": "thumb_up", "Dislike": "thumb_down", "": "thumb_back"}
_GLANCE = 60


def wire(chatbot: gr.Chatbot, current: Any, parts: CorrectParts, services: ChatServices, chat: ChatEvents) -> None:
    """Connect the thumbs of `chatbot`, which shows the conversation `current`, with the correction box `parts`."""
    events = ThumbEvents(services, chat)
    chatbot.like(events.judge, [current], [chatbot, *parts.whole], show_progress="hidden", api_visibility="private")


class ThumbEvents:
    """Handlers. Gradio fills in data and request by position: they stand before the inputs' rest."""

    def __init__(self, services: ChatServices, chat: ChatEvents) -> None:
        self._services, self._chat, self._store = services, chat, services.runs.store
        self._corrections = CorrectEvents(services, chat)

    def judge(self, conversation: str, data: gr.LikeData, request: gr.Request) -> tuple[Any, ...]:
        """Keep the question of the answer that was pointed at, and have its thumb stay."""
        lang, owner = language(request), self._services.owner(request)
        thumb: Thumb = "Like" if data.liked is True else "Dislike" if data.liked is False else ""
        position = int(data.index[0] if isinstance(data.index, (list, tuple)) else data.index)
        try:
            self._store.get(owner, conversation)
            messages = self._store.messages(conversation)
            message = messages[position] if position < len(messages) else None
            judged = judgement_of(messages, message.id, thumb, owner) if message else None
            if message is not None and judged is not None:
                self._services.judge(judged)
                self._store.update(message.id, message.content, message.status, {**message.about, "thumb": thumb})
                question = judged.question if len(judged.question) <= _GLANCE else judged.question[:_GLANCE] + "…"
                gr.Info(text(_TOLD[thumb], lang, question=question))
            elif thumb == "Like":
                gr.Info(text("thumb_nothing", lang))
        except LlmError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        shown = self._chat.show(conversation, lang)
        if thumb != "Dislike" or message is None:
            return shown, *(gr.skip() for _ in range(4))
        try:
            return shown, *self._corrections.opened(conversation, message.id, request)
        except LlmError as error:
            if judged is None:
                raise gr.Error(error.message(lang), print_exception=False) from error
            return shown, *(gr.skip() for _ in range(4))
