"""A knowledge base with the shipped recipes and handbook, built once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.settings import RagSettings

if TYPE_CHECKING:
    from rag.knowledge_base import KnowledgeBase

SAMPLES = Path(__file__).parents[2] / "data_base" / "knowledge"
REFUSE_BELOW = 0.43  # set on every second labelled question, for the embedded embedder


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """All samples in the collection "recipes"."""
    from rag.embeddings import load_embedder
    from rag.knowledge_base import KnowledgeBase

    settings = RagSettings(tmp_path_factory.mktemp("knowledge"), refuse_below=REFUSE_BELOW)
    with KnowledgeBase(settings, load_embedder(settings)) as base:
        collection = base.create_collection("recipes")
        for _ in base.ingest([SAMPLES], collection.name):
            pass
        yield base
