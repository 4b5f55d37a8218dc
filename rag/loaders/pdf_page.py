"""A page of a PDF as an image, and where on it given words stand. By PDFium, built without JavaScript and XFA."""

from __future__ import annotations

import ctypes
import io
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from rag.loaders.cleaning import clean
from rag.views import Box, Look, PageView

_WIDTH, _MOST_PIXELS = 1240, 4_000_000  # of the image: fine print can be read, and no page can ask for gigabytes
_QUALITY = 80
_LEAST_RUN = 4  # characters that have to agree in a row, where not all do
_LONGEST_PAGE, _LONGEST_WORDS = 20_000, 2_000  # characters that are compared then

Corners = tuple[float, float, float, float]
"""Left, bottom, right, top in PDF's coordinates."""


def plain(text: str) -> str:
    """Letters and digits alone, so that line ends, hyphens and typesetting make no difference."""
    folded = unicodedata.normalize("NFKD", clean(text)[0]).casefold()
    return "".join(char for char in folded if char.isalnum())


def show(data: bytes, look: Look) -> PageView:
    """The page with boxes around the words; no boxes where they are not found on it.

    Raises:
        pypdfium2.PdfiumError: the file or the page cannot be read.
    """
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        page = document[look.page - 1]
        width, height = page.get_size()
        scale = min(_WIDTH / max(width, 1), (_MOST_PIXELS / max(width * height, 1)) ** 0.5)
        image = page.render(scale=scale, may_draw_forms=False).to_pil()
        out = io.BytesIO()
        image.save(out, "WEBP", quality=_QUALITY, method=2)
        boxes = _boxes(page, look.words, look.before)
        return PageView(look.page, len(document), out.getvalue(), image.width, image.height, boxes)


def _boxes(page: Any, words: Sequence[str], before: Sequence[int]) -> tuple[Box, ...]:
    from pypdfium2 import raw

    text = page.get_textpage()
    letters: list[str] = []
    places: list[int] = []  # of each letter among the page's characters
    for place in range(text.count_chars()):
        for letter in plain(chr(raw.FPDFText_GetUnicode(text, place))):
            letters.append(letter)
            places.append(place)
    whole = "".join(letters)
    found: list[Box] = []
    for wanted, earlier in zip(words, before, strict=True):
        for start, end in _runs(whole, plain(wanted), earlier):
            found += _lines(page, text, sorted(set(places[start:end])))
    return tuple(found)


def _runs(whole: str, wanted: str, earlier: int) -> list[tuple[int, int]]:
    """Where `wanted` stands in `whole`, after as many of the same; in pieces where it is not there as a whole."""
    starts: list[int] = []
    at = whole.find(wanted) if wanted else -1
    while at >= 0 and len(starts) <= earlier:
        starts.append(at)
        at = whole.find(wanted, at + 1)
    if starts:
        return [(starts[-1], starts[-1] + len(wanted))]
    wanted = wanted[:_LONGEST_WORDS]
    blocks = SequenceMatcher(None, whole[:_LONGEST_PAGE], wanted, autojunk=False).get_matching_blocks()
    runs = [(block.a, block.a + block.size) for block in blocks if block.size >= _LEAST_RUN]
    return runs if 2 * sum(end - start for start, end in runs) >= len(wanted) else []


def _lines(page: Any, text: Any, places: Sequence[int]) -> list[Box]:
    """Boxes around characters, one for each line."""
    lines: list[Corners] = []
    for place in places:
        left, bottom, right, top = text.get_charbox(place, loose=True)
        if lines and min(lines[-1][3], top) - max(lines[-1][1], bottom) > 0.5 * (top - bottom):
            before = lines[-1]
            lines[-1] = (min(before[0], left), min(before[1], bottom), max(before[2], right), max(before[3], top))
        else:
            lines.append((left, bottom, right, top))
    boxes = [_on_page(page, line) for line in lines]
    return [box for box in boxes if box.right > box.left and box.bottom > box.top]


def _on_page(page: Any, corners: Corners) -> Box:
    """From PDF's coordinates to shares of the page as it is seen, turned and cropped."""
    from pypdfium2 import raw

    fine = 100_000
    x, y = ctypes.c_int(), ctypes.c_int()
    seen: list[tuple[float, float]] = []
    for left, bottom in (corners[:2], corners[2:]):
        raw.FPDF_PageToDevice(page, 0, 0, fine, fine, 0, left, bottom, x, y)
        seen.append((min(max(x.value / fine, 0), 1), min(max(y.value / fine, 0), 1)))
    (a, b), (c, d) = seen
    return Box(min(a, c), min(b, d), max(a, c), max(b, d))
