"""A knowledge base for LangChain users: `knowledge_base.as_retriever("recipes")` is a `BaseRetriever`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag.types import Filter, Passage


def to_langchain(passage: Passage) -> Document:
    """A passage as a LangChain document: every field but the text is in the metadata."""
    metadata = asdict(passage)
    return Document(
        page_content=metadata.pop("text"),
        metadata=metadata,
        id=f"{passage.document_id}:{passage.start}-{passage.end}",
    )


class KnowledgeRetriever(BaseRetriever):
    """Hybrid search of one collection.

    Attributes:
        knowledge_base: an open `KnowledgeBase`.
        collection: its name or title.
        k: number of documents; None for the setting's.
        where: which documents to search, None for all.
    """

    knowledge_base: Any
    collection: str
    k: int | None = None
    where: Filter | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.knowledge_base.search(query, self.collection, self.k, self.where)
        return [to_langchain(passage) for passage in found]
