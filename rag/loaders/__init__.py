"""Files into plain text with sections: `load` reads one, `walk` finds them, `safe_name` labels them."""

from __future__ import annotations

from rag.loaders.names import SUPPORTED, safe_name, walk
from rag.loaders.reading import load

__all__ = ["SUPPORTED", "load", "safe_name", "walk"]
