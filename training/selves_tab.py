"""The user's own selves on the teaching tab: versions, use, rename, delete, export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from training.errors import TrainingError
from training.shelf import Shelf, version_label
from training.tab_view import self_choices, version_choices
from training.texts import text


class SelvesTab:
    """Components and handlers; `build` makes the components in the surrounding Blocks."""

    def __init__(self, shelf: Shelf, language: Callable[[gr.Request], str]) -> None:
        self._shelf, self._language = shelf, language

    def build(self, i18n: Callable[[str], Any]) -> None:
        """Add the components and wire them."""
        with gr.Accordion(i18n("teach_selves"), open=False, elem_id="fs-teach-selves"):
            self.nothing = gr.Markdown(i18n("teach_no_selves"), elem_classes="fs-hint")
            with gr.Column(visible=False) as self.all:
                with gr.Row():
                    self.name = gr.Dropdown(
                        [], label=i18n("teach_self"), allow_custom_value=True, elem_id="fs-teach-self"
                    )
                    self.version = gr.Dropdown([], label=i18n("teach_version"), allow_custom_value=True, min_width=120)
                self.new = gr.Textbox(
                    label=i18n("teach_new_name"), max_lines=1, max_length=48, elem_id="fs-teach-new-name"
                )
                with gr.Row():
                    self.use = gr.Button(i18n("teach_use"), size="sm", elem_id="fs-teach-use")
                    self.rename = gr.Button(i18n("teach_rename"), size="sm", elem_id="fs-teach-rename")
                    self.export = gr.Button(i18n("teach_export"), size="sm", elem_id="fs-teach-export")
                    self.delete = gr.Button(i18n("teach_delete"), size="sm", variant="stop", elem_id="fs-teach-delete")
                with gr.Column(visible=False) as self.confirm:
                    self.question = gr.Markdown()
                    with gr.Row():
                        self.yes = gr.Button(
                            i18n("teach_yes"), size="sm", variant="stop", elem_id="fs-teach-delete-yes"
                        )
                        self.no = gr.Button(i18n("teach_no"), size="sm")
                self.file = gr.File(visible=False, interactive=False, elem_id="fs-teach-zip")
        self.view = [self.all, self.nothing, self.name, self.version, self.confirm, self.file]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.name.input(self.show, [self.name], self.view, **quiet)
        self.use.click(self.point, [self.name, self.version], self.view, **quiet)
        self.rename.click(self.call, [self.name, self.new], [*self.view, self.new], **quiet)
        self.export.click(self.zipped, [self.name, self.version], self.file, **quiet)
        self.delete.click(self.ask, [self.name], [self.confirm, self.question], **quiet)
        self.yes.click(self.drop, [self.name], self.view, **quiet)
        self.no.click(lambda: gr.update(visible=False), None, self.confirm, **quiet)

    def show(self, name: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The list, and the versions of `name`, else of the first."""
        lang = self._language(request)
        selves = self._shelf.all()
        one = next((own for own in selves if own.name == name), selves[0] if selves else None)
        return (
            gr.update(visible=bool(selves)),
            gr.update(visible=not selves),
            gr.update(choices=self_choices(selves, lang), value=one.name if one else None),
            gr.update(choices=version_choices(one, lang), value=one.now.name if one else None),
            gr.update(visible=False),
            gr.update(visible=False, value=None),
        )

    def point(self, name: str | None, version: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Let a version answer."""
        lang = self._language(request)
        one = self._guarded(request, lambda: self._shelf.use(name or "", version or ""))
        gr.Info(text("teach_used", lang, name=one.name, version=version_label(one.now, lang)))
        return self.show(name, request)

    def call(self, name: str | None, new: str, request: gr.Request) -> tuple[Any, ...]:
        """Rename it."""
        one = self._guarded(request, lambda: self._shelf.rename(name or "", new.strip()))
        gr.Info(text("teach_renamed", self._language(request), name=name, new=one.name))
        return (*self.show(one.name, request), "")

    def ask(self, name: str | None, request: gr.Request) -> tuple[Any, Any]:
        """Whether it is really to be deleted."""
        one = self._guarded(request, lambda: self._shelf.get(name or ""))
        question = text("teach_confirm_delete", self._language(request), name=one.name, count=len(one.versions))
        return gr.update(visible=True), question

    def drop(self, name: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Delete it."""
        self._guarded(request, lambda: self._shelf.delete(name or ""))
        gr.Info(text("teach_deleted", self._language(request), name=name))
        return self.show(None, request)

    def zipped(self, name: str | None, version: str | None, request: gr.Request) -> Any:
        """Offer a version as a file."""
        folder = Path(tempfile.mkdtemp(prefix="fenshen-export-"))
        target = folder / f"{name}.zip"
        self._guarded(request, lambda: self._shelf.export(name or "", target, version or ""))
        return gr.update(value=str(target), visible=True)

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TrainingError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error
