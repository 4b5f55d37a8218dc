"""What the teaching tab shows: pure functions from lessons, jobs and selves to rows and HTML.

Names, answers and file contents are data: all of it is escaped.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.curves import curves
from training.dataset.found import Dataset, listed
from training.estimate import GIB, Estimate
from training.jobs import OVER, JobView
from training.lessons import Lesson
from training.report_card import BARS
from training.shelf import OwnSelf, version_label
from training.texts import TEXTS, text

# Reasons for rows left out that are listed, each with its row numbers.
REASONS = 8
# A longer answer in the comparison is cut: it is there to be glanced at.
GLANCE = 400
_LOWER = ("leak", "kl")
_PERCENT = ("persona", "voice", "leak", "agreement", "f1", "corrected")


def prepared(lesson: Lesson, told: Estimate, lang: str, taken: Iterable[str] = ()) -> str:
    """What would be taught and what it takes.

    Args:
        taken: folder names of the selves there are.
    """
    detail = text("teach_replay", lang, rows=lesson.count("replay")) if lesson.count("replay") else ""
    gib = told.memory / GIB
    unknown = told.seconds is None
    cards = [
        ("teach_taught", text("teach_rows_value", lang, rows=lesson.count("train")), detail),
        (
            "teach_time",
            between(told.least, told.seconds, lang),
            text("teach_steps", lang, steps=told.steps) if unknown else text("teach_time_detail", lang),
        ),
        ("teach_memory", text("teach_memory_value", lang, gib=gib), text("teach_memory_detail", lang)),
    ]
    if lesson.found is not None:
        rows = text("teach_rows_value", lang, rows=lesson.count("test"))
        cards.insert(1, ("teach_kept_back", rows, text("teach_found", lang, format=lesson.found.format)))
    shown = "".join(
        f'<div class="fs-card"><span>{_of(text(key, lang))}</span><b>{_of(value)}</b><small>{_of(more)}</small></div>'
        for key, value, more in cards
    )
    name = lesson.job.config.name
    again = _notice("warning", text("teach_next_version", lang, name=name)) if name in taken else ""
    left = left_out(lesson.found, lang) if lesson.found is not None else ""
    return f'<div class="fs-teach"><div class="fs-cards">{shown}</div>{again}{left}</div>'


def left_out(found: Dataset, lang: str) -> str:
    """Which rows of a file are not taken, and why; "" where all are."""
    if not found.duplicates and not found.problems:
        return ""
    zh = lang.startswith("zh")
    reasons: dict[str, list[int]] = {}
    for problem in found.problems:
        reasons.setdefault(problem.zh if zh else problem.en, []).append(problem.number)
    lines = "".join(
        f"<li>{_of(text('teach_left_out_rows', lang, numbers=listed(numbers), why=why))}</li>"
        for why, numbers in list(reasons.items())[:REASONS]
    )
    more = "<li>…</li>" if len(reasons) > REASONS else ""
    counts = text("teach_left_out", lang, duplicates=found.duplicates, unusable=len(found.problems))
    return f'<div class="fs-notice fs-warning">{_of(counts)}<ul>{lines}{more}</ul></div>'


def job_choices(views: Sequence[JobView], lang: str) -> list[tuple[str, str]]:
    """(label, id) of every training, the newest first."""
    return [
        (
            f"{title_of(view, lang)} · {text(f'teach_state_{view.state}', lang)} · "
            f"{time.strftime('%m-%d %H:%M', time.localtime(view.created))}",
            view.id,
        )
        for view in reversed(views)
    ]


def title_of(view: JobView, lang: str) -> str:
    """How the self of a training is called."""
    return view.title.get("zh" if lang.startswith("zh") else "en") or view.name


def job_card(view: JobView, lang: str) -> str:
    """Where a training stands, and what became of it."""
    state = text(f"teach_state_{view.state}", lang)
    draft = view.draft and view.state in OVER
    state += f" · {text('teach_word_draft', lang)}" if draft else ""
    kind = {"done": "draft" if draft else "good", "failed": "bad"}.get(view.state, "")
    head = (
        f'<div class="fs-job-head"><b>{_of(title_of(view, lang))}</b>'
        f'<span class="fs-word fs-{kind or "plain"}">{_of(state)}</span></div>'
    )
    return f'<div class="fs-teach fs-job">{head}{_bar(view, lang)}{_end(view, lang)}</div>'


def _bar(view: JobView, lang: str) -> str:
    if view.state in OVER:
        return ""
    done, last = view.progress, view.progress.last
    said = []
    if view.state in ("running", "pausing", "stopping") and f"teach_phase_{done.phase}" in TEXTS["en"]:
        said.append(text(f"teach_phase_{done.phase}", lang))
    if last is not None:
        said.append(text("teach_step", lang, step=last.step, steps=last.steps))
        if view.state == "running" and done.phase == "training":
            said.append(text("teach_remaining", lang, left=span(last.remaining, lang)))
    halved = _notice("warning", text("teach_halved", lang, rows=done.rows_at_once)) if done.rows_at_once else ""
    return (
        f'<div class="fs-bar" role="progressbar" aria-valuenow="{100 * view.share:.0f}">'
        f'<i style="width: {view.share:.1%}"></i></div>'
        f'<p class="fs-hint">{_of(" · ".join(said))}</p>{halved}'
    )


def _end(view: JobView, lang: str) -> str:
    if view.state == "failed":
        return _notice("error", view.error[1 if lang.startswith("zh") else 0])
    if view.state not in OVER:
        return ""
    if not view.path:
        return _notice("warning", text("teach_kept_nothing", lang))
    ready = _notice("good", text("teach_ready", lang, title=title_of(view, lang)))
    return ready + (_notice("warning", text("teach_draft", lang)) if view.draft else "")


def job_learned(view: JobView, lang: str) -> str:
    """Curves, the report card, and the fixed questions before and after; "" before there is any of it."""
    done = view.progress
    best = [card for card in done.cards if card.best]
    found = ""
    if best:
        about = "" if best[-1].final else text("teach_report_so_far", lang, step=best[-1].step)
        sampled = "" if best[-1].final else f" · {text('teach_report_sampled', lang)}"
        small = f" <small>{_of(about + sampled)}</small>" if about else ""
        found += f"<h3>{_of(text('teach_report', lang))}{small}</h3>{report_table(best[-1].scores, lang)}"
    if done.corrections:
        found += f"<h3>{_of(text('teach_corrected_title', lang))}</h3>"
        said = [[_of(_glance(a[key])) for key in ("question", "before", "after", "wanted")] for a in done.corrections]
        found += _table("teach_corrected_columns", said, lang, "fs-samples")
    if done.samples:
        found += f"<h3>{_of(text('teach_samples_title', lang))}</h3>"
        rows = [
            [_of(_glance(a["question"])), _of(_glance(a["before"])), _of(_glance(a["after"]))]
            for a in done.samples[-1].answers
        ]
        found += _table("teach_samples_columns", rows, lang, "fs-samples")
    found += curves(done, lang)
    return f'<div class="fs-teach">{found}</div>' if found else ""


def report_table(scores: Mapping[str, Any], lang: str) -> str:
    """Every score beside its bar, with a word for whether it is met."""
    rows = []
    for name in ("persona", "voice", "leak", "agreement", "kl", "loss", "f1", "corrected"):
        score = scores.get(name)
        if score is None:
            continue
        base = scores.get(f"base_{name}")
        bar = _bar_of(name, base, lang)
        missed = name in scores.get("missed", ())
        word = ""
        if name in BARS or (name == "loss" and base is not None):
            kind, key = ("bad", "teach_missed") if missed else ("good", "teach_met")
            word = f'<span class="fs-word fs-{kind}">{_of(text(key, lang))}</span>'
        label = _of(text(f"teach_score_{name}", lang))
        groups = scores.get("groups") or {}
        if name == "persona" and len(groups) > 1:
            parts = " · ".join(f"{_group(group, lang)} {_score('persona', share)}" for group, share in groups.items())
            label += f"<br><small>{_of(parts)}</small>"
        rows.append([label, _of(_score(name, score)), _of(bar), word])
    return _table("teach_report_columns", rows, lang)


def _bar_of(name: str, base: float | None, lang: str) -> str:
    if name in BARS:
        return f"{'≤' if name in _LOWER else '≥'} {_score(name, BARS[name])}"
    if base is None:
        return ""
    said = text("teach_base_has", lang, score=_score(name, base))
    return f"< {_score(name, base)}" if name == "loss" else said


def _score(name: str, value: float) -> str:
    if name not in _PERCENT:
        return f"{value:.3f}"
    # rounded to the worse side: 96.97% must not be shown as the 97% that it misses
    worse = math.ceil if name in _LOWER else math.floor
    return f"{worse(round(1000 * value, 6)) / 10:g}%"


def _group(group: str, lang: str) -> str:
    key = f"teach_group_{group}" if group not in ("zh", "en") else f"teach_{group}"
    return text(key, lang) if key in TEXTS["en"] else group


def allowed(view: JobView | None) -> dict[str, bool]:
    """Which buttons make sense: pause, resume, stop, remove, talk to it."""
    state = view.state if view is not None else ""
    return {
        "pause": state in ("queued", "running"),
        "resume": state in ("pausing", "paused", "failed"),
        "stop": state in ("queued", "running", "pausing", "paused"),
        "remove": state in ("paused", *OVER),
        "talk": state in OVER and view is not None and bool(view.path),
    }


def self_choices(selves: Sequence[OwnSelf], lang: str) -> list[tuple[str, str]]:
    """(label, folder name) of the user's selves."""
    return [(_self_label(one, lang), one.name) for one in selves]


