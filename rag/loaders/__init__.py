"""Files into plain text with sections: `load` reads one, `walk` finds them, `safe_name` labels them."""

from __future__ import annotations

from rag.loaders.names import ARCHIVES, SUPPORTED, is_listed, safe_name, walk
from rag.loaders.reading import load, parse

__all__ = ["ARCHIVES", "SUPPORTED", "is_listed", "load", "parse", "safe_name", "walk"]
