"""What is shown of rows and recipes: pure functions to HTML. What people wrote is data: all of it is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from training.config import TrainingConfig, describe, load_recipe
from training.dataset.found import listed
from training.dataset.preparing import Lengths
from training.rows import Piece
from training.texts import text

# Entries that the page fills in itself.
SET = ("name", "base", "base_fingerprint", "threads")


def rendered(pieces: Sequence[Piece], number: str, limit: int, lang: str) -> str:
    """One row with its chat template, what is learned of it marked."""
    shown = "".join(
        f"<mark>{_of(piece.text)}</mark>" if piece.trained else f"<span>{_of(piece.text)}</span>" for piece in pieces
    )
    tokens = sum(piece.tokens for piece in pieces)
    trained = sum(piece.tokens for piece in pieces if piece.trained)
    long = text("rows_too_long", lang, tokens=tokens, limit=limit) if tokens > limit else ""
    warning = f'<div class="fs-notice fs-warning">{_of(long)}</div>' if long else ""
    return (
        f'<div class="fs-teach"><h3>{_of(text("rows_rendered", lang, number=number))}</h3>'
        f'<p class="fs-hint">{_of(text("rows_legend", lang, trained=trained, tokens=tokens))}</p>{warning}'
        f'<div class="fs-rendered">{shown}</div></div>'
    )


def not_rendered(lang: str) -> str:
    """Instead of a row that cannot be taught as it is."""
    said = text("rows_incomplete", lang)
    return f'<div class="fs-teach"><div class="fs-notice fs-warning">{_of(said)}</div></div>'


def histogram(told: Lengths, source: str, lang: str) -> str:
    """How long the rows are against the longest that a training takes.

    Args:
        source: "form", or a file's format as in `Dataset`; it decides what becomes of a row that is too long.
    """
    most = max(count for *_, count in told.bins) or 1
    bars = ""
    for low, high, count in told.bins:
        over = low > told.limit
        if over and not count:
            continue
        values = {"low": low, "high": high, "rows": count, "limit": told.limit}
        title = text("rows_bin_over" if over else "rows_bin", lang, **values)
        label = text("rows_longer", lang, limit=told.limit) if over else f"–{high}"
        bars += (
            f'<div class="fs-column{" fs-over" if over else ""}" title="{_of(title)}"><small>{count or ""}</small>'
            f'<i style="height: {100 * count / most:.0f}%"></i><small>{_of(label)}</small></div>'
        )
    kind = source if source in ("form", "text") else "file"
    key = f"rows_over_{kind}" if told.over else "rows_all_fit"
    said = text(
        key,
        lang,
        rows=len(told.tokens),
        over=len(told.over),
        limit=told.limit,
        numbers=listed(told.over),
        longest=max(told.tokens, default=0),
    )
    line = (
        f'<div class="fs-notice fs-warning">{_of(said)}</div>' if told.over else f'<p class="fs-hint">{_of(said)}</p>'
    )
    head = f"<h3>{_of(text('rows_lengths', lang))}</h3>"
    return f'<div class="fs-teach">{head}<div class="fs-histogram" role="img">{bars}</div>{line}</div>'


def recipe_table(lang: str) -> str:
    """Every entry of a recipe: what it does, its range, and its value for a form and for a file."""
    form, file, about = load_recipe("persona"), load_recipe("domain"), describe(lang)
    heads = "".join(f"<th>{_of(head)}</th>" for head in text("recipe_columns", lang).split("|"))
    # what the page sets itself comes last: nobody has to read it
    specs = sorted(fields(TrainingConfig), key=lambda spec: spec.name in SET)
    rows = "".join(
        f"<tr><td><code>{spec.name}</code> <small>{_of(_range(spec, lang))}</small><br>{_of(about[spec.name])}</td>"
        f"{_values(spec.name, form, file, lang)}</tr>"
        for spec in specs
    )
    return (
        f'<div class="fs-teach fs-recipe"><p class="fs-hint">{_of(text("recipe_shown", lang))}</p>'
        f"<div><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _values(name: str, form: TrainingConfig, file: TrainingConfig, lang: str) -> str:
    if name in SET:
        return f'<td colspan="2">{_of(text("recipe_set", lang))}</td>'
    return "".join(f"<td>{_of(_value(getattr(config, name), lang))}</td>" for config in (form, file))


def _value(value: Any, lang: str) -> str:
    if isinstance(value, bool):
        return text("recipe_yes" if value else "recipe_no", lang)
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _range(spec: Any, lang: str) -> str:
    if spec.metadata["low"] is not None:
        return f"{spec.metadata['low']:.10g} … {spec.metadata['high']:.10g}"
    kind = {"bool": "choice", "str": "any"}.get(str(spec.type), "names")
    return text(f"recipe_{kind}", lang)


def _of(value: str) -> str:
    return html.escape(value)
