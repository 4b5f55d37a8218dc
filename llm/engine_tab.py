"""The engine tab: slots, queue, speed, caches, adapters in memory and the last errors, while somebody looks."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from llm.engine_view import Look, as_html, facts, tokens_per_second
from llm.texts import text

if TYPE_CHECKING:
    from llm.engine import Engine

EVERY = 1.5  # seconds
# Whether the panel is on the page, asked in the browser: a tab is also left without a click on another one.
_SHOWN = "(before, shown) => [before, !!document.querySelector('#fs-engine')?.offsetParent]"


def build(tab: gr.Tab, engine: Callable[[], Engine | None], language: Callable[[gr.Request], str]) -> None:
    """Add the panel to `tab` and wire it.

    Args:
        engine: None while it is still loading.
    """

    def look(before: Look | None, request: gr.Request) -> tuple[str, Look | None]:
        lang, running = language(request), engine()
        if running is None:
            return f'<p class="fs-hint">{html.escape(text("engine_loading", lang))}</p>', None
        status = running.status()
        now = Look(time.monotonic(), status.generated_tokens)
        return as_html(facts(status, tokens_per_second(before, now)), lang), now

    def show(request: gr.Request) -> tuple[Any, Any, Any]:
        return *look(None, request), gr.Timer(active=True)

    def refresh(before: Look | None, shown: bool, request: gr.Request) -> tuple[Any, Any, Any]:
        if not shown:
            return gr.skip(), None, gr.Timer(active=False)
        return *look(before, request), gr.skip()

    with tab:
        panel = gr.HTML(elem_id="fs-engine")
        before, shown = gr.State(None), gr.Checkbox(visible=False)
        timer = gr.Timer(EVERY, active=False)
    # Not in the queue: what is asked while everyone waits must not wait with them.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    tab.select(show, None, [panel, before, timer], **quiet)
    timer.tick(refresh, [before, shown], [panel, before, timer], js=_SHOWN, **quiet)
