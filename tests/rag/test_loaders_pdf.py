"""PDF: pages, running text, scans, and pages built to take for ever."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from rag.errors import UnsafeFileError
from rag.loaders import load, pdf
from rag.settings import RagSettings
from tests.rag import files


@pytest.fixture
def limits(tmp_path: Path) -> RagSettings:
    return RagSettings(data_dir=tmp_path)


@pytest.fixture
def read(tmp_path: Path):
    return partial(files.load_checked, tmp_path)


def test_pdf_pages_are_numbered_sections(read) -> None:
    document = read("x.pdf", files.make_pdf(["红烧肉的做法\n五花肉500克", "page two: fi ﬁnd ⾁"], title="菜谱"))
    assert document.title == "菜谱"
    assert [(s.page, document.text[s.start : s.end].strip()) for s in document.sections] == [
        (1, "红烧肉的做法\n五花肉500克"),
        (2, "page two: fi find 肉"),
    ]


def test_pdf_sentences_broken_by_lines_are_joined(read) -> None:
    text = "红烧肉要选三层肥瘦相间的五花肉切成三厘米见方\n的大块冷水下锅。\n1. 焯水\n"
    text += "boil the meat gently for an hour and then let it sim-\nmer in soy"
    assert read("x.pdf", files.make_pdf([text])).text == (
        "红烧肉要选三层肥瘦相间的五花肉切成三厘米见方的大块冷水下锅。\n1. 焯水\n"
        "boil the meat gently for an hour and then let it simmer in soy"
    )


def test_pdf_running_lines_and_page_numbers_are_dropped(read) -> None:
    pages = [f"公司手册\n第{w}章讲{w}，\n共三节。\n- {n} -\n{n}/6" for n, w in enumerate("甲乙丙丁戊己", start=1)]
    document = read("x.pdf", files.make_pdf(pages))
    assert document.text.count("公司手册") == 1  # what was there is not lost
    rest = "\n\n".join(f"第{w}章讲{w}，\n共三节。" for w in "甲乙丙丁戊己")
    assert document.text == "公司手册\n" + rest
    lessons = read("y.pdf", files.make_pdf([f"第{n}课\n内容{w}" for n, w in enumerate("甲乙丙丁", start=1)]))
    # control: a heading that counts up like the pages is content
    assert lessons.text == "第1课\n内容甲\n\n第2课\n内容乙\n\n第3课\n内容丙\n\n第4课\n内容丁"


def test_pdf_typesetting_spaces_are_closed(read) -> None:
    assert read("x.pdf", files.make_pdf(["用 4 位 nf4 、 bf16 ，见 “ 知识库 ” 页。 完"])).text == (
        "用 4 位 nf4、bf16，见“知识库”页。完"
    )


@pytest.mark.parametrize("title", ["Microsoft Word - 草稿.docx", "untitled", "report.indd", ""])
def test_pdf_title_left_by_a_program_is_no_title(read, title: str) -> None:
    assert read("年报.pdf", files.make_pdf(["正文"], title=title)).title == "年报"


def test_pdf_page_without_text_is_reported_and_the_rest_read(read) -> None:
    document = read("x.pdf", files.make_pdf(["第一页的文字", "", "第三页的文字"], images=[False, True, False]))
    assert [s.page for s in document.sections] == [1, 3]
    assert len(document.warnings) == 1 and "2" in document.warnings[0] and "OCR" in document.warnings[0]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_pdf_with_an_owner_password_only_is_read(read, algorithm: str) -> None:
    data = files.encrypt_pdf(files.make_pdf(["可以阅读"]), user="", algorithm=algorithm)
    assert read("x.pdf", data).text == "可以阅读"


# --- PDFs that would take for ever


def test_pdf_page_limit(tmp_path: Path, limits: RagSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.write(tmp_path, "x.pdf", files.make_pdf(["甲", "乙", "丙"]))
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    with pytest.raises(UnsafeFileError, match="3 pages; the limit is 2"):
        load(path, limits)


def test_pdf_page_over_its_time_is_left_out_and_named(
    tmp_path: Path, limits: RagSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is the part that cannot be had for real: it jumps an hour while the second page is read."""
    path = files.write(tmp_path, "x.pdf", files.make_pdf(["甲页", "乙页", "丙页"]))
    now = {"seconds": 0.0, "calls": 0}
    watch = pdf._Pages._watch

    def slow_second_page(self: object, *args: object) -> None:
        if self._page_number == 2:  # type: ignore[attr-defined]
            now["seconds"] += pdf.PAGE_SECONDS
        watch(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(time, "thread_time", lambda: now["seconds"])
    monkeypatch.setattr(pdf._Pages, "_watch", slow_second_page)
    document = load(path, limits)
    assert [s.page for s in document.sections] == [1, 3]
    assert "乙页" not in document.text
    assert len(document.warnings) == 1 and ": 2." in document.warnings[0]


def test_pdf_over_the_time_of_a_file_is_refused(
    tmp_path: Path, limits: RagSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write(tmp_path, "x.pdf", files.make_pdf(["甲", "乙"]))
    monkeypatch.setattr(pdf, "FILE_SECONDS", -1.0)
    with pytest.raises(UnsafeFileError, match="too long"):
        load(path, limits)


def test_pdf_with_one_damaged_page_keeps_the_others(tmp_path: Path, limits: RagSettings) -> None:
    data = files.make_pdf(["甲页", "乙页"])
    at = data.rfind(b"/FlateDecode")  # of the last page's drawing commands
    data = data[:at] + b"/NoSuchCoder" + data[at + 12 :]
    document = load(files.write(tmp_path, "x.pdf", data), limits)
    assert document.text == "甲页"
    assert len(document.warnings) == 1 and ": 2." in document.warnings[0]
