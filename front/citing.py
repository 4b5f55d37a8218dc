"""What the chat asks of documents besides answers: a passage in its document, and questions kept to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from front.errors import AppError
from llm.errors import LlmError
from llm.judging import Judge, Judgement
from rag.errors import DocumentNotFoundError, RagError
from rag.kept_questions import Kept
from rag.questions import UNKNOWN
from rag.types import Passage
from rag.views import PassageView, TextView

if TYPE_CHECKING:
    from front.services import Services


def viewer(services: Services) -> Callable[[Mapping[str, Any], Sequence[tuple[int, int]]], Mapping[str, Any]]:
    """Shows a passage of an answer in its document; in itself where that is gone."""

    def view(passage: Mapping[str, Any], spans: Sequence[tuple[int, int]]) -> Mapping[str, Any]:
        cited = Passage(**passage)
        try:
            return asdict(services.knowledge.get().viewer.view(cited, spans))
        except DocumentNotFoundError:
            alone = TextView(cited.text, tuple(spans))
            return asdict(PassageView(cited.title, cited.source, cited.heading, cited.page, alone, "gone"))
        except (AppError, RagError) as error:
            raise LlmError(en=error.en, zh=error.zh) from error

    return view


def judge(services: Services) -> Judge:
    """Keeps questions that were judged by a thumb in the list of the knowledge room."""

    def keep(judged: Judgement) -> None:
        kept = Kept(judged.question, UNKNOWN if judged.source is None else judged.source, "", judged.thumb == "Dislike")
        gone, new = ([judged.question], []) if not judged.thumb else ([], [kept])
        try:
            services.knowledge.get().questions.change(judged.owner, judged.collection, gone, new)
        except (AppError, RagError) as error:
            raise LlmError(en=error.en, zh=error.zh) from error

    return keep
