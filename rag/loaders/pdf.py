"""PDF files: the text of each page, with its number."""

from __future__ import annotations

import io
import logging
import re
import time
from collections import Counter
from typing import Any

from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.cleaning import CJK, unwrap_page
from rag.loaders.pdf_hidden import Unseen, attached
from rag.loaders.recognition import ScannedPages, available

MAX_PAGES = 5000
# Processor time, so that a busy machine fails no honest file. A page of dense print takes well under a second.
PAGE_SECONDS = 20.0
FILE_SECONDS = 600.0
# Bytes of drawing commands a page may unpack to; a page of print needs some ten thousand.
MAX_STREAM = 20 * 2**20
# A page with an image and less text than this may be a scan with a printed or stamped line.
STAMP_CHARS = 40
MAX_LISTED_PAGES = 12

# Space that typesetting put around full-width punctuation, where no writer types any.
_CJK_GAP = re.compile(
    "(?<=[，。、；：！？（【《「『]) +| +(?=[，。、；：！？）】》」』])"
    f"|(?<=[{CJK}]) +(?=[“”‘’])|(?<=[“”‘’]) +(?=[{CJK}])"
)
# What programs write into the title field when nobody gave one.
_NO_TITLE = re.compile(
    r"(?i)microsoft (?:word|powerpoint|excel)\b.*|untitled.*|无标题.*|document\d*|文档\d*|.*\.(?:docx?|pptx?|xlsx?"
    r"|indd|qxd|tex|dvi|ps|pdf|wps|html?)"
)


def read_pdf(data: bytes, out: TextBuilder) -> str | None:
    """Read all pages; a page that cannot be read is named in the warnings. Scanned pages go through text recognition
    where that is installed.

    Returns:
        The title in the file's properties, if any.

    Raises:
        UnreadableFileError: damaged, cut off, protected by a password, or without any text (a scan).
        UnsafeFileError: too many pages, or pages built to take for ever.
    """
    import pypdf
    from pypdf.errors import DependencyError, PyPdfError

    # A file cut off in transfer has lost its end mark (ISO 32000-1, 7.5.5). pypdf would take that of an earlier
    # version inside of the file, and lose what was added since.
    if not re.search(rb"%%EOF|startxref", data[-2048:]):
        raise problems.damaged(out.label, ".pdf")
    # It logs every flaw it repairs; what matters to the user goes into the warnings.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with pypdf.apply_configuration(
        array_based_stream_maximum_output_length=MAX_STREAM,
        lzw_maximum_output_length=MAX_STREAM,
        run_length_maximum_output_length=MAX_STREAM,
        zlib_maximum_output_length=MAX_STREAM,
    ):
        try:
            reader = pypdf.PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise problems.encrypted(out.label)
            count = len(reader.pages)
            if count > MAX_PAGES:
                raise problems.too_many_pages(out.label, count, MAX_PAGES)
            if count == 0:
                raise problems.damaged(out.label, ".pdf")
            _Pages(reader, out, data).read()
            out.warnings += attached(reader)
            return _title(reader)
        except DependencyError as error:
            raise problems.cipher_missing(out.label) from error
        except PyPdfError as error:
            raise problems.damaged(out.label, ".pdf") from error


class _TooSlow(Exception):
    pass


