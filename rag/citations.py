"""The model's citations checked, corrected and completed.

Every sentence of an answer is held against every passage, whatever number the model wrote. What stands there gets
the right number; what does not loses its number and is reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.folding import compact, fold
from rag.matching import Match, Prepared, Statement, align, independent_clauses
from rag.quantities import quantities
from rag.sentences import Marker, Sentence, split_sentences, take_markers
from rag.types import Citation, Passage

_LONGEST = 400  # characters of one statement; what is longer is no sentence
_QUESTION_CHARS = 1000  # what a question is about stands there; the rest would only cost time


@dataclass(frozen=True)
class CitedAnswer:
    """The final text with its markers, and what supports each sentence, in order of the sentences."""

    text: str
    citations: tuple[Citation, ...]

    @property
    def supported(self) -> bool:
        """Whether at least one sentence stands in a passage."""
        return any(citation.status != "unsupported" for citation in self.citations)


@dataclass(frozen=True)
class _Judged:
    sentence: Sentence
    named: tuple[int, ...]  # numbers the model wrote for it
    matches: tuple[tuple[int, Match], ...]  # passage number and match

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({number for number, _ in self.matches}))


def strip_markers(answer: str) -> str:
    """The answer without citation markers, as a refusal is shown."""
    return take_markers(answer)[0].strip()


def cite(answer: str, passages: Sequence[Passage], question: str = "") -> CitedAnswer:
    """Verify the markers of an answer and cite what stands in the passages.

    Args:
        answer: as the model wrote it; [n] counts `passages` from 1.
        question: as it was put to the model: it says what a bare "60 minutes." is about.

    A marker stands behind the sentence's punctuation. Neighbouring sentences from the same passages share one
    at the end of the run, unless the model marked them singly. Unsupported sentences are reported where the model
    cited them, where they state an amount, and, if nothing is supported, throughout.
    """
    question = question[:_QUESTION_CHARS]
    text, markers = take_markers(answer)
    sentences = _without_titles(split_sentences(text), text, passages)
    prepared = [Prepared(passage) for passage in passages]
    judged = [
        _Judged(s, named, _judge(text[s.start : s.end], named, prepared, question) if s.claim else ())
        for s, named in zip(sentences, _numbers_of(sentences, markers), strict=True)
    ]
    shown, starts, ends = _with_markers(text, judged)
    nothing = not any(j.matches for j in judged)
    citations: list[Citation] = []
    for i, j in enumerate(judged):
        for number, match in j.matches:
            citations.append(Citation(number, starts[i], ends[i], *match.span, match.status, match.score))
        if not j.matches and prepared and _reportable(text, j, nothing):
            valid = [n for n in j.named if n <= len(prepared)]
            number = valid[0] if valid else 1
            citations.append(Citation(number, starts[i], ends[i], 0, 0, "unsupported", 0.0))
    return CitedAnswer(shown, tuple(citations))


def _without_titles(sentences: list[Sentence], text: str, passages: Sequence[Passage]) -> list[Sentence]:
    """A title copied above an answer claims nothing; alone it may be the answer."""
    names = {compact(fold(part).text)[0] for p in passages for part in (p.title, *p.heading.split(" > "))}
    if len(sentences) < 2:
        return sentences
    return [replace(s, claim=False) if compact(fold(text[s.start : s.end]).text)[0] in names else s for s in sentences]


def _numbers_of(sentences: list[Sentence], markers: list[Marker]) -> list[tuple[int, ...]]:
    """For each sentence the numbers the model wrote for it: behind it, inside it, or before it in its line."""
    numbers: list[list[int]] = [[] for _ in sentences]
    for marker in markers:
        before = [i for i, s in enumerate(sentences) if s.start < marker.position]
        behind = [i for i, s in enumerate(sentences) if s.start >= marker.position]
        target = behind[:1] if marker.opening and behind else before[-1:] or behind[:1]
        for i in target:
            numbers[i] += [n for n in marker.numbers if n not in numbers[i]]
    return [tuple(n) for n in numbers]


def _judge(
    sentence: str, named: tuple[int, ...], prepared: list[Prepared], question: str
) -> tuple[tuple[int, Match], ...]:
    """The passages that support a sentence: the model's choice where it holds, else the best; failing that,
    clause by clause, when each has its passage."""
    whole = _choose(Statement(sentence, question), named, prepared) if len(sentence) <= _LONGEST else ()
    if whole:
        return whole
    clauses = independent_clauses(sentence)
    if len(clauses) < 2 or max(map(len, clauses)) > _LONGEST:
        return ()
    parts = [_choose(Statement(clause, question, sentence), named, prepared) for clause in clauses]
    if not all(parts):
        return ()
    return tuple(dict.fromkeys(pair for part in parts for pair in part[:1]))


def _choose(statement: Statement, named: tuple[int, ...], prepared: list[Prepared]) -> tuple[tuple[int, Match], ...]:
    titles = {passage.title for passage in prepared}
    found: list[tuple[int, Match]] = []
    for number, passage in enumerate(prepared, 1):
        match = align(statement, passage, titles)
        if match is not None:
            found.append((number, match))
    cited = tuple(pair for pair in found if pair[0] in named)
    verified = [pair for pair in found if pair[1].status == "verified"]
    if cited and (not verified or any(pair in verified for pair in cited)):
        return cited

    def rank(pair: tuple[int, Match]) -> tuple[bool, bool, float, int]:
        asked = any(name in statement.question for name in prepared[pair[0] - 1].names)
        return pair[1].status == "verified", asked, pair[1].score, -pair[0]

    return (max(found, key=rank),) if found else ()


def _with_markers(text: str, judged: list[_Judged]) -> tuple[str, list[int], list[int]]:
    """The text with its markers put in, and the start and end of every sentence there."""
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at, length = len(text) - len(text.lstrip()), 0
    for i, j in enumerate(judged):
        begin, end = j.sentence.start, j.sentence.end
        starts.append(length + begin - at)
        ends.append(length + end - at)
        follower = judged[i + 1] if i + 1 < len(judged) else None
        shared = (
            follower is not None
            and follower.sentence.block == j.sentence.block
            and follower.numbers == j.numbers
            and not set(j.named) & set(j.numbers)
        )
        marker = "" if shared else "".join(f"[{number}]" for number in j.numbers)
        if marker and text[end - 1].isascii():
            marker = " " + marker
        out += [text[at:end], marker]
        length += end - at + len(marker)
        at = end
    return ("".join(out) + text[at:]).rstrip(), starts, ends


def _reportable(text: str, judged: _Judged, nothing: bool) -> bool:
    """Whether an unsupported sentence is worth a mark: it states something, and it looks like a fact."""
    sentence = text[judged.sentence.start : judged.sentence.end]
    if not judged.sentence.claim or sentence.endswith((":", "：", "?", "？")):
        return False
    return nothing or bool(judged.named) or bool(quantities(fold(sentence).text))
