"""Errors of the knowledge room: each carries a message for the user, in English and Chinese."""

from __future__ import annotations


class RagError(Exception):
    """Base of the room's errors.

    Args:
        en: what happened, what it means and what to do, in English.
        zh: the same in Chinese.
    """

    def __init__(self, *, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh

    def message(self, lang: str = "en") -> str:
        """The message in `lang` ("zh…" gives Chinese, anything else English)."""
        return self.zh if lang.startswith("zh") else self.en


class UnreadableFileError(RagError):
    """A file could not be turned into text (broken, encrypted, empty, not of its type)."""


class UnsupportedFileError(RagError):
    """No loader reads this kind of file."""


class UnsafeFileError(RagError):
    """A file was refused for what it would do: expand beyond limits, escape its folder."""


class CollectionNotFoundError(RagError):
    """No collection has this name."""


class DocumentNotFoundError(RagError):
    """No document has this id."""


class StorageError(RagError):
    """The knowledge base could not be read or written (disk full, locked, damaged)."""


class KnowledgeLockedError(StorageError):
    """Another process holds this data folder."""


class IndexUnreachableError(StorageError):
    """The server that holds the vector indexes does not answer; nothing is lost by it."""


class EmbedderError(RagError):
    """The embedder could not be loaded, or does not match the index."""


class QuestionError(RagError):
    """The question itself cannot be answered (empty, far too long)."""
