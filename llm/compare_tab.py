"""The compare tab: one question to several selves side by side, and what each of them changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gradio as gr

from llm.adapters import AdapterRegistry
from llm.compare import MOST, compare
from llm.compare_view import as_html, columns_for, take
from llm.errors import LlmError
from llm.requests import AdapterChoice
from llm.sampling import Sampling
from llm.texts import text

if TYPE_CHECKING:
    from llm.engine import Engine

NOBODY = ""
EVERY = 0.1  # seconds between two looks of the page at the answers
I18n = Callable[[str], Any]


@dataclass(frozen=True)
class CompareServices:
    """What the tab is given by the page.

    Attributes:
        engine: waits until it is loaded; raises an LlmError where it could not be.
    """

    engine: Callable[[], Engine]
    registry: AdapterRegistry


def build(tab: gr.Tab, services: CompareServices, i18n: I18n, language: Callable[[gr.Request], str]) -> None:
    """Add the components to `tab` and wire them.

    Args:
        i18n: key of llm.texts -> label in the browser's language.
    """
    events = _Events(services, language)
    with tab, gr.Column(elem_id="fs-comparing"):
        gr.Markdown(i18n("compare_hint"), elem_classes="fs-hint")
        question = gr.Textbox(
            show_label=False,
            label=i18n("compare_tab"),
            placeholder=i18n("compare_ask"),
            max_lines=4,
            elem_id="fs-compare-question",
        )
        selves = gr.CheckboxGroup([], label=i18n("compare_selves"), elem_id="fs-compare-selves")
        with gr.Accordion(i18n("compare_mix"), open=False, elem_id="fs-compare-mix"):
            gr.Markdown(i18n("compare_mix_hint"), elem_classes="fs-hint")
            mix: list[Any] = []
            for which in ("first", "second"):
                with gr.Row():
                    # a self that has vanished since is refused with our own message
                    one = gr.Dropdown(
                        [("", NOBODY)],
                        value=NOBODY,
                        label=i18n(f"compare_{which}"),
                        allow_custom_value=True,
                        elem_id=f"fs-compare-{which}",
                    )
                    mix.append(one)
                    mix.append(gr.Slider(0, 2, 0.5, step=0.05, label=i18n("compare_weight")))
        with gr.Accordion(i18n("compare_sampling"), open=False):
            chosen = [
                gr.Slider(0, 2, 0, step=0.05, label=i18n("chat_temperature"), info=i18n("chat_temperature_info")),
                gr.Number(0, label=i18n("chat_seed"), precision=0, minimum=0),
                gr.Slider(16, 512, 128, step=16, label=i18n("chat_max_tokens")),
            ]
        with gr.Row():
            go = gr.Button(i18n("compare_go"), variant="primary", elem_id="fs-compare-go")
            stop = gr.Button(i18n("compare_stop"), visible=False, elem_id="fs-compare-stop")
        shown = gr.HTML(elem_id="fs-compare")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    tab.select(events.listed, [selves, mix[0], mix[2]], [selves, mix[0], mix[2]], **quiet)
    gr.on([go.click, question.submit], events.ask, [question, selves, *mix, *chosen], [shown, go, stop], **quiet)
    stop.click(events.stop, None, None, queue=False, **quiet)


@dataclass
class _Events:
    """Handlers; `running` holds how to stop what each page has asked."""

    services: CompareServices
    language: Callable[[gr.Request], str]
    running: dict[str, threading.Event] = field(default_factory=dict)

    def listed(self, selves: list[str], first: str, second: str, request: gr.Request) -> tuple[Any, ...]:
        """The selves there are now; the first three are chosen for a visitor who has chosen none."""
        lang = self.language(request)
        found = [(info.title(lang), info.name) for info in self.services.registry.scan() if info.valid]
        names = [name for _, name in found]
        kept = [name for name in selves or () if name in names] or names[:3]
        label = text("compare_selves" if found else "compare_no_selves", lang)
        mixable = [(text("compare_nobody", lang), NOBODY), *found]
        return (
            gr.update(choices=found, value=kept, label=label),
            gr.update(choices=mixable, value=first if first in names else NOBODY),
            gr.update(choices=mixable, value=second if second in names else NOBODY),
        )

    def ask(self, question: str, selves: list[str], request: gr.Request, *more: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Every answer as it grows; ends with the last one."""
        lang = self.language(request)
        first, strength, second, other, temperature, seed, longest = more
        try:
            choices = self._choices(selves or [], (first, strength), (second, other), lang)
            sampling = Sampling(float(temperature), seed=int(seed or 0), max_tokens=int(longest))
            yield from self._answers(question, choices, sampling, request)
        except LlmError as error:
            yield "", *_buttons(running=False)
            raise gr.Error(error.message(lang), print_exception=False) from error

    def stop(self, request: gr.Request) -> None:
        """End what this page has asked within a step."""
        if event := self.running.get(str(request.session_hash)):
            event.set()

    def _answers(
        self, question: str, choices: list[AdapterChoice], sampling: Sampling, request: gr.Request
    ) -> Iterator[tuple[Any, Any, Any]]:
        lang, page = self.language(request), str(request.session_hash)
        titles = {info.name: info.title(lang) for info in self.services.registry.scan()}
        columns = columns_for(choices, titles, lang)
        cancel = self.running[page] = threading.Event()
        # at once: the base may still be loading
        yield as_html(columns, lang, running=True), *_buttons(running=True)
        try:
            looked = 0.0
            events = compare(self.services.engine(), question, choices, sampling, session=page, cancel=cancel)
            for event in events:
                take(columns, event)
                if time.monotonic() - looked > EVERY:
                    yield as_html(columns, lang, running=True), gr.skip(), gr.skip()
                    looked = time.monotonic()
        finally:
            self.running.pop(page, None)
        yield as_html(columns, lang), *_buttons(running=False)

    def _choices(
        self, selves: list[str], first: tuple[str, float], second: tuple[str, float], lang: str
    ) -> list[AdapterChoice]:
        choices: list[AdapterChoice] = [*selves[:MOST]]
        names = {name for name, _ in (first, second) if name}
        if len(names) == 2:
            choices = [*choices[: MOST - 1], {name: float(weight) for name, weight in (first, second)}]
        elif first[0] or second[0]:
            raise gr.Error(text("compare_half_mix", lang), print_exception=False)
        if not choices:
            raise gr.Error(text("compare_none_chosen", lang), print_exception=False)
        return choices


def _buttons(*, running: bool) -> tuple[Any, Any]:
    return gr.update(interactive=not running), gr.update(visible=running)
