"""What the commands and the public endpoints answer: plain JSON-serialisable values."""

from __future__ import annotations

import threading
from typing import Any

from front.services import Services
from front.settings import Settings
from llm.chat_runs import Turn


def ask(
    services: Services,
    message: str,
    adapter: str | None,
    collection: str | None,
    where: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One question outside a conversation.

    Args:
        where: which documents to answer from, as `rag.filters.parse` takes it; None for all.

    Returns:
        {"answer", "adapter", "sources", "refused", "finish_reason", "usage", "timings"}; each source has document,
        title, heading, page, recognised (whether it was read by OCR), passage, score, number, and verified: whether a
        sentence of the answer that cites it really stands in it.

    Raises:
        LlmError, RagError: as the rooms raise them.
    """
    options: dict[str, Any] = {"adapter": adapter, "collection": collection, "where": where, "sampling": {}}
    result: dict[str, Any] = {"refused": False}
    passages: list[dict[str, Any]] = []
    citations: list[dict[str, Any]] = []
    for event in services.answer(Turn(message, (), options), threading.Event()):
        kind = event["type"]
        if kind == "sources":
            passages = list(event["passages"])
        elif kind == "citation":
            citations.append(event)
        elif kind == "refusal":
            result["refused"] = True
        elif kind == "done":
            result |= {key: event[key] for key in ("answer", "adapter", "finish_reason", "usage", "timings")}
    result["sources"] = [_source(n, passage, citations) for n, passage in enumerate(passages, start=1)]
    return result


def adapter_rows(services: Services) -> list[dict[str, Any]]:
    """Every self on disk, valid or not."""
    return [
        {
            "name": info.name,
            "title": {lang: info.title(lang) for lang in ("en", "zh")},
            "description": {lang: info.description(lang) for lang in ("en", "zh")},
            "valid": info.valid,
            "reason": {"en": info.reason[0], "zh": info.reason[1]},
            "version": info.version,
            "rank": info.rank,
            "bytes": info.bytes,
            "shipped": info.shipped,
        }
        for info in services.registry.scan()
    ]


def collection_rows(services: Services) -> list[dict[str, Any]]:
    """Every collection with its size; waits for the knowledge base.

    Raises:
        RagError: it could not be opened.
    """
    found = services.knowledge.get().collections()
    return [{"name": c.name, "title": c.title, "documents": c.documents, "passages": c.chunks} for c in found]


def _source(number: int, passage: dict[str, Any], citations: list[dict[str, Any]]) -> dict[str, Any]:
    statuses = {c["status"] for c in citations if c["number"] == number}
    return {
        "number": number,
        "document": passage["source"],
        "title": passage["title"],
        "heading": passage["heading"],
        "page": passage["page"],
        "recognised": passage.get("recognised", False),
        "passage": passage["text"],
        "score": round(passage["score"], 4),
        "cited": bool(statuses),
        "verified": "verified" in statuses and "unsupported" not in statuses,
    }


def model_rows(settings: Settings) -> list[dict[str, Any]]:
    """Every base with a preset, the memory it needs, and whether it is on this machine already."""
    from llm.hubs import installed
    from llm.presets import PRESETS, memory_needed

    present = {(found.source, found.repository) for found in installed(settings.data_dir / "models")}
    return [
        {
            "name": preset.name,
            "hubs": dict(preset.hubs),
            "parameters": preset.parameters,
            "context_length": preset.context_length,
            "memory_gib": {q: round(memory_needed(preset, q) / 2**30, 2) for q in ("nf4", "bf16", "fp32")},
            "needs_remote_code": preset.needs_remote_code,
            "licence": preset.licence,
            "present": preset.folder is not None or any(hub in present for hub in preset.hubs.items()),
        }
        for preset in PRESETS
    ]
