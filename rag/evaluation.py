"""How well a collection answers labelled questions, compared across settings.

>>> for event in evaluate(base, "recipes", read_questions(Path("mine.csv")), [Setting(), Setting("bm25")]):
...     print(event)

Search is measured by whether the expected document is among the passages, answers (optional, slow) by whether they
hold the expected words, whether what they cite supports them, and whether they decline what no document answers.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal

from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.questions import Question, means, tight
from rag.types import AnswerEvent, Citation, Done, Method, Passage, Refusal, Sources

Ask = Callable[[str, str | None], Iterator[AnswerEvent]]
"""(question, name of the self or None) -> the answer's events, from the collection that is evaluated."""

MRR_DEPTH = 10
_TOKEN = re.compile(r"[a-z0-9]+(?:\.\d+)?|[\u3400-\u9fff]")


@dataclass(frozen=True)
class Setting:
    """One way of answering, measured as one row.

    Attributes:
        method: how passages are searched.
        chunk_chars: length that documents are cut to for it; 0 leaves them as they are.
        embedder: folder or hub name of another embedder to search with, "" for the present one.
        answers: have the model answer, too; only as the app does it, by its own search.
        adapter: name of the self that answers, None for the base.
    """

    method: Method = "hybrid"
    chunk_chars: int = 0
    embedder: str = ""
    answers: bool = False
    adapter: str | None = None

    def __post_init__(self) -> None:
        if self.answers and (self.method != "hybrid" or self.chunk_chars or self.embedder):
            raise ValueError("answers are measured with the app's own search only")


@dataclass(frozen=True)
class Row:
    """What came of one setting; shares in [0, 1], None where nothing was asked that tells.

    Attributes:
        recall, first: questions whose document is among the first k passages, is the first.
        mrr: mean of 1 / rank of the first passage from it, among ten.
        answered: answers that hold an expected wording; f1: their overlap with the nearest one in words (Chinese: in
            characters).
        supported: cited sentences that what they cite supports; cited: answers that cite the expected document so.
        declined: questions that no document answers and the answer declines; wrongly_declined: of the others.
    """

    setting: Setting
    passages: int
    recall: float | None
    first: float | None
    mrr: float | None
    answered: float | None = None
    f1: float | None = None
    supported: float | None = None
    cited: float | None = None
    declined: float | None = None
    wrongly_declined: float | None = None
    type: Literal["row"] = "row"


@dataclass(frozen=True)
class Miss:
    """A question whose document was not found with the first setting; `found`: titles of what was, best first."""

    question: Question
    found: tuple[str, ...]
    type: Literal["miss"] = "miss"


@dataclass(frozen=True)
class UnknownSources:
    """Expected sources that are in no document of the collection: a slip in the file, or a document that is missing."""

    sources: tuple[str, ...]
    type: Literal["unknown_sources"] = "unknown_sources"


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    setting: Setting
    type: Literal["progress"] = "progress"


EvaluationEvent = UnknownSources | Progress | Miss | Row


def evaluate(
    base: KnowledgeBase,
    collection: str,
    questions: Sequence[Question],
    settings: Sequence[Setting],
    k: int = 5,
    ask: Ask | None = None,
) -> Iterator[EvaluationEvent]:
    """[UnknownSources], then for each setting Progress*, (for the first) Miss*, Row.

    Args:
        k: passages that the expected document has to be among.
        ask: answers a question; needed where a setting has `answers`.

    Raises:
        CollectionNotFoundError: at the call; while iterating StorageError, EmbedderError and whatever `ask` raises.
    """
    if ask is None and any(setting.answers for setting in settings):
        raise ValueError("answers are to be measured, but nobody answers")
    name = base.collection(collection).name
    return _evaluate(base, name, questions, settings, k, ask)


def _evaluate(
    base: KnowledgeBase,
    collection: str,
    questions: Sequence[Question],
    settings: Sequence[Setting],
    k: int,
    ask: Ask | None,
) -> Iterator[EvaluationEvent]:
    documents = base.documents(collection)
    unknown = {q.source for q in questions if q.source and not any(means(q.source, d) for d in documents)}
    if unknown:
        yield UnknownSources(tuple(sorted(unknown)))
    for number, setting in enumerate(settings):
        with ExitStack() as stack:
            yield Progress(0, len(questions), setting)
            searched = base
            if setting.chunk_chars or setting.embedder:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
                other = load_embedder(replace(base.settings, embedder=setting.embedder)) if setting.embedder else None
                chars = setting.chunk_chars or base.settings.chunk_chars
                searched = stack.enter_context(base.recut(collection, chars, folder, other))
            marks = _Marks()
            for done, question in enumerate(questions, 1):
                if question.source:
                    found = searched.search(question.question, collection, k, method=setting.method)
                    ten = searched.search(question.question, collection, max(k, MRR_DEPTH), method=setting.method)
                    if marks.search(question, found, ten) and not number:
                        yield Miss(question, tuple(passage.title for passage in found))
                if setting.answers and ask is not None:
                    marks.answer(question, list(ask(question.question, setting.adapter)))
                yield Progress(done, len(questions), setting)
            yield marks.row(setting, searched.collection(collection).chunks)


class _Marks:
    """What the questions of one setting came to."""

    def __init__(self) -> None:
        self._of: dict[str, list[float]] = {}

    def _add(self, name: str, value: float) -> None:
        self._of.setdefault(name, []).append(value)

    def search(self, question: Question, found: Sequence[Passage], ten: Sequence[Passage]) -> bool:
        """Take in a search; returns whether it missed."""
        hit = any(means(question.source, passage) for passage in found)
        rank = next((n for n, p in enumerate(ten[:MRR_DEPTH], 1) if means(question.source, p)), 0)
        self._add("recall", hit)
        self._add("first", bool(found) and means(question.source, found[0]))
        self._add("mrr", 1 / rank if rank else 0.0)
        return not hit

    def answer(self, question: Question, events: Sequence[AnswerEvent]) -> None:
        declined = any(isinstance(event, Refusal) for event in events)
        if not question.source:
            self._add("declined", declined)
            return
        self._add("wrongly_declined", declined)
        passages = next((event.passages for event in events if isinstance(event, Sources)), ())
        citations = [event for event in events if isinstance(event, Citation)]
        for citation in citations:
            self._add("supported", citation.status != "unsupported")
        right = [c for c in citations if c.status != "unsupported" and means(question.source, passages[c.number - 1])]
        self._add("cited", bool(right))
        if question.answers:
            text = next((event.answer for event in events if isinstance(event, Done)), "")
            self._add("answered", not declined and any(tight(wanted) in tight(text) for wanted in question.answers))
            self._add("f1", 0.0 if declined else max(f1(text, wanted) for wanted in question.answers))

    def row(self, setting: Setting, passages: int) -> Row:
        def share(name: str) -> float | None:
            return fmean(self._of[name]) if name in self._of else None

        return Row(
            setting,
            passages,
            recall=share("recall"),
            first=share("first"),
            mrr=share("mrr"),
            answered=share("answered"),
            f1=share("f1"),
            supported=share("supported"),
            cited=share("cited"),
            declined=share("declined"),
            wrongly_declined=share("wrongly_declined"),
        )


def f1(answer: str, wanted: str) -> float:
    """Overlap of an answer with the expected one (SQuAD's F1): words, in Chinese characters; [n] markers do not count.

    >>> f1("It takes 60 minutes [1].", "60 minutes")
    0.6666666666666666
    """
    a, b = (_tokens(re.sub(r"\[\d+\]", " ", text)) for text in (answer, wanted))
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def _tokens(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))
