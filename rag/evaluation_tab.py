"""The part of the knowledge tab that measures a collection with the user's own questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag import kept_questions_tab
from rag.errors import RagError
from rag.evaluation_texts import text
from rag.services import KnowledgeServices

if TYPE_CHECKING:
    from rag.evaluation import Setting

CUTS = (120, 240, 480, 960)
PLOTTED = ("recall", "mrr")


def build(page: gr.Tab, services: KnowledgeServices, collection: gr.Dropdown, i18n: Callable[[str], Any]) -> None:
    """Add the section to the surrounding Blocks and wire it.

    Args:
        page: the tab it stands on.
        collection: the tab's picker.
        i18n: key of rag.evaluation_texts -> label in the browser's language.
    """
    events = _Events(services)
    with gr.Accordion(i18n("ev_title"), open=False, elem_id="fs-evaluation") as section:
        gr.Markdown(i18n("ev_hint"), elem_classes="fs-hint")
        with gr.Row():
            file = gr.File(label=i18n("ev_file"), file_types=[".csv", ".tsv", ".txt"], height=150, elem_id="fs-ev-file")
            with gr.Column():
                k = gr.Slider(1, 20, 5, step=1, label=i18n("ev_k"))
                methods = gr.CheckboxGroup(
                    [(i18n("ev_bm25"), "bm25"), (i18n("ev_dense"), "dense")],
                    value=["bm25", "dense"],
                    label=i18n("ev_methods"),
                )
                cuts = gr.CheckboxGroup([(str(cut), cut) for cut in CUTS], label=i18n("ev_cuts"))
                answers = gr.Checkbox(label=i18n("ev_answers"), visible=bool(services.asking), elem_id="fs-ev-answers")
        kept_questions_tab.build(services, collection, [page.select, section.expand, collection.change], i18n)
        with gr.Row():
            run = gr.Button(i18n("ev_run"), variant="primary", size="sm", elem_id="fs-ev-run")
            stop = gr.Button(i18n("ev_stop"), size="sm", visible=False, elem_id="fs-ev-stop")
        notes = gr.HTML(elem_id="fs-ev-notes")
        table = gr.Dataframe(interactive=False, wrap=True, visible=False, elem_id="fs-ev-table")
        with gr.Row(visible=False, elem_id="fs-ev-plots") as row:
            plots = [
                gr.BarPlot(x="setting", y="value", x_title=" ", y_title=" ", y_lim=[0, 100], height=240, min_width=300)
                for _ in PLOTTED
            ]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [notes, run, stop, table, row, *plots]
    going = run.click(events.run, [file, collection, k, methods, cuts, answers], shown, **quiet)
    stop.click(events.idle, None, [run, stop], cancels=[going], **quiet)


class _Events:
    """The section's event handlers."""

    def __init__(self, services: KnowledgeServices) -> None:
        self._services = services
        self._knowledge, self._asking, self._language = services.knowledge, services.asking, services.language

    @staticmethod
    def idle() -> tuple[Any, Any]:
        return gr.update(visible=True), gr.update(visible=False)

    def run(
        self,
        file: str | None,
        collection: str | None,
        k: float,
        methods: Sequence[Any],
        cuts: Sequence[int],
        answers: bool,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Measure with the questions of a file, or without one with those kept; shows each row as it is done."""
        from rag.evaluation import evaluate
        from rag.evaluation_view import as_html
        from rag.kept_questions import to_measure
        from rag.questions import read_questions

        lang = self._language(request)
        if not collection:
            raise gr.Error(text("ev_no_collection", lang), print_exception=False)
        told: list[Any] = []
        same, plots = [gr.skip()] * 2, [gr.skip()] * len(PLOTTED)
        seen = 0.0
        try:
            asking = self._asking(collection) if answers and self._asking else None
            settings = _settings(methods, cuts, answers=asking is not None)
            owner = self._services.owner(request)
            kept = [] if file else to_measure(self._knowledge.get().questions.of(owner, collection))
            if not file and not kept:
                raise gr.Error(text("ev_no_questions", lang), print_exception=False)
            questions = read_questions(Path(file)) if file else kept
            for event in evaluate(self._knowledge.get(), collection, questions, settings, int(k), asking):
                told = [other for other in told if other.type != "progress"] + [event]
                if event.type == "row" or time.monotonic() - seen > 0.3:
                    seen = time.monotonic()
                    measured = _measured(told, int(k), lang)[:2] if event.type == "row" else same
                    yield as_html(told, lang), gr.update(visible=False), gr.update(visible=True), *measured, *plots
        except RagError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        # the plots last, once: of plots that follow one another quickly the page may draw an earlier one
        yield as_html(told, lang), *self.idle(), *_measured(told, int(k), lang)


def _settings(methods: Sequence[Any], cuts: Sequence[int], *, answers: bool) -> list[Setting]:
    from rag.evaluation import Setting

    return [Setting(answers=answers), *map(Setting, methods), *(Setting(chunk_chars=int(cut)) for cut in cuts)]


def _measured(told: Sequence[Any], k: int, lang: str) -> list[Any]:
    """Table, the plots' row, and the plots, of the settings so far."""
    import pandas as pd

    from rag.evaluation_view import bars, table

    head, body = table(told, k, lang)
    plots = []
    for measure in PLOTTED:
        data = pd.DataFrame(bars(told, measure, lang), columns=["setting", "value"])
        title = text(f"ev_column_{measure}", lang, k=k)
        plots.append(gr.BarPlot(value=data, title=title, sort=list(data["setting"])))
    some = any(cell != "–" for row in body for cell in row[2:3])
    return [gr.update(value={"headers": head, "data": body}, visible=True), gr.update(visible=some), *plots]
