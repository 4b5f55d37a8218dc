"""The terms of keyword search, made to suit Chinese.

A run of CJK characters gives its characters, its bigrams and its words (rjieba); anything else gives its words, and
where letters meet digits also the parts. Words alone miss what the dictionary cuts differently in question and text
(腌 in 腌制), characters alone match too much; together they ranked best on held-out Chinese questions, ahead of
words alone, most of all for short ones.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_RUN = re.compile(rf"([{_CJK}]+)|(\d+(?:\.\d+)+)|([^\W_{_CJK}]+)")
_PART = re.compile(r"\d+|\D+")
VERSION = 2
"""Of what `terms` gives: indexes made by another version are made anew."""


def terms(text: str) -> list[str]:
    """The terms of a text, with repeats; the same for passages and questions."""
    import rjieba

    found: list[str] = []
    chinese: list[str] = []
    plain = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), unicodedata.normalize("NFKC", text).lower())
    for match in _RUN.finditer(plain):
        run, kind = match.group(), match.lastindex
        if kind == 1:
            found.extend(run)
            found.extend(map("".join, pairwise(run)))
            chinese.append(run)
        elif kind == 3 and not run.isdigit():
            found.append(_singular(run))
            if not run.isalpha():
                found.extend(_PART.findall(run))
        else:
            found.append(run)
    # one call for all of them takes a third of the time; no word reaches over a line's end
    found.extend(word for word in rjieba.cut("\n".join(chinese)) if len(word) > 1)
    return found


def _singular(word: str) -> str:
    """English plurals without their s (the "S stemmer", Harman 1991)."""
    if len(word) < 4 or not word.isascii() or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word[-2] in "us" else word[:-1]
