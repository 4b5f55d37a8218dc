"""Bringing in an adapter that was trained elsewhere, for the page and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from front.services import Services

if TYPE_CHECKING:
    from llm.adapters import AdapterInfo
    from llm.imports import Wanted


def bring_in(services: Services, wanted: Wanted) -> AdapterInfo:
    """Import it into the user's adapters, for the base that answers; waits until that is loaded.

    Raises:
        LlmError, LoadError: it, or the base, cannot be used.
    """
    from llm import imports

    base = services.chat_model.get().engine.base
    return imports.bring_in(wanted, services.settings.training.adapters_dir, services.registry, base)
