"""The part of the knowledge tab that looks after the whole: check, rebuild, free space, back up, restore."""

from __future__ import annotations

import html
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.care import Action, CareDone, CareStep, care
from rag.errors import RagError
from rag.render import file_size
from rag.services import Later
from rag.texts import text

if TYPE_CHECKING:
    from rag.knowledge_base import KnowledgeBase

_FOLDER = "fenshen-backups"  # in Gradio's cache, from where alone it sends files
_KEPT_SECONDS = 900
_BUTTONS: tuple[Action, ...] = ("verify", "rebuild", "compact", "backup")


def build(knowledge: Later, i18n: Callable[[str], Any], language: Callable[[gr.Request], str]) -> Any:
    """Add the components to the surrounding column and wire them; returns the event after which all may be different.

    Args:
        i18n: key of rag.texts -> label in the browser's language.
    """
    with gr.Accordion(i18n("kb_care"), open=False, elem_id="fs-kb-care"):
        gr.Markdown(i18n("kb_care_hint"), elem_classes="fs-hint")
        with gr.Row():
            buttons: dict[Action, gr.Button] = {
                action: gr.Button(i18n(f"kb_{action}"), size="sm", min_width=120, elem_id=f"fs-kb-{action}")
                for action in _BUTTONS
            }
            restore = gr.UploadButton(
                i18n("kb_restore"), file_types=[".zip"], size="sm", min_width=120, elem_id="fs-kb-restore"
            )
        with gr.Row(visible=False, elem_id="fs-kb-restore-confirm") as confirm:
            question = gr.Markdown()
            yes = gr.Button(i18n("kb_restore_yes"), variant="stop", size="sm", elem_id="fs-kb-restore-yes")
            no = gr.Button(i18n("kb_restore_no"), size="sm")
        told = gr.HTML(elem_id="fs-kb-told")
        saved = gr.File(label=i18n("kb_download"), visible=False, interactive=False, elem_id="fs-kb-saved")
    here = _Care(knowledge, language, Path(saved.GRADIO_CACHE) / _FOLDER)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for action, button in buttons.items():
        button.click(here.runner(action), None, [told, saved], **quiet)
    restore.upload(here.ask, restore, [confirm, question], **quiet)
    no.click(here.drop, restore, confirm, **quiet)
    hidden = yes.click(lambda: gr.update(visible=False), None, confirm, **quiet)
    return hidden.then(here.restore, restore, [told, saved], **quiet)


class _Care:
    """The event handlers. One thing is done at a time, whoever asks for it."""

    def __init__(self, knowledge: Later, language: Callable[[gr.Request], str], folder: Path) -> None:
        self._knowledge, self._language, self._folder = knowledge, language, folder
        self._busy = threading.Lock()
        _sweep(folder)

    def runner(self, action: Action) -> Callable[[gr.Request], Iterator[tuple[Any, Any]]]:
        """`run` with its action; no partial, in which Gradio does not see that a request is wanted."""

        def run(request: gr.Request) -> Iterator[tuple[Any, Any]]:
            yield from self.run(action, request)

        return run

    def run(self, action: Action, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """Do it and tell how far it is; a backup is a file to be downloaded then."""
        file = None
        if action == "backup":
            _sweep(self._folder)
            file = self._folder / f"{time.time_ns()}" / time.strftime("fenshen-%Y%m%d-%H%M.zip")
            file.parent.mkdir(parents=True)
        for step in self._steps(action, file, request):
            done = isinstance(step, CareDone) and file is not None
            yield (
                _shown(step, action, self._language(request)),
                gr.update(value=str(file) if done else None, visible=done),
            )
        if file is not None:
            timer = threading.Timer(_KEPT_SECONDS, shutil.rmtree, (file.parent,), {"ignore_errors": True})
            timer.daemon = True
            timer.start()

    def ask(self, upload: str, request: gr.Request) -> tuple[Any, Any]:
        """Whether to restore from this upload."""
        path = Path(upload)
        count = sum(found.documents for found in self._open(request).collections())
        values = {"name": _plain(path.name), "size": file_size(path.stat().st_size), "documents": count}
        return gr.update(visible=True), text("kb_restore_confirm", self._language(request), **values)

    def restore(self, upload: str | None, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """Put the upload in place of everything, and delete it."""
        if upload is None:
            return
        try:
            for step in self._steps("restore", Path(upload), request):
                yield _shown(step, "restore", self._language(request)), gr.update(visible=False)
        finally:
            self.drop(upload)

    def drop(self, upload: str | None) -> Any:
        """Delete an upload that is not needed any more."""
        if upload is not None:
            Path(upload).unlink(missing_ok=True)
        return gr.update(visible=False)

    def _open(self, request: gr.Request) -> KnowledgeBase:
        if not self._knowledge.ready:
            raise gr.Error(text("kb_loading", self._language(request)), print_exception=False)
        return self._knowledge.get()

    def _steps(self, action: Action, file: Path | None, request: gr.Request) -> Iterator[CareStep | CareDone]:
        lang = self._language(request)
        base = self._open(request)
        if not self._busy.acquire(blocking=False):
            raise gr.Error(text("kb_busy", lang), print_exception=False)
        try:
            yield CareStep()
            yield from care(base, action, file)
        except RagError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        finally:
            self._busy.release()


def _shown(step: CareStep | CareDone, action: Action, lang: str) -> str:
    if isinstance(step, CareStep):
        where = f": {step.title} ({step.number}/{step.total})" if step.title else "…"
        line = f"{text(f'kb_doing_{action}', lang)}{where} · {text('kb_seconds', lang, seconds=step.seconds)}"
        value = f' max="{step.total}" value="{step.number - 1}"' if step.total else ""
        return f'<div class="fs-report"><progress{value}></progress>{html.escape(line)}</div>'
    lines = []
    if step.saved is not None:
        size = file_size(step.saved.size)
        values = {"documents": step.saved.documents, "collections": step.saved.collections, "size": size}
        lines.append(text("kb_saved", lang, **values))
    if action == "restore":
        lines.append(text("kb_restored", lang))
    if action == "rebuild":
        lines.append(text("kb_rebuilt", lang))
    if step.freed is not None:
        lines.append(text("kb_freed", lang, size=file_size(max(step.freed, 0))))
    if step.problems:
        lines.append(text("kb_problems", lang, count=len(step.problems)))
    elif step.saved is None:
        lines.append(text("kb_sound", lang, documents=step.documents))
    kind = "warning" if step.problems else "good"
    found = "".join(f"<li>{html.escape(problem)}</li>" for problem in step.problems[:50])
    body = html.escape(" ".join(lines))
    return f'<div class="fs-notice fs-{kind}">{body}{f"<ul>{found}</ul>" if found else ""}</div>'


def _plain(name: str) -> str:
    """A file's name inside of Markdown."""
    return "".join(char if char.isalnum() or char in " .-_" else "_" for char in name)


def _sweep(folder: Path) -> None:
    """Delete backups that were offered long enough: they hold every document."""
    for place in folder.iterdir() if folder.is_dir() else ():
        if not place.name.isdigit() or time.time_ns() - int(place.name) > _KEPT_SECONDS * 10**9:
            shutil.rmtree(place, ignore_errors=True)
