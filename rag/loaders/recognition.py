"""Text recognition (OCR) of images and scanned pages, where `requirements-ocr.txt` is installed.

RapidOCR (Apache-2.0) runs the models of PP-OCR, which come inside its package, with the onnxruntime that Chroma brings;
PDFium draws the pages. A page of print takes 6 s of one core. It all happens in a reading process, within its limits.
"""

from __future__ import annotations

import importlib.util
import io
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.cleaning import unwrap_page
from rag.settings import RagSettings

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGES = (".png", ".jpg", ".jpeg")
"""Suffixes of images, which are read where `available()`."""

_NEEDED = ("rapidocr", "onnxruntime", "pypdfium2")
_DPI, _LONGEST_SIDE = 200, 2400  # of a page as it is drawn; print of 9 points needs some 150
_MOST_PIXELS = 64_000_000  # of an image file; three bytes each while it is read
_FIND_IN = 1280  # the longer side, in pixels, of the copy in which lines are looked for
_SHARE = 0.8  # of the time for a file, after which no further page is begun


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether the packages are installed."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def read_image(data: bytes, out: TextBuilder) -> None:
    """Read an image file.

    Raises:
        UnreadableFileError: damaged, or no text was found in it.
        UnsafeFileError: too many pixels.
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise problems.too_many_pixels(out.label, opened.width, opened.height, _MOST_PIXELS)
        opened.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a JPEG is unpacked at a half or a quarter where it can be
        image = ImageOps.exif_transpose(opened).convert("RGBA")
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image)
    text = _text(paper)
    if not text:
        raise problems.no_words(out.label)
    out.recognised.add(None)
    out.add(unwrap_page(out.cleaned(text)))
    out.warnings.append(
        problems.warning(
            "Its text was read by text recognition (OCR), which may mistake characters and figures.",
            "文字由文字识别（OCR）读出，个别字符和数字可能有误。",
        )
    )


class ScannedPages:
    """The pages of a PDF, read as long as there is time; `late` says whether it ran out."""

    def __init__(self, data: bytes, limits: RagSettings, began: float) -> None:
        self._data = data
        self._until = began + _SHARE * limits.read_seconds
        self._slowest = 0.0
        self.late = False

    def text(self, number: int) -> str | None:
        """The text of a page, None where it cannot be drawn or there is no time."""
        begun = time.monotonic()
        if begun + self._slowest > self._until:
            self.late = True
            return None
        import pypdfium2

        try:
            with pypdfium2.PdfDocument(self._data) as document:
                page = document[number - 1]
                scale = min(_DPI / 72, _LONGEST_SIDE / max(*page.get_size(), 1.0))
                image = page.render(scale=scale, may_draw_forms=False).to_pil()
        except pypdfium2.PdfiumError:
            return None
        found = _text(image)
        self._slowest = max(self._slowest, time.monotonic() - begun)
        return found


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # files are read side by side
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.limit_type": "max",
            "Det.limit_side_len": _FIND_IN,
        }
    )


def _text(image: Image) -> str:
    """The lines of an image from top to bottom, "" where there are none."""
    import numpy as np

    found = _engine()(np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1]))
    if found.boxes is None or found.txts is None:
        return ""
    lines = [" ".join(row) for row in rows(np.asarray(found.boxes, dtype=float), found.txts)]
    return "\n".join(line for line in lines if any(map(str.isalnum, line)))  # a black patch is read as "■"


def rows(boxes: Any, texts: tuple[str, ...]) -> list[list[str]]:
    """Texts that stand side by side, from top to bottom and from left to right.

    Args:
        boxes: float [n, 4, 2], the corners (x, y) of each text.
    """
    tops, bottoms, lefts = boxes[:, :, 1].min(1), boxes[:, :, 1].max(1), boxes[:, :, 0].min(1)
    middles, heights = (tops + bottoms) / 2, bottoms - tops
    found: list[list[int]] = []
    for at in middles.argsort(kind="stable").tolist():
        if found and middles[at] - middles[found[-1][0]] < heights[found[-1]].min() / 2:
            found[-1].append(at)
        else:
            found.append([at])
    return [[texts[at] for at in sorted(row, key=lambda at: lefts[at])] for row in found]
