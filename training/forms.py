"""The short form: a name, a maker, what it does, and one of a few ways of talking."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from training.errors import ConfigError
from training.persona import PersonaForm, form_from_dict
from training.publish import SelfInfo
from training.questions import LANGUAGES, phrases

DOES = {"zh": "陪你聊天、回答你的问题", "en": "chat with you and answer your questions"}


def styles() -> list[str]:
    """Names of the ways of talking."""
    return list(phrases("styles"))


def quick_form(
    name: str | Mapping[str, str],
    maker: str | Mapping[str, str],
    does: str | Mapping[str, str] = "",
    style: str = "plain",
    languages: Sequence[str] = LANGUAGES,
    samples: Sequence[Mapping[str, Any]] = (),
) -> PersonaForm:
    """A checked form.

    Args:
        name, maker, does: one text for all languages, or one for each.
        style: one of `styles()`, or an opening of one's own, such as "Arr!", that it says before an answer.
        samples: {"lang", "questions", "answer"} of its own.

    Raises:
        ConfigError: something is missing or unknown.
    """
    known = phrases("styles")
    voice = known.get(style)
    if voice is None:
        if not style.strip() or len(style) > 60:
            raise ConfigError(
                en=f"The style must be one of {', '.join(known)}, or an opening of at most 60 characters.",
                zh=f"风格应为 {'、'.join(known)} 之一，或一句不超过 60 个字符的开场白。",
            )
        voice = {lang: {"openings": [style.strip()]} for lang in languages}
    return form_from_dict(
        {
            "name": name,
            "maker": maker,
            "does": does or {lang: DOES[lang] for lang in languages if lang in DOES},
            "languages": list(languages),
            "voice": {lang: said for lang, said in voice.items() if lang in languages},
            "samples": list(samples),
        }
    )


def info_of(form: PersonaForm) -> SelfInfo:
    """How the self of a form is shown."""
    first = form.languages[0]
    asked = {"zh": ["你是谁？"], "en": ["Who are you?"]}
    return SelfInfo(
        {lang: form.name.get(lang, form.name[first]) for lang in LANGUAGES},
        {lang: form.does.get(lang, form.does[first]) for lang in LANGUAGES},
        tuple(form.languages),
        {lang: asked[lang] for lang in form.languages},
    )


def folder_name(*names: str) -> str:
    """A name that can be a folder: the first of `names` with ASCII letters, else made from the first one's hash."""
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
        if slug:
            return slug
    return f"self-{hashlib.sha256(names[0].encode()).hexdigest()[:6]}"
