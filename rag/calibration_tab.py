"""The part of the knowledge tab that sets when to decline, with its effect on questions whose answer is known."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.calibration import Labelled, effect, look_up, suggest
from rag.errors import RagError
from rag.questions import read_questions
from rag.services import Later
from rag.texts import text

_SHOW_SECONDS = 0.3


def build(
    knowledge: Later,
    collection: gr.Dropdown,
    i18n: Callable[[str], Any],
    language: Callable[[gr.Request], str],
    k: int,
) -> None:
    """Add the components to the surrounding column and wire them.

    Args:
        collection: the questions are about the one chosen there.
        k: passages that an answer is made from.
    """
    here = _Calibration(knowledge, language, k)
    with gr.Accordion(i18n("kb_decline"), open=False, elem_id="fs-kb-decline") as part:
        gr.Markdown(i18n("kb_decline_hint"), elem_classes="fs-hint")
        labelled = gr.State([])
        with gr.Row():
            slider = gr.Slider(
                0,
                1,
                value=0.43,
                step=0.01,
                label=i18n("kb_decline_below"),
                scale=3,
                min_width=300,
                elem_id="fs-kb-refuse-below",
            )
            questions = gr.UploadButton(
                i18n("kb_questions"), file_types=[".csv"], size="sm", min_width=150, elem_id="fs-kb-questions"
            )
            use = gr.Button(i18n("kb_decline_use"), size="sm", min_width=120, elem_id="fs-kb-decline-use")
        told = gr.HTML(elem_id="fs-kb-effect")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    part.expand(here.now, None, slider, **quiet)
    questions.upload(here.look, [questions, collection], [labelled, slider, told], **quiet)
    slider.change(here.show, [labelled, slider], told, **quiet)
    use.click(here.use, [labelled, slider], told, **quiet)
    collection.change(lambda: ([], ""), None, [labelled, told], **quiet)


class _Calibration:
    """The event handlers."""

    def __init__(self, knowledge: Later, language: Callable[[gr.Request], str], k: int) -> None:
        self._knowledge, self._language, self._k = knowledge, language, k

    def now(self) -> Any:
        """The threshold that holds."""
        return self._knowledge.get().settings.refuse_below if self._knowledge.ready else gr.skip()

    def look(self, upload: str, collection: str | None, request: gr.Request) -> Iterator[tuple[Any, Any, Any]]:
        """Search for the questions of a file, then suggest a threshold and show what it does."""
        lang = self._language(request)
        if not self._knowledge.ready or not collection:
            raise gr.Error(text("kb_loading", lang), print_exception=False)
        base = self._knowledge.get()
        found: list[Labelled] = []
        shown = 0.0
        try:
            questions = read_questions(Path(upload))
            for item in look_up(base, collection, questions, self._k):
                found.append(item)
                if time.monotonic() - shown > _SHOW_SECONDS:
                    shown = time.monotonic()
                    bar = f'<progress max="{len(questions)}" value="{len(found)}"></progress>'
                    yield gr.skip(), gr.skip(), f'<div class="fs-report">{bar}</div>'
        except RagError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        best = suggest(found, base.settings.refuse_below)
        yield found, best, self._shown(found, best, lang)

    def show(self, labelled: list[Labelled], refuse_below: float, request: gr.Request) -> str:
        return self._shown(labelled, refuse_below, self._language(request))

    def use(self, labelled: list[Labelled], refuse_below: float, request: gr.Request) -> str:
        """From the next question on."""
        lang = self._language(request)
        try:
            self._knowledge.get().set_refuse_below(refuse_below)
        except RagError as error:
            raise gr.Error(error.message(lang), print_exception=False) from error
        gr.Info(text("kb_decline_used", lang, value=refuse_below))
        return self._shown(labelled, refuse_below, lang)

    def _shown(self, labelled: list[Labelled], refuse_below: float, lang: str) -> str:
        if not labelled or not self._knowledge.ready:
            return ""
        now = self._knowledge.get().settings.refuse_below
        before, after = effect(labelled, now), effect(labelled, refuse_below)
        values = {
            "count": len(labelled), "value": refuse_below, "answered": after.answered, "answerable": after.answerable,
            "declined": after.declined, "others": after.others,
        }  # fmt: skip
        lines = [text("kb_effect", lang, **values)]
        if refuse_below != now:
            more, wrongly = after.answered - before.answered, before.declined - after.declined
            lines.append(text("kb_effect_change", lang, now=now, more=f"{more:+d}", wrongly=f"{wrongly:+d}"))
        best = suggest(labelled, now)
        lines.append(text("kb_effect_best", lang, best=best))
        return f'<div class="fs-notice fs-good">{"<br>".join(map(html.escape, lines))}</div>'
