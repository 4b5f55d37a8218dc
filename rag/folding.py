"""Text made comparable without losing where each character came from."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

STOP_CHARS = frozenset(
    "的了着过地得在要放加用需须是有为约将把会能可以即就再先后并而且也都还又被让给于从到与和及或之其此这那该"
    "您你我他她它们们请吧呢吗啊呀哦嘛什么怎哪谁几多少何左右大概大约时间长久左右共每各个些种一般应当使进行做法"
)
STOP_WORDS = frozenset(
    re.findall(
        r"[a-z]+",
        """a an the and or but if then than so of to in on at by for from with into onto over under as is are
        was were be been being it its this that these those there here i you he she we they me him her us them my
        your his our their do does did done can could should would may might must will shall have has had need
        needs how what when where which who whom whose why much many long about approximately around roughly some
        any each per also just only please tell say says said according passage passages document
        documents make made buy get got use used using want wants give gives put take takes recipe
        new old another other same different not no never""",
    )
)


@dataclass(frozen=True)
class Folded:
    """`text` in NFKC and casefolded; `origin[i]` is where its i-th character began in the source, and the
    last entry the source's length."""

    text: str
    origin: tuple[int, ...]


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char).casefold().replace("\u2044", "/")
    return folded if "/" not in folded or char in "/／" else " " + folded  # 1½ is not 11/2


def fold(text: str) -> Folded:
    """NFKC and casefold, character by character (ligatures and ½ grow), keeping the source positions."""
    out: list[str] = []
    origin: list[int] = []
    for i, char in enumerate(text):
        folded = char if "\u4e00" <= char <= "\u9fff" else _fold_char(char)
        out.append(folded)
        origin.extend([i] * len(folded))
    return Folded("".join(out), (*origin, len(text)))


def compact(text: str) -> tuple[str, list[int]]:
    """Letters and digits of folded text, and their positions in it.

    Between two Latin words or two numbers one space stays, in numbers the point; thousands lose their comma.
    So punctuation, width and line breaks make no difference.
    """
    out: list[str] = []
    at: list[int] = []
    gap = False
    for i, char in enumerate(text):
        if char.isalnum() or char in "%°":
            if gap and out and out[-1].isascii() and char.isascii() and out[-1].isdigit() == char.isdigit():
                out.append(" ")
                at.append(i)
            out.append(char)
            at.append(i)
            gap = False
        elif char in ".,:/" and text[i - 1 : i].isdigit() and text[i + 1 : i + 2].isdigit():
            if char != ",":
                out.append(char)
                at.append(i)
        else:
            gap = True
    return "".join(out), at


def bounded(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` of compact text cuts no Latin word and no number."""
    cut_before = start > 0 and _joined(text[start - 1], text[start])
    cut_behind = end < len(text) and _joined(text[end - 1], text[end])
    return not cut_before and not cut_behind


def _joined(a: str, b: str) -> bool:
    return a.isascii() and b.isascii() and a != " " and b != " "


def stem(word: str) -> str:
    """English endings off, crudely: enough that "simmering" meets "simmer" and "eggs" meets "egg"."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and (word.endswith("e") or word[-1] == word[-2]) else word


_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[\u3400-\u9fff]+")


def grams(text: str) -> dict[str, float]:
    """What a folded text is about, weighted: Chinese bigrams 1, single characters 0.4, Latin stems 1.2.

    Stop words, digits and punctuation are left out; a bigram does not reach over a stop character.
    """
    found: dict[str, float] = {}
    for token in _TOKEN.findall(text):
        if token[0].isascii():
            if token not in STOP_WORDS:
                found[stem(token)] = 1.2
            continue
        for i, char in enumerate(token):
            if char in STOP_CHARS:
                continue
            found[char] = 0.4
            if i + 1 < len(token) and token[i + 1] not in STOP_CHARS:
                found[token[i : i + 2]] = 1.0
    return found
