"""Does a passage say this? One statement against one passage.

Wording may differ, what matters may not: an amount has to be the passage's amount for the same thing, a name has to be
there, a "not" may neither appear nor vanish, and a sentence about one dish is not supported by another's recipe.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.amounts import CLAUSE_END, Amount, amounts_in, wording
from rag.folding import STOP_WORDS, bounded, compact, fold, grams
from rag.quantities import codes, quantities
from rag.types import Passage

PARAPHRASE = 0.65
"""Share of a statement's weight that has to be found for "paraphrased"."""

_AMOUNT_WEIGHT = 2.5
_TELLING = 2.5
"""Weight of wording under which a statement means something only as the answer to its question ("茄子", "2 min")."""
_CONCERNED = 0.4
_CHOICE = re.compile(r"哪|还是|\b(?:which|or)\b")
_SPREAD = 1  # clauses of a passage beyond the statement's own number over which its words may be spread
_COMMA = re.compile(r"(?<!\d)[,，]|[,，](?!\d)|[;；。、!！?？\n]")
_NOT = re.compile(r"[不没未勿别莫无非禁忌]|\b(?:not|no|never|without|cannot|nor|avoid)\b|n't\b")
_NOT_NOT = re.compile(
    r"不锈钢|不错|不仅|不但|不过|不断|不同|不管|不论|不少|不久|不止|不停|不时|不光|[能可要会是]不[能可要会是]|没错"
    r"|没过|淹没|埋没|未来|无论|无花果|无线|别人|特别|区别|分别|级别|个别|类别|性别|非常|除非|是否|非洲"
)
# Words round a statement that add nothing to it. "可以" and "能" are not among them: they permit.
_EDGES = re.compile(
    r"^(?:[要需应该得的是在里中先再约为用放加是，]|需要|应该|大约|大概|一般)+|(?:左右|即可|就行|就好|了|的)+$"
)


@dataclass(frozen=True)
class Match:
    """How a passage supports a statement; `span` is a half-open range of the passage's text."""

    status: Literal["verified", "paraphrased"]
    score: float
    span: tuple[int, int]


@dataclass(frozen=True)
class _Clause:
    start: int
    end: int
    text: str  # compact
    stems: dict[str, float]
    negated: bool

    def found(self, wanted: dict[str, float]) -> set[str]:
        return {gram for gram in wanted if (gram in self.stems if gram[0].isascii() else gram in self.text)}


class Prepared:
    """A passage made ready for many comparisons."""

    def __init__(self, passage: Passage) -> None:
        self.source = passage.text
        self.folded = fold(passage.text)
        self.compact, self.positions = compact(self.folded.text)
        parts = [passage.title, *passage.heading.split(" > ")]
        folded = {compact(fold(part).text)[0] for part in parts}
        self.names = sorted((name for name in folded if len(name) > 1), key=len, reverse=True)
        self._named = [_pattern(name) for name in self.names]
        self.title = compact(fold(passage.title).text)[0]
        self.known = "\n".join([self.compact, *self.names])
        self.amounts = amounts_in(self.folded.text)
        self.clauses = [self._clause(a, b) for a, b in _pieces(self.folded.text)]
        self.stems = grams(" ".join([self.folded.text, *self.names]))

    def _clause(self, start: int, end: int) -> _Clause:
        text = self.folded.text[start:end]
        return _Clause(start, end, compact(text)[0], grams(text), _negated(text))

    def unnamed(self, text: str) -> str:
        """A folded text without what the passage is called: the title is part of the passage."""
        for pattern in self._named:
            text = pattern.sub(" ", text)
        return text

    def concerns(self, question: str) -> bool:
        """Whether the passage holds a fair part of what a folded question is about."""
        asked = wording(question)
        if any(pattern.search(question) for pattern in self._named):
            return True
        held = sum(w for gram, w in asked.items() if gram in self.known or gram in self.stems)
        return held >= _CONCERNED * sum(asked.values())

    def negated_before(self, position: int) -> bool:
        """Whether the clause says "not" before `position`, where a statement begins: 不|可以冷冻."""
        around = [clause for clause in self.clauses if clause.start <= position < clause.end]
        return any(_negated(self.folded.text[clause.start : position]) for clause in around)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Folded offsets to offsets in the passage's text, without outer white space."""
        a, b = self.folded.origin[start], self.folded.origin[end - 1] + 1
        while a < b and self.source[a].isspace():
            a += 1
        while b > a and self.source[b - 1].isspace():
            b -= 1
        return a, b


