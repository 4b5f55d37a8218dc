"""Which elements of a web page a reader does not see (CSS that hides, as far as the page itself tells)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Style = dict[str, str]

_SIMPLE_SELECTOR = re.compile(r"[a-z][a-z0-9]*|[a-z]*[.#][\w-]+", re.IGNORECASE)
_ZERO = re.compile(r"[+-]?0*(?:\.0*)?(?:px|em|rem|pt|%|vw|vh)?")
_FAR_OUTSIDE = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|em|rem|pt|%)?")
_TINY_FONT = re.compile(r"(?:0*1(?:\.\d+)?|0*(?:\.\d+)?)(?:px|pt)|0*(?:\.0\d*)?(?:em|rem|%)?")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)%?)?\s*\)")
MAX_RULES, MAX_SHEET_CHARS, MAX_STYLE_CHARS, MAX_CLASSES = 5000, 500_000, 2000, 50


def parse_style(text: str) -> Style:
    """Declarations of a style attribute or rule, in lower case."""
    pairs = (part.partition(":") for part in _without_comments(text[:MAX_STYLE_CHARS]).lower().split(";"))
    style = {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}
    return {name: value for name, value in style.items() if value}


def _without_comments(css: str) -> str:
    first, *rest = css.split("/*")
    return first + "".join(part.partition("*/")[2] for part in rest)


def _top_rules(css: str) -> Iterator[tuple[str, str]]:
    """Selectors with their declarations; @media and the like, which hold for some devices only, stay in one
    piece with all their rules (and are no selector of an element)."""
    depth, start, selector = 0, 0, ""
    for brace in re.finditer("[{}]", css):
        if brace[0] == "{":
            if depth == 0:
                selector = css[start : brace.start()].rpartition(";")[2].strip()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield selector, css[start : brace.start()]
        start = brace.end()


def is_white(color: str) -> bool:
    """Whether a CSS colour is white or within 5 steps of it per channel."""
    color = color.strip().split(" ")[0] if not color.startswith("rgb") else color
    if color == "white":
        return True
    if re.fullmatch(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", color):
        digits = color[1:]
        digits = "".join(c * 2 for c in digits) if len(digits) < 6 else digits
        return all(int(digits[i : i + 2], 16) >= 250 for i in (0, 2, 4))
    m = _RGB.fullmatch(color)
    return m is not None and all(int(m[i]) >= 250 for i in (1, 2, 3))


def _hides_box(style: Style) -> bool:
    """Hidden whatever the descendants say."""
    if style.get("display") == "none" or style.get("content-visibility") == "hidden":
        return True
    if _ZERO.fullmatch(style.get("opacity", "1")) or style.get("clip", "").replace(" ", "") in _CLIPS:
        return True
    if _ZERO.fullmatch(style.get("transform", "").replace("scale(", "").rstrip(")") or "1"):
        return True
    sides = ("width", "height", "max-width", "max-height")
    if any(_ZERO.fullmatch(style.get(side, "1")) for side in sides) and style.get("overflow", "") in ("hidden", "clip"):
        return True
    if style.get("position") in ("absolute", "fixed"):
        return any(_FAR_OUTSIDE.fullmatch(style.get(side, "")) for side in ("left", "top", "right", "bottom"))
    return _FAR_OUTSIDE.fullmatch(style.get("text-indent", "")) is not None


_CLIPS = ("rect(0,0,0,0)", "rect(0000)", "rect(0px,0px,0px,0px)", "rect(1px,1px,1px,1px)")


class HiddenText:
    """Judges the elements of one parsed page.

    Seen are the `hidden` attribute, style attributes, and rules of the page's own style sheets whose selector
    is a single tag, class or id. White text counts as hidden on white, and where nothing can have given it
    another background.
    """

    def __init__(self, root: Any) -> None:
        self._rules: dict[str, Style] = {}
        sheets = ["".join(el.itertext()) for el in root.iter("style")]
        for sheet in sheets:
            self._read_sheet(sheet)
        links = root.iter("link")
        self._has_sheets = bool(sheets) or any("stylesheet" in (el.get("rel") or "") for el in links)

    def _read_sheet(self, sheet: str) -> None:
        for selectors, declarations in _top_rules(_without_comments(sheet[:MAX_SHEET_CHARS])):
            style = parse_style(declarations)
            for selector in selectors.split(","):
                selector = selector.strip()
                if _SIMPLE_SELECTOR.fullmatch(selector) and len(self._rules) < MAX_RULES:
                    self._rules.setdefault(selector, {}).update(style)

    def style(self, el: Any) -> Style:
        """The element's own declarations: matching simple rules, then its style attribute."""
        found: Style = {}
        if self._rules:
            names = [el.tag]
            names += [s for c in (el.get("class") or "").split()[:MAX_CLASSES] for s in (f".{c}", f"{el.tag}.{c}")]
            if el.get("id"):
                names += [f"#{el.get('id')}", f"{el.tag}#{el.get('id')}"]
            for name in names:
                found.update(self._rules.get(name, {}))
        if el.get("style"):
            found.update(parse_style(el.get("style")))
        if el.tag == "font" and el.get("color"):
            found.setdefault("color", el.get("color").lower())
        if el.get("bgcolor"):
            found.setdefault("background-color", el.get("bgcolor").lower())
        return found

    def hides(self, el: Any) -> bool:
        """Whether this element hides its text from a reader."""
        hidden = el.get("hidden")
        if hidden is not None and hidden.lower() != "until-found":
            return True
        style = self.style(el)
        if not style:
            return False
        if _hides_box(style):
            return True
        if style.get("visibility") in ("hidden", "collapse"):
            return not self._overridden(el, "visibility")
        if "font-size" in style and _TINY_FONT.fullmatch(style["font-size"]):
            return not self._overridden(el, "font-size", "font")
        color = style.get("color", "")
        if color == "transparent" or (color and is_white(color) and self._on_white(el)):
            return not self._overridden(el, "color", "background", "background-color")
        return False

    def _overridden(self, el: Any, *properties: str) -> bool:
        """Whether a descendant sets one of these inherited properties anew, so that it may be seen again."""
        styles = (self.style(d) for d in el.iterdescendants() if isinstance(d.tag, str))
        return any(name in style for style in styles for name in properties)

    def _on_white(self, el: Any) -> bool:
        unknown = False
        node = el
        while node is not None and isinstance(node.tag, str):
            style = self.style(node)
            if "background-image" in style or "url(" in style.get("background", ""):
                return False
            background = style.get("background-color") or style.get("background")
            if background and background not in ("transparent", "none", "inherit"):
                return is_white(background)
            unknown = unknown or bool(node.get("class") or node.get("id"))
            node = node.getparent()
        return not (unknown and self._has_sheets)
