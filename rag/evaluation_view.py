"""What an evaluation shows: pure functions from its events to rows, text and HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import PurePath

from rag.evaluation import EvaluationEvent, Miss, Progress, Row, Setting, UnknownSources
from rag.evaluation_texts import text

_SHARES = ("recall", "first", "mrr", "answered", "f1", "cited", "supported", "declined", "wrongly_declined")
_SHOWN_MISSES = 20


def setting_name(setting: Setting, lang: str) -> str:
    """What a row is called: how it searched, then what is unusual about it."""
    parts = [text(f"ev_{setting.method}", lang)]
    if setting.chunk_chars:
        parts.append(text("ev_chunks", lang, count=setting.chunk_chars))
    if setting.embedder:
        parts.append(PurePath(setting.embedder).name)
    if setting.adapter:
        parts.append(setting.adapter)
    return " · ".join(parts)


def table(events: Sequence[EvaluationEvent], k: int, lang: str) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of what was measured with any setting; what was not with one of them is a dash."""
    measured = [event for event in events if isinstance(event, Row)]
    names = [name for name in _SHARES if any(getattr(row, name) is not None for row in measured)]
    head = [text(f"ev_column_{name}", lang, k=k) for name in ("setting", "passages", *names)]
    return head, [
        [setting_name(row.setting, lang), str(row.passages), *(_share(getattr(row, name)) for name in names)]
        for row in measured
    ]


def bars(events: Sequence[EvaluationEvent], measure: str, lang: str) -> list[tuple[str, float]]:
    """(setting, per cent) of one measure, for a plot."""
    return [
        (setting_name(event.setting, lang), round(100 * value, 1))
        for event in events
        if isinstance(event, Row) and (value := getattr(event, measure)) is not None
    ]


def notes(events: Sequence[EvaluationEvent], lang: str) -> list[str]:
    """What is to be known beside the table, in lines: unknown sources, and questions whose document was missed."""
    lines: list[str] = []
    misses = [event for event in events if isinstance(event, Miss)]
    for event in events:
        if isinstance(event, UnknownSources):
            lines.append(text("ev_unknown", lang, names=", ".join(event.sources[:_SHOWN_MISSES])))
    if misses:
        lines.append(text("ev_misses", lang, count=len(misses)))
    for miss in misses[:_SHOWN_MISSES]:
        found = " / ".join(dict.fromkeys(miss.found)) or "–"
        lines.append(text("ev_miss", lang, question=miss.question.question, source=miss.question.source, found=found))
    return lines


def as_html(events: Sequence[EvaluationEvent], lang: str) -> str:
    """The notes, and how far it is while it runs. Questions and titles are data: all of it is escaped."""
    bar = ""
    if events and isinstance(now := events[-1], Progress):
        line = html.escape(text("ev_running", lang, setting=setting_name(now.setting, lang)))
        bar = f'<div class="fs-report-head">{line}<progress max="{now.total}" value="{now.done}"></progress></div>'
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in notes(events, lang))
    return f'<div class="fs-report">{bar}<ul>{lines}</ul></div>' if bar or lines else ""


def as_text(events: Sequence[EvaluationEvent], k: int, lang: str) -> str:
    """A Markdown table and the notes, for a terminal."""
    head, body = table(events, k, lang)
    lines = [" | ".join(cells) for cells in (head, ["---"] * len(head), *body)]
    return "\n".join([*(f"| {line} |" for line in lines), "", *notes(events, lang)]).rstrip()


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
