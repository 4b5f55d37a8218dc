"""Beside the table of rows: their lengths, the selected one as the base reads it, and a way to save them as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from training.dataset.writing import SUFFIX
from training.entries import table_rows
from training.errors import DataError, TrainingError
from training.lessons import Lesson, tokens_of
from training.rows import lengths_of, pieces, row_of_line, save_taught
from training.rows_view import histogram, not_rendered, recipe_table, rendered
from training.texts import text


class RowsTab:
    """Components and handlers; `build` and `recipe` make the components in the surrounding Blocks."""

    def __init__(self, language: Callable[[gr.Request], str]) -> None:
        self._language = language
        # of the base that is taught; reading a large one takes a second
        self._tokens = lru_cache(maxsize=1)(tokens_of)

    def recipe(self, tab: gr.Tab) -> None:
        """Every entry of a recipe, explained; filled in when `tab` is first shown, in the reader's language."""
        shown = gr.HTML(elem_id="fs-teach-recipe")
        tab.select(self.entries, None, shown, show_progress="hidden", api_visibility="private")

    def build(self, i18n: Callable[[str], Any]) -> None:
        """Add the components."""
        with gr.Accordion(i18n("rows_look"), open=False, elem_id="fs-teach-look"):
            self.row = gr.HTML(elem_id="fs-teach-row")
            self.lengths = gr.HTML(elem_id="fs-teach-lengths")
            with gr.Row(elem_id="fs-teach-saving"):
                self.kind = gr.Dropdown([], label=i18n("rows_format"), min_width=180, elem_id="fs-teach-format")
                self.save = gr.Button(i18n("rows_download"), size="sm", elem_id="fs-teach-save")
            self.file = gr.File(visible=False, interactive=False, elem_id="fs-teach-saved")

    def wire(self, lesson: gr.State, rows: gr.Dataframe, prepared: list[Any]) -> None:
        """Show what each of the events `prepared` brought, and follow the table."""
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        for event in prepared:
            event.success(self.show, [lesson], [self.row, self.lengths, self.kind, self.file], **quiet)
        rows.select(self.selected, [lesson], self.row, **quiet)
        self.save.click(self.saved, [lesson, rows, self.kind], self.file, **quiet)

    def entries(self, request: gr.Request) -> str:
        """The recipe's table."""
        return recipe_table(self._language(request))

    def show(self, lesson: Lesson | None, request: gr.Request) -> tuple[Any, ...]:
        """The first row, all lengths, and the formats."""
        lang = self._language(request)
        if lesson is None:
            return "", "", gr.skip(), gr.skip()
        first = table_rows(lesson, 1)
        source = lesson.found.format if lesson.found is not None else "form"
        told = self._guarded(request, lambda: lengths_of(lesson, *self._tokens(_base(lesson))))
        formats = [(text(f"rows_{kind}", lang), kind) for kind in SUFFIX]
        kinds = gr.update(choices=formats, value="text" if source == "text" else "messages")
        shown = self._row(lesson, first[0], request) if first else ""
        return shown, histogram(told, source, lang), kinds, gr.update(visible=False, value=None)

    def selected(self, lesson: Lesson | None, data: gr.SelectData, request: gr.Request) -> Any:
        """The row that was clicked, as it is edited now."""
        return self._row(lesson, data.row_value, request) if lesson is not None else gr.skip()

    def saved(self, lesson: Lesson | None, cells: list[list[Any]], kind: str, request: gr.Request) -> Any:
        """Offer the rows as a file."""
        if lesson is None:
            raise gr.Error(text("teach_nothing_prepared", self._language(request)), print_exception=False)
        folder = Path(tempfile.mkdtemp(prefix="fenshen-rows-"))
        path = self._guarded(request, lambda: save_taught(lesson, cells, folder, kind))
        return gr.update(value=str(path), visible=True)

    def _row(self, lesson: Lesson, line: list[Any], request: gr.Request) -> str:
        lang = self._language(request)

        def show() -> str:
            try:
                row = row_of_line(lesson, line)
            except DataError:
                return not_rendered(lang)
            tokenizer, ends = self._tokens(_base(lesson))
            return rendered(pieces(tokenizer, row, ends), str(line[0]), lesson.job.config.max_length, lang)

        said: str = self._guarded(request, show)
        return said

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TrainingError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error


def _base(lesson: Lesson) -> Path:
    return Path(lesson.job.base_folder or lesson.job.config.base)
