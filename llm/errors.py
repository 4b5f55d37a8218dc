"""Errors of the model room: each carries a message for the user, in English and Chinese."""

from __future__ import annotations


class LlmError(Exception):
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


class ModelLoadError(LlmError):
    """The base model could not be loaded."""


class AdapterNotFoundError(LlmError):
    """No adapter has this name."""


class InvalidAdapterError(LlmError):
    """The adapter does not fit the base, is damaged, or uses something that is not supported."""


class QueueFullError(LlmError):
    """Too many requests are waiting; nothing was queued."""


class PromptTooLongError(LlmError):
    """The prompt does not fit the base's context."""


class SamplingError(LlmError):
    """A sampling value is out of range."""


class EngineStoppedError(LlmError):
    """The engine was shut down, or the request failed inside it."""


class ConversationError(LlmError):
    """The conversation does not exist, is someone else's, or is busy."""


class ModelNotFoundError(LlmError):
    """No folder, preset or hub repository has this name."""


class DownloadError(LlmError):
    """A model could not be downloaded; finished and partial files stay for the next try unless it says otherwise."""


class DownloadCancelledError(DownloadError):
    """The download was cancelled; what arrived is kept and the next try goes on from there."""


class RemoteCodeError(LlmError):
    """The checkpoint wants to run its own Python code, which the user has not allowed."""


class UnsupportedModelError(LlmError):
    """The checkpoint is of a kind that this application cannot load."""