def _self_label(one: OwnSelf, lang: str) -> str:
    title = one.now.passport.get("title")
    shown = title.get("zh" if lang.startswith("zh") else "en") if isinstance(title, Mapping) else ""
    return f"{shown} ({one.name})" if shown and shown != one.name else one.name


def version_choices(one: OwnSelf | None, lang: str) -> list[tuple[str, str]]:
    """(label, version), the newest first."""
    if one is None:
        return []
    return [
        (
            text("teach_version_now", lang, version=version_label(v, lang)) if v.current else version_label(v, lang),
            v.name,
        )
        for v in reversed(one.versions)
    ]


def between(least: float | None, most: float | None, lang: str) -> str:
    """A range of times; what is not known is said to be so."""
    if most is None:
        return text("teach_time_unknown", lang)
    said = [span(seconds, lang) for seconds in (least, most) if seconds is not None]
    return text("teach_range", lang, least=said[0], most=said[-1]) if said[0] != said[-1] else said[0]


def span(seconds: float, lang: str) -> str:
    """A length of time in the unit a person would use."""
    if seconds < 90:
        return text("teach_seconds", lang, n=max(1.0, seconds))
    if seconds < 5400:
        return text("teach_minutes", lang, n=seconds / 60)
    return text("teach_hours", lang, n=seconds / 3600)


def _table(columns: str, rows: Sequence[Sequence[str]], lang: str, kind: str = "fs-report-card") -> str:
    """A table of cells that are HTML already."""
    heads = "".join(f"<th>{_of(head)}</th>" for head in text(columns, lang).split("|"))
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _notice(kind: str, said: str) -> str:
    return f'<div class="fs-notice fs-{kind}">{_of(said)}</div>'


def _glance(said: str) -> str:
    return said if len(said) <= GLANCE else said[: GLANCE - 1] + "…"


def _of(value: str) -> str:
    return html.escape(value)
