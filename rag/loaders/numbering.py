"""Automatic list numbers of Word documents, which stand nowhere in the text (ECMA-376 part 1, 17.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rag.loaders.ordinals import ordinal
from rag.loaders.wordml import W, value


@dataclass(frozen=True)
class _Level:
    kind: str
    text: str
    start: int


class Numbering:
    """Counts the numbered paragraphs of one document in reading order.

    Args:
        root: root element of the numbering part, None if the document has none.
    """

    def __init__(self, root: Any) -> None:
        self._lists: dict[str, tuple[str, dict[int, _Level]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        if root is None:
            return
        abstract = {}
        for definition in root.iterchildren(W + "abstractNum"):
            levels = {_int(lv.get(W + "ilvl"), 0): _level(lv) for lv in definition.iterchildren(W + "lvl")}
            abstract[definition.get(W + "abstractNumId")] = levels
        for number in root.iterchildren(W + "num"):
            key = value(number, "abstractNumId") or ""
            levels = dict(abstract.get(key, {}))
            num_id = number.get(W + "numId") or ""
            for override in number.iterchildren(W + "lvlOverride"):
                at = _int(override.get(W + "ilvl"), 0)
                own = override.find(W + "lvl")
                if own is not None:
                    levels[at] = _level(own)
                start = value(override, "startOverride")
                if start is not None and at in levels:
                    levels[at] = _Level(levels[at].kind, levels[at].text, _int(start, 1))
                    key = f"num {num_id}"  # a restarted list counts for itself
            self._lists[num_id] = (key, levels)

    def marker(self, numbers: Any, inherited: Any) -> str:
        """Marker of the next paragraph, with indent and a space behind: "  3. ", "- ", "一、" or "".

        Args:
            numbers: the paragraph's own numPr element or None.
            inherited: its style's numPr element or None.
        """
        if numbers is None and inherited is None:
            return ""
        source = numbers if numbers is not None else inherited
        num_id = value(source, "numId")
        if num_id is None and inherited is not None:
            num_id = value(inherited, "numId")
        at = min(_int(value(source, "ilvl"), 0), 8)
        key, levels = self._lists.get(num_id or "", ("", {}))
        level = levels.get(at)
        if level is None or level.kind == "none":
            return ""
        indent = "  " * at
        if level.kind == "bullet":
            return indent + "- "
        counts = self._counts.setdefault(key, {})
        counts[at] = counts[at] + 1 if at in counts else level.start
        for deeper in [lv for lv in counts if lv > at]:
            del counts[deeper]

        def number(match: re.Match[str]) -> str:
            lv = int(match[1]) - 1
            found = levels.get(lv, level)
            return ordinal(counts.get(lv, found.start), found.kind)

        text = re.sub(r"%([1-9])", number, level.text).strip()
        if not text:
            return ""
        return indent + text + ("" if text.endswith(("、", "．", "）", "：")) else " ")


def _level(element: Any) -> _Level:
    return _Level(
        kind=value(element, "numFmt") or "decimal",
        text=value(element, "lvlText") or "",
        start=_int(value(element, "start"), 1),
    )


def _int(text: str | None, default: int) -> int:
    return int(text[:6]) if text and text.isdecimal() else default
