"""What the chat shows, as a browser would see it: rendered as Markdown, then parsed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

from llm.conversations import Message

TITLES = {"": "Base", "chef": "Chef"}
# What Markdown itself may make of a model's text, and what llm.chat_render writes.
MARKDOWN = {
    "p", "strong", "em", "s", "del", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote",
    "table", "thead", "tbody", "tr", "th", "td", "hr", "br",
}  # fmt: skip
OURS = {"div", "span", "button", "details", "summary", "mark", "i"}
ATTRIBUTES = {"class", "type", "title", "open", "start", "style"}


class Page(HTMLParser):
    """Elements, attributes, and the text of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "br":
            self.open.append(tag)
        self.inside.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag in self.open:
            self.inside[tag][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def page_of(markdown: str) -> Page:
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
    return Page(parser.render(markdown))


def harmless(markdown: str) -> Page:
    """The page, after checking that nothing on it came from outside."""
    page = page_of(markdown)
    assert set(page.elements) <= MARKDOWN | OURS, markdown
    for name, value in page.attributes:
        assert name in ATTRIBUTES, (name, markdown)
        if name == "class":
            assert re.fullmatch(r"(fs-[a-z0-9-]+ ?)+|language-[\w+#.-]*", value), value
        if name == "style":
            assert re.fullmatch(r"text-align:(left|right|center)", value), value
        if name == "type":
            assert value == "button"
    assert not page.open, f"left open: {page.open}"
    # Gradio's Markdown makes links of bare addresses, this parser does not: where Markdown is read (not in a fence,
    # not in a block of HTML, which is one line here) no address may stand.
    outside = re.sub(r"(?s)^(`{3,}).*?\n\1$", "", markdown, flags=re.MULTILINE)
    outside = re.sub(r"^<div .*$", "", outside, flags=re.MULTILINE)
    assert not re.search(r"(?i)https?://|ftp://|www\.|\w@\w", outside), markdown
    return page


def said(content: str, status: Any = "done", **about: Any) -> Message:
    return Message(7, "assistant", content, status, about)


PASSAGE = {"title": "红烧肉", "heading": "做法", "text": "先焯水。\n再炖一小时。", "source": "meat.md", "page": 3}


def cited(number: int, status: str = "verified", span: tuple[int, int] = (5, 11)) -> dict[str, Any]:
    return {"number": number, "status": status, "span_start": span[0], "span_end": span[1]}