class Statement:
    """A sentence, or a clause of one, ready to be held against passages.

    Args:
        text: the statement.
        question: what was asked; it says what a bare "60 minutes." is about.
        about: the sentence around a clause, which may name the subject for it.
    """

    def __init__(self, text: str, question: str = "", about: str = "") -> None:
        self.folded = fold(text).text
        self.compact = compact(self.folded)[0]
        self.about = compact(fold(about or text).text)[0]
        self.question = compact(fold(question).text)[0]
        self.question_text = fold(question).text
        # 红烧肉 says nothing where 红烧肉 was asked about, unless the question was which of several.
        self.echoes_question = self.compact in self.question and not _CHOICE.search(self.question_text)
        self.names = _proper_names(text)


def align(statement: Statement, passage: Prepared, foreign: Collection[str] = ()) -> Match | None:
    """How `passage` supports `statement`, or None.

    Args:
        foreign: compact titles of the other passages; a statement that names one of them is about that one.
    """
    others = [name for name in foreign if len(name) > 1 and name not in passage.known]
    if any(_mentions(statement.compact, name) for name in others):
        return None
    body = passage.unnamed(statement.folded)
    amounts = amounts_in(body)
    if amounts and any(_mentions(statement.question, name) for name in others):
        said = (statement.about, statement.question)
        if not any(_mentions(text, name) for text in said for name in passage.names):
            return None  # the question is about another passage's subject, so the amount is too
    words = wording(body)
    if not amounts and not words and (statement.compact not in passage.names or statement.echoes_question):
        return None
    telling = sum(words.values()) >= _TELLING or (words and amounts)
    if not telling and not passage.concerns(statement.question_text):
        return None
    asked = wording(passage.unnamed(statement.question_text))
    accepted = [amount.meant_by(passage.amounts, asked) for amount in amounts]
    if not words:
        if not any(accepted) and amounts:
            return None
        # "2小时、3小时": the first stands where the question points, the others beside it.
        accepted = [a.equal(passage.amounts) for a in amounts]
        if not all(accepted):
            return None
    exact = _exact(statement.compact, compact(body)[0].strip(), amounts, passage)
    return exact or (_close(statement, body, accepted, passage) if all(accepted) else None)


def _exact(whole: str, body: str, amounts: list[Amount], passage: Prepared) -> Match | None:
    """All of the statement, or all but the passage's name and words round it, stands there word for word."""
    bare = _EDGES.sub("", body).strip() or body
    while bare.partition(" ")[0] in STOP_WORDS and " " in bare:
        bare = bare.partition(" ")[2]
    for candidate in dict.fromkeys((whole, body, bare)):
        at = passage.compact.find(candidate) if candidate else -1
        while at >= 0:
            end = at + len(candidate)
            start, stop = passage.positions[at], passage.positions[end - 1] + 1
            inside = [rival.quantity for rival in passage.amounts if rival.within(start, stop)]
            if (
                bounded(passage.compact, at, end)
                and all(any(amount.quantity.same(rival) for rival in inside) for amount in amounts)
                and not passage.negated_before(start)
            ):
                return Match("verified", 1.0, passage.source_span(start, stop))
            at = passage.compact.find(candidate, at + 1)
    return None


