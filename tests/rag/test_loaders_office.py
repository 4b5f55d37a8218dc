"""Word, Excel and CSV: headings, list numbers, and rows that stand alone."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.rag import files


@pytest.fixture
def read(tmp_path: Path):
    return partial(files.load_checked, tmp_path)


def test_word_headings_lists_tables_and_hidden_runs(read) -> None:
    from docx.shared import Pt

    def build(document) -> None:
        document.add_heading("红烧肉", 0)
        document.add_paragraph("家常菜。")
        document.add_heading("食材", 1)
        for item in ("冰糖", "姜"):
            document.add_paragraph(item, style="List Bullet")
        document.add_heading("做法", 1)
        document.add_heading("准备", 2)
        for item in ("切块", "焯水"):
            document.add_paragraph(item, style="List Number")
        table = document.add_table(3, 3)
        for row, cells in zip(table.rows, [("菜", "价", "量"), ("肉", "30", "大"), ("肉", "20", "小")], strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
        table.cell(1, 0).merge(table.cell(2, 0)).text = "肉"
        paragraph = document.add_paragraph("可见")
        paragraph.add_run("秘密").font.hidden = True
        paragraph.add_run("微小").font.size = Pt(1)
        paragraph.add_run("小字").font.size = Pt(5)

    document = read("x.docx", files.make_docx(build, title="属性里的标题"))
    assert document.title == "红烧肉"
    assert files.outline(document) == ["红烧肉", "红烧肉 > 食材", "红烧肉 > 做法", "红烧肉 > 做法 > 准备"]
    assert document.text == (
        "红烧肉\n家常菜。\n\n食材\n- 冰糖\n- 姜\n\n做法\n准备\n1. 切块\n2. 焯水\n\n"
        "菜：肉；价：30；量：大\n菜：肉；价：20；量：小\n\n可见小字"
    )
    assert len(document.warnings) == 1 and "秘密" in document.warnings[0] and "2 place" in document.warnings[0]


def test_word_title_property_and_file_name(read) -> None:
    assert read("a.docx", files.make_docx(lambda d: d.add_paragraph("正文"), title="属性")).title == "属性"
    assert read("文件名.docx", files.make_docx(lambda d: d.add_paragraph("正文"))).title == "文件名"


def test_word_text_that_paragraphs_alone_would_miss(read) -> None:
    """Content controls, tracked insertions and text boxes hold text; deletions and field codes do not."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>控件</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:p><w:ins><w:r><w:t>插入</w:t></w:r></w:ins><w:del><w:r><w:delText>删除</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<w:p><w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:txbxContent><w:p><w:r><w:t>文本框</w:t></w:r>"
        "</w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>文本框</w:t></w:r></w:p>"
        "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    xml = f'<?xml version="1.0" encoding="UTF-8"?><w:document {w} {mc}><w:body>{body}</w:body></w:document>'
    data = files.repack(files.make_docx(), {"word/document.xml": xml.encode()})
    assert read("x.docx", data).text == "控件\n\n插入\n\n文本框"


def test_word_chinese_numbering(read) -> None:
    def build(document) -> None:
        numbering = document.part.numbering_part.element
        w = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
        for name, old, new in (("numFmt", "decimal", "chineseCounting"), ("lvlText", "%1.", "%1、")):
            for child in numbering.iter(w + name):
                if child.get(w + "val") == old:
                    child.set(w + "val", new)
        for item in "甲乙丙":
            document.add_paragraph(item, style="List Number")

    assert read("x.docx", files.make_docx(build)).text == "一、甲\n二、乙\n三、丙"


# --- tables


def test_csv_rows_stand_alone(read) -> None:
    document = read("x.csv", '菜名,用时,备注\n红烧肉,60分钟,"甜,咸\n适口"\n清蒸鱼,,\n\n')
    assert document.text == "菜名：红烧肉；用时：60分钟；备注：甜,咸 适口\n菜名：清蒸鱼"
    assert read("y.csv", "name;time\nStew;2 h\nSoup;1 h\n").text == "name: Stew; time: 2 h\nname: Soup; time: 1 h"
    assert read("z.csv", "a\tb\n1\t2\n".encode("utf-16")).text == "a: 1; b: 2"
    assert read("gb.csv", "菜名,价格\n鱼,38\n".encode("gb18030")).text == "菜名：鱼；价格：38"


def test_csv_without_header(read) -> None:
    assert read("x.csv", "2,3,4\n5,6,7\n").text == "2; 3; 4\n5; 6; 7"
    assert read("y.csv", "地区,2023,2024\n北京,5,6\n").text == "地区：北京；2023：5；2024：6"  # years may name columns


def test_csv_rows_come_in_sections(read) -> None:
    document = read("x.csv", "n,v\n" + "".join(f"{i},x{i}\n" for i in range(45)))
    assert [document.text[s.start : s.end].count("n: ") for s in document.sections] == [20, 20, 5]


def test_csv_quotation_mark_never_closed_loses_nothing(read) -> None:
    document = read("x.csv", 'a,b\n"x,1\ny,2\n')
    assert document.text == 'a: "x; b: 1\na: y; b: 2'
    assert len(document.warnings) == 1


def test_xlsx_sheets_rows_merges_and_formats(read) -> None:
    def edit(book) -> None:
        sheet = book["菜单"]
        sheet.merge_cells("A3:A4")
        sheet["C3"].number_format = "0%"
        book["底稿"].sheet_state = "hidden"
        sheet["D4"] = "=B4*2"

    rows: list[list[object]] = [["2024年菜单"], ["类", "价", "折", "日期"]]
    rows += [["肉", 30, 0.85, datetime.date(2024, 5, 1)], [None, 20.5]]
    prices: list[list[object]] = [["name", "cost"], ["tea", 1.1 + 2.2]]
    sheets: dict[str, Sequence[Sequence[object]]] = {"菜单": rows, "Prices": prices, "底稿": [["密"]]}
    data = files.make_xlsx(sheets, edit)
    document = read("店.xlsx", data)
    assert document.text == (
        "菜单\n2024年菜单\n类：肉；价：30；折：85%；日期：2024-05-01\n类：肉；价：20.5\n\nPrices\nname: tea; cost: 3.3"
    )
    assert document.title == "店"
    assert files.outline(document) == ["菜单", "Prices"]
    assert len(document.warnings) == 2  # the hidden sheet; a formula never computed
    assert "底稿" in document.warnings[1] and "公式" in document.warnings[0]


def test_xlsx_far_corner_cell_does_not_blow_up(read) -> None:
    def edit(book) -> None:
        book["S"]["XFD40000"] = "角"

    document = read("x.xlsx", files.make_xlsx({"S": [["a", "b"], ["1", "2"]]}, edit))
    assert document.text == "S\na: 1; b: 2"
    assert len(document.warnings) == 1 and "512" in document.warnings[0]
