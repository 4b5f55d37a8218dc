"""Reading of WordprocessingML properties (ECMA-376 part 1, chapter 17)."""

from __future__ import annotations

from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def value(parent: Any, name: str) -> str | None:
    """The `w:val` of the child `w:name`, None if there is no such child."""
    child = parent.find(W + name)
    return child.get(W + "val") if child is not None else None


def is_on(parent: Any, name: str) -> bool:
    """Whether a toggle property is set: present, and not switched off by its value."""
    child = parent.find(W + name)
    return child is not None and child.get(W + "val") not in ("0", "false", "off")
