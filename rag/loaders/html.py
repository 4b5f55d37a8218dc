"""Web pages (.html, .htm), and the renderer that Markdown shares."""

from __future__ import annotations

import re
from typing import Any

from rag.loaders import problems
from rag.loaders.builder import Sink, TextBuilder
from rag.loaders.cleaning import CJK, one_line
from rag.loaders.encodings import decode
from rag.loaders.hidden import HiddenText
from rag.loaders.html_tables import read_grid
from rag.loaders.lures import dropped
from rag.loaders.ordinals import ordinal
from rag.loaders.tables import table_lines

# Never shown as text, or the page's furniture rather than its content.
_DROPPED = {
    "script", "style", "template", "noscript", "head", "title", "nav", "iframe", "object", "embed",
    "svg", "canvas", "audio", "video", "map", "button", "select", "textarea", "datalist", "dialog",
    "rt", "rp",
}  # fmt: skip
# Blank line around these; a line of its own for the rest.
_SPACED = {
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "pre", "figure", "hr", "dl",
    "details", "fieldset",
}  # fmt: skip
_BLOCKS = _SPACED | {
    "address", "article", "aside", "body", "center", "dd", "dir", "div", "dt", "figcaption", "footer",
    "form", "header", "hgroup", "html", "legend", "li", "main", "menu", "ol", "option", "optgroup",
    "section", "summary", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "caption",
}  # fmt: skip
_LISTS = ("ul", "ol", "menu", "dir")
_ORDINALS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_SUPERSCRIPT = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUBSCRIPT = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]*encoding=["']([\w.-]+)""", re.IGNORECASE)

# Stand for a forced line end and for a space that is kept, until white space has been collapsed.
_BREAK, _KEPT = "\x01", "\x02"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_OUTSIDE = re.compile(r"\s*(?:https?:|ftp:)?//", re.IGNORECASE)
_RUNNING = re.compile(r"\s*(?:javascript|vbscript|data|file):", re.IGNORECASE)
_CJK_WRAP = re.compile(f"(?<=[{CJK}])[ \t]*\n\\s*(?=[{CJK}])")


def read_html(data: bytes, out: TextBuilder) -> str | None:
    """Read a page as a reader sees it, without fetching anything.

    Returns:
        The page's <title>, if any.

    Raises:
        UnreadableFileError: not text, or nothing visible in it.
        UnsafeFileError: nested too deeply.
    """
    found = _CHARSET.search(data[:4096])
    declared = (found[1] or found[2]).decode("ascii", "ignore") if found else None
    return render_html(decode(data, out, ".html", declared), out)


def render_html(markup: str, out: TextBuilder) -> str | None:
    """Write the visible text of HTML to `out` and report what is hidden; returns the <title>."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    if not markup.strip():
        return None
    try:
        root = etree.fromstring(_CONTROLS.sub("", markup).encode("utf-8"), parser)
    except etree.XMLSyntaxError:  # nothing in it but comments
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise problems.too_deep(out.label)
    if root is None:
        return None
    renderer = _Renderer(out, HiddenText(root))
    renderer.render(root)
    if renderer.hidden:
        count, sample = len(renderer.hidden), renderer.hidden[0][:60]
        out.warnings.append(
            problems.warning(
                f"Text hidden from readers was left out in {count} place(s), the first: “{sample}”.",
                f"有 {count} 处对读者隐藏的文字未收录，第一处：“{sample}”。",
            )
        )
    out.tricks.see("".join(text for text in root.itertext() if isinstance(text, str)))
    out.warnings += _dropped(root)
    title = root.find(".//title")
    return "".join(title.itertext()) if title is not None else None


def _dropped(root: Any) -> list[str]:
    """What was left out of a page that would run or load something."""
    scripts = frames = images = links = 0
    for el in root.iter():
        if el.tag == "script" or any(name.startswith("on") for name in el.keys()):  # noqa: SIM118
            scripts += 1
        frames += el.tag in ("iframe", "frame", "object", "embed")
        images += el.tag == "img" and _OUTSIDE.match(el.get("src") or "") is not None
        links += _RUNNING.match(el.get("href") or el.get("action") or "") is not None
    return dropped(scripts, frames, images, links)


class _Lines:
    """Collects a table cell's text."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str, gap: int = 2) -> None:
        self.lines.append(text)

    def heading(self, level: int, text: str) -> None:
        self.lines.append(text)


