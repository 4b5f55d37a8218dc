"""What a PDF holds that its reader does not see: text in white, invisible or tiny, programs and attached files.

It is only told: white text may stand on a dark ground, and scans carry their recognised text invisibly.
"""

from __future__ import annotations

from typing import Any

from rag.loaders.problems import warning

_SHOW = {b"Tj", b"TJ", b"'", b'"'}
_FILL = {b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"}
_GREY_OR_RGB, _CMYK, _ANY_COLOUR = {b"g", b"rg"}, b"k", {b"sc", b"scn"}
_TINY = 1.2  # points


class Unseen:
    """Follows the drawing of pages, as far as it says what is seen (ISO 32000-1, 8.4 and 9.3)."""

    def __init__(self) -> None:
        self._found: set[int] = set()
        self.page(0)

    def page(self, number: int) -> None:
        """Begin a page."""
        self._number = number
        self._white, self._mode, self._size = False, 0, 12.0
        self._ground = False  # something was painted that white text may stand on
        self._stack: list[tuple[bool, int, float]] = []

    def operation(self, operator: bytes, operands: Any, cm: Any, tm: Any) -> None:
        """Take one operation; `cm` and `tm` are the matrices of the page and of its text."""
        if operator in _SHOW:
            scale = max(map(abs, tm[:4])) * max(map(abs, cm[:4]))
            hidden = (self._white or self._mode == 3) and not self._ground
            if hidden or 0 < self._size * scale < _TINY:
                self._found.add(self._number)
        elif operator == b"q":
            self._stack.append((self._white, self._mode, self._size))
        elif operator == b"Q" and self._stack:
            self._white, self._mode, self._size = self._stack.pop()
        elif operator == b"Tr" and operands:
            self._mode = operands[0]
        elif operator == b"Tf" and len(operands) > 1:
            self._size = abs(float(operands[1]))
        elif operator in (b"Do", b"sh") or (operator in _FILL and not self._white):
            self._ground = True
        elif operator in _GREY_OR_RGB or operator == _CMYK or operator in _ANY_COLOUR:
            self._white = _is_white(operator, operands)

    def pages(self) -> list[int]:
        """The pages on which text was drawn that may not be seen."""
        return sorted(self._found)


def _is_white(operator: bytes, operands: Any) -> bool:
    try:
        parts = [float(part) for part in operands]
    except (TypeError, ValueError):  # a pattern has a name
        return False
    if operator == _CMYK or len(parts) == 4:
        return all(part <= 0.02 for part in parts)
    return bool(parts) and all(part >= 0.98 for part in parts)


def attached(reader: Any) -> list[str]:
    """What a PDF would run or carries along, in the form of `LoadedDocument.warnings`."""
    try:
        root = reader.root_object
        names = root["/Names"].get_object() if "/Names" in root else {}
        opening = root["/OpenAction"].get_object() if "/OpenAction" in root else None
        acts = isinstance(opening, dict) and opening.get("/S") in ("/JavaScript", "/Launch", "/URI", "/SubmitForm")
        runs, files = acts or "/JavaScript" in names or "/AA" in root, "/EmbeddedFiles" in names
    except Exception:  # pypdf meets damaged parts with errors of every type; the text is read already
        return []
    found = []
    if runs:
        found.append(warning("It holds a program, which is never run.", "其中带有程序，不会运行。"))
    if files:
        found.append(warning("Files attached to it were not read.", "其中附带的文件没有读取。"))
    return found
