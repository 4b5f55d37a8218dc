"""What a follow-up question follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """What a conversation is about: a name, the last question in its complete form, the last answer."""

    subject: str = ""
    asked: str = ""
    answer: str = ""
