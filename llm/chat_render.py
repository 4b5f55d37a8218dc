"""Messages to what the chat shows: pure functions from stored messages to Markdown and HTML.

Everything a model or a document wrote is data here: it cannot bring markup, images or links of its own. Gradio's
sanitiser lets `class` and `title` through, but no `data-*` or `aria-*`: what page.js needs to know stands in classes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llm.conversations import Message
from llm.texts import text
from llm.view_render import marked
from llm.why_render import why_panel

# A fence as Markdown has it, at any depth of a list; one that is not closed (yet) reaches to the end.
_FENCE = re.compile(r"^([ \t]*)(`{3,})([^`\n]*)(?:\n(.*?))??(?:^[ \t]*\2`*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_CODE_SPAN = re.compile(r"(?<![\\`])(`+)(?!`)(.{1,1000}?)(?<!`)\1(?!`)")
# What could become a link, an image, a link's definition, a fence or a code span, as characters that cannot.
_INERT = {
    "![": "!&#91;",
    "](": "]&#40;",
    "]:": "]&#58;",
    "://": "&#58;//",
    "www.": "www&#46;",
    "@": "&#64;",
    "~~~": "&#126;&#126;&#126;",
    "`": "&#96;",
}
_LIVE = re.compile("|".join(map(re.escape, _INERT)), re.IGNORECASE)
# A number that is all there is of a line: Markdown would take "8801." for the beginning of a list.
_BARE_NUMBER = re.compile(r"^([ ]{0,3}\d{1,9})\.(?=[ \t]*(?:\[\d{1,2}\][ \t]*)*$)", re.MULTILINE)
_MARKER = re.compile(r"\\*\[(\d{1,2})\]")
_ORDER = ("verified", "paraphrased", "unsupported")


def render(messages: Sequence[Message], lang: str, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Gradio messages, one for each of `messages`.

    Args:
        titles: adapter name -> the name shown to people; "" is the base.
    """
    return [
        {"role": m.role, "content": safe_markdown(m.content) if m.role == "user" else answer(m, lang, titles)}
        for m in messages
    ]


def answer(message: Message, lang: str, titles: Mapping[str, str]) -> str:
    """One answer: who speaks, the text with its chips, notices, the passages, and how fast it was."""
    about = message.about
    parts = [_speaker(about, titles), _body(message, lang)]
    parts += _notices(message, lang)
    if about.get("sources") and message.status != "running":
        parts.append(_sources(message, lang))
    if message.status in ("done", "cancelled"):
        parts.append(why_panel(about, lang))
        parts.append(_footer(message, lang))
    return "\n\n".join(part for part in parts if part)


def safe_markdown(value: str, marker: Callable[[re.Match[str]], str] | None = None) -> str:
    """Markdown whose HTML, images and links are shown as the text they are; code stays code.

    What is code is decided here, and written so that no Markdown parser can decide otherwise: fences anew at the left
    margin, spans as elements.

    Args:
        marker: what stands for a [n] outside of code.
    """
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    out, end = [], 0
    for match in _FENCE.finditer(value):
        out += [_spans(value[end : match.start()], marker), _fence(match)]
        end = match.end()
    out.append(_spans(value[end:], marker))
    return "".join(out).strip("\n")


def as_typed(shown: str) -> str:
    """What a user typed, from what `safe_markdown` made of it: the page's edit box holds the latter."""
    return html.unescape(re.sub(r"</?code>", "`", shown))


def _fence(match: re.Match[str]) -> str:
    indent, _, about, code = match.groups()
    lines = (code or "").removesuffix("\n").split("\n")
    code = "\n".join(line.removeprefix(indent) for line in lines)
    language = re.sub(r"[^\w+#.-]", "", (about.split() or [""])[0])[:20]
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"\n\n{ticks}{language}\n{code}\n{ticks}\n\n"


def _spans(value: str, marker: Callable[[re.Match[str]], str] | None) -> str:
    out, end = [], 0
    for match in _CODE_SPAN.finditer(value):
        code = re.sub(r"[!-/:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", match[2])
        out += [_plain(value[end : match.start()], marker), f"<code>{code}</code>"]
        end = match.end()
    out.append(_plain(value[end:], marker))
    return "".join(out)


def _plain(value: str, marker: Callable[[re.Match[str]], str] | None) -> str:
    inert = _LIVE.sub(lambda found: _INERT.get(found[0]) or f"{found[0][:-1]}&#46;", html.escape(value, quote=False))
    inert = _BARE_NUMBER.sub(r"\1&#46;", inert)
    # A backslash would take the reference behind it apart.
    inert = re.sub(r"\\+(?=&)", lambda found: "&#92;" * len(found[0]), inert)
    return _MARKER.sub(marker, inert) if marker else inert


