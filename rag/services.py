"""What the knowledge tab is given by the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rag.evaluation import Ask
    from rag.knowledge_base import KnowledgeBase


class Later(Protocol):
    """The knowledge base once it is open."""

    @property
    def ready(self) -> bool: ...

    def get(self) -> KnowledgeBase: ...


@dataclass(frozen=True)
class KnowledgeServices:
    """What the tab and its parts work with.

    Attributes:
        knowledge: opened in the background.
        language, owner: a page's request -> "zh" or "en", and whose questions it sees.
        asking: slug of a collection -> what answers questions from it, for the evaluation; None leaves answers out.
        k: passages that an answer is made from.
    """

    knowledge: Later
    language: Callable[[Any], str]
    owner: Callable[[Any], str]
    asking: Callable[[str], Ask] | None = None
    k: int = 4
