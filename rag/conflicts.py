"""Do other documents give another amount for what was answered? Then the answer says so, with both cited.

Precise rather than complete: only numbers, times, sums and dates are compared; the other passage has to be about the
thing that was asked about, its words around the amount have to be the same, and it may nowhere give the same amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag import followup_en, followup_zh
from rag.amounts import Amount, amounts_in
from rag.citations import CitedAnswer, strip_markers
from rag.folding import compact, fold, grams
from rag.prompts import Language
from rag.quantities import Quantity, quantities
from rag.types import Citation, Passage

_NAMED = 0.8
"""Share of what the question is about that the other passage has to hold."""
_ALIKE = 0.6
"""Share of the words around one amount that have to stand around the other, too."""
_TELLING = 1.4
"""Weight of common words that tell what an amount is of, where none of them stands in the question."""

_SAYS: dict[Language, str] = {
    "zh": "注意：资料的说法不一致，《{title}》写的是“{quote}”。",
    "en": "Note that the documents differ: “{title}” says “{quote}”.",
}
_CODE = re.compile(r"[a-z]+[-_]?\d[a-z\d]*")
_HAN = re.compile(r"[\u3400-\u9fff]")
_END = re.compile(r"[。！？；\n]|[!?;](?=\s|$)|\.(?=\s|$)")
_MONTHS = {
    gram for gram in grams("january february march april may june july august september october november december")
} | {"年", "月", "日", "年月", "月日"}
_QUOTE_CHARS = 160


@dataclass(frozen=True)
class _Topic:
    """What a question is about: weighted words, of which a share is needed, and codes and numbers, all needed."""

    words: dict[str, float]
    needed: float
    codes: frozenset[str]
    numbers: tuple[Quantity, ...]

    @classmethod
    def of(cls, question: str, source: Passage) -> _Topic:
        room = followup_zh if _HAN.search(question) else followup_en
        folded = fold(question).text
        asked, subject = grams(folded), grams(fold(room.subject(question)).text)
        title = grams(fold(source.title).text)  # of a name that is partly understood the rest stands there
        words = subject | {gram: weight for gram, weight in asked.items() if gram in title}
        codes = frozenset(_CODE.findall(folded))
        # what is not understood has to be there word for word
        return cls(words or asked, _NAMED if words else 1.0, codes, quantities(_CODE.sub(" ", folded)))

    def is_in(self, passage: Passage, amount: Amount) -> bool:
        """Whether the passage, or the line of the amount, is about it."""
        folded = fold(passage.text)
        start = max((m.end() for m in _END.finditer(folded.text, 0, amount.quantity.start)), default=0)
        end = _END.search(folded.text, amount.quantity.end)
        line = folded.text[start : end.start() if end else len(folded.text)]
        text = f"{fold(passage.title).text}\n{fold(passage.heading).text}\n{line}"
        stems, run = grams(text), compact(text)[0]
        held = sum(w for gram, w in self.words.items() if (gram in stems if gram[0].isascii() else gram in run))
        if held < self.needed * sum(self.words.values()) or not self.codes <= set(_CODE.findall(text)):
            return False
        there = quantities(text)
        return bool(self.words) and all(any(n.same(found) for found in there) for n in self.numbers)


@dataclass(frozen=True)
class Other:
    """What another passage says instead: `text[start:end]` of `passage`."""

    passage: Passage
    start: int
    end: int


def find(question: str, cited: CitedAnswer, sources: Sequence[Passage], others: Iterable[Passage]) -> Other | None:
    """The first of `others` (best first) that gives another amount than the supported sentences of an answer.

    Args:
        question: complete, as it was put to the model.
        sources: what the numbers of the citations count, from 1.
    """
    asked = grams(fold(question).text)
    given = []
    for citation in _supported(cited):
        source = sources[citation.number - 1]
        topic = _Topic.of(question, source)
        amounts = [amount for amount in _given(cited.text, citation, source) if topic.is_in(source, amount)]
        given.append((source, topic, amounts))
    for other in others:
        if not any(amounts for *_, amounts in given):
            return None
        rivals = amounts_in(fold(other.text).text)
        for source, topic, amounts in given:
            if other.document_id == source.document_id:
                continue
            for amount in amounts:
                rival = _contradicted(amount, rivals, asked, topic)
                if rival is not None and topic.is_in(other, rival):
                    return _quoted(other, rival.quantity)
    return None


def told(cited: CitedAnswer, other: Other, number: int, language: Language) -> CitedAnswer:
    """The answer with a sentence on what the other passage (with this citation number) says."""
    quote = " ".join(strip_markers(other.passage.text[other.start : other.end]).split())
    note = _SAYS[language].format(title=" ".join(other.passage.title.split()), quote=quote)
    start = len(cited.text) + 2
    citation = Citation(number, start, start + len(note), other.start, other.end, "verified", 1.0)
    gap = "" if language == "zh" else " "
    return CitedAnswer(f"{cited.text}\n\n{note}{gap}[{number}]", (*cited.citations, citation))


def has_amounts(cited: CitedAnswer) -> bool:
    """Whether anything in an answer can be contradicted: searching on is in vain where it cannot."""
    return any(amounts_in(fold(cited.text[c.start : c.end]).text) for c in _supported(cited))


def _supported(cited: CitedAnswer) -> list[Citation]:
    return [citation for citation in cited.citations if citation.status != "unsupported"]


def _given(answer: str, citation: Citation, source: Passage) -> list[Amount]:
    """The amounts of a cited sentence as they stand in its passage, where their surroundings tell what they are of."""
    folded = fold(source.text)
    said = amounts_in(fold(answer[citation.start : citation.end]).text)
    found = []
    for amount in amounts_in(folded.text):
        at = folded.origin[amount.quantity.start]
        if citation.span_start <= at < citation.span_end and any(amount.quantity.same(s.quantity) for s in said):
            found.append(amount)
    return found


def _contradicted(amount: Amount, rivals: Sequence[Amount], asked: dict[str, float], topic: _Topic) -> Amount | None:
    """The amount of the same thing that is another one; None where the passage gives this one, too."""
    unit = amount.quantity.unit
    comparable = [r for r in rivals if r.quantity.unit == unit and _alike(amount, r, asked, topic)]
    if any(_overlaps(amount.quantity, rival.quantity) for rival in comparable):
        return None
    return comparable[0] if comparable else None


def _alike(a: Amount, b: Amount, asked: dict[str, float], topic: _Topic) -> bool:
    own, other = _around(a), _around(b)
    bare = [{gram: w for gram, w in words.items() if gram not in topic.words} for words in (own, other)]
    if all(bare):  # the name of the thing itself says little, unless it is all there is ("押金")
        own, other = bare
    shared = {gram: weight for gram, weight in own.items() if gram in other}
    least = min(sum(own.values()), sum(other.values()))
    if not shared or sum(shared.values()) < _ALIKE * least:
        return False
    return any(gram in asked for gram in shared) or sum(shared.values()) >= _TELLING


def _around(amount: Amount) -> dict[str, float]:
    """The words that say what an amount is of, without those of dates; of a date the line's."""
    for words in ({**amount.left, **amount.right}, amount.line):
        if own := {gram: weight for gram, weight in words.items() if gram not in _MONTHS}:
            return own
    return {}


def _overlaps(a: Quantity, b: Quantity) -> bool:
    return a.low <= b.high and b.low <= a.high


def _quoted(other: Passage, quantity: Quantity) -> Other:
    """The sentence that an amount stands in."""
    at = fold(other.text).origin
    first, last = at[quantity.start], at[quantity.end]
    start = max((m.end() for m in _END.finditer(other.text, 0, first)), default=0)
    found = _END.search(other.text, last)
    end = found.start() if found else len(other.text)
    start, end = max(start, first - _QUOTE_CHARS), min(end, last + _QUOTE_CHARS)
    blank = len(other.text[start:end]) - len(other.text[start:end].lstrip(" -*•\t"))
    return Other(other, start + blank, end)
