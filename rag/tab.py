"""The knowledge tab: collections, files, and a search box."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag import calibration_tab, care_tab, evaluation_tab
from rag.errors import RagError
from rag.loaders import ARCHIVES, SUPPORTED
from rag.render import document_rows, report, results
from rag.services import KnowledgeServices, Later
from rag.texts import text

TYPES = [*SUPPORTED, *ARCHIVES]


def build(page: gr.Tab, services: KnowledgeServices, i18n: Callable[[str], Any]) -> None:
    """Fill the tab `page`.

    Args:
        i18n: key of rag.texts -> label in the browser's language.
    """
    with page:
        _build(page, services, i18n)


def _build(page: gr.Tab, services: KnowledgeServices, i18n: Callable[[str], Any]) -> None:
    knowledge, language = services.knowledge, services.language
    tab = _Tab(knowledge, language)
    chosen = gr.State("")
    with gr.Column(elem_id="fs-knowledge"):
        with gr.Row(elem_id="fs-kb-head", equal_height=True):
            collection = gr.Dropdown(
                [], label=i18n("kb_collection"), filterable=False, scale=3, elem_id="fs-kb-collection"
            )
            title = gr.Textbox(label=i18n("kb_new_title"), max_lines=1, max_length=80, scale=2, elem_id="fs-kb-title")
            new = gr.Button(i18n("kb_new"), scale=1, min_width=120, elem_id="fs-kb-new")
            drop = gr.Button(i18n("kb_delete_collection"), variant="stop", scale=1, min_width=120, elem_id="fs-kb-drop")
        with gr.Row(visible=False, elem_id="fs-kb-confirm") as confirm:
            question = gr.Markdown()
            yes = gr.Button(i18n("kb_yes"), variant="stop", size="sm", elem_id="fs-kb-yes")
            no = gr.Button(i18n("kb_no"), size="sm")
        files = gr.File(
            label=i18n("kb_drop"), file_count="multiple", file_types=TYPES, height=150, elem_id="fs-kb-files"
        )
        with gr.Row():
            pause = gr.Button(i18n("kb_pause"), visible=False, size="sm", elem_id="fs-kb-pause")
            resume = gr.Button(visible=False, size="sm", variant="primary", elem_id="fs-kb-resume")
        progress = gr.HTML(elem_id="fs-kb-progress")
        with gr.Row(elem_id="fs-kb-body"):
            with gr.Column(scale=3, min_width=320):
                note = gr.Markdown(i18n("kb_loading"), elem_classes="fs-hint")
                table = gr.Dataframe(
                    interactive=False,
                    wrap=False,
                    show_search="filter",
                    max_height=420,
                    elem_id="fs-kb-table",
                    visible=False,
                )
                remove = gr.Button(visible=False, variant="stop", size="sm", elem_id="fs-kb-remove")
            with gr.Column(scale=2, min_width=320):
                query = gr.Textbox(
                    label=i18n("kb_search"),
                    placeholder=i18n("kb_search_hint"),
                    max_lines=1,
                    submit_btn=True,
                    elem_id="fs-kb-query",
                )
                found = gr.HTML(elem_id="fs-kb-found")
        evaluation_tab.build(page, services, collection, i18n)
        calibration_tab.build(knowledge, collection, i18n, language, services.k)
        restored = care_tab.build(knowledge, i18n, language)
    timer = gr.Timer(1.0)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    listing = [table, note, remove, chosen]
    adding = [progress, files, pause, resume]
    listed = [collection, chosen]
    timer.tick(tab.fill, listed, [collection, *listing, timer], **quiet)
    collection.change(tab.documents, listed, listing, **quiet)
    collection.change(tab.waiting, [collection], resume, **quiet)
    restored.then(tab.fill, listed, [collection, *listing, timer], **quiet)
    gr.on([collection.focus, page.select], tab.choices, None, collection, **quiet)
    gr.on([new.click, title.submit], tab.create, [title], [collection, title], **quiet)
    drop.click(tab.ask, [collection], [confirm, question], **quiet)
    yes.click(tab.drop, [collection], [collection, confirm], **quiet).then(tab.documents, listed, listing, **quiet)
    no.click(lambda: gr.update(visible=False), None, confirm, **quiet)
    added = [
        files.upload(tab.ingest, [files, collection], adding, **quiet),
        resume.click(tab.add, [collection], adding, **quiet),
        remove.click(tab.remove, [chosen], None, **quiet),
    ]
    for changed in added:  # the collection's own line counts its documents
        changed.then(tab.documents, listed, listing, **quiet).then(tab.choices, None, collection, **quiet)
    pause.click(tab.pause, [collection], pause, **quiet)
    table.select(tab.choose, [collection], [chosen, remove], **quiet)
    query.submit(tab.search, [query, collection], found, **quiet)


class _Tab:
    """The tab's event handlers."""

    def __init__(self, knowledge: Later, language: Callable[[gr.Request], str]) -> None:
        self._knowledge, self._language = knowledge, language
        self._adding: dict[str, threading.Event] = {}  # by collection; set to have it pause

    def fill(self, collection: str | None, chosen: str, request: gr.Request) -> tuple[Any, ...]:
        """Once the knowledge base is open: the collections and the first one's documents."""
        if not self._knowledge.ready:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        choices = self._choices()
        value = collection if any(slug == collection for _, slug in choices) else (choices[0][1] if choices else None)
        return (
            gr.update(choices=choices, value=value),
            *self.documents(value, chosen, request),
            gr.Timer(active=False),
        )

    def choices(self) -> Any:
        return gr.update(choices=self._choices()) if self._knowledge.ready else gr.skip()

    def documents(self, collection: str | None, chosen: str, request: gr.Request) -> tuple[Any, Any, Any, Any]:
        """The list anew. What is chosen stays so while it is in the list: nothing is said of it then, since the user
        may choose while this runs."""
        lang = self._language(request)
        if not self._knowledge.ready:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        documents = self._knowledge.get().documents(collection) if collection else []
        value = {"headers": text("kb_columns", lang).split("|"), "data": document_rows(documents)}
        hint = text("kb_select" if documents else "kb_empty", lang)
        if collection and (again := self._knowledge.get().embedding(collection)):
            hint += " " + text("kb_embedding", lang, done=again[0], total=again[1])
        gone = bool(chosen) and all(document.id != chosen for document in documents)
        kept = (gr.update(visible=False), "") if gone else (gr.skip(), gr.skip())
        return gr.update(value=value, visible=bool(documents)), gr.update(value=hint), *kept

    def create(self, title: str, request: gr.Request) -> tuple[Any, Any]:
        if not title.strip():
            raise gr.Error(text("kb_new_title", self._language(request)), print_exception=False)
        made = self._guarded(request, lambda: self._knowledge.get().create_collection(title.strip()))
        return gr.update(choices=self._choices(), value=made.name), ""

    def ask(self, collection: str | None, request: gr.Request) -> tuple[Any, Any]:
        for found in self._knowledge.get().collections() if collection else []:
            if found.name == collection:
                question = text(
                    "kb_confirm_collection", self._language(request), title=found.title, count=found.documents
                )
                return gr.update(visible=True), question
        return gr.update(visible=False), ""

    def drop(self, collection: str, request: gr.Request) -> tuple[Any, Any]:
        self._guarded(request, lambda: self._knowledge.get().delete_collection(collection))
        choices = self._choices()
        return gr.update(choices=choices, value=choices[0][1] if choices else None), gr.update(visible=False)

    def ingest(self, files: list[str] | None, collection: str | None, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Take the uploads over, and add them."""
        base = self._knowledge.get()
        slug = collection or self._guarded(request, lambda: base.create_collection("documents")).name
        self._guarded(request, lambda: base.inbox.put(map(Path, files or []), slug))
        yield from self.add(slug, request)

    def add(self, collection: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Add what waits, until all is done or somebody pauses it."""
        lang = self._language(request)
        if collection in self._adding:  # in another page; that one takes these too when it goes on
            yield gr.skip(), None, gr.skip(), self.waiting(collection, request)
            return
        stop = self._adding[collection] = threading.Event()
        events: list[Any] = []
        shown = 0.0
        try:
            adding = self._knowledge.get().inbox.add(collection)
            for event in adding:
                events.append(event)
                if time.monotonic() - shown > 0.2:  # thousands of files are not drawn thousands of times
                    shown = time.monotonic()
                    running = gr.update(visible=not stop.is_set())
                    yield report(events, lang), gr.skip(), running, gr.update(visible=False)
                if stop.is_set():
                    adding.close()  # type: ignore[attr-defined]
                    break
        except RagError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        finally:
            del self._adding[collection]
        yield report(events, lang), None, gr.update(visible=False), self.waiting(collection, request)

    def pause(self, collection: str) -> Any:
        if collection in self._adding:
            self._adding[collection].set()
        return gr.update(visible=False)

    def waiting(self, collection: str | None, request: gr.Request) -> Any:
        """The button that goes on with uploads that wait."""
        if not collection or not self._knowledge.ready or collection in self._adding:
            return gr.update(visible=False)
        count = len(self._guarded(request, lambda: self._knowledge.get().inbox.waiting(collection)))
        return gr.update(value=text("kb_resume", self._language(request), count=count), visible=count > 0)

    def choose(self, collection: str, data: gr.SelectData, request: gr.Request) -> tuple[Any, Any]:
        source = data.row_value[1]
        for document in self._knowledge.get().documents(collection):
            if document.source == source:
                label = text("kb_delete", self._language(request), title=document.title)
                return document.id, gr.update(value=label, visible=True)
        return "", gr.update(visible=False)

    def remove(self, document: str, request: gr.Request) -> None:
        def delete() -> str:
            title = self._knowledge.get().document(document).title
            self._knowledge.get().delete_document(document)
            return title

        gr.Info(text("kb_deleted", self._language(request), title=self._guarded(request, delete)))

    def search(self, query: str, collection: str | None, request: gr.Request) -> str:
        if not query.strip() or not collection:
            return ""
        found = self._guarded(request, lambda: self._knowledge.get().search(query, collection, 8))
        return results(found, self._language(request))

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except RagError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error

    def _choices(self) -> list[tuple[str, str]]:
        return [(f"{c.title} ({c.documents})", c.name) for c in self._knowledge.get().collections()]
