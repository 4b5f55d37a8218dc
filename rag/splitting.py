"""Loaded documents into chunks: along their sections first, then along sentences.

A chunk is a stretch of the document (`chunk.text == document.text[chunk.start:chunk.end]`) of at most `chunk_size`
characters. Sections are packed bottom-up: whatever fits as a whole stays whole (a short recipe is one chunk), small
neighbours under one heading are joined, and only a section too long by itself is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from rag.loaders.builder import heading_part
from rag.settings import RagSettings
from rag.types import Chunk, LoadedDocument

# Strongest first. A sentence takes its closing quotation marks along; "1. " does not end one.
SEPARATORS = [
    r"\n\n+",
    r"\n",
    r"[。！？][”’」』）]*|(?<![0-9])\. |[!?] ",
    r"；|; ",
    r"，|, ",
    r" ",
    "",
]
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Where a repeated stretch (overlap) may begin, best first.
_OVERLAP_STARTS = [re.compile(s) for s in (r"\n+", r"[。！？][”’」』）]*|(?<![0-9])[.!?] ", r"[；，、]|[;,] ", r" ")]


@dataclass
class _Part:
    """A section with its path, trimmed of white space; `bare` if it is a heading line and nothing more."""

    start: int
    end: int
    path: tuple[str, ...]
    page: int | None
    bare: bool


@dataclass
class _Unit:
    """Neighbouring parts that become one chunk, or several if they are too long; `whole` units join no other."""

    parts: list[_Part]
    whole: bool = False

    @property
    def start(self) -> int:
        return self.parts[0].start

    @property
    def size(self) -> int:
        return self.parts[-1].end - self.parts[0].start


def split(loaded: LoadedDocument, settings: RagSettings) -> list[Chunk]:
    """Cut a document into chunks, in reading order.

    A chunk never reaches over a page, nor over two documents in one file (outermost headings of a file that begins
    with one and has several, sheets of a workbook). `heading` is the path its sections share, without the document's
    title. Only chunks cut from one section overlap, by up to `chunk_overlap` characters from a sentence's start.
    A heading line is left out where the chunk below it has no room for it: the path names it.
    """
    parts = _parts(loaded)
    size = chunk_size(loaded.text, settings)
    tops = {part.path[0] for part in parts if part.path}
    separate = len(tops) > 1 and bool(parts[0].path) and parts[0].path[0] != heading_part(loaded.title)
    chunks: list[Chunk] = []
    for _, group in groupby(parts, key=lambda p: (p.page, p.path[:1] if separate else ())):
        for unit in _attach_headings(_pack(list(group), 0, size), size):
            heading = _common_heading(unit.parts, loaded.title)
            overlap = min(round(settings.chunk_overlap * size / max(1, settings.chunk_chars)), size // 2)
            for start, end in _cut(loaded.text, unit, size, overlap):
                chunks.append(Chunk(loaded.text[start:end], start, end, heading, unit.parts[0].page))
    return chunks


def chunk_size(text: str, settings: RagSettings) -> int:
    """Longest chunk of a document, in characters: `chunk_chars` where it is Chinese, 2.5 times as many elsewhere.

    So chunks of every language hold about as much to read: a Chinese character is about 0.6 tokens, a letter 0.25.
    """
    sample = text[:20_000]
    chinese = len(_CJK.findall(sample))
    return max(1, settings.chunk_chars if 5 * chinese >= len(sample) else round(2.5 * settings.chunk_chars))


def _parts(loaded: LoadedDocument) -> list[_Part]:
    parts = []
    for section in loaded.sections:
        start, end = _trim(loaded.text, section.start, section.end)
        if start < end:
            path = tuple(section.heading.split(" > ")) if section.heading else ()
            line = loaded.text[start:end] if end - start < 1000 else ""
            bare = bool(path) and "\n" not in line and heading_part(line) == path[-1]
            parts.append(_Part(start, end, path, section.page, bare))
    return parts


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _pack(parts: list[_Part], depth: int, size: int) -> list[_Unit]:
    """Pack parts that share their path down to `depth`."""
    if _Unit(parts).size <= size:
        return [_Unit(parts, whole=any(len(part.path) > depth for part in parts))]
    units: list[_Unit] = []
    for deeper, group in groupby(parts, key=lambda p: p.path[: depth + 1] if len(p.path) > depth else None):
        members = list(group)
        if deeper is None or len(members) == 1 or all(p.path == deeper for p in members):
            found = [_Unit([part]) for part in members]
        else:
            found = _pack(members, depth + 1, size)
            found[0].whole = found[-1].whole = True
        for unit in found:
            last = units[-1] if units else None
            if last and _join(last, unit, size):
                last.parts += unit.parts
            else:
                units.append(unit)
    return units


def _join(first: _Unit, second: _Unit, size: int) -> bool:
    # Two sections that each fill a third of a chunk are found better apart, under their own headings.
    small = min(first.size, second.size) <= size // 3
    fits = first.size + _gap(first, second) + second.size <= size
    return small and fits and not first.whole and not second.whole


def _gap(first: _Unit, second: _Unit) -> int:
    return second.start - first.parts[-1].end


def _attach_headings(units: list[_Unit], size: int) -> list[_Unit]:
    """Give heading lines that stand alone to the chunk below, or drop them where its path says the same."""
    out: list[_Unit] = []
    for unit in reversed(units):
        below = out[-1] if out else None
        if below is not None and all(part.bare for part in unit.parts):
            if below.size > size or unit.size + _gap(unit, below) + below.size <= size:
                below.parts = unit.parts + below.parts
                continue
            path = below.parts[0].path
            if all(part.path == path[: len(part.path)] for part in unit.parts):
                continue
        out.append(unit)
    return out[::-1]


def _common_heading(parts: list[_Part], title: str) -> str:
    paths = [part.path for part in parts if not part.bare] or [part.path for part in parts]
    common = paths[0]
    for path in paths[1:]:
        shared = next((i for i, (a, b) in enumerate(zip(common, path, strict=False)) if a != b), None)
        common = common[: min(len(common), len(path)) if shared is None else shared]
    if common and common[0] == heading_part(title):
        common = common[1:]
    return " > ".join(common)


def _cut(text: str, unit: _Unit, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Character ranges of a unit's chunks, each at most `size` long.

    The splitter is asked for pieces without overlap, trimming or loss, which lie end to end: so their offsets are
    sums of lengths, exact also where the text repeats itself. The overlap is then added in front.
    """
    start, end = unit.start, unit.parts[-1].end
    if end - start <= size:
        yield start, end
        return
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=size - overlap,
        chunk_overlap=0,
        strip_whitespace=False,
    )
    ranges: list[tuple[int, int]] = []
    at = start
    for piece in splitter.split_text(text[start:end]):
        trimmed = _trim(text, at, at + len(piece))
        at += len(piece)
        if trimmed[0] == trimmed[1]:
            continue
        # A short piece (a line before a long paragraph, a last few words) joins its neighbour if there is room.
        if ranges and trimmed[1] - ranges[-1][0] <= size and min(_length(trimmed), _length(ranges[-1])) <= overlap:
            ranges[-1] = (ranges[-1][0], trimmed[1])
        else:
            ranges.append(trimmed)
    for i, (first, last) in enumerate(ranges):
        if i and overlap:
            first = _overlap_start(text, max(ranges[i - 1][0], last - size, first - overlap), first)
        yield first, last


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _overlap_start(text: str, earliest: int, start: int) -> int:
    """Where to begin a chunk within [earliest, start], so that it begins with a line, sentence, clause or word."""
    before = text[earliest:start]
    for boundary in _OVERLAP_STARTS:
        for found in boundary.finditer(before):
            if before[found.end() :].strip():
                return earliest + found.end() + len(before[found.end() :]) - len(before[found.end() :].lstrip())
        if re.search(f"(?:{boundary.pattern})$", before):
            return start  # a clean cut already, with nothing that short to repeat
    return earliest if before.strip() and not before[0].isspace() else start
