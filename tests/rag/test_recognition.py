"""Text recognition (OCR) of scans and images; what needs the packages of requirements-ocr.txt is skipped without."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from rag.embeddings import load_embedder
from rag.errors import RagError, UnreadableFileError, UnsafeFileError, UnsupportedFileError
from rag.knowledge_base import KnowledgeBase
from rag.loaders import load, recognition
from rag.loaders.recognition import ScannedPages, rows
from rag.render import results
from rag.settings import RagSettings
from rag.types import Filter
from tests.rag import files
from tests.rag.bases import outcomes

FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)
LINES = (
    "红烧肉的做法",
    "五花肉500克切块，冷水下锅焯水。",
    "小火炖60分钟，大火收汁。",
    "Simmer for 60 minutes over a low flame.",
)
installed = pytest.mark.skipif(not recognition.available(), reason="needs pip install -r requirements-ocr.txt")


def scan() -> Image.Image:
    """A page as a scanner gives it: a little askew, on paper that is not quite white, with noise."""
    font = next((path for path in FONTS if Path(path).exists()), None)
    if font is None:
        pytest.skip("needs a font with Chinese characters")
    page = Image.new("L", (900, 420), 246)
    for n, line in enumerate(LINES):
        ImageDraw.Draw(page).text((60, 50 + 80 * n), line, font=ImageFont.truetype(font, 32), fill=20)
    page = page.rotate(0.5, fillcolor=246, resample=Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 8, (page.height, page.width))
    return Image.fromarray(np.clip(np.asarray(page) + noise, 0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.slow
@installed
def test_scans_are_read_in_the_reading_process_and_their_passages_say_so(tmp_path: Path) -> None:
    scanned, settings = (
        saved(scan(), "PDF", resolution=110),
        RagSettings(tmp_path / "data", readers=1, read_seconds=300),
    )
    mixed = files.make_pdf(["清蒸鲈鱼：水开后上锅蒸8分钟。" * 3, ""], images=[False, True])
    (tmp_path / "in").mkdir()
    for name, data in {"扫描.pdf": scanned, "照片.jpg": saved(scan(), "JPEG", quality=80), "混合.pdf": mixed}.items():
        files.write(tmp_path / "in", name, data)
    with KnowledgeBase(settings, load_embedder(settings)) as base:
        base.create_collection("菜谱", name="recipes")
        outcomes(base, tmp_path / "in")
        documents = {document.source: document for document in base.documents("recipes")}
        for name in ("扫描.pdf", "照片.jpg"):
            text = base.document_text(documents[name].id)
            assert "小火炖60分钟" in text and "Simmer for 60 minutes" in text
            assert len(documents[name].warnings) == 1 and "OCR" in documents[name].warnings[0]
        assert "found none" in documents["混合.pdf"].warnings[0]

        def said() -> dict[str, tuple[bool, int | None]]:
            base.settle()
            found = [base.search("炖60分钟，蒸8分钟", "recipes", 1, Filter(sources=(name,)))[0] for name in documents]
            assert [("OCR" in results([passage], "zh")) for passage in found] == [p.recognised for p in found]
            return {passage.source: (passage.recognised, passage.page) for passage in found}

        expected = {"扫描.pdf": (True, 1), "照片.jpg": (True, None), "混合.pdf": (False, 1)}
        assert said() == expected
        base.backup(tmp_path / "backup.zip")
        base.delete_collection("recipes")
        base.restore(tmp_path / "backup.zip")
        assert said() == expected


@installed
def test_images_that_cannot_be_read_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RagSettings(tmp_path)

    def refused(name: str, data: bytes) -> RagError:
        with pytest.raises(RagError) as caught:
            load(files.write(tmp_path, name, data), limits)
        return caught.value

    blank = saved(Image.new("RGB", (300, 200), "white"), "PNG")
    assert isinstance(refused("x.png", blank), UnreadableFileError) and "no text" in refused("x.png", blank).en
    assert "damaged" in refused("x.png", blank[:60]).en and "JPEG" in refused("x.jpg", blank).en
    monkeypatch.setattr(recognition, "_MOST_PIXELS", 50_000)
    assert isinstance(refused("x.png", blank), UnsafeFileError)


@pytest.mark.skipif(recognition.available(), reason="requirements-ocr.txt is installed")
def test_without_the_packages_it_is_said_how_to_get_them(tmp_path: Path) -> None:
    image = saved(Image.new("RGB", (30, 20)), "PNG")
    for name, data in {"x.png": image, "x.pdf": files.make_pdf(["", ""], images=True)}.items():
        with pytest.raises((UnsupportedFileError, UnreadableFileError)) as caught:
            load(files.write(tmp_path, name, data), RagSettings(tmp_path))
        assert "requirements-ocr.txt" in caught.value.en and "requirements-ocr.txt" in caught.value.zh


def test_no_page_is_begun_after_the_time(tmp_path: Path) -> None:
    pages = ScannedPages(b"", RagSettings(tmp_path, read_seconds=60), began=time.monotonic() - 50)
    assert pages.text(1) is None and pages.late


def test_words_side_by_side_are_one_line() -> None:
    def box(left: float, top: float) -> list[list[float]]:
        return [[left, top], [left + 80, top + 2], [left + 80, top + 22], [left, top + 20]]

    boxes = np.array([box(300, 103), box(10, 160), box(10, 100), box(10, 40)])
    assert rows(boxes, ("500克", "盐", "五花肉", "配料")) == [["配料"], ["五花肉", "500克"], ["盐"]]
