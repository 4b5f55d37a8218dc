"""Markers out of an answer, and the answer into sentences: Chinese, English, mixed, lists and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.prompts import MARKER

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.S)
# "根据[1]，…" and "According to [1], …": what is left when the marker goes would be a torso.
_LEAD_IN = (
    r"(?:(?:根据|依据|按照|按|据|由|从|参见|参考)\s*(?:资料|来源|文档)?\s*"
    r"|\b(?:according to|as (?:stated|mentioned|described) in|based on)\s+"
    r"(?:the )?(?:passages?|sources?|documents?)?\s*)"
)
_LEAD_OUT = r"(?:\s*(?:的(?:内容|记载|说明|描述)|中|可知|可以看出|所述))?\s*[，,:：]?\s*"
_MARKED = re.compile(rf"(?P<lead>{_LEAD_IN})?{MARKER.pattern}(?:\((?:https?:|www\.|[/#])[^()\s]*\))?", re.I)
_LEAD_OUT_RE = re.compile(_LEAD_OUT)

_BULLET = re.compile(
    r"\s*(?:(?:[-*+•·◦▪–>]|\d{1,3}[.)](?!\d)|[一二三四五六七八九十]{1,3}[、.])\s+"
    r"|\d{1,3}[、．](?!\d)\s*|[(（]\d{1,3}[)）]\s*|(?:[一二三四五六七八九十]{1,3}|[(（][一二三四五六七八九十]{1,3}[)）])、\s*|[①-⑳]\s*)*"
)
_HEADING = re.compile(r"\s*#{1,6}\s")
# A line that only labels what follows.
_LABEL = re.compile(
    r"\W*(?:原料|材料|主料|辅料|配料|调料|食材|用料|做法|步骤|方法|时间|小贴士|贴士|提示|技巧|注意|备注|说明"
    r"|ingredients|method|directions|instructions|preparation|steps|time|tips?|notes?)\W*",
    re.I,
)
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?\s*)?\s*$")
_ENDS = "。！？!?…"
_CLOSERS = "”’」』）)】》*_\"'"
_ABBREVIATED = frozenset(
    ("mr", "mrs", "ms", "dr", "st", "prof", "no", "vs", "e.g", "i.e", "cf", "fig", "vol", "approx")
)


@dataclass(frozen=True)
class Marker:
    """Numbers the model wrote at `position` of the text without markers; `opening`: before its sentence."""

    position: int
    numbers: tuple[int, ...]
    opening: bool = False


@dataclass(frozen=True)
class Sentence:
    """`text[start:end]` is the sentence with its closing punctuation, without bullet, marker and outer space.

    A marker belongs at `end`. `block` counts blank-line-separated blocks; `claim` is False for headings, labels,
    table heads and code, which state nothing that could be cited.
    """

    start: int
    end: int
    block: int
    claim: bool = True


def take_markers(answer: str) -> tuple[str, list[Marker]]:
    """The answer without its citation markers, and the markers with their positions in that text.

    Markers in code stay: there they are an index. A link behind a marker goes with it.
    """
    code = [match.span() for match in _CODE.finditer(answer)]
    text = ""
    markers: list[Marker] = []
    at = 0
    for match in _MARKED.finditer(answer):
        start, end = match.span()
        numbers = tuple(int(n) for n in re.findall(r"\d+", match[2]))
        if 0 in numbers or any(a <= start < b for a, b in code):
            continue
        text += answer[at:start]
        opening = bool(match["lead"]) or not text.rpartition("\n")[2].strip()
        if match["lead"]:
            lead_out = _LEAD_OUT_RE.match(answer, end)
            end = lead_out.end() if lead_out else end
        elif opening:
            end += len(answer[end:]) - len(answer[end:].lstrip(" \t"))
        else:
            text = text.rstrip(" \t")
        markers.append(Marker(len(text), numbers, opening))
        at = end
    return text + answer[at:], markers


def split_sentences(text: str) -> list[Sentence]:
    """Sentences of `text` in order, without overlap. A line break ends a sentence; a table row is one."""
    sentences: list[Sentence] = []
    block, position, fenced, blank = 0, 0, False, False
    lines = text.split("\n")
    for i, line in enumerate(lines):
        start, end = position, position + len(line)
        position = end + 1
        if not line.strip():
            blank = True
            continue
        if blank and sentences:
            block += 1
        blank = False
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or _HEADING.match(line) or _LABEL.fullmatch(line):
            _add(sentences, text, (start, end), block, claim=False)
        elif _TABLE_RULE.match(line):
            continue
        elif line.lstrip().startswith("|"):
            head = i + 1 < len(lines) and _TABLE_RULE.match(lines[i + 1]) is not None
            while start < end and text[start] in " \t|":
                start += 1
            while end > start and text[end - 1] in " \t|":
                end -= 1
            _add(sentences, text, (start, end), block, claim=not head)
        else:
            bullet = _BULLET.match(text, start, end)
            begin = bullet.end() if bullet else start
            for stop in _stops(text, begin, end):
                _add(sentences, text, (begin, stop), block, claim=True)
                begin = stop
    return sentences


def _add(sentences: list[Sentence], text: str, span: tuple[int, int], block: int, *, claim: bool) -> None:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if any(c.isalnum() for c in text[start:end]):
        sentences.append(Sentence(start, end, block, claim))
    elif sentences and sentences[-1].end == start < end and not text[start:end].strip(_CLOSERS + _ENDS + "."):
        last = sentences[-1]
        sentences[-1] = Sentence(last.start, end, last.block, last.claim)


def _stops(text: str, start: int, end: int) -> list[int]:
    """Positions after each sentence of one line, the line's end included."""
    stops: list[int] = []
    i = start
    while i < end:
        i += 1
        if text[i - 1] not in _ENDS and not (text[i - 1] == "." and _full_stop(text, start, i - 1, end)):
            continue
        while i < end and text[i] in _ENDS + ".":
            i += 1
        while i < end and text[i] in _CLOSERS and not _opens(text, start, i):
            i += 1
        stops.append(i)
    return stops if stops and stops[-1] == end else [*stops, end]


def _opens(text: str, start: int, i: int) -> bool:
    """Whether the straight quote or emphasis mark at i opens something: those before it come in pairs."""
    if text[i] not in '*_"':
        return False
    unit = 2 if text[i : i + 2] == text[i] * 2 else 1
    return text.count(text[i], start, i) // unit % 2 == 0


def _full_stop(text: str, start: int, i: int, end: int) -> bool:
    """Whether the "." at i ends a sentence: no decimal, initial, abbreviation or file name."""
    after = text[i + 1 : end]
    if after and after[0].isascii() and not after[0].isspace() and after[0] not in _CLOSERS + ".":
        return False
    word = re.search(r"[A-Za-z][A-Za-z.]*$|\d+$", text[start:i])
    if word is not None and (word[0].lower() in _ABBREVIATED or (len(word[0]) == 1 and word[0].isupper())):
        return False
    rest = after.lstrip(" \t" + _CLOSERS)
    return not (rest and rest[0].islower())
