"""The page: header with the loading state, tabs, and the public endpoints."""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from front.citing import judge, viewer
from front.corrections import acceptor
from front.errors import AppError
from front.evaluating import asking
from front.importing import bring_in
from front.queries import adapter_rows, ask, collection_rows
from front.services import Services
from front.texts import EXAMPLES, TEXTS, text
from front.visitors import COOKIE
from llm import chat_tab, compare_tab, engine_tab
from llm import texts as llm_texts
from llm.chat_runs import ChatRuns
from llm.chat_tab_events import BASE, ChatServices, language
from llm.errors import LlmError
from llm.imports import Wanted
from rag import evaluation_texts
from rag import tab as knowledge_tab
from rag import texts as rag_texts
from rag.errors import RagError
from rag.services import KnowledgeServices
from training import tab as teaching_tab
from training import texts as training_texts
from training.corrections_tab import CorrectionServices
from training.corrector import Corrector
from training.errors import JobError, SelfError, TrainingError
from training.lessons import Place

if TYPE_CHECKING:
    from llm.adapters import AdapterInfo
    from llm.engine import Engine
    from training.jobs import JobView

_HERE = Path(__file__).parent


def build(services: Services, runs: ChatRuns) -> tuple[gr.Blocks, dict[str, Any]]:
    """The whole page, and what goes with it to `launch`."""
    rooms = (TEXTS, llm_texts.TEXTS, rag_texts.TEXTS, evaluation_texts.TEXTS, training_texts.TEXTS)
    texts = {lang: {key: said for room in rooms for key, said in room[lang].items()} for lang in ("en", "zh")}
    # Browsers say zh-CN or zh-TW; Gradio looks the whole code up before it falls back to English.
    i18n = gr.I18n(en=texts["en"], zh=texts["zh"], **{"zh-CN": texts["zh"], "zh-TW": texts["zh"]})
    local = services.settings.server.host in ("127.0.0.1", "localhost", "::1")
    chat_services = ChatServices(
        runs=runs,
        registry=services.registry,
        settings=services.settings.llm,
        collections=services.collections,
        documents=services.documents,
        first_collection="recipes",
        examples=lambda lang: EXAMPLES[lang],
        owner=lambda request: _owner(request, local=local),
        k=services.passages,
        correct=acceptor(services),
        judge=judge(services),
        view=viewer(services),
    )
    with gr.Blocks(title="Fenshen 分身", fill_height=True, fill_width=True, analytics_enabled=False) as page:
        # First, so that they and not the tabs' private events get the plain names.
        _endpoints(services)
        with gr.Row(elem_id="fs-header"):
            gr.HTML(_brand(), elem_id="fs-brand")
            state = gr.HTML(elem_id="fs-state")
        problems = gr.HTML(elem_id="fs-problems", visible=False)
        side = chat_tab.side_panels(chat_services, i18n)
        with gr.Tabs(elem_id="fs-tabs") as tabs:
            with gr.Tab(i18n("chat_tab"), id="chat", elem_id="fs-chat-tab"):
                chat = chat_tab.body(i18n)
            knowledge = gr.Tab(i18n("knowledge_tab"), id="knowledge", elem_id="fs-knowledge-tab")
            asked = partial(asking, services)
            known = KnowledgeServices(services.knowledge, language, chat_services.owner, asked, services.passages)
            knowledge_tab.build(knowledge, known, i18n)
            teach = gr.Tab(i18n("teach_tab"), id="teach", elem_id="fs-teach-tab")
            trainings = teaching_tab.build(teach, _teaching(services, chat_services.owner), i18n, language)
            comparing = gr.Tab(i18n("compare_tab"), id="compare", elem_id="fs-compare-tab")
            told = compare_tab.CompareServices(lambda: _engine(services), services.registry)
            compare_tab.build(comparing, told, i18n, language)
            engine = gr.Tab(i18n("engine_tab"), id="engine", elem_id="fs-engine-tab")
            engine_tab.build(engine, lambda: services.engine, language)
        chat_tab.wire(page, tabs, chat_services, (side, chat), _secret(services.settings.data_dir))
        timer = gr.Timer(0.7)

        def talk(job: str | None, request: gr.Request) -> tuple[Any, Any]:
            return gr.Tabs(selected="chat"), gr.update(**choose_taught(services, job or "", language(request)))

        def show_state(request: gr.Request) -> tuple[Any, Any, Any]:
            lang = language(request)
            shown, trouble = _state(services, lang), _problems(services, lang)
            return (
                shown,
                gr.update(value=trouble, visible=bool(trouble)),
                gr.Timer(active=not services.startup.finished),
            )

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        trainings.talk.click(talk, [trainings.job], [tabs, chat.adapter], **quiet)
        gr.on(
            [page.load, timer.tick],
            show_state,
            None,
            [state, problems, timer],
            **quiet,
        )
    return page, _launch_options(i18n)


