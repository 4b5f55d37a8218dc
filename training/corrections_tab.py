"""The review list of corrections on the teaching tab: look over, change, remove, choose, teach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training.corrections import Correction
from training.corrector import Corrector, State, Wish
from training.entries import MOST_NAME
from training.errors import TrainingError
from training.texts import text

# The picker's value for the base: "" is no choice that a page keeps apart from none.
BASE = "."
GLANCE = 80
_TICK, _NUMBER, _WANTED = 0, 1, 4
# Whether the list is on the page, asked in the browser: a table that is drawn while it is taken off makes it complain.
SHOWN = "(name, drawn, shown) => [name, drawn, !!document.querySelector('#fs-corrections')?.offsetParent]"


@dataclass(frozen=True)
class CorrectionServices:
    """What the list is given by the page.

    Attributes:
        owner: whose corrections a request sees.
        titles: language -> {name of a self: how it is shown}.
    """

    corrector: Corrector
    owner: Callable[[gr.Request], str]
    titles: Callable[[str], Mapping[str, str]]


class CorrectionsTab:
    """Components and handlers; `build` makes the components in the surrounding Blocks."""

    def __init__(self, services: CorrectionServices, language: Callable[[gr.Request], str]) -> None:
        self._services, self._corrector, self._language = services, services.corrector, language

    def build(self, i18n: Callable[[str], Any]) -> None:
        """Add the components and wire those that stand for themselves; `teach` is wired by the tab."""
        self.hint = gr.Markdown(i18n("corrections_none"), elem_classes="fs-hint")
        with gr.Column(visible=False) as self.list:
            # Any value is let through: a restarted app does not know what it offered to a page that stayed open.
            self.name = gr.Dropdown(
                [], label=i18n("corrections_self"), allow_custom_value=True, elem_id="fs-corrections-self"
            )
            self.table = gr.Dataframe(
                headers=text("corrections_columns", "en").split("|"),
                datatype=["bool", "str", "str", "str", "str"],
                type="array",
                column_count=5,
                static_columns=[1, 2, 3],
                interactive=True,
                wrap=True,
                max_height=460,
                column_widths=["9%", "15%", "24%", "24%", "28%"],
                show_label=False,
                elem_id="fs-corrections",
            )
            self.title = gr.Textbox(
                label=i18n("corrections_name"),
                placeholder=i18n("corrections_name_hint"),
                max_lines=1,
                max_length=MOST_NAME,
                visible=False,
                elem_id="fs-corrections-name",
            )
            with gr.Row():
                self.start = gr.Button(i18n("corrections_teach"), variant="primary", elem_id="fs-corrections-teach")
                self.remove = gr.Button(i18n("corrections_remove"), elem_id="fs-corrections-remove")
        # what the list shows: it is drawn anew only when that changes, or ticks would be lost
        self.drawn, self.shown = gr.State(None), gr.Checkbox(visible=False)
        self.view = [self.hint, self.list, self.name, self.table, self.title, self.drawn]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.name.input(self.show, [self.name], self.view, **quiet)
        self.table.input(self.keep, [self.name, self.table], None, **quiet)
        self.remove.click(self.drop, [self.name, self.table], self.view, **quiet)

    def show(self, name: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The list of one self, else of the one corrected last."""
        lang = self._language(request)
        held, states = self._guarded(request, lambda: self._held(request))
        if not held:
            return (text("corrections_none", lang), gr.update(visible=False), *(gr.skip() for _ in range(3)), [])
        names = [_value(one) for one in reversed(held)]
        shown = name if name in names else names[0]
        rows = table_rows([one for one in held if _value(one) == shown], states, lang)
        headers = text("corrections_columns", lang).split("|")
        return (
            text("corrections_hint", lang),
            gr.update(visible=True),
            gr.update(choices=self_choices(held, states, self._services.titles(lang), lang), value=shown),
            gr.update(value={"headers": headers, "data": rows}),
            gr.update(visible=shown == BASE),
            _stamp(held, states),
        )

    def opened(self, name: str | None, drawn: Any, request: gr.Request) -> tuple[Any, ...]:
        """The list, where it has changed since it was drawn."""
        held, states = self._guarded(request, lambda: self._held(request))
        if drawn == _stamp(held, states):
            return tuple(gr.skip() for _ in self.view)
        return self.show(name, request)

    def follow(self, name: str | None, drawn: Any, shown: bool, request: gr.Request) -> tuple[Any, ...]:
        """The same where a training has begun or ended and somebody looks."""
        return self.opened(name, drawn, request) if shown else tuple(gr.skip() for _ in self.view)

    def keep(self, name: str | None, cells: list[list[Any]], request: gr.Request) -> None:
        """Store answers that were changed in the table, at once."""
        if self._guarded(request, lambda: self._stored(name, cells, request)):
            gr.Info(text("corrections_changed", self._language(request)))

    def drop(self, name: str | None, cells: list[list[Any]], request: gr.Request) -> tuple[Any, ...]:
        """Remove the ticked ones."""
        owner = self._services.owner(request)
        count = self._guarded(request, lambda: self._corrector.store.remove(ticked(cells), owner))
        gr.Info(text("corrections_removed", self._language(request), count=count))
        return self.show(name, request)

    def teach(self, name: str | None, cells: list[list[Any]], request: gr.Request, *more: str) -> tuple[Any, ...]:
        """Queue the training; `more` is the name of a new self and the changes to the recipe. Returns the training's
        id, then the list as it is now."""
        lang, owner = self._language(request), self._services.owner(request)
        title, changes = more

        def submit() -> Any:
            self._stored(name, cells, request)
            wish = Wish("" if name == BASE else name or "", tuple(ticked(cells)), title or "", changes or "", owner)
            return self._corrector.teach(wish)

        view = self._guarded(request, submit)
        gr.Info(text("teach_started", lang, name=view.title.get(lang) or view.name))
        return (view.id, *self.show(name, request))

    def _held(self, request: gr.Request) -> tuple[list[Correction], Mapping[int, State]]:
        held = self._corrector.all(self._services.owner(request))
        return held, self._corrector.states(held)

    def _stored(self, name: str | None, cells: Sequence[Sequence[Any]], request: gr.Request) -> int:
        """Store what was changed in the table; returns how many answers that were."""
        owner = self._services.owner(request)
        before = {one.id: one.wanted for one in self._corrector.all(owner) if _value(one) == name}
        after = {_number(line): str(line[_WANTED] or "") for line in cells}
        changed = {one: wanted for one, wanted in after.items() if one in before and wanted.strip() != before[one]}
        for identity, wanted in changed.items():
            self._corrector.store.edit(identity, wanted, owner)
        return len(changed)

    def _guarded(self, request: gr.Request, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TrainingError as error:
            raise gr.Error(error.message(self._language(request)), print_exception=False) from error


def table_rows(corrections: Iterable[Correction], states: Mapping[int, State], lang: str) -> list[list[Any]]:
    """Tick, number with its state, what was asked after what, what was said and what is wanted; the newest first."""
    return [
        [
            states[one.id] == "open",
            text(f"corrections_{states[one.id]}", lang, id=one.id),
            asked(one, lang),
            _glance(one.said),
            one.wanted,
        ]
        for one in reversed(list(corrections))
    ]


def asked(one: Correction, lang: str) -> str:
    """The question, after what was said before it, and from which documents."""
    said = [_glance(m["content"]) for m in one.messages[:-1] if m["role"] != "system"]
    documents = text("corrections_documents", lang, documents=", ".join(dict.fromkeys(one.documents)))
    return " ⏎ ".join([*said, one.question]) + (f" {documents}" if one.documents else "")


def self_choices(
    corrections: Sequence[Correction], states: Mapping[int, State], titles: Mapping[str, str], lang: str
) -> list[tuple[str, str]]:
    """(label with counts, value) of every self that was corrected, the one corrected last first."""
    found = []
    for value in dict.fromkeys(_value(one) for one in reversed(corrections)):
        mine = [one for one in corrections if _value(one) == value]
        name = text("corrections_base", lang) if value == BASE else titles.get(value, value)
        count = sum(states[one.id] == "open" for one in mine)
        found.append((text("corrections_choice", lang, name=name, open=count, all=len(mine)), value))
    return found


def ticked(cells: Sequence[Sequence[Any]]) -> list[int]:
    """Ids of the chosen lines."""
    return [_number(line) for line in cells if line[_TICK] in (True, "true", "True") and _number(line)]


def _glance(said: str) -> str:
    """What is shown to be recognised, not to be read."""
    return said if len(said) <= GLANCE else said[: GLANCE - 1] + "…"


def _stamp(held: Iterable[Correction], states: Mapping[int, State]) -> list[tuple[int, str, str]]:
    return [(one.id, one.wanted, states[one.id]) for one in held]


def _number(line: Sequence[Any]) -> int:
    number = str(line[_NUMBER] or "").split(" ")[0]
    return int(number) if number.isdigit() else 0


def _value(one: Correction) -> str:
    return one.name or BASE
