"""Errors of the training room: each carries a message for the user, in English and Chinese."""

from __future__ import annotations


class TrainingError(Exception):
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


class ConfigError(TrainingError):
    """A recipe, form or job file holds an unknown key or a value that cannot be used."""


class DataError(TrainingError):
    """Training rows cannot be used: they train nothing, are too long or hold placeholders."""


class TemplateError(TrainingError):
    """The base's chat template cannot be used to mask labels."""


class BaseModelError(TrainingError):
    """The base could not be loaded for training."""


class PublishError(TrainingError):
    """The finished self could not be written to the adapters folder."""


class Interrupted(Exception):
    """A training is to pause or to stop in the middle of other work; no error, and never shown."""


class BusyError(TrainingError):
    """Another process does this job, or the device is taken."""


class JobError(TrainingError):
    """There is no such job, or its state does not allow what was asked."""


class SelfError(TrainingError):
    """There is no such self or version, its name is taken, or it is in use."""


class CorrectionError(TrainingError):
    """A correction is not there, cannot be kept, or cannot be taught."""
