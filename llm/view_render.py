"""A passage in its document as the chat shows it: pure functions from a view (as a dict) to HTML.

Unlike messages this HTML goes past no sanitiser: everything that a document brought is escaped here.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

from llm.texts import text


def view_panel(view: Mapping[str, Any], lang: str) -> str:
    """The panel's content: whose passage it is, what to know of it, and the passage with its marks.

    Args:
        view: title, source, heading, page, note, and shown: of the kind "text" (text, marks), "page" (page, pages,
            image, width, height, boxes) or "table" (sheet, header, rows).
    """
    shown = view["shown"]
    where = [view["source"]]
    if shown["kind"] == "page":
        where.append(text("view_page", lang, page=shown["page"], pages=shown["pages"]))
    elif view["page"]:
        where.append(text("answer_page", lang, page=view["page"]))
    if view["heading"] and view["heading"] != view["title"]:
        where.append(view["heading"])
    body = {"text": _text, "page": _page, "table": _table}[shown["kind"]](shown, lang)
    notice = text(f"view_{view['note']}", lang) if view["note"] else ""
    return frame(view["title"], " · ".join(where), notice, body, lang)


def frame(title: str, where: str, notice: str, body: str, lang: str) -> str:
    """The panel with its head; `body` is HTML."""
    told = f'<div class="fs-notice fs-warning">{_line(notice)}</div>' if notice else ""
    close = html.escape(text("view_close", lang))
    return (
        f'<div class="fs-view"><div class="fs-view-head"><div><b>{_line(title)}</b><span>{_line(where)}</span></div>'
        f'<button type="button" class="fs-view-close" title="{close}" aria-label="{close}">✕</button></div>'
        f"{told}{body}</div>"
    )


def _text(shown: Mapping[str, Any], lang: str) -> str:
    return f'<div class="fs-view-text">{marked(shown["text"], shown["marks"])}</div>'


def marked(value: str, marks: Sequence[Sequence[int]]) -> str:
    """Text as HTML on one line, the union of half-open ranges of it inside <mark>."""
    inside = [False] * len(value)
    for start, end in marks:
        start, end = max(0, start), min(len(value), end)
        inside[start:end] = [True] * max(0, end - start)
    out, open_ = [], False
    for character, mark in zip(value, inside, strict=True):
        if mark != open_:
            out.append("<mark>" if mark else "</mark>")
            open_ = mark
        # Neither kind of line break may stay: a blank line would end a block of HTML, and Markdown begin.
        out.append({"\n": "<br>", "\r": " "}.get(character) or html.escape(character))
    return "".join(out) + ("</mark>" if open_ else "")


def _page(shown: Mapping[str, Any], lang: str) -> str:
    alt = html.escape(text("view_page", lang, page=shown["page"], pages=shown["pages"]))
    image = base64.b64encode(shown["image"]).decode()
    boxes = "".join(
        f'<mark style="left:{100 * box["left"]:.2f}%;top:{100 * box["top"]:.2f}%;'
        f'width:{100 * (box["right"] - box["left"]):.2f}%;height:{100 * (box["bottom"] - box["top"]):.2f}%"></mark>'
        for box in shown["boxes"]
    )
    size = f'width="{shown["width"]:d}" height="{shown["height"]:d}"'
    page = f'<div class="fs-view-page"><img alt="{alt}" {size} src="data:image/webp;base64,{image}"/>{boxes}</div>'
    return f'<div class="fs-view-wide">{page}</div>'


def _table(shown: Mapping[str, Any], lang: str) -> str:
    names = "".join(f"<th>{_line(name)}</th>" for name in shown["header"])
    head = f"<thead><tr><th>{_line(text('view_row', lang))}</th>{names}</tr></thead>" if names else ""
    rows = []
    for row in shown["rows"]:
        inner = "<mark>{}</mark>" if row["marked"] else "{}"
        cells = "".join(f"<td>{inner.format(_line(cell)) if cell else ''}</td>" for cell in row["cells"])
        rows.append(f"<tr><td>{row['number']:d}</td>{cells}</tr>")
    return f'<div class="fs-view-wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _line(value: str) -> str:
    """For the inside of an element: on one line."""
    return html.escape(" ".join(value.split()))
