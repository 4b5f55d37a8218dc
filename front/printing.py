"""What the commands print."""

from __future__ import annotations

import json
import os
from typing import Any


def language() -> str:
    """The terminal's language: "zh" or "en"."""
    return "zh" if os.environ.get("LANG", "").lower().startswith("zh") else "en"


def print_json(value: Any) -> None:
    """Print `value` as readable JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=1))
