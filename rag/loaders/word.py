"""Word documents (.docx): headings by style or outline level, list numbers, tables, text boxes, notes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from rag.loaders import problems
from rag.loaders.builder import TextBuilder
from rag.loaders.cleaning import one_line
from rag.loaders.numbering import Numbering
from rag.loaders.office import check_package
from rag.loaders.tables import Cell, repeated, table_lines
from rag.loaders.wordml import W, is_on, value

_HEADING = re.compile(r"(?:heading|标题|標題)\s*([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|目录|目錄)\s*(?:\d|heading)", re.IGNORECASE)
# Deleted text, field codes and the second copy of every drawing (kept for old programs) are not seen.
_UNSEEN = {
    W + "del", W + "moveFrom", W + "instrText", W + "delText", W + "rPr", W + "pPr", W + "txbxContent",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}  # fmt: skip
_CONTAINERS = {W + "sdt", W + "sdtContent", W + "customXml", W + "ins", W + "moveTo", W + "smartTag"}
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_TEXT = {W + "t", _MATH_TEXT}
_SIGNS = {W + "tab": " ", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": " "}
_NOTES = {W + "footnoteReference": "footnote", W + "endnoteReference": "endnote"}


def read_docx(data: bytes, out: TextBuilder) -> str | None:
    """Read the body; tracked deletions and hidden runs are left out, insertions kept.

    Returns:
        The title in the file's properties, if any.

    Raises:
        UnreadableFileError, UnsafeFileError: see `check_package`.
    """
    check_package(data, ".docx", out)
    import docx

    document = docx.Document(io.BytesIO(data))
    reader = _Reader(document, out)
    reader.blocks(document.element.body)
    reader.notes()
    if reader.hidden:
        count, sample = len(reader.hidden), one_line(reader.hidden[0])[:60]
        out.warnings.append(
            problems.warning(
                f"Text marked as hidden was left out in {count} place(s), the first: “{sample}”.",
                f"有 {count} 处标记为隐藏的文字未收录，第一处：“{sample}”。",
            )
        )
    if reader.white:
        count, sample = len(reader.white), one_line(reader.white[0])[:60]
        out.warnings.append(
            problems.warning(
                f"White text, which a reader may not see, was kept in {count} place(s), the first: “{sample}”.",
                f"有 {count} 处白色文字读者可能看不到，已照样收录，第一处：“{sample}”。",
            )
        )
    out.tricks.see("".join(text for text in document.element.body.itertext() if isinstance(text, str)))
    return document.core_properties.title


class _Reader:
    def __init__(self, document: Any, out: TextBuilder) -> None:
        self.out = out
        self.hidden: list[str] = []
        self.white: list[str] = []
        self._styles = {s.get(W + "styleId"): s for s in document.styles.element.iterchildren(W + "style")}
        self._parts = {rel.reltype.rsplit("/", 1)[-1]: rel for rel in document.part.rels.values()}
        self._numbering = Numbering(self._part("numbering"))
        self._kinds: dict[str | None, tuple[int | None, Any]] = {}
        self._cited: list[tuple[str, str | None]] = []
        self._in_list = False

    def _part(self, kind: str) -> Any:
        """Root element of a part related to the document, None if there is none."""
        rel = self._parts.get(kind)
        if rel is None or rel.is_external:
            return None
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.fromstring(rel.target_part.blob, parser)

    def blocks(self, parent: Any) -> None:
        for block in parent:
            if block.tag == W + "p":
                self._paragraph(block)
            elif block.tag == W + "tbl":
                self._table(block)
            elif block.tag in _CONTAINERS:
                self.blocks(block)

    def _paragraph(self, paragraph: Any) -> None:
        style = self._style_of(paragraph)
        level, style_numbers = self._kind(style)
        if level == _SKIP:
            return
        text = "".join(self._inline(paragraph)).strip("\n")
        properties = paragraph.find(W + "pPr")
        outline = value(properties, "outlineLvl") if properties is not None else None
        if outline is not None and outline.isdecimal():
            level = int(outline) + 1 if int(outline) < 9 else None
        numbers = properties.find(W + "numPr") if properties is not None else None
        marker = ""
        if text.strip():
            marker = self._numbering.marker(numbers, style_numbers)
        if level is not None and text.strip():
            self.out.heading(level, marker.strip() + ("" if _tight(marker) else " ") + text)
            self._in_list = False
        else:
            self.out.add(marker + text, gap=1 if marker and self._in_list else 2)
            self._in_list = bool(marker) if text.strip() else self._in_list
        for box in paragraph.iter(W + "txbxContent"):
            if not any(a.tag in _UNSEEN and a is not box for a in box.iterancestors()):
                self.blocks(box)

    def _style_of(self, paragraph: Any) -> str | None:
        properties = paragraph.find(W + "pPr")
        return value(properties, "pStyle") if properties is not None else None

    def _kind(self, style_id: str | None) -> tuple[int | None, Any]:
        """Heading level of a style (0 for a title, None for text) and its numbering, own or inherited."""
        if style_id not in self._kinds:
            level: int | None = None
            numbers = None
            seen: set[str | None] = set()
            name_id = style_id
            while name_id in self._styles and name_id not in seen:
                seen.add(name_id)
                style = self._styles[name_id]
                name = value(style, "name") or ""
                properties = style.find(W + "pPr")
                if properties is not None:
                    outline = value(properties, "outlineLvl")
                    if level is None and outline is not None and outline.isdecimal() and int(outline) < 9:
                        level = int(outline) + 1
                    if numbers is None:
                        numbers = properties.find(W + "numPr")
                if _CONTENTS.match(name):
                    level = _SKIP
                elif level is None and (found := _HEADING.fullmatch(name.strip())):
                    level = int(found[1])
                elif level is None and name.lower() == "title":
                    level = 0
                name_id = value(style, "basedOn")
            self._kinds[style_id] = (level, numbers)
        return self._kinds[style_id]

    def _inline(self, node: Any) -> Iterator[str]:
        for child in node:
            tag = child.tag
            if tag in _TEXT:
                yield child.text or ""
            elif tag in _SIGNS:
                yield _SIGNS[tag]
            elif tag in _NOTES:
                self._cited.append((_NOTES[tag], child.get(W + "id")))
                yield f"[{len(self._cited)}]"
            elif tag == W + "r":
                yield from self._run(child)
            elif tag not in _UNSEEN and isinstance(tag, str):
                yield from self._inline(child)

    def _run(self, run: Any) -> Iterator[str]:
        properties = run.find(W + "rPr")
        text = "".join(self._inline(run))
        if properties is not None and text.strip():
            size = value(properties, "sz") or ""
            if is_on(properties, "vanish") or (size.isdecimal() and int(size) <= 2):  # half points
                self.hidden.append(text)
                return
            if (value(properties, "color") or "").upper() == "FFFFFF" and not _is_shaded(run):
                self.white.append(text)  # kept: a table's style may give it a dark ground
        yield text

    def notes(self) -> None:
        """Write the footnotes and endnotes that were cited, numbered as in the text."""
        if not self._cited:
            return
        notes: dict[tuple[str, str | None], Any] = {}
        for kind in ("footnote", "endnote"):
            root = self._part(kind + "s")
            for note in root if root is not None else ():
                notes[kind, note.get(W + "id")] = note
        for number, key in enumerate(list(self._cited), start=1):
            if key in notes:
                text = one_line(" ".join("".join(self._inline(p)) for p in notes[key].iter(W + "p")))
                if text:
                    self.out.add(f"[{number}] {text}", gap=2 if number == 1 else 1)

    def _table(self, table: Any) -> None:
        grid: list[list[Cell]] = []
        header_rows = 0
        for row in _below(table, W + "tr"):
            properties = row.find(W + "trPr")
            if properties is not None and properties.find(W + "del") is not None:
                continue
            before = value(properties, "gridBefore") if properties is not None else None
            line: list[Cell] = [""] * _count(before, 0)
            for cell in _below(row, W + "tc"):
                shape = cell.find(W + "tcPr")
                width = _count(value(shape, "gridSpan"), 1) if shape is not None else 1
                merge = shape.find(W + "vMerge") if shape is not None else None
                goes_on = merge is not None and merge.get(W + "val") != "restart"
                if goes_on and grid and len(line) < len(grid[-1]):
                    line.append(repeated(grid[-1][len(line)]))
                else:
                    line.append(self._cell(cell))
                line += [None] * (width - 1)
            if header_rows == len(grid) and properties is not None and is_on(properties, "tblHeader"):
                header_rows += 1
            grid.append(line)
        if max((len(line) for line in grid), default=0) == 1:
            # A frame around text: its lines are worth more than one long row.
            for cell in table.iter(W + "tc"):
                self.blocks(cell)
            return
        gap = 2
        for text in table_lines(grid, header_rows):
            self.out.add(text, gap)
            gap = 1
        self._in_list = False

    def _cell(self, cell: Any) -> str:
        texts = []
        for paragraph in cell.iter(W + "p"):
            properties = paragraph.find(W + "pPr")
            numbers = properties.find(W + "numPr") if properties is not None else None
            text = "".join(self._inline(paragraph))
            if text.strip():
                texts.append(self._numbering.marker(numbers, None).strip() + " " + text)
        return one_line(" ".join(texts))


def _is_shaded(run: Any) -> bool:
    """Whether the run, or anything around it, sets a ground of its own."""
    around = [run, *run.iterancestors()]
    properties = (part for el in around for part in el if str(part.tag).endswith("Pr"))
    return any(part.find(W + "shd") is not None for part in properties)


_SKIP = -1
MAX_COLUMNS = 200


def _tight(marker: str) -> bool:
    return not marker or marker.strip().endswith(("、", "．", "）", "：", "章", "节", "条"))


def _count(text: str | None, default: int) -> int:
    return min(int(text), MAX_COLUMNS) if text and text.isdecimal() else default


def _below(parent: Any, tag: str) -> Iterator[Any]:
    """Children with `tag`, also inside content controls and tracked insertions."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in _CONTAINERS:
            yield from _below(child, tag)
