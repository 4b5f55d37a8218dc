"""The right half of the teaching tab: the trainings, and the card of the one that is looked at.

Whatever is shown is read from the jobs' folders each time, so a reloaded page or a restarted app shows what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from training.errors import TrainingError
from training.jobs import OVER, JobStore, JobView
from training.tab_view import allowed, job_card, job_choices, job_learned, title_of
from training.texts import text

EVERY = 1.0  # seconds
# Whether the tab is on the page, asked in the browser: it is also left without a click on another one.
SHOWN = "(job, drawn, shown) => [job, drawn, !!document.querySelector('#fs-teach')?.offsetParent]"
Language = Callable[[gr.Request], str]


class JobsTab:
    """Components and handlers; `build` makes the components in the surrounding Blocks."""

    def __init__(self, jobs: JobStore, language: Language) -> None:
        self._jobs, self._language = jobs, language

    def build(self, i18n: Callable[[str], Any]) -> None:
        """Add the components and wire them."""
        gr.Markdown(i18n("teach_jobs"), elem_classes="fs-panel-title")
        # Any value is let through: a restarted app does not know what it offered to a page that stayed open.
        self.job = gr.Dropdown(
            [],
            label=i18n("teach_job"),
            allow_custom_value=True,
            visible=False,
            elem_id="fs-teach-job",
        )
        self.card = gr.HTML(elem_id="fs-teach-card")
        with gr.Row():
            self.pause = gr.Button(i18n("teach_pause"), size="sm", visible=False, elem_id="fs-teach-pause")
            self.resume = gr.Button(
                i18n("teach_resume"), size="sm", variant="primary", visible=False, elem_id="fs-teach-resume"
            )
            self.stop = gr.Button(i18n("teach_stop"), size="sm", visible=False, elem_id="fs-teach-stop")
            self.remove = gr.Button(
                i18n("teach_remove"), size="sm", variant="stop", visible=False, elem_id="fs-teach-remove"
            )
            # what happens then is the page's to say: the chat is another room
            self.talk = gr.Button(
                i18n("teach_talk"), size="sm", variant="primary", visible=False, elem_id="fs-teach-talk"
            )
        with gr.Column(visible=False) as self.confirm:
            self.question = gr.Markdown()
            with gr.Row():
                self.yes = gr.Button(i18n("teach_yes"), size="sm", variant="stop", elem_id="fs-teach-yes")
                self.no = gr.Button(i18n("teach_no"), size="sm")
        self.learned = gr.HTML(elem_id="fs-teach-learned")
        self.drawn, self.shown = gr.State(None), gr.Checkbox(visible=False)
        self.timer = gr.Timer(EVERY, active=False)
        self.buttons = [self.pause, self.resume, self.stop, self.remove, self.talk]
        self.view = [self.job, self.card, *self.buttons, self.learned, self.drawn, self.timer]
        self._wire()

    def _wire(self) -> None:
        # Not in the queue: what is asked while everyone waits must not wait with them.
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        self.timer.tick(self.tick, [self.job, self.drawn, self.shown], self.view, js=SHOWN, **quiet)
        self.job.input(self.show, [self.job], self.view, **quiet)
        for button, action in ((self.pause, "pause"), (self.resume, "resume"), (self.stop, "stop")):
            button.click(self._doing(action), [self.job], self.view, **quiet)
        self.remove.click(self.ask, [self.job], [self.confirm, self.question], **quiet)
        self.yes.click(self.drop, [self.job], [*self.view, self.confirm], **quiet)
        self.no.click(lambda: gr.update(visible=False), None, self.confirm, **quiet)

    def show(self, job: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The list and the card of `job`, else of the newest that is not over, else of the newest."""
        return self._view(job, None, self._language(request))

    def tick(self, job: str | None, drawn: Any, shown: bool, request: gr.Request) -> tuple[Any, ...]:
        """The same while something runs and somebody looks."""
        if not shown:
            return (*(gr.skip() for _ in self.view[:-1]), gr.Timer(active=False))
        return self._view(job, drawn, self._language(request))

    def ask(self, job: str | None, request: gr.Request) -> tuple[Any, Any]:
        """Whether it is really to be removed."""
        lang = self._language(request)
        view = self._guarded(request, lambda: self._jobs.get(job or ""))
        return gr.update(visible=True), text("teach_confirm_remove", lang, title=title_of(view, lang))

    def drop(self, job: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Remove it."""
        self._guarded(request, lambda: self._jobs.remove(job or ""))
        return (*self.show(None, request), gr.update(visible=False))

    def _doing(self, action: str) -> Callable[..., tuple[Any, ...]]:
        def do(job: str | None, request: gr.Request) -> tuple[Any, ...]:
            self._guarded(request, lambda: getattr(self._jobs, action)(job or ""))
            return self.show(job, request)

        return do

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TrainingError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error

    def _view(self, job: str | None, drawn: Any, lang: str) -> tuple[Any, ...]:
        views = self._jobs.all()
        view = _chosen(views, job)
        choices = job_choices(views, lang)
        busy = any(one.alive or one.state in ("queued", "stopping") for one in views)
        now = (choices, view.id if view else "", _stamp(view))
        timer = gr.Timer(active=busy)
        if now == drawn:  # nothing is drawn anew that looks the same: it would flicker, and close what is open
            return (*(gr.skip() for _ in self.view[:-1]), timer)
        listing = gr.update(choices=choices, value=view.id if view else None, visible=len(choices) > 1)
        if view is None:
            nothing = f'<p class="fs-hint">{text("teach_no_jobs", lang)}</p>'
            hidden = [gr.update(visible=False) for _ in self.buttons]
            return (listing, nothing, *hidden, "", now, timer)
        buttons = [gr.update(visible=on) for on in allowed(view).values()]
        learned = job_learned(view, lang)
        return (listing, job_card(view, lang), *buttons, learned, now, timer)


def _chosen(views: list[JobView], job: str | None) -> JobView | None:
    for view in views:
        if view.id == job:
            return view
    going = [view for view in views if view.state not in OVER]
    return (going or views)[-1] if views else None


def _stamp(view: JobView | None) -> tuple[Any, ...]:
    """What changes when the card does."""
    if view is None:
        return ()
    done = view.progress
    return (view.state, done.phase, len(done.steps), len(done.cards), len(done.samples), done.rows_at_once)
