"""A tiny base in fp32, and three selves that answer differently."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm.model import Base


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    from tests.llm.tiny import load_tiny, make_checkpoint

    return load_tiny(make_checkpoint(tmp_path_factory.mktemp("tiny") / "qwen3"))


@pytest.fixture
def selves(tiny: Base, tmp_path: Path) -> Path:
    """A folder with the adapters "ann", "bob" and "cat" for the tiny base."""
    from tests.llm.tiny import write_adapter

    for seed, name in enumerate(("ann", "bob", "cat"), start=1):
        write_adapter(tmp_path / "adapters", name, tiny, seed=seed, rank=2 * seed)
    return tmp_path / "adapters"
