"""Opening a cited passage in its document, beside the chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from llm.chat_tab_events import ChatServices, language
from llm.errors import LlmError
from llm.texts import text
from llm.view_render import frame, view_panel

# page.js says which passage, "MESSAGE-NUMBER", and presses the button: Gradio has no event for what is in a message.
_WANTED = "(conversation, wanted) => [conversation, window.fsWanted]"


@dataclass(frozen=True)
class ViewParts:
    """The panel, and the unseen button that fills it."""

    panel: gr.HTML
    open: gr.Button
    wanted: gr.Textbox


def panel() -> ViewParts:
    """The panel; page.js shows and hides it."""
    return ViewParts(
        gr.HTML(elem_id="fs-viewer", padding=False),
        gr.Button(visible="hidden", elem_id="fs-view-open"),
        gr.Textbox(visible=False),
    )


def wire(current: Any, parts: ViewParts, services: ChatServices) -> None:
    """Connect the panel with the conversation `current`."""
    events = ViewEvents(services)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    opened = parts.open.click(
        events.open, [current, parts.wanted], parts.panel, js=_WANTED, trigger_mode="always_last", **quiet
    )
    opened.then(None, None, None, js="() => window.fsShowMark()", **quiet)


class ViewEvents:
    """Handlers. Gradio fills in the request by position."""

    def __init__(self, services: ChatServices) -> None:
        self._services = services

    def open(self, conversation: str, wanted: str, request: gr.Request) -> Iterator[str]:
        """The passage `wanted`, "MESSAGE-NUMBER", of the user's own conversation."""
        lang = language(request)
        yield frame(text("view_loading", lang), "", "", "", lang)
        try:
            yield view_panel(self._view(conversation, wanted, request), lang)
        except LlmError as error:
            yield frame("", "", error.message(lang), "", lang)

    def _view(self, conversation: str, wanted: str, request: gr.Request) -> Mapping[str, Any]:
        store = self._services.runs.store
        store.get(self._services.owner(request), conversation)
        message, _, number = str(wanted).partition("-")
        for one in store.messages(conversation):
            sources = one.about.get("sources", [])
            if str(one.id) == message and number.isdigit() and 1 <= int(number) <= len(sources):
                cited = [c for c in one.about.get("citations", []) if c["number"] == int(number)]
                spans = [(c["span_start"], c["span_end"]) for c in cited if c["status"] != "unsupported"]
                return self._services.view(sources[int(number) - 1], spans)
        raise LlmError(
            en="This passage belongs to an answer that is still being written, or is not there any more. Wait for its "
            "end, or reload the page.",
            zh="这个段落所属的回答还没有写完，或已不存在。请等它结束，或刷新页面。",
        )
