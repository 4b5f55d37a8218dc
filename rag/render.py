"""What the knowledge tab shows: pure functions from documents, events and passages to rows and HTML.

File names and passages are data: all of it is escaped.
"""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

from rag.texts import note, text
from rag.types import Document, FileAdded, FileFailed, FileSkipped, FileStarted, IngestDone, IngestEvent, Passage


def document_rows(documents: Sequence[Document]) -> list[list[str]]:
    """Table rows in the order of the text "kb_columns"."""
    return [
        [
            d.title,
            d.source,
            d.loader,
            str(d.chunks),
            file_size(d.size),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(d.added_at)),
        ]
        for d in documents
    ]


def file_size(size: int) -> str:
    """Bytes as KiB or MiB."""
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{max(size, 1) / 2**10:.1f} KiB"


def report(events: Sequence[IngestEvent], lang: str) -> str:
    """One line for each file with how it went, and a bar; the summary once all are done."""
    states: dict[str, tuple[str, str]] = {}
    total = done = 0
    summary = ""
    for event in events:
        if isinstance(event, FileStarted):
            total = event.total
            states[event.source] = ("working", text("kb_working", lang))
        elif isinstance(event, FileAdded):
            line = text("kb_added", lang, passages=event.document.chunks, seconds=event.seconds)
            line += f" · {text('kb_moved', lang, name=event.moved_from)}" if event.moved_from else ""
            notes = " ".join(note(warning, lang) for warning in event.document.warnings)
            line = f"{line} · {text('kb_warned', lang)}: {notes}" if notes else line
            states[event.source] = ("noted" if notes else "added", line)
        elif isinstance(event, FileSkipped):
            states[event.source] = ("skipped", text("kb_skipped", lang))
        elif isinstance(event, FileFailed):
            states[event.source] = ("failed", event.error_zh if lang.startswith("zh") else event.error_en)
        elif isinstance(event, IngestDone):
            summary = text("kb_done", lang, added=event.added, skipped=event.skipped, failed=event.failed)
        done += not isinstance(event, (FileStarted, IngestDone))
    lines = "".join(
        f'<li class="fs-file-{state}"><b>{html.escape(name)}</b><span>{html.escape(line)}</span></li>'
        for name, (state, line) in states.items()
    )
    bar = "" if summary else f'<progress max="{max(total, 1)}" value="{done}"></progress>'
    head = f'<div class="fs-report-head">{html.escape(summary)}</div>' if summary else bar
    return f'<div class="fs-report">{head}<ul>{lines}</ul></div>' if states else ""


def results(passages: Sequence[Passage], lang: str) -> str:
    """Found passages with the fused score and where each search ranked them."""
    if not passages:
        return f'<p class="fs-hint">{html.escape(text("kb_nothing", lang))}</p>'
    return "".join(_result(n, passage, lang) for n, passage in enumerate(passages, start=1))


def _result(number: int, passage: Passage, lang: str) -> str:
    none = text("kb_not_ranked", lang)
    dense = none if passage.dense_rank is None else f"#{passage.dense_rank} ({passage.dense_score:.2f})"
    words = none if passage.bm25_rank is None else f"#{passage.bm25_rank} ({passage.bm25_score:.1f})"
    scores = f"{text('kb_score', lang)} {passage.score:.2f} · {text('kb_dense', lang)} {dense} · " + (
        f"{text('kb_bm25', lang)} {words}"
    )
    places = [passage.heading if passage.heading != passage.title else ""]
    places += [text("kb_recognised", lang)] if passage.recognised else []
    where = " · ".join(filter(None, places))
    body = html.escape(passage.text).replace("\n", "<br>")
    return (
        f'<details class="fs-source fs-unused"{" open" if number == 1 else ""}><summary>'
        f'<span class="fs-number">{number}</span><span class="fs-title">{html.escape(passage.title)}</span>'
        f'<span class="fs-where">{html.escape(where)}</span>'
        f'<span class="fs-label">{html.escape(scores)}</span></summary>'
        f'<div class="fs-passage">{body}</div><div class="fs-file">{html.escape(passage.source)}</div></details>'
    )
