"""The word pools of the drills: tables/pools_zh.yaml and tables/pools_en.yaml, name of a pool to its words."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

TABLES = Path(__file__).parent / "tables"


def words(text: str) -> list[str]:
    """The words of a list: parted by "/" where there is one (they may hold spaces), else by spaces."""
    return text.split("/") if "/" in text else text.split()


@lru_cache(maxsize=2)
def pools(lang: str) -> dict[str, list[str]]:
    """All pools of a language ("zh" or "en")."""
    import yaml

    return yaml.safe_load((TABLES / f"pools_{lang}.yaml").read_text(encoding="utf-8"))
