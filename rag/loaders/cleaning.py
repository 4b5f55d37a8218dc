"""Normal form of text: what is stored, searched and cited is exactly what a reader sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Drawn as nothing, but able to hide words from a reader or from a search: controls, soft hyphen, zero-width
# and bidi marks, fillers, variation selectors other than the two for emoji, tag characters, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U000e0000-\U000e0fff"
    "\ud800-\udfff]"
)
# Joiners shape Arabic and Indic letters and hold emoji together; anywhere else they only hide.
_STRAY_JOINER = re.compile("(?<![\u0600-\u0dff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_PLAIN_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f]")
# PDF fonts often map ideographs to their radicals and letter pairs to ligatures, which no search would find.
_LOOKALIKE = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06]")
# Radicals that are whole characters too, and that NFKC leaves alone (Unicode: EquivalentUnifiedIdeograph.txt).
_RADICALS = dict(
    zip(
        "⺁⺄⺎⺒⺓⺛⺠⺻⺽⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻲",
        "厂乙兀巳幺旡民聿臼虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙亀",
        strict=True,
    )
)
_BLANK_LINES = re.compile("\n{3,}")

CJK = "\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""Inside of a character class: ideographs, kana and full-width punctuation, which are set without spaces."""


def strip_invisible(text: str) -> str:
    """Remove the characters that draw nothing (line ends and tabs stay)."""
    return _STRAY_JOINER.sub("", _INVISIBLE.sub("", text))


def clean(text: str) -> tuple[str, int]:
    """Bring text to its normal form.

    NFC; line ends as LF; invisible characters removed; no-break and typographic spaces as plain ones;
    white space at line ends and ideographic indents dropped; runs of blank lines reduced to one.

    Returns:
        The text, and how many invisible characters were removed. Cleaning the text again changes nothing.
    """
    text = _SURROGATE_PAIR.sub(lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    text = _LINE_END.sub("\n", text)
    visible = strip_invisible(text)
    removed = len(text) - len(visible)
    visible = _LOOKALIKE.sub(_unified, _PLAIN_SPACE.sub(" ", visible))
    # Not by one regular expression: on a long run of spaces inside of a line it would try every length.
    lines = (line.rstrip(" \t\u3000").lstrip("\u3000") for line in visible.split("\n"))
    return _BLANK_LINES.sub("\n\n", unicodedata.normalize("NFC", "\n".join(lines))), removed


def _unified(match: re.Match[str]) -> str:
    return _RADICALS.get(match[0]) or unicodedata.normalize("NFKC", match[0])


def one_line(text: str) -> str:
    """Cleaned text on one line, single spaces."""
    return " ".join(clean(text)[0].split())


_ANY_CJK = re.compile(f"[{CJK}]")


def has_cjk(text: str) -> bool:
    """Whether any character of `text` is Chinese, Japanese or full-width."""
    return _ANY_CJK.search(text) is not None


@lru_cache(maxsize=4096)
def _columns(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """Columns on a terminal or typewriter page: 2 for wide characters, else 1."""
    return len(text) if text.isascii() else sum(map(_columns, text))


_ENDED = tuple("。！？；：…”』」.!?;:")
_MARKER = re.compile(
    r"\s*(?:[-*–—]\s|[•·▪◦●○]|\(?\d{1,3}[.、)）:：]|[一二三四五六七八九十]+[、.]|第.{1,4}[章节步条]|[①-⑳])"
)


def join_lines(lines: Sequence[str]) -> str:
    """Join lines of one sentence: no space between Chinese, a hyphen at a line's end closed up."""
    parts: list[str] = []
    for line in lines:
        line = line.strip() if parts else line.rstrip()
        if parts and line:
            tail, head = parts[-1][-2:], line[:1]
            if re.fullmatch("[a-z]-", tail) and head.islower():
                parts[-1] = parts[-1][:-1]
            elif not has_cjk(tail[-1:]) and not has_cjk(head) and tail[-1:] != "-":
                parts.append(" ")
        if line:
            parts.append(line)
    return "".join(parts)


def unwrap_page(text: str) -> str:
    """Join the lines of a printed page where a sentence runs on.

    A line runs on if it is nearly as wide as the page's widest, does not end a sentence, and the next one
    does not begin a list item.
    """
    lines = text.split("\n")
    full = 0.75 * max((width(line) for line in lines), default=0)
    runs: list[list[str]] = []
    runs_on = False
    for line in lines:
        if runs_on and line.strip() and not _MARKER.match(line):
            runs[-1].append(line)
        else:
            runs.append([line])
        runs_on = full >= 20 and width(line) >= full and not line.rstrip().endswith(_ENDED)
    return "\n".join(join_lines(run) for run in runs)


def is_hard_wrapped(lines: Sequence[str]) -> bool:
    """Whether a paragraph was broken to a fixed width: no line had room for the next one's first word."""
    if len(lines) < 3 or any(_MARKER.match(line) for line in lines[1:]):
        return False
    widths = [width(line) for line in lines]
    most = max(widths)
    if most < 40:
        return False
    for i, following in enumerate(lines[1:]):
        word = following.split(maxsplit=1)[0] if following.split() else ""
        first = word[:2] if has_cjk(word[:1]) else " " + word
        if widths[i] + width(first) <= most:
            return False
    return True
