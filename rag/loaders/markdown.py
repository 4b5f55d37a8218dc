"""Markdown (.md) and plain text (.txt)."""

from __future__ import annotations

import re
from typing import Any

from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.cleaning import is_hard_wrapped, join_lines
from rag.loaders.encodings import decode
from rag.loaders.html import render_html

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n((?:[^\n]*\n){0,200}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"</?([a-zA-Z][\w-]*)|<[!?]")
# CommonMark sees no emphasis where it ends in full-width punctuation right before a letter: "**注意：**不要".
_CJK_STRONG = re.compile(r"(\*\*|__)(?=\S)(.{1,200}?)(?<=\S)\1")


def read_text(data: bytes, out: TextBuilder) -> None:
    """Read plain text; paragraphs broken to a fixed width are joined into whole lines."""
    text = decode(data, out, ".txt").replace("\r\n", "\n").replace("\r", "\n")
    out.add("\n\n".join(_joined(paragraph) for paragraph in re.split(r"\n[ \t\u3000]*\n", text)))


def _joined(paragraph: str) -> str:
    lines = paragraph.split("\n")
    return join_lines(lines) if is_hard_wrapped(lines) else paragraph


def read_markdown(data: bytes, out: TextBuilder) -> str | None:
    """Read CommonMark with tables as its rendered text: list markers stay, those of emphasis and links go.

    Returns:
        The title in the front matter, if any. The other front matter stays as it stands.

    Raises:
        UnreadableFileError: not text.
        UnsafeFileError: longer than twice `max_text_chars` (markup included).
    """
    text = decode(data, out, ".md").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > 2 * out.limits.max_text_chars:
        raise problems.too_long(out.label, out.limits.max_text_chars)
    title = None
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_TITLE.search(front[1])
        title = found[1].strip().strip("\"'") if found else None
        out.add(front[1])
        text = text[front.end() :]
    render_html(_to_html(text), out)
    return title


def _to_html(text: str) -> str:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    for token in tokens:
        if token.type == "html_block" and not _is_html(token.content):
            _as_text(token)
        elif token.children:
            _rewrite(token.children)
    return parser.renderer.render(tokens, parser.options, {})


def _rewrite(children: list[Any]) -> None:
    lines = [""]
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            lines.append("")
        else:
            lines[-1] += child.content
    wrapped = is_hard_wrapped(lines)
    for i, child in enumerate(children):
        if child.type == "softbreak" and not wrapped:
            # Writers of notes end a line to end it; a browser would run the lines together.
            child.type, child.tag = "hardbreak", "br"
        elif child.type == "html_inline" and not _is_html(child.content):
            _as_text(child)
        elif child.type == "text" and ("**" in child.content or "__" in child.content):
            if i + 1 < len(children) and children[i + 1].type == "text":
                children[i + 1].content = child.content + children[i + 1].content
                child.content = ""
            else:
                child.content = _CJK_STRONG.sub(r"\2", child.content)


def _is_html(markup: str) -> bool:
    """Whether markup begins with a tag of HTML; "<name>" in a manual is a placeholder, to be read as is."""
    from lxml.html.defs import tags

    found = _TAG.match(markup.lstrip())
    return found is not None and (found[1] is None or found[1].lower() in tags)


def _as_text(token: Any) -> None:
    token.type, token.tag = "text", ""
