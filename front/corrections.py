"""What was corrected in the chat goes into the teaching room's list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llm.corrections import Correction as Given
from llm.errors import ConversationError
from rag.types import Passage
from training.corrections import Correction
from training.errors import TrainingError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from front.services import Services

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_VERSION = re.compile(r"v[0-9]+")


def acceptor(services: Services) -> Callable[[Given], None]:
    """Keeps corrections, with the very messages that the model was asked with."""

    def accept(given: Given) -> None:
        try:
            services.corrections.add(
                Correction(
                    name=_now_called(services, given.adapter or ""),
                    version=given.version,
                    messages=tuple(_plain(m) for m in _asked(given)),
                    question=given.question,
                    said=given.said,
                    wanted=given.wanted,
                    documents=tuple(passage["title"] for passage in given.passages),
                    owner=given.owner,
                )
            )
        except TrainingError as error:
            raise ConversationError(en=error.en, zh=error.zh) from error

    return accept


def _now_called(services: Services, name: str) -> str:
    """The self's name today: it may have been renamed since it answered."""
    if not name or any(info.name == name for info in services.registry.scan()):
        return name
    return services.shelf.now_called(name, 0)


def version_name(folder: str, version: str) -> str:
    """How a version is named: as its folder, "v3", else by its content."""
    return folder if _VERSION.fullmatch(folder) else version


def _asked(given: Given) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage

    from rag.prompts import build_messages, language_of

    history = [HumanMessage(m["content"]) if m["role"] == "user" else AIMessage(m["content"]) for m in given.history]
    passages = [Passage(**passage) for passage in given.passages]
    return build_messages(
        given.query if passages else given.question,
        history,
        passages,
        system_prompt=given.system_prompt,
        language=language_of(given.question),
    )


def _plain(message: BaseMessage) -> dict[str, Any]:
    return {"role": _ROLES[message.type], "content": message.text}
