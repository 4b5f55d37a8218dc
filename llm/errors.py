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


