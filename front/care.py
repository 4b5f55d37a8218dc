"""`python app.py knowledge …`: the knowledge base checked, mended, shrunk, saved and put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from front.errors import SettingsError
from front.settings import Settings
from rag.knowledge_base import KnowledgeBase


def care(settings: Settings, action: str, file: Path | None) -> dict[str, Any]:
    """What the action found or did, as JSON types; "problems" are in words, [] where all is well.

    Raises:
        SettingsError: backup and restore need a file.
        RagError: it could not be done; a running app holds the knowledge base (but for a backup).
    """
    if action in ("backup", "restore"):
        if file is None:
            raise SettingsError(
                en=f"knowledge {action} needs a file: python app.py knowledge {action} FILE.zip",
                zh=f"knowledge {action} 需要指定文件：python app.py knowledge {action} FILE.zip",
            )
        if action == "backup":
            from rag.backup import backup

            report = backup(settings.data_dir, file)
            return {"file": str(file), "documents": report.documents, "bytes": report.size, "problems": []}
    from rag.embeddings import load_embedder

    with KnowledgeBase(settings.rag, load_embedder(settings.rag)) as base:
        base.settle()
        told: dict[str, Any] = {}
        if action == "rebuild":
            base.rebuild()
        elif action == "compact":
            told["freed"] = base.compact()
        elif action == "restore" and file is not None:
            base.restore(file)
        problems = list(base.verify().problems)
        documents = sum(collection.documents for collection in base.collections())
    return {**told, "documents": documents, "problems": problems}


def as_text(told: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"{told['documents']} documents"]
    if "bytes" in told:
        lines[0] += f", {told['bytes'] / 2**20:.1f} MiB in {told['file']}"
    if "freed" in told:
        lines[0] += f", {told['freed'] / 2**20:.1f} MiB freed"
    return "\n".join([*lines, *told["problems"]]) if told["problems"] else f"{lines[0]}: all is well"