class _Renderer:
    def __init__(self, out: Sink, styles: HiddenText) -> None:
        self.out, self.styles = out, styles
        self.hidden: list[str] = []
        self._buffer: list[str] = []
        self._gap = 0
        self._counters: list[int | None] = []
        self._prefix = ""
        self._pre = 0
        self._heading = 0

    def render(self, root: Any) -> None:
        """Walk `root` without recursion (pages may nest deeply) and write its visible text."""
        from lxml import etree

        walker = etree.iterwalk(root, events=("start", "end"))
        skipped = None
        for event, el in walker:
            if event == "start":
                if self._is_dropped(el) or self._table(el):
                    skipped = el
                    walker.skip_subtree()
                else:
                    self._start(el)
                    self._text(el.text)
            else:
                if el is skipped:
                    skipped = None
                else:
                    self._end(el)
                if el is not root:
                    self._text(el.tail)
        self._flush()

    def _is_dropped(self, el: Any) -> bool:
        if not isinstance(el.tag, str) or el.tag in _DROPPED or el.get("role") == "navigation":
            return True
        if self.styles.hides(el):
            if text := one_line(" ".join(t for t in el.itertext() if isinstance(t, str))):
                self.hidden.append(text)
            return True
        return False

    def _text(self, text: str | None) -> None:
        if text:
            self._buffer.append(text.replace("\n", _BREAK).replace(" ", _KEPT) if self._pre else text)

    def _start(self, el: Any) -> None:
        tag = el.tag
        if tag == "br":
            self._buffer.append(_BREAK)
        elif tag in _BLOCKS:
            self._block(tag)
            if tag in _LISTS:
                self._gap = 1  # the line above introduces the list
                self._counters.append(_start_of(el) if tag == "ol" else None)
            elif tag == "li":
                self._prefix = self._marker(el)
            elif tag == "pre":
                self._pre += 1
            elif re.fullmatch("h[1-6]", tag) and not self._heading:
                self._heading = int(tag[1])
        elif tag in ("sup", "sub"):
            table = _SUPERSCRIPT if tag == "sup" else _SUBSCRIPT
            if el.text and len(el) == 0 and all(ord(c) in table for c in el.text.strip()):
                el.text = el.text.strip().translate(table)

    def _end(self, el: Any) -> None:
        tag = el.tag
        if tag not in _BLOCKS:
            return
        if self._heading and tag == f"h{self._heading}":
            text, self._heading = self._take(), 0
            if self._counters:
                self._emit(text)  # a heading inside of a list item is only a bold line
            elif text:
                self.out.heading(int(tag[1]), text)
                self._gap = 0
            return
        self._block(tag)
        if tag == "pre":
            self._pre -= 1
        elif tag in _LISTS and self._counters:
            self._counters.pop()
            self._gap = 1 if self._counters else 2
        elif tag == "li":
            self._prefix = ""

    def _block(self, tag: str) -> None:
        if self._heading:
            self._buffer.append(" ")
            return
        self._flush()
        self._gap = max(self._gap, 2 if tag in _SPACED and not self._counters else 1)

    def _marker(self, el: Any) -> str:
        indent = "  " * max(0, len(self._counters) - 1)
        number = self._counters[-1] if self._counters else None
        if number is None:
            return indent + "- "
        if (el.get("value") or "").lstrip("-").isdecimal():
            number = int(el.get("value")[:9])
        self._counters[-1] = number + 1
        parent = el.getparent()
        kind = _ORDINALS.get((parent.get("type") or "") if parent is not None else "", "decimal")
        return f"{indent}{ordinal(number, kind)}. "

    def _take(self) -> str:
        text = "".join(self._buffer)
        self._buffer.clear()
        text = re.sub(r"[ \t\r\n\f]+", " ", _CJK_WRAP.sub("", text))
        return re.sub(f" *{_BREAK} *", "\n", text).strip(" ").replace(_KEPT, " ").strip("\n")

    def _flush(self) -> None:
        if self._buffer:
            self._emit(self._take())

    def _emit(self, text: str) -> None:
        if not text.strip():
            return
        if self._counters:
            rest = "  " * len(self._counters)
            first, *more = text.split("\n")
            text = "\n".join([(self._prefix or rest) + first] + [rest + line for line in more])
        elif self._prefix:
            text = self._prefix + text
        self._prefix = ""
        self.out.add(text, max(1, self._gap))
        self._gap = 0

    def _table(self, el: Any) -> bool:
        """Write `el` if it is a table of data; one that only lays out the page is walked like any block."""
        if el.tag != "table" or el.get("role") in ("presentation", "none"):
            return False
        if next(el.iterdescendants("table", "h1", "h2", "h3", "h4", "h5", "h6"), None) is not None:
            return False
        if max((len(row) for row in el.iterdescendants("tr")), default=0) < 2:
            return False
        self._block("table")
        for caption in el.iterchildren("caption"):
            self._emit(self._cell(caption))
        grid, header_rows = read_grid(el, self._is_dropped, self._cell)
        for line in table_lines(grid, header_rows):
            self._emit(line)
        self._gap = 1 if self._counters else 2
        return True

    def _cell(self, cell: Any) -> str:
        lines = _Lines()
        inner = _Renderer(lines, self.styles)
        inner.render(cell)
        self.hidden += inner.hidden
        return one_line(" ".join(lines.lines))


def _start_of(el: Any) -> int:
    value = (el.get("start") or "").strip()
    return int(value[:9]) if re.fullmatch(r"-?[0-9]+", value) else 1
