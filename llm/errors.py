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


class AdapterImportError(LlmError):
    """An adapter that was trained elsewhere cannot be brought in."""


class QueueFullError(LlmError):
    """Too many requests are waiting; nothing was queued."""


class DeadlineError(LlmError):
    """The request waited longer than it was given."""


class PromptTooLongError(LlmError):
    """The prompt does not fit the base's context."""


class SamplingError(LlmError):
    """A sampling value is out of range."""


class ConstraintError(LlmError):
    """The answer cannot be held to the wanted form, or did not come to its end."""


class EngineStoppedError(LlmError):
    """The engine was shut down, or the request failed inside it."""


class CompareError(LlmError):
    """Selves cannot be compared so."""


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


def broken(error: Exception) -> EngineStoppedError:
    """What to tell whoever asked when `error` ended their request inside the engine."""
    # A MemoryError has no text of its own.
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return EngineStoppedError(
        en=f"The model failed on this answer ({reason}). Other conversations go on; press retry, or "
        "shorten the question if memory ran out.",
        zh=f"模型在生成这个回答时出错（{reason}）。其他对话不受影响；请重试，若内存不足请缩短问题。",
    )


def expired() -> DeadlineError:
    """What to tell whoever asked when their request waited longer than they allowed."""
    return DeadlineError(
        en="No place became free in the time this question was given, so it was not answered. Ask again or allow "
        "more time.",
        zh="在限定的时间内没有空位，因此没有作答。请重新提问，或放宽时限。",
    )


def stopped() -> EngineStoppedError:
    """What to tell whoever asked when the app shuts down."""
    return EngineStoppedError(
        en="The app is shutting down, so this was not answered. Start it again and press retry.",
        zh="应用正在关闭，因此没有作答。请重新启动后重试。",
    )
