"""What comparing shows: pure functions from its events to columns, HTML and plain values.

Answers and names are data: all of it is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm.compare import Broken, CompareEvent, Effect, Ended, Measured, Said
from llm.errors import LlmError
from llm.requests import AdapterChoice
from llm.resident import label_of
from llm.texts import text


@dataclass
class Column:
    """One answer as far as it has come; `choice` None is the base."""

    choice: AdapterChoice
    title: str
    said: str = ""
    ended: Ended | None = None
    effect: Effect | None = None
    error: LlmError | None = None


def columns_for(selves: Sequence[AdapterChoice], titles: Mapping[str, str], lang: str) -> list[Column]:
    """The base's column and one for each self; `titles` are names -> how people read them."""
    return [Column(None, text("chat_base", lang)), *(Column(one, title_of(one, titles)) for one in selves)]


def title_of(choice: AdapterChoice, titles: Mapping[str, str]) -> str:
    """How people read a self or a mix."""
    if isinstance(choice, Mapping):
        return " + ".join(f"{titles.get(name, name)} × {weight:g}" for name, weight in choice.items())
    return titles.get(choice or "", choice or "")


def take(columns: Sequence[Column], event: CompareEvent) -> None:
    """Apply one event."""
    column = columns[event.place]
    if isinstance(event, Said):
        column.said += event.text
    elif isinstance(event, Ended):
        column.ended = event
    elif isinstance(event, Measured):
        column.effect = event.effect
    elif isinstance(event, Broken):
        column.error = event.error


def verdict(effect: Effect, lang: str) -> tuple[str, str, str]:
    """(kind, what a self changes in a few words, the same in a sentence); kind is "good", "plain" or "bad"."""
    kind, key = ("bad", "nothing") if effect.none else ("good", "changes") if effect.changed else ("plain", "shifts")
    values = {"share": effect.share, "changed": effect.changed, "places": effect.places}
    return kind, text(f"compare_{key}", lang, **values), text(f"compare_{key}_detail", lang, **values)


def as_html(columns: Sequence[Column], lang: str, *, running: bool = False) -> str:
    """All columns, side by side where there is room."""
    shown = "".join(_column(column, lang, running=running) for column in columns)
    return f'<div class="fs-compare">{shown}</div>'


def _column(column: Column, lang: str, *, running: bool) -> str:
    kind = " fs-base" if column.choice is None else ""
    said = f'<div class="fs-said">{_of(column.said)}</div>'
    if not column.said and running and column.error is None:
        said = f'<p class="fs-waiting">{_of(text("compare_waiting", lang))}</p>'
    wrong = f'<div class="fs-notice fs-error">{_of(column.error.message(lang))}</div>' if column.error else ""
    return (
        f'<section><div class="fs-self{kind}">{_of(column.title)}</div>{_short(column, lang, running=running)}'
        f"{said}{wrong}{_long(column, lang)}{_footer(column, lang)}</section>"
    )


def _short(column: Column, lang: str, *, running: bool) -> str:
    if column.choice is None:
        return f'<p class="fs-hint">{_of(text("compare_base", lang))}</p>'
    if column.effect is None:
        waits = running and column.error is None
        return f'<p class="fs-hint">{_of(text("compare_measuring", lang))}</p>' if waits else ""
    kind, short, _ = verdict(column.effect, lang)
    return f'<div><span class="fs-word fs-{kind}">{_of(short)}</span></div>'


def _long(column: Column, lang: str) -> str:
    if column.effect is None:
        return ""
    told = verdict(column.effect, lang)[2]
    for base, own in column.effect.examples[:1]:
        told += " " + text("compare_instead", lang, base=base.strip(), own=own.strip())
    return f'<p class="fs-hint">{_of(told)}</p>'


def _footer(column: Column, lang: str) -> str:
    if column.ended is None:
        return ""
    end = column.ended
    told = [text("answer_speed", lang, ttft=end.ttft_s, speed=end.tokens_per_second, tokens=end.tokens)]
    if end.reason != "stop":
        told.append(text("compare_cut" if end.reason == "length" else "answer_stopped", lang))
    return f'<div class="fs-footer">{_of(" · ".join(told))}</div>'


def as_rows(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """JSON-serialisable."""
    return [
        {
            "self": label_of(column.choice) or None,
            "title": column.title,
            "answer": column.said.strip(),
            "version": column.ended.version if column.ended else "",
            "finish_reason": column.ended.reason if column.ended else None,
            "tokens": column.ended.tokens if column.ended else 0,
            "changes": None if column.effect is None else _effect_row(column.effect),
            "error": {"en": column.error.en, "zh": column.error.zh} if column.error else None,
        }
        for column in columns
    ]


def _effect_row(effect: Effect) -> dict[str, Any]:
    return {
        "places": effect.places,
        "changed": effect.changed,
        "share": round(effect.share, 4),
        "gain_nats": round(effect.gain, 4),
        "nothing": effect.none,
        "instead": [list(pair) for pair in effect.examples],
    }


def as_text(columns: Sequence[Column], lang: str) -> str:
    """For a terminal."""
    blocks = []
    for column in columns:
        told = text("compare_base", lang) if column.choice is None else ""
        if column.effect is not None:
            told = ": ".join(verdict(column.effect, lang)[1:])
        if column.error is not None:
            told = column.error.message(lang)
        blocks.append(f"== {column.title}\n{column.said.strip()}\n   {told}".rstrip())
    return "\n\n".join(blocks)


def _of(value: str) -> str:
    return html.escape(value)
