"""What keyword search looks for: a question's terms, what else they may be written as, and how much each counts.

The same amount in other figures: 三十五克 also looks for "35", "1kg" for "1000", "60分钟" for 六十. And a Latin word
that no passage holds is taken for a slip of the keyboard: words at one edit's distance that passages do hold stand in
for it (Norvig's spelling corrector, https://norvig.com/spell-correct.html, with the index as its dictionary).
Chinese slips need nothing: the characters around a wrong one, and their bigrams, are terms by themselves.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from rag.folding import fold
from rag.quantities import UNITS, quantities
from rag.terms import terms

_SHORTEST = 4  # letters of a word that may be misspelt: shorter ones are near to everything
_STAND_INS = 3
_MOST_SLIPS = 4  # words of a question; each costs a millisecond or three, by the size of the index
_INSTEAD = 0.7  # what all stand-ins of a word count together, against 1 for the word
_OTHERWISE = 0.8  # what an amount in another unit counts
_CN = "零一二三四五六七八九"


def weighted_terms(query: str, held: Callable[[Sequence[str]], Sequence[int]]) -> dict[str, float]:
    """Terms to look for and how much each counts.

    Args:
        held: how many passages hold each of some terms.
    """
    wanted: dict[str, float] = {}
    for term in terms(query):
        wanted[term] = wanted.get(term, 0.0) + 1.0
    words = [term for term in wanted if _may_be_misspelt(term)]
    unknown = [word for word, count in zip(words, held(words), strict=True) if not count]
    for word in unknown[:_MOST_SLIPS]:
        near = sorted(set(_one_edit(word)))
        found = sorted((-count, other) for other, count in zip(near, held(near), strict=True) if count)[:_STAND_INS]
        for _, other in found:
            wanted.setdefault(other, wanted[word] * _INSTEAD / len(found))
    for term, weight in _amounts(query):
        wanted.setdefault(term, weight)
    return wanted


def _may_be_misspelt(term: str) -> bool:
    return len(term) >= _SHORTEST and term.isascii() and term.isalpha()


def _one_edit(word: str) -> Iterator[str]:
    """Every string that one letter left out, put in, exchanged, or two swapped make of `word`."""
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield from (head + letter + tail for letter in string.ascii_lowercase)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in string.ascii_lowercase)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]


def _amounts(query: str) -> Iterator[tuple[str, float]]:
    """Terms of the query's amounts in other figures and units, and how much each counts."""
    for quantity in quantities(fold(query).text):
        if quantity.unit in ("", "code", "clock"):
            continue
        for written in map(_figures, quantity.written):
            yield from ((term, 1.0) for term in _spellings(written))
        for spelling, (unit, factor) in UNITS.items():
            if unit != quantity.unit:
                continue
            for value in {quantity.low / factor, quantity.high / factor}:
                if Fraction(1, 10) <= value < 10_000 and (100 * value).denominator == 1:
                    yield from ((term, _OTHERWISE) for term in _spellings(_figures(value)))
                    yield from ((term, _OTHERWISE / 2) for term in terms(spelling) if len(term) > 1)


def _spellings(written: str) -> Iterator[str]:
    """A number as a term, and in Chinese numerals where it is a small one."""
    yield written
    if written.isdigit() and 0 < int(written) < 100:
        yield from (term for term in terms(_chinese(int(written))) if len(term) > 1)


def _figures(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"


def _chinese(value: int) -> str:
    """A number under 100 in Chinese numerals."""
    tens, ones = divmod(value, 10)
    return ((_CN[tens] if tens > 1 else "") + "十" if tens else "") + (_CN[ones] if ones else "")