def _close(statement: Statement, body: str, accepted: list[list[Amount]], passage: Prepared) -> Match | None:
    """The run of clauses that holds most of the statement, all its amounts, names and codes, and its negation."""
    wanted = wording(body)
    total = sum(wanted.values()) + _AMOUNT_WEIGHT * len(accepted)
    if total < (_AMOUNT_WEIGHT if accepted else _TELLING):
        return None
    if any(name not in passage.known and name not in statement.question for name in statement.names):
        return None
    negated = _negated(body)
    denials = [wording(body[a:b]) for a, b in _pieces(body) if _negated(body[a:b])]
    title_words = {gram for gram in wanted if any(gram in name for name in passage.names)}
    found = [clause.found(wanted) if negated or not clause.negated else set() for clause in passage.clauses]

    def score(covered: set[str]) -> float:
        return round((sum(wanted[gram] for gram in covered) + _AMOUNT_WEIGHT * len(accepted)) / total, 6)

    if score(title_words.union(*found)) < PARAPHRASE:
        return None
    useful = [
        bool(words) or any(rival.within(clause.start, clause.end) for equal in accepted for rival in equal)
        for clause, words in zip(passage.clauses, found, strict=True)
    ]
    best, span, chosen = 0.0, (0, 0), title_words
    longest = len(_pieces(body)) + _SPREAD
    for i, first in enumerate(passage.clauses):
        covered, said = set(title_words), False
        for j in range(i, min(i + longest, len(found)) if useful[i] else i):
            clause = passage.clauses[j]
            covered |= found[j]
            said |= clause.negated and any(_share(words, found[j]) >= PARAPHRASE for words in denials)
            if not useful[j] or said != negated:
                continue
            if not all(any(rival.within(first.start, clause.end) for rival in equal) for equal in accepted):
                continue
            value = score(covered)
            if value > best or (value == best and clause.end - first.start < span[1] - span[0]):
                best, span, chosen = value, (first.start, clause.end), covered.copy()
    if best < PARAPHRASE or not _every_clause(body, chosen):
        return None
    said_there = compact(passage.folded.text[slice(*span)])[0]
    if any(compact(code)[0] not in said_there for code in codes(body)):
        return None
    if not negated and any(_denies(clause, wanted, chosen - title_words, accepted) for clause in passage.clauses):
        return None
    return Match("paraphrased", min(best, 0.99), passage.source_span(*span))


def _share(wanted: dict[str, float], covered: set[str]) -> float:
    total = sum(wanted.values())
    return sum(weight for gram, weight in wanted.items() if gram in covered) / total if total else 0.0


def _denies(clause: _Clause, wanted: dict[str, float], chosen: set[str], accepted: list[list[Amount]]) -> bool:
    """Whether a negated clause says all that was found for an affirmative statement."""
    if not clause.negated or not chosen or not chosen <= clause.found(wanted):
        return False
    return all(any(rival.within(clause.start, clause.end) for rival in equal) for equal in accepted)


def independent_clauses(sentence: str) -> list[str]:
    """A sentence cut at its commas into parts that state something; others stay with the part before them."""
    parts: list[str] = []
    cuts = [0, *(match.end() for match in _COMMA.finditer(sentence)), len(sentence)]
    for a, b in pairwise(cuts):
        text = fold(sentence[a:b]).text
        weight = sum(wording(text).values())
        if parts and not (weight >= 1.4 or (weight > 0 and quantities(text))):
            parts[-1] += sentence[a:b]
        elif sentence[a:b].strip():
            parts.append(sentence[a:b])
    return parts


def _every_clause(body: str, covered: set[str]) -> bool:
    """Whether no clause of several stands quite alone: a true half does not carry a made-up one."""
    pieces = [wording(body[a:b]) for a, b in _pieces(body)]
    for wanted in pieces if len(pieces) > 1 else []:
        if sum(wanted.values()) >= 1.5 and _share(wanted, covered) < 1 / 3:
            return False
    return True


def _proper_names(text: str) -> set[str]:
    """Names of people, places and brands: they have no synonyms, so they must be in the passage."""
    import rjieba

    found = {
        compact(fold(word).text)[0]
        for word, tag in rjieba.tag(text)
        if tag in ("nr", "nrt", "nrfg", "ns", "nt", "nz") and len(word) > 1 and not word.isascii()
    }
    words = re.finditer(r"(?<![.!?:\"“*]\s)(?<=\s)[A-Z][A-Za-z]+", text)
    return found | {match[0].casefold() for match in words}


def _pattern(name: str) -> re.Pattern[str]:
    """A compact name in folded text, with whatever punctuation inside, and no Latin word cut."""
    inner = r"\W*".join(re.escape(char) for char in name if char != " ")
    return re.compile(rf"(?<![a-z\d]){inner}(?![a-z\d])" if name.isascii() else inner)


def _mentions(text: str, name: str) -> bool:
    at = text.find(name)
    return at >= 0 and bounded(text, at, at + len(name))


def _negated(text: str) -> bool:
    return _NOT.search(_NOT_NOT.sub("", text)) is not None


def _pieces(text: str) -> list[tuple[int, int]]:
    cuts = [0, *(match.end() for match in CLAUSE_END.finditer(text)), len(text)]
    return [(a, b) for a, b in pairwise(cuts) if text[a:b].strip()]
