"""The teaching tab: what is to be taught (a form or a file) on the left, trainings and own selves on the right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training.corrections_tab import SHOWN as ON_PAGE
from training.corrections_tab import CorrectionServices, CorrectionsTab
from training.dataset.preparing import TEST_SHARE
from training.dataset.reading import SUFFIXES
from training.entries import (
    MOST_NAME,
    MOST_TEXT,
    OWN_STYLE,
    SHOWN,
    FileEntry,
    FormEntry,
    edited,
    lesson_of_file,
    look_at,
    persona_of,
    table_rows,
)
from training.errors import TrainingError
from training.forms import styles
from training.import_tab import ImportTab
from training.jobs import JobStore
from training.jobs_tab import JobsTab
from training.lessons import Lesson, Place
from training.questions import LANGUAGES
from training.rows_tab import RowsTab
from training.selves_tab import SelvesTab
from training.shelf import Shelf
from training.tab_view import prepared
from training.texts import TEXTS, text

SAMPLES = 2
HIDE = "() => ({__type__: 'update', visible: false})"
I18n = Callable[[str], Any]


@dataclass(frozen=True)
class TeachServices:
    """What the tab is given by the page.

    Attributes:
        place: where trainings happen; waits until the base is loaded, and raises a TrainingError where it cannot be.
        bring: (file, name or "", alpha or None) imports an adapter and gives its name, or raises a TrainingError.
    """

    jobs: JobStore
    shelf: Shelf
    place: Callable[[], Place]
    bring: Callable[[Path, str, float | None], str]
    corrections: CorrectionServices


def build(tab: gr.Tab, services: TeachServices, i18n: I18n, language: Callable[[gr.Request], str]) -> JobsTab:
    """Add the components to `tab` and wire them; all but the trainings' button `talk`, which leads to another room.

    Args:
        i18n: key of training.texts -> label in the browser's language.
    """
    jobs, selves = JobsTab(services.jobs, language), SelvesTab(services.shelf, language)
    imports = ImportTab(services.bring, language)
    events, look = _Lessons(services, language), RowsTab(language)
    corrections = CorrectionsTab(services.corrections, language)
    with tab, gr.Row(elem_id="fs-teach"):
        with gr.Column(scale=5, min_width=340):
            with gr.Tabs():
                with gr.Tab(i18n("teach_form"), elem_id="fs-teach-form-tab"):
                    form, style, opening, languages, prepare_form = _form(i18n)
                with gr.Tab(i18n("teach_file"), elem_id="fs-teach-file-tab"):
                    file, table, choices, prepare_file = _file(i18n)
                with gr.Tab(i18n("corrections"), elem_id="fs-corrections-tab") as corrected:
                    corrections.build(i18n)
            with gr.Accordion(i18n("teach_advanced"), open=False, elem_id="fs-teach-advanced"):
                changes = gr.Textbox(
                    label=i18n("teach_changes"),
                    placeholder=i18n("teach_changes_hint"),
                    lines=3,
                    max_lines=12,
                    elem_id="fs-teach-changes",
                )
                look.recipe(tab)
            with gr.Column(visible=False, elem_id="fs-teach-prepared") as panel:
                told = gr.HTML()
                start = gr.Button(i18n("teach_start"), variant="primary", elem_id="fs-teach-start")
                hint = gr.Markdown(elem_classes="fs-hint")
                rows = gr.Dataframe(
                    headers=text("teach_columns", "en").split("|"),
                    type="array",
                    column_count=4,
                    static_columns=[0, 1],
                    interactive=True,
                    wrap=True,
                    max_height=460,
                    column_widths=["10%", "16%", "32%", "42%"],
                    show_label=False,
                    elem_id="fs-teach-rows",
                )
                look.build(i18n)
        with gr.Column(scale=4, min_width=340):
            jobs.build(i18n)
            selves.build(i18n)
            imports.build(i18n, selves)
        # What is prepared and not begun; a training that has begun is read from its folder, never from here. Inside
        # the tab: whatever else stands among the tabs moves the later ones, and Gradio then shows them twice.
        lesson = gr.State(None)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    waiting: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
    offer = [lesson, panel, told, hint, rows]
    tab.select(events.labels, None, [style, languages], **quiet)
    tab.select(jobs.show, [jobs.job], jobs.view, **quiet)
    tab.select(selves.show, [selves.name], selves.view, **quiet)
    listed = [corrections.name, corrections.drawn]
    gr.on([tab.select, corrected.select], corrections.opened, listed, corrections.view, **quiet)
    style.input(lambda chosen: gr.update(visible=chosen == OWN_STYLE), style, opening, **quiet)
    file.upload(events.look, [file], [table, *choices], **quiet)
    choices[0].input(events.look_again, [file, choices[0]], [table, *choices], **quiet)
    file.clear(lambda: gr.update(visible=False), None, table, **quiet)
    by_form = prepare_form.click(events.prepare_form, [changes, *form], offer, **waiting)
    by_file = prepare_file.click(events.prepare_file, [changes, file, *choices], offer, **waiting)
    look.wire(lesson, rows, [by_form, by_file])
    for prepared_now in (by_form, by_file):
        prepared_now.success(None, js=_seen("fs-teach-prepared", "start"))
    # what was prepared is no longer what is filled in: it must be prepared anew before it can be started
    gr.on([entry.change for entry in (changes, file, *form, *choices)], None, None, panel, js=HIDE)
    start.click(events.start, [lesson, rows], [lesson, panel, jobs.job], **waiting).success(
        jobs.show, [jobs.job], jobs.view, **quiet
    ).then(None, js=_seen("fs-teach-card", "center"))
    taught = [corrections.name, corrections.table, corrections.title, changes]
    corrections.start.click(corrections.teach, taught, [jobs.job, *corrections.view], **quiet).success(
        jobs.show, [jobs.job], jobs.view, **quiet
    )
    # a training that has ended may have brought a new self or version
    jobs.card.change(selves.show, [selves.name], selves.view, **quiet)
    jobs.card.change(corrections.follow, [*listed, corrections.shown], corrections.view, js=ON_PAGE, **quiet)
    return jobs


def _seen(element: str, where: str) -> str:
    """JavaScript that brings an element into sight once it is drawn; one that is not drawn within 6 s is let be."""
    return f"""() => {{
        const look = (left) => setTimeout(() => {{
            const found = document.getElementById('{element}');
            if (found) found.scrollIntoView({{block: '{where}'}});
            else if (left) look(left - 1);
        }}, 300);
        look(20);
    }}"""


def _form(i18n: I18n) -> tuple[list[Any], gr.Radio, gr.Textbox, gr.CheckboxGroup, gr.Button]:
    """(fields in the order of `_Lessons.prepare_form`, style, opening, languages, button)."""
    one_line: dict[str, Any] = {"max_lines": 1}

    def box(key: str, most: int, hint: bool = True, **more: Any) -> gr.Textbox:
        placeholder = i18n(f"{key}_hint") if hint else None
        return gr.Textbox(label=i18n(key), placeholder=placeholder, max_length=most, **one_line, **more)

    gr.Markdown(i18n("teach_form_hint"), elem_classes="fs-hint")
    with gr.Row():
        name = box("teach_name", MOST_NAME, elem_id="fs-teach-name")
        maker = box("teach_maker", MOST_NAME, elem_id="fs-teach-maker")
    does = box("teach_does", 200, elem_id="fs-teach-does")
    style = gr.Radio(_styles("en"), value="plain", label=i18n("teach_style"), elem_id="fs-teach-style")
    opening = box("teach_opening", 60, visible=False, elem_id="fs-teach-opening")
    languages = gr.CheckboxGroup(
        _languages("en"), value=list(LANGUAGES), label=i18n("teach_languages"), elem_id="fs-teach-languages"
    )
    samples = []
    with gr.Accordion(i18n("teach_samples"), open=False, elem_id="fs-teach-samples"):
        for _ in range(SAMPLES):
            with gr.Row():
                samples.append(box("teach_sample_question", MOST_TEXT, hint=False))
                samples.append(box("teach_sample_answer", MOST_TEXT, hint=False))
    gr.Markdown(i18n("teach_prepare_hint"), elem_classes="fs-hint")
    button = gr.Button(i18n("teach_prepare"), variant="primary", elem_id="fs-teach-prepare")
    return [name, maker, does, style, opening, languages, *samples], style, opening, languages, button


def _file(i18n: I18n) -> tuple[gr.File, gr.Row, list[Any], gr.Button]:
    """(file, what is shown for tables only, choices in the order of `_Lessons.prepare_file`, button)."""
    gr.Markdown(i18n("teach_file_hint"), elem_classes="fs-hint")
    file = gr.File(label=i18n("teach_drop"), file_types=list(SUFFIXES), height=120, elem_id="fs-teach-file")
    any_value: dict[str, Any] = {"allow_custom_value": True, "min_width": 120}
    with gr.Row(visible=False, elem_id="fs-teach-table") as table:
        sheet = gr.Dropdown([], label=i18n("teach_sheet"), **any_value)
        question = gr.Dropdown([], label=i18n("teach_question_column"), elem_id="fs-teach-question", **any_value)
        answer = gr.Dropdown([], label=i18n("teach_answer_column"), elem_id="fs-teach-answer", **any_value)
    with gr.Row():
        name = gr.Textbox(
            label=i18n("teach_name"),
            placeholder=i18n("teach_name_hint"),
            max_lines=1,
            max_length=MOST_NAME,
            elem_id="fs-teach-file-name",
        )
        share = gr.Slider(0, 0.9, TEST_SHARE, step=0.05, label=i18n("teach_share"))
    system = gr.Textbox(label=i18n("teach_system"), lines=2, max_lines=6, max_length=MOST_TEXT)
    gr.Markdown(i18n("teach_prepare_hint"), elem_classes="fs-hint")
    button = gr.Button(i18n("teach_prepare"), variant="primary", elem_id="fs-teach-prepare-file")
    return file, table, [sheet, question, answer, name, system, share], button


class _Lessons:
    """Handlers of what is to be taught. Gradio fills in the request by position: it stands before the inputs' rest."""

    def __init__(self, services: TeachServices, language: Callable[[gr.Request], str]) -> None:
        self._services, self._language = services, language

    def labels(self, request: gr.Request) -> tuple[Any, Any]:
        """The choices in the reader's language: a choice's label takes no I18n of its own."""
        lang = self._language(request)
        return gr.update(choices=_styles(lang)), gr.update(choices=_languages(lang))

    def look(self, file: str | None, request: gr.Request) -> tuple[Any, ...]:
        """What there is to choose in an uploaded file."""
        return self._look(file, "", request)

    def look_again(self, file: str | None, sheet: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The columns of another sheet."""
        return self._look(file, sheet or "", request)

    def prepare_form(self, changes: str, request: gr.Request, *filled: Any) -> tuple[Any, ...]:
        """What a form would teach."""
        name, maker, does, style, opening, languages, *said = filled
        pairs = tuple(zip((s or "" for s in said[::2]), (s or "" for s in said[1::2]), strict=True))
        ordered = tuple(lang for lang in LANGUAGES if lang in (languages or ()))
        entry = FormEntry(name or "", maker or "", does or "", style or "plain", opening or "", ordered, pairs)
        return self._offer(lambda place: persona_of(entry, changes, place), request)

    def prepare_file(self, changes: str, file: str | None, request: gr.Request, *chosen: Any) -> tuple[Any, ...]:
        """What a file would teach."""
        sheet, question, answer, name, system, share = chosen
        if not file:
            raise gr.Error(text("teach_no_file", self._language(request)), print_exception=False)
        entry = FileEntry(
            Path(file), name or "", sheet or "", question or "", answer or "", system or "", float(share or 0)
        )
        return self._offer(lambda place: lesson_of_file(entry, changes, place), request)

    def start(self, lesson: Lesson | None, cells: list[list[Any]], request: gr.Request) -> tuple[Any, ...]:
        """Queue the training of the rows as they are in the table now."""
        lang = self._language(request)
        if lesson is None:
            raise gr.Error(text("teach_nothing_prepared", lang), print_exception=False)

        def submit() -> str:
            final = edited(lesson, cells)
            return self._services.jobs.submit(final.job, final.rows).id

        job = self._guarded(request, submit)
        title = lesson.job.info.title.get(lang) or lesson.job.config.name
        gr.Info(text("teach_started", lang, name=title))
        return None, gr.update(visible=False), job

    def _look(self, file: str | None, sheet: str, request: gr.Request) -> tuple[Any, ...]:
        keep = [gr.skip()] * 3
        if not file:
            return (gr.update(visible=False), *(gr.skip() for _ in range(6)))
        found = self._guarded(request, lambda: look_at(Path(file), sheet))
        if found is None:
            return (gr.update(visible=False), *(gr.update(value="") for _ in range(3)), *keep)
        return (
            gr.update(visible=True),
            gr.update(choices=list(found.sheets), value=found.sheet, visible=bool(found.sheets)),
            gr.update(choices=list(found.columns), value=found.question),
            gr.update(choices=list(found.columns), value=found.answer),
            *keep,
        )

    def _offer(self, make: Callable[[Place], Lesson], request: gr.Request) -> tuple[Any, ...]:
        from training.estimate import estimate

        lang = self._language(request)

        def both() -> tuple[Any, ...]:
            lesson = make(self._services.place())
            return lesson, estimate(lesson)

        lesson, told = self._guarded(request, both)
        count = lesson.count("train")
        hint = text(
            "teach_rows_first" if count > SHOWN else "teach_rows_hint", lang, shown=min(count, SHOWN), total=count
        )
        taken = [one.name for one in self._services.shelf.all()]
        value = {"headers": text("teach_columns", lang).split("|"), "data": table_rows(lesson)}
        return lesson, gr.update(visible=True), prepared(lesson, told, lang, taken), hint, gr.update(value=value)

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TrainingError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error


def _styles(lang: str) -> list[tuple[str, str]]:
    known = [(style, f"teach_style_{style}") for style in styles()]
    named = [(text(key, lang) if key in TEXTS["en"] else style, style) for style, key in known]
    return [*named, (text("teach_style_own", lang), OWN_STYLE)]


def _languages(lang: str) -> list[tuple[str, str]]:
    return [(text(f"teach_{one}", lang), one) for one in LANGUAGES]
