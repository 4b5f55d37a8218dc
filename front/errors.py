"""Errors of the application itself: settings, ports, data folders."""

from __future__ import annotations


class AppError(Exception):
    """Base; `en` and `zh` say what happened, what it means and what to do."""

    def __init__(self, *, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh

    def message(self, lang: str = "en") -> str:
        """The message in `lang` ("zh…" gives Chinese, anything else English)."""
        return self.zh if lang.startswith("zh") else self.en


class SettingsError(AppError):
    """A setting is unknown or has a value that cannot be used."""


class DataFolderError(AppError):
    """The data folder is in use by another app, or cannot be written."""


class StartError(AppError):
    """The server could not be started."""


class LoadError(AppError):
    """A part of the app could not be loaded."""


class NotRunningError(AppError):
    """No app runs on this data folder."""