def _speaker(about: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    name = about.get("adapter") or ""
    kind = "fs-self" if name else "fs-self fs-base"
    return f'<div class="{kind}">{_line(titles.get(name, name))}</div>'


def _body(message: Message, lang: str) -> str:
    waiting = message.about.get("waiting")
    if not message.content:
        if message.status != "running":
            return ""
        if waiting:
            what = waiting["zh" if lang.startswith("zh") else "en"]
            line = text("answer_waiting", lang, what=what, done=waiting["done"], total=waiting["total"])
            return f'<div class="fs-waiting">{_line(line)}</div>'
        return '<span class="fs-typing"><i></i><i></i><i></i></span>'
    if not message.about.get("sources"):
        return safe_markdown(message.content)
    return safe_markdown(message.content, lambda match: _chip(message, int(match[1]), match[0], lang))


def _chip(message: Message, number: int, marker: str, lang: str) -> str:
    if not 1 <= number <= len(message.about["sources"]):
        return marker
    status = _status(message, number) or "unsupported"
    hint = text(f"cite_{status}", lang)
    return (
        f'<button type="button" class="fs-cite fs-{status} fs-to-{message.id}-{number}" '
        f'title="{_attr(hint)}">{number}</button>'
    )


def _status(message: Message, number: int) -> str | None:
    """The weakest standing of any sentence that cites this passage; None where none does."""
    if message.status == "running":
        return "paraphrased"
    found = [c["status"] for c in message.about.get("citations", []) if c["number"] == number]
    return max(found, key=_ORDER.index) if found else None


def _notices(message: Message, lang: str) -> list[str]:
    about, notices = message.about, []
    if error := about.get("error"):
        notices.append(("error", error["zh" if lang.startswith("zh") else "en"]))
    if message.status == "interrupted":
        notices.append(("error", text("answer_interrupted", lang)))
    if message.status == "done" and about.get("sources") and not about.get("refused"):
        citations = about.get("citations", [])
        if all(c["status"] == "unsupported" for c in citations):
            notices.append(("warning", text("answer_unsupported", lang)))
    if about.get("corrected"):
        notices.append(("good", text("answer_corrected", lang, answer=about["corrected"])))
    return [f'<div class="fs-notice fs-{kind}">{_line(line)}</div>' for kind, line in notices]


def _sources(message: Message, lang: str) -> str:
    """The passages as foldable rows, the supporting spans marked; one HTML block, so without blank lines."""
    rows = []
    supported = [c for c in message.about.get("citations", []) if c["status"] != "unsupported"]
    for number, passage in enumerate(message.about["sources"], start=1):
        status = _status(message, number)
        spans = [(c["span_start"], c["span_end"]) for c in supported if c["number"] == number]
        where = [passage["heading"]] if passage.get("heading") and passage["heading"] != passage["title"] else []
        if passage.get("page"):
            where.append(text("answer_page", lang, page=passage["page"]))
        if passage.get("recognised"):
            where.append(text("answer_recognised", lang))
        label = text(f"cite_{status}", lang) if status else text("source_unused", lang)
        # A refusal lays the nearest passage open: the reader can see whether it is right.
        is_open = " open" if number == 1 and message.about.get("refused") else ""
        rows.append(
            f'<details{is_open} class="fs-source fs-{status or "unused"} fs-at-{message.id}-{number}">'
            f"<summary>"
            f'<span class="fs-number">{number}</span><span class="fs-title">{_line(passage["title"])}</span>'
            f'<span class="fs-where">{_line(" · ".join(where))}</span>'
            f'<span class="fs-label">{label}</span></summary>'
            f'<div class="fs-passage">{marked(passage["text"], spans)}</div>'
            f'<div class="fs-file"><span>{_line(passage["source"])}</span>'
            f'<button type="button" class="fs-open fs-for-{message.id}-{number}">{html.escape(text("view_open", lang))}'
            f"</button></div></details>"
        )
    title = html.escape(text("answer_sources", lang))
    return f'<div class="fs-sources"><div class="fs-sources-title">{title}</div>{"".join(rows)}</div>'


def _footer(message: Message, lang: str) -> str:
    about = message.about
    parts = []
    if message.status == "cancelled":
        parts.append(text("answer_stopped", lang))
    if about.get("refused"):
        parts.append(text("answer_refused", lang))
    timings, usage = about.get("timings") or {}, about.get("usage") or {}
    if usage.get("output_tokens"):
        values = {"ttft": timings.get("ttft_s", 0.0), "speed": timings.get("tokens_per_second", 0.0)}
        parts.append(text("answer_speed", lang, tokens=usage["output_tokens"], **values))
    buttons = (
        f'<button type="button" class="fs-copy" title="{_attr(text("answer_copy_hint", lang))}">'
        f"{html.escape(text('answer_copy', lang))}</button>"
        f'<button type="button" class="fs-correct fs-for-{message.id}-0" '
        f'title="{_attr(text("answer_correct_hint", lang))}">'
        f"{html.escape(text('answer_correct', lang))}</button>"
    )
    return f'<div class="fs-footer"><span>{html.escape(" · ".join(parts))}</span>{buttons}</div>'


def _attr(value: str) -> str:
    """For an attribute; line breaks as references, because a blank line would end the HTML block."""
    return html.escape(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("`", "&#96;")


def _line(value: str) -> str:
    """For the inside of an element: on one line."""
    return html.escape(" ".join(value.split()))
