"""Questions kept from the chat, listed in the evaluation's part of the knowledge tab: seen, changed, taken along."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import gradio as gr

from rag.errors import RagError
from rag.evaluation_texts import text
from rag.kept_questions import Kept, as_csv
from rag.questions import UNKNOWN, known
from rag.services import KnowledgeServices


def build(
    services: KnowledgeServices, collection: gr.Dropdown, shown_by: Sequence[Any], i18n: Callable[[str], Any]
) -> None:
    """Add the list to the surrounding Blocks and wire it.

    Args:
        collection: whose questions are listed.
        shown_by: events after which the list may be another one.
    """
    here = _List(services)
    with gr.Column(visible=False, elem_id="fs-ev-kept") as part:
        table = gr.Dataframe(
            headers=text("ev_kept_columns", "en").split("|"),
            datatype=["str", "str", "str", "bool"],
            type="array",
            column_count=4,
            interactive=True,
            wrap=True,
            max_height=300,
            column_widths=["44%", "24%", "20%", "12%"],
            label=i18n("ev_kept"),
            elem_id="fs-ev-questions",
        )
        link = gr.HTML(padding=False)
    shown = gr.State([])
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    gr.on(list(shown_by), here.show, [collection], [part, table, link, shown], **quiet)
    table.input(here.change, [collection, table, shown], [link, shown], **quiet)


class _List:
    """The event handlers. What is changed in the table is stored at once."""

    def __init__(self, services: KnowledgeServices) -> None:
        self._services = services

    def show(self, collection: str | None, request: gr.Request) -> tuple[Any, Any, Any, Any]:
        """The user's questions to a collection."""
        lang = self._services.language(request)
        kept = self._kept(collection, request)
        rows = [[one.question, one.source, one.answer, one.failed] for one in kept]
        value = {"headers": text("ev_kept_columns", lang).split("|"), "data": rows}
        return gr.update(visible=bool(kept)), gr.update(value=value), _below(kept, lang), [one.question for one in kept]

    def change(
        self, collection: str | None, rows: Sequence[Sequence[Any]], shown: Sequence[str], request: gr.Request
    ) -> tuple[Any, Any]:
        """Keep the table as it stands. What was kept since it was shown stays."""
        lang = self._services.language(request)
        wanted = {one.question: one for one in map(_kept, rows) if one.question}
        gone = [question for question in shown if question not in wanted]
        if collection and self._services.knowledge.ready:
            questions = self._services.knowledge.get().questions
            try:
                questions.change(self._services.owner(request), collection, gone, list(wanted.values()))
            except RagError as error:
                raise gr.Error(error.message(lang), print_exception=False) from error
        return _below(self._kept(collection, request), lang), list(wanted)

    def _kept(self, collection: str | None, request: gr.Request) -> list[Kept]:
        if not collection or not self._services.knowledge.ready:
            return []
        try:
            return self._services.knowledge.get().questions.of(self._services.owner(request), collection)
        except RagError as error:
            raise gr.Error(error.message(self._services.language(request)), print_exception=False) from error


def _kept(row: Sequence[Any]) -> Kept:
    question, source, answer, failed = (*row, *("",) * 4)[:4]
    said = [" ".join(str(cell or "").split()) for cell in (question, source, answer)]
    return Kept(said[0], said[1], said[2], failed is True or str(failed).lower() == "true")


def _below(kept: Sequence[Kept], lang: str) -> str:
    """What to do with the list, and the list as a file: made here, so that no copy of it lies on the disk."""
    waiting = sum(not known(one.source) for one in kept)
    said = [text("ev_kept_hint", lang)]
    if waiting:
        said.append(text("ev_kept_waiting", lang, count=waiting, unknown=UNKNOWN))
    link = (
        f'<a download="questions.csv" href="data:text/csv;charset=utf-8,{quote(chr(0xFEFF) + as_csv(kept))}">'
        f"{html.escape(text('ev_kept_file', lang))}</a>"
    )
    return f'<div class="fs-hint">{html.escape(" ".join(said))} {link if kept else ""}</div>'
