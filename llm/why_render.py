"""The panel "why these passages?" under an answer: a pure function from what the answer came with to HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from llm.texts import text


def why_panel(about: Mapping[str, Any], lang: str) -> str:
    """A foldable table of how each passage was found, and why they were (not) asked about; "" where that is not known.

    One HTML block, so without blank lines; everything that a document or a question brought is escaped.
    """
    why = about.get("why")
    if not why:
        return ""
    head = ("why_passage", "why_meaning", "why_words", "why_fused", "why_shared")
    rows = [_row(number, trace, lang) for number, trace in enumerate(why["passages"], start=1)]
    table = (
        f"<table><thead><tr>{''.join(f'<th>{_line(text(key, lang))}</th>' for key in head)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        if rows
        else ""
    )
    lines = [text("why_query", lang, query=why["query"]), *_judged(about, why, lang)]
    said = "".join(f"<p>{_line(line)}</p>" for line in lines)
    return f'<details class="fs-why"><summary>{_line(text("why_title", lang))}</summary>{said}{table}</details>'


def _row(number: int, trace: Mapping[str, Any], lang: str) -> str:
    cells = (
        f"{number}. {trace['title']}",
        _found(trace["dense_rank"], trace["dense_score"], "{:.2f}", lang),
        _found(trace["bm25_rank"], trace["bm25_score"], "{:.1f}", lang),
        f"{trace['score']:.2f}",
        " · ".join(trace["words"]) or "–",
    )
    return f"<tr>{''.join(f'<td>{_line(cell)}</td>' for cell in cells)}</tr>"


def _found(rank: int | None, score: float | None, form: str, lang: str) -> str:
    if rank is None or score is None:
        return text("why_not_found", lang)
    return f"#{rank} ({form.format(score)})"


def _judged(about: Mapping[str, Any], why: Mapping[str, Any], lang: str) -> list[str]:
    """What the passages were judged on."""
    if not why["passages"]:
        return [text("why_nothing", lang)]
    cosine = "–" if why["cosine"] is None else f"{why['cosine']:.2f}"
    lines = [text("why_cosine", lang, cosine=cosine, needed=f"{why['needed']:.2f}")]
    if why["subject"] is not None:
        shares = {"share": f"{100 * why['subject']:.0f}", "needed": f"{100 * why['subject_needed']:.0f}"}
        lines.append(text("why_subject", lang, **shares))
    refused = about.get("refused")
    if refused:
        lines.append(text("why_refused_model" if refused == "model" else "why_refused", lang))
    return lines


def _line(value: str) -> str:
    return html.escape(" ".join(value.split()))
