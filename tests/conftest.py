"""Fixtures that several rooms use: the real embedded base, loaded once, and an engine on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm.settings import EMBEDDED_BASE, LlmSettings

if TYPE_CHECKING:
    from llm.engine import Engine
    from llm.model import Base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The embedded base, at 4 bits where bitsandbytes runs."""
    from llm.model import load_base

    settings = LlmSettings(tmp_path_factory.mktemp("data"), device="cpu", threads=1)
    return load_base(EMBEDDED_BASE, settings)


@pytest.fixture
def engine(base: Base, tmp_path: Path) -> Iterator[Engine]:
    """An engine on the embedded base; adapters go into `tmp_path / "adapters"`."""
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine

    engine = Engine(base, AdapterRegistry((tmp_path / "adapters",)), LlmSettings(tmp_path, threads=1))
    yield engine
    engine.shutdown()