def _launch_options(i18n: gr.I18n) -> dict[str, Any]:
    """What Gradio 6 takes at launch instead of in Blocks."""
    fonts = [
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "PingFang SC",
        "Microsoft YaHei",
        "Noto Sans CJK SC",
        "sans-serif",
    ]
    theme = gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    ).set(
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_label_background_fill="none",
        block_label_background_fill_dark="none",
        block_title_text_color="*body_text_color_subdued",
        block_label_text_color="*body_text_color_subdued",
        block_title_text_weight="500",
    )
    # In the head, not by `css=`: Gradio prefixes that, and inside media queries only with the content's class.
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    return {
        "i18n": i18n,
        "theme": theme,
        "head": f"<style>{style}</style><script>{script}</script>",
        "footer_links": ["api", "settings"],
    }


def _endpoints(services: Services) -> None:
    """The public API: these three and no others."""

    def chat(
        message: str,
        adapter: str | None = None,
        collection: str | None = None,
        documents: list[str] | None = None,
        types: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        """Answer one message.

        Args:
            message: the question.
            adapter: name of a self from /adapters; empty for the base.
            collection: name of a collection from /collections to answer from; empty for plain chat.
            documents: answer only from these, by file name or title; a name that ends in "/" is a folder.
            types: answer only from documents of these types ("pdf", "markdown", …).
            since: answer only from documents added since this day ("2026-01-31").
            until: answer only from documents added up to this day.
        """
        where = {"sources": documents, "types": types, "since": since, "until": until}
        with _told():
            return ask(services, message, adapter or None, collection or None, where)

    def adapters() -> list[dict[str, Any]]:
        """Every self with its name, title, and whether it can be used."""
        return adapter_rows(services)

    def collections() -> list[dict[str, Any]]:
        """Every collection with its name, title and size."""
        with _told():
            return collection_rows(services)

    for name, function in (("chat", chat), ("adapters", adapters), ("collections", collections)):
        gr.api(function, api_name=name)


@contextmanager
def _told() -> Iterator[None]:
    """The rooms' errors as errors of the API, with their message."""
    try:
        yield
    except (AppError, LlmError, RagError, TrainingError) as error:
        raise gr.Error(f"{error.en} {error.zh}", print_exception=False) from error


def _teaching(services: Services, owner: Callable[[gr.Request], str]) -> teaching_tab.TeachServices:
    """What the teaching tab is given."""

    def place() -> Place:
        return _place(services)

    def titles(lang: str) -> dict[str, str]:
        return {info.name: info.title(lang) for info in services.registry.scan()}

    def bring(path: Path, name: str, alpha: float | None) -> str:
        return _bring(services, Wanted(path, name, alpha))

    corrector = Corrector(services.corrections, services.jobs, services.shelf, place)
    corrections = CorrectionServices(corrector, owner, titles)
    return teaching_tab.TeachServices(services.jobs, services.shelf, place, bring, corrections)


def choose_taught(services: Services, job: str, lang: str) -> dict[str, Any]:
    """The chat's picker with the self that a training published."""
    try:
        view = services.jobs.get(job)
    except TrainingError as error:
        raise gr.Error(error.message(lang), print_exception=False) from error
    own = services.shelf.of_training(view.id)
    infos = services.registry.scan()
    info = next((info for info in infos if own is not None and info.name == own.name), None)
    if info is None or not info.valid:
        raise gr.Error(_unfit(services, view, info, lang), print_exception=False)
    found = [(one.title(lang), one.name) for one in infos if one.valid]
    return {"choices": [(llm_texts.text("chat_base", lang), BASE), *found], "value": info.name}


def _unfit(services: Services, view: JobView, info: AdapterInfo | None, lang: str) -> str:
    """Why nobody can talk to what the training `view` published."""
    title = view.title.get(lang) or view.name
    if info is None:
        return text("self_gone", lang, name=title)
    reason = info.reason[lang == "zh"]
    if view.config.base_fingerprint not in ("", services.base_fingerprint()):
        base, now = view.config.base, services.settings.llm.model
        return text("self_other_base", lang, name=title, base=base, now=now)
    return text("self_unfit", lang, name=title, reason=reason)


def _place(services: Services) -> Place:
    """Where trainings happen. Why the base could not be loaded is told to the teaching tab in its own room's words."""
    try:
        return services.place()
    except (AppError, LlmError) as error:
        raise JobError(en=error.en, zh=error.zh) from error


def _bring(services: Services, wanted: Wanted) -> str:
    """Import an adapter. Why it could not be is told to the teaching tab in its own room's words."""
    try:
        return bring_in(services, wanted).name
    except (AppError, LlmError) as error:
        raise SelfError(en=error.en, zh=error.zh) from error


def _engine(services: Services) -> Engine:
    """The engine, once it is loaded. Why it could not be is told to the compare tab in its own room's words."""
    try:
        return services.chat_model.get().engine
    except AppError as error:
        raise LlmError(en=error.en, zh=error.zh) from error


def _brand() -> str:
    return (
        '<a class="fs-brand" href="./"><span class="fs-mark" aria-hidden="true"><i></i><i></i><i></i></span>'
        "<b>Fenshen</b><span>分身</span></a>"
    )


def _state(services: Services, lang: str) -> str:
    """The pill in the header: what is loading, or what answers."""
    startup = services.startup
    step = startup.current()
    if any(s.state == "failed" for s in startup.steps()) and step is None:
        return f'<span class="fs-pill fs-failed">{html.escape(text("state_failed", lang))}</span>'
    if step is not None:
        total = len(startup.steps())
        what = step.zh if lang == "zh" else step.en
        shown = text("state_loading", lang, what=what, done=min(startup.done + 1, total), total=total)
        detail = f" <small>{html.escape(step.detail)}</small>" if step.detail else ""
        return f'<span class="fs-pill fs-loading">{html.escape(shown)}{detail}</span>'
    base = services.chat_model.get().engine.base
    shown = text("state_ready", lang, base=base.name, quantisation=base.quantisation)
    notes = " ".join(zh if lang == "zh" else en for en, zh in base.notes)
    return f'<span class="fs-pill fs-ready" title="{html.escape(notes)}">{html.escape(shown)}</span>'


def _problems(services: Services, lang: str) -> str:
    """What failed while loading, and what the user should know of the base."""
    lines = [("error", s.error) for s in services.startup.steps() if s.state == "failed" and s.error[0]]
    if services.chat_model.ready:
        lines += [("warning", note) for note in services.chat_model.get().engine.base.notes]
    return "".join(
        f'<div class="fs-notice fs-{kind}">{html.escape(zh if lang == "zh" else en)}</div>' for kind, (en, zh) in lines
    )


def _owner(request: gr.Request, *, local: bool) -> str:
    """Whose conversations these are: the signed-in user's; on a local app everyone's; else this browser's."""
    if request.username:
        return f"user:{request.username}"
    if local:
        return "local"
    return f"browser:{request.cookies.get(COOKIE, request.session_hash)}"


def _secret(data_dir: Path) -> str:
    """Key of what browsers store, made once; in the data folder, so that it outlives a restart."""
    path = data_dir / "browser.key"
    if not path.exists():
        path.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        path.chmod(0o600)
    return path.read_text(encoding="utf-8")
