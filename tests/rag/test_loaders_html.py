"""Web pages as a reader sees them: hidden text goes and is reported, visible text stays."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.rag import files


@pytest.fixture
def read(tmp_path: Path):
    return partial(files.load_checked, tmp_path)


PAGE = """<!doctype html><html><head><title>网页标题</title><style>.x { display: none } @media print
{ .y { display: none } }</style><script>var a = "<p>script</p>"</script></head><body>
<nav><a href="/">首页</a></nav><h1>红烧肉</h1><p>先把肉
切块，然后<b>焯水</b>。<!-- remark -->完。</p><p class="y">屏幕可见</p>
<h2>食材</h2><ul><li>冰糖<ul><li>老冰糖</li></ul></li><li><p>姜</p><p>两片</p></li></ul>
<ol start="3" type="a"><li>切</li><li>炖</li></ol><p>10<sup>2</sup>平方米，H<sub>2</sub>O</p>
<pre>a
  b</pre>%s</body></html>"""


def test_html_as_a_reader_sees_it(read) -> None:
    document = read("x.html", PAGE % "<h3>提示</h3>尾<br>行")
    assert document.text == (
        "红烧肉\n先把肉切块，然后焯水。完。\n\n屏幕可见\n\n食材\n- 冰糖\n  - 老冰糖\n- 姜\n  两片\nc. 切\nd. 炖\n\n"
        "10²平方米，H₂O\n\na\n  b\n\n提示\n尾\n行"
    )
    assert document.title == "红烧肉"
    assert files.outline(document) == ["红烧肉", "红烧肉 > 食材", "红烧肉 > 食材 > 提示"]
    assert len(document.warnings) == 1 and "1 script(s)" in document.warnings[0]


def test_html_title_where_there_is_no_heading(read) -> None:
    assert read("x.htm", "<title>题\n目</title><p>正文").title == "题 目"


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">秘密</p>',
        '<div class="x">秘密</div>',
        "<p hidden>秘密</p>",
        '<p style="FONT-SIZE: 0px">秘密</p>',
        '<p style="visibility:hidden">秘密</p>',
        '<p style="color:#ffffff">秘密</p>',
        '<div style="background:#fff"><span style="color: rgb(255, 255, 255)">秘密</span></div>',
        '<font color="white">秘密</font>',
        '<p style="opacity:0">秘密</p>',
        '<p style="position:absolute;left:-9999px">秘密</p>',
        '<p style="width:0;height:0;overflow:hidden">秘密</p>',
        '<table><tr style="display:none"><td>秘密</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>',
    ],
)
def test_hidden_text_is_left_out_and_reported(read, hidden: str) -> None:
    document = read("x.html", PAGE % hidden)
    assert "秘密" not in document.text
    told, script = document.warnings
    assert "秘密" in told and "隐藏" in told and "script" in script


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="color:#fff;background:#003366">表头</p>',
        '<table bgcolor="navy"><tr><td><font color="white">表头</font></td><td>b</td></tr></table>',
        '<p style="font-size:0"><span style="font-size:16px">表头</span></p>',
        '<p style="display:block;opacity:0.9">表头</p>',
        '<p class="y">表头</p>',
        '<p class="banner" style="color:white">表头</p>',  # the style sheet may well colour the banner
    ],
)
def test_visible_text_is_not_taken_for_hidden(read, shown: str) -> None:
    document = read("x.html", PAGE % shown)
    assert "表头" in document.text
    assert len(document.warnings) == 1 and "script" in document.warnings[0]


def test_html_tables_as_rows_with_their_header(read) -> None:
    table = (
        "<table><caption>价目</caption><thead><tr><th rowspan=2>菜<th colspan=2>价格<tr><th>大<th>小</thead>"
        "<tr><td rowspan=2>肉类<td>30<td>20<tr><td>28<td>18<tr><td colspan=3>以上含税</table>"
    )
    assert read("x.html", "<p>前</p>" + table).text == (
        "前\n\n价目\n菜：肉类；价格 大：30；价格 小：20\n菜：肉类；价格 大：28；价格 小：18\n以上含税"
    )


def test_html_cell_merged_down_into_a_short_row(read) -> None:
    table = "<table><tr><th>甲<th>乙<th>丙<tr><td>1<td>2<td rowspan=2>3<tr><td>4</table>"
    assert read("x.html", table).text == "甲：1；乙：2；丙：3\n甲：4；丙：3"


def test_html_fact_sheets_and_layout_tables(read) -> None:
    assert read("x.html", "<table><tr><td>姓名<td>张三<tr><td>电话：<td>123</table>").text == "姓名：张三\n电话：123"
    layout = "<table><tr><td>左栏<td><h2>标题</h2><p>正文一</p><p>正文二</p></table>"
    assert files.outline(read("y.html", layout)) == ["", "标题"]


def test_html_charset_declaration_is_believed_only_where_it_decodes(read) -> None:
    page = '<meta charset="%s"><p>红烧肉慢炖</p>'
    assert read("x.html", (page % "gb2312").encode("gb18030")).text == "红烧肉慢炖"
    assert read("y.html", (page % "gb2312").encode("utf-8")).text == "红烧肉慢炖"
    assert read("z.html", (page % "no-such-code").encode("gb18030")).text == "红烧肉慢炖"


def test_html_fetches_nothing_and_resolves_no_entity(read, tmp_path: Path) -> None:
    secret = files.write(tmp_path, "secret.txt", "top secret")
    page = (
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><p>a&x;b</p>'
        f'<iframe src="{secret.as_uri()}"></iframe><img src="http://127.0.0.1:9/x">'
    )
    assert "top secret" not in read("x.html", page).text
