"""Bringing in a self that was trained elsewhere, on the teaching tab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from training.errors import TrainingError
from training.selves_tab import SelvesTab
from training.texts import text


class ImportTab:
    """Components and their handler; `build` makes them in the surrounding Blocks.

    Args:
        bring: (file, name or "", alpha or None) imports it and gives its name, or raises a TrainingError.
    """

    def __init__(self, bring: Callable[[Path, str, float | None], str], language: Callable[[gr.Request], str]) -> None:
        self._bring, self._language = bring, language

    def build(self, i18n: Callable[[str], Any], selves: SelvesTab) -> None:
        """Add the components and wire them; `selves` shows what was imported."""
        with gr.Accordion(i18n("import_title"), open=False, elem_id="fs-import"):
            gr.Markdown(i18n("import_hint"), elem_classes="fs-hint")
            file = gr.File(label=i18n("import_drop"), file_types=[".zip", ".pth"], height=120, elem_id="fs-import-file")
            name = gr.Textbox(label=i18n("import_name"), max_lines=1, max_length=48, elem_id="fs-import-name")
            alpha = gr.Number(0, label=i18n("import_alpha"), minimum=0, elem_id="fs-import-alpha")
            go = gr.Button(i18n("import_go"), elem_id="fs-import-go")
        quiet: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
        done = go.click(self.bring, [file, name, alpha], [selves.name, file, name], **quiet)
        done.success(selves.show, [selves.name], selves.view, **quiet)

    def bring(self, file: str | None, name: str, alpha: float | None, request: gr.Request) -> tuple[Any, ...]:
        """Import the file that was dropped."""
        lang = self._language(request)
        if not file:
            raise gr.Error(text("import_none", lang), print_exception=False)
        try:
            brought = self._bring(Path(file), (name or "").strip(), alpha or None)
        except TrainingError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        gr.Info(text("import_done", lang, name=brought))
        return gr.update(choices=[(brought, brought)], value=brought), None, ""