class _Pages:
    def __init__(self, reader: Any, out: TextBuilder, data: bytes) -> None:
        self.reader, self.out = reader, out
        self._scans = ScannedPages(data, out.limits, time.monotonic()) if available() else None
        self._began = time.thread_time()
        self._page_began = 0.0
        self._slow = False
        self._unseen = Unseen()

    def read(self) -> None:
        texts: list[str] = []
        failed: list[int] = []
        images: list[int] = []
        for number, page in enumerate(self.reader.pages, start=1):
            self._page_number = number
            self._unseen.page(number)
            text = self._text(page)
            if text is None:
                failed.append(number)
            elif len(text) < STAMP_CHARS and has_image(page):
                images.append(number)
            texts.append(text or "")
        if len(failed) == len(texts):
            raise problems.too_slow(self.out.label) if self._slow else problems.damaged(self.out.label, ".pdf")
        if self._scans:
            texts = self._recognised(texts, images, self._scans)
        # A scanner's stamp ("Scanned with …", a page number) is the same on all pages and no text of the document.
        stamps = {re.sub(r"\d+", "", text) for text in texts}
        scanned = len(images) == len(texts) - len(failed)
        if scanned and not self.out.recognised and len(stamps - {""}) <= 1 and ("" in stamps or len(texts) > 1):
            raise problems.only_images(self.out.label, len(texts), tried=self._scans is not None)
        for number, text in enumerate(without_running_lines(texts), start=1):
            self.out.section(page=number)
            self.out.add(unwrap_page(text))
        self._report(failed, images=[n for n in images if not texts[n - 1]])

    def _recognised(self, texts: list[str], images: list[int], scans: ScannedPages) -> list[str]:
        """`texts` with those of scanned pages, as far as more was found than is there."""
        found = dict(enumerate(texts, start=1))
        for number in images:
            text = self.out.cleaned(scans.text(number) or "").strip()
            if len(text) > len(found[number]):
                found[number] = text
                self.out.recognised.add(number)
        return list(found.values())

    def _text(self, page: Any) -> str | None:
        """The page's text, None if it cannot be had."""
        from pypdf.errors import LimitReachedError

        self._page_began = time.thread_time()
        self._slow_page = False
        try:
            text = page.extract_text(visitor_operand_before=self._watch)
        except LimitReachedError:
            self._slow_page, text = True, None
        except Exception:  # pypdf meets a damaged page with errors of every type
            text = None
        if self._slow_page:
            self._slow = True
            text = None
        if time.thread_time() - self._began > FILE_SECONDS:
            raise problems.too_slow(self.out.label)
        if text is None:
            return None
        return _CJK_GAP.sub("", self.out.cleaned(text)).strip()

    def _watch(self, operator: bytes, operands: Any, cm: Any, tm: Any) -> None:
        self._unseen.operation(operator, operands, cm, tm)
        # pypdf swallows errors inside of form objects: the flag tells, and the next operation raises again.
        if time.thread_time() - self._page_began > PAGE_SECONDS:
            self._slow_page = True
            raise _TooSlow

    def _report(self, failed: list[int], images: list[int]) -> None:
        if unseen := self._unseen.pages():
            self.out.warnings.append(
                problems.warning(
                    f"{len(unseen)} page(s) hold text in white, invisible or tiny, which a reader may not see: "
                    f"{_listed(unseen)}. It was kept.",
                    f"有 {len(unseen)} 页含有白色、不可见或极小的文字，读者可能看不到：第 {_listed(unseen)} 页。"
                    "已照样收录。",
                )
            )
        if failed:
            self.out.warnings.append(
                problems.warning(
                    f"{len(failed)} page(s) are damaged or too complex and were left out: {_listed(failed)}.",
                    f"有 {len(failed)} 页已损坏或过于复杂，未收录：第 {_listed(failed)} 页。",
                )
            )
        if recognised := sorted(number for number in self.out.recognised if number):
            self.out.warnings.append(
                problems.warning(
                    f"{len(recognised)} page(s) were read by text recognition (OCR), which may mistake characters and "
                    f"figures: {_listed(recognised)}.",
                    f"有 {len(recognised)} 页由文字识别（OCR）读出，个别字符和数字可能有误："
                    f"第 {_listed(recognised)} 页。",
                )
            )
        if images:
            en, zh = self._advice()
            self.out.warnings.append(
                problems.warning(
                    f"{len(images)} page(s) hold only images, no text: {_listed(images)}. {en}.",
                    f"有 {len(images)} 页只有图片，没有文字：第 {_listed(images)} 页。{zh}。",
                )
            )

    def _advice(self) -> tuple[str, str]:
        """What to do about pages that hold only images."""
        if self._scans is None:
            en, zh = problems.INSTALL_OCR
            return f"They need text recognition (OCR). {en}", f"需要文字识别（OCR）。{zh}"
        if self._scans.late:
            return (
                "There was no time for text recognition (OCR) of all of them: raise read_seconds, delete the document "
                "and add it again",
                "时间不够，未能对全部页面做文字识别（OCR）：请调高 read_seconds，删除该文档后重新添加",
            )
        return "Text recognition (OCR) found none on them", "文字识别（OCR）没有找到文字"


def without_running_lines(texts: list[str]) -> list[str]:
    """Drop page numbers, and what is printed at the head or foot of most pages from its second time on.

    Such lines would stand in the middle of sentences and make all pages look alike to a search. A line counts
    as the same on two pages if only "page / number of pages" differs. Needs four pages to judge.
    """
    if len(texts) < 4:
        return texts
    pages = [text.split("\n") for text in texts]

    def form(line: str, page: int) -> str:
        of_pages = rf"(?<!\d){page}\s*(?:/|of|共)\s*{len(pages)}(?!\d)"
        bare = line.strip(" -–—·.|第页頁Pp")
        return "#" if bare == str(page) else re.sub(of_pages, "#", line.strip())

    edges = [set(range(min(2, len(lines)))) | set(range(max(0, len(lines) - 2), len(lines))) for lines in pages]
    forms = [{at: form(lines[at], n) for at in edges[n - 1]} for n, lines in enumerate(pages, start=1)]
    counts = Counter(text for page in forms for text in set(page.values()) if text)
    running = {text for text, count in counts.items() if count > len(pages) / 2}
    seen: set[str] = {"#"}
    kept = []
    for lines, page_forms in zip(pages, forms, strict=True):
        repeats = {at for at, text in page_forms.items() if text in running and text in seen}
        seen |= {text for text in page_forms.values() if text in running}
        kept.append("\n".join(line for at, line in enumerate(lines) if at not in repeats).strip())
    return kept


def has_image(page: Any) -> bool:
    """Whether a page draws an image, directly or through one form object."""
    try:
        resources = page.get("/Resources")
        for _ in range(2):
            named = resources.get_object()["/XObject"].get_object()
            objects = [found.get_object() for found in named.values()]
            if any(o.get("/Subtype") == "/Image" for o in objects):
                return True
            forms = [o for o in objects if o.get("/Subtype") == "/Form" and "/Resources" in o]
            if not forms:
                break
            resources = forms[0]["/Resources"]
    except (AttributeError, KeyError, TypeError, ValueError):  # resources missing or not what they should be
        return False
    return False


def _title(reader: Any) -> str | None:
    try:
        title = (reader.metadata.title or "").strip() if reader.metadata else ""
    except Exception:  # a damaged title is no reason to lose the document
        return None
    title = title[:500]
    return title if len(title) > 1 and not _NO_TITLE.fullmatch(title) else None


def _listed(pages: list[int]) -> str:
    shown = ", ".join(str(n) for n in pages[:MAX_LISTED_PAGES])
    return shown + (" …" if len(pages) > MAX_LISTED_PAGES else "")
