"""Chunks: exact offsets whatever the text, whole recipes, no heading torn off, no page or document mixed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rag.loaders import load
from rag.loaders.builder import TextBuilder
from rag.settings import RagSettings
from rag.splitting import chunk_size, split
from rag.types import Chunk, LoadedDocument
from tests.rag import files

LIMITS = RagSettings(data_dir=Path("unused"))


def sized(chars: int, overlap: int = 0) -> RagSettings:
    return RagSettings(data_dir=Path("unused"), chunk_chars=chars, chunk_overlap=overlap)


def markdown(tmp_path: Path, text: str, name: str = "x.md") -> LoadedDocument:
    return load(files.write(tmp_path, name, text), LIMITS)


def sentences(count: int, mark: str = "句") -> str:
    return "".join(f"这是第{i}{mark}话，说一件小事。" for i in range(count))


# --- properties, for any document at all

pieces = st.sampled_from(
    ["红烧肉", "。", "，", "；", "！", "\n", "\n\n", " ", "a", "word ", ". ", "1. ", "啊" * 50, "好。" * 30, "x" * 90]
)
texts = st.lists(pieces, max_size=60).map("".join)
blocks = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("甲乙丙"), texts), min_size=1, max_size=12)


def build(parts: list[tuple[int, str, str]], pages: bool) -> LoadedDocument:
    out = TextBuilder("文件.md", LIMITS)
    out.add("始")
    for number, (level, heading, text) in enumerate(parts):
        if pages:
            out.section(page=number + 1)
        elif level:
            out.heading(level, heading)
        out.add(text)
    return out.finish("test")


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(blocks, st.booleans(), st.integers(1, 200), st.integers(0, 80))
@example([(0, "甲", "啊" * 5000)], False, 40, 39)
@example([(1, "甲", "同一句话。" * 200)], False, 50, 20)
@example([(1, "甲", ""), (2, "乙", ""), (3, "丙", "好。" * 300)], False, 60, 10)
@example([(1, "甲", ""), (2, "甲", ""), (2, "甲", ""), (1, "甲", "")], False, 3, 0)
def test_offsets_sizes_and_coverage(parts: list, pages: bool, chars: int, overlap: int) -> None:
    document = build(parts, pages)
    chunks = split(document, sized(chars, overlap))
    covered: set[int] = set()
    before = -1
    for chunk in chunks:
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip() != ""
        assert len(chunk.text) <= chunk_size(document.text, sized(chars, overlap))
        assert chunk.end > before  # reading order, and every chunk adds something
        before = chunk.end
        covered.update(range(chunk.start, chunk.end))
        section = next(s for s in document.sections if s.start <= chunk.start < s.end)
        assert chunk.page == section.page
        if pages:
            assert chunk.end <= section.end
    # All text is in some chunk; of headings, only those may be missing that the path of the chunk below names.
    for section in document.sections:
        for at in range(section.start, section.end):
            if not document.text[at].isspace() and at not in covered:
                assert document.text[section.start : section.end].strip() == section.heading.split(" > ")[-1]
                below = min((c for c in chunks if c.start > at), key=lambda c: c.start)
                under = [s.heading for s in document.sections if s.start < below.end and below.start < s.end]
                assert any(heading.startswith(section.heading) for heading in under)


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(20, 200), st.integers(0, 60))
def test_overlap_is_bounded_and_only_within_a_section(text: str, chars: int, overlap: int) -> None:
    document = build([(1, "甲", text), (1, "乙", "好。" * chars)], pages=False)
    chunks = split(document, sized(chars, overlap))
    longest = overlap * chunk_size(document.text, sized(chars, overlap)) / chars
    for first, second in pairwise(chunks):
        assert first.end - second.start <= longest + 1
        if any(first.start < s.start <= second.start for s in document.sections):
            assert first.end <= second.start


# --- what a chunk should be

RECIPE = """# 红烧肉

家常菜。

## 食材

- 五花肉 500克
- 冰糖 30克

## 做法

1. 切块，冷水下锅焯水。
2. 炒糖色，下肉翻匀。
3. 加热水没过肉，小火炖60分钟。

## 用时

约85分钟。

## 小贴士

- 中途只加热水。
"""


def test_a_short_recipe_is_one_chunk(tmp_path: Path) -> None:
    chunks = split(markdown(tmp_path, RECIPE), LIMITS)
    assert len(chunks) == 1
    assert chunks[0].heading == ""
    assert "约85分钟" in chunks[0].text and chunks[0].text.startswith("红烧肉")
    assert len(split(markdown(tmp_path, RECIPE), sized(60))) > 1  # control: it is the size that keeps it whole


def test_recipes_of_one_file_do_not_mix(tmp_path: Path) -> None:
    collection = RECIPE + RECIPE.replace("红烧肉", "清蒸鱼") + "# 茶\n\n泡。\n"
    chunks = split(markdown(tmp_path, collection, "合集.md"), sized(2000))
    assert [c.heading for c in chunks] == ["红烧肉", "清蒸鱼", "茶"]
    nested = "# 合集\n\n" + collection.replace("\n#", "\n##").replace("# 红烧肉", "## 红烧肉", 1)
    chunks = split(markdown(tmp_path, nested), sized(150))
    assert [c.heading for c in chunks] == ["红烧肉", "清蒸鱼", "茶"]
    assert chunks[0].text.startswith("合集\n")  # the title line goes with the first


def test_small_neighbours_are_joined_and_keep_their_common_path(tmp_path: Path) -> None:
    text = "# 手册\n\n## 安装\n\n### 甲\n\n短。\n\n### 乙\n\n短。\n\n## 使用\n\n" + sentences(60)
    chunks = split(markdown(tmp_path, text), LIMITS)
    assert chunks[0].heading == "安装" and "甲" in chunks[0].text and "乙" in chunks[0].text
    assert {c.heading for c in chunks[1:]} == {"使用"}


def test_sections_of_a_good_size_stay_apart(tmp_path: Path) -> None:
    text = "# 手册\n\n" + "".join(f"## 第{i}节\n\n{sentences(14)}\n\n" for i in range(4))
    assert [c.heading for c in split(markdown(tmp_path, text), LIMITS)][1:] == ["第1节", "第2节", "第3节"]


def test_deep_headings_without_title(tmp_path: Path) -> None:
    text = "# 书\n\n## 章\n\n### 节\n\n" + sentences(60)
    chunks = split(markdown(tmp_path, text), LIMITS)
    assert len(chunks) > 1 and {c.heading for c in chunks} == {"章 > 节"}
    assert chunks[0].text.startswith("书\n章\n节\n这是第0句话")
    assert all(len(c.text) > 60 for c in chunks)  # no heading is a chunk of its own


def test_steps_and_sentences_are_not_cut_inside(tmp_path: Path) -> None:
    steps = "".join(f"{i}. 第{i}步要做的事情，先洗净，再切好；下锅翻炒。然后装盘备用。\n" for i in range(1, 60))
    chunks = split(markdown(tmp_path, f"# 菜\n\n## 做法\n\n{steps}"), LIMITS)
    assert len(chunks) > 3
    for chunk in chunks[1:]:
        assert chunk.text[0].isdigit() and chunk.text.endswith("备用。")
    prose = split(markdown(tmp_path, sentences(100)), LIMITS)
    assert len(prose) > 2 and all(c.text.startswith("这是第") and c.text.endswith("。") for c in prose)
    long_steps = "".join(f"{i}. {'stir and ' * 9}serve. Then rest it.\n" for i in range(1, 20))
    for chunk in split(markdown(tmp_path, long_steps), sized(90)):
        assert not chunk.text.rstrip(".").split()[-1].isdigit()  # a number is not torn from its step


def test_overlap_begins_with_a_sentence(tmp_path: Path) -> None:
    chunks = split(markdown(tmp_path, sentences(100)), sized(200, 40))
    pairs = list(pairwise(chunks))
    assert all(first.end > second.start and second.text.startswith("这是第") for first, second in pairs)
    apart = split(markdown(tmp_path, sentences(100)), sized(200))
    assert all(first.end <= second.start for first, second in pairwise(apart))


def test_pdf_chunks_keep_their_page(tmp_path: Path) -> None:
    data = files.make_pdf([sentences(10, "甲"), "短页", sentences(60, "丙")])
    chunks = split(load(files.write(tmp_path, "x.pdf", data), LIMITS), LIMITS)
    for chunk in chunks:
        assert ("甲" in chunk.text, chunk.text == "短页", "丙" in chunk.text) == (
            chunk.page == 1,
            chunk.page == 2,
            chunk.page == 3,
        )


def test_rows_of_a_table_stay_whole(tmp_path: Path) -> None:
    rows = [["菜名", "价格", "说明"]] + [[f"菜{i}", i, "好吃。不贵，" * 3] for i in range(100)]
    data = files.make_xlsx({"菜单": rows, "酒水": [["名", "价"], ["茶", 5]]})
    chunks = split(load(files.write(tmp_path, "x.xlsx", data), LIMITS), sized(300, 40))
    for chunk in chunks[:-1]:
        lines = chunk.text.split("\n")
        assert chunk.heading == "菜单"
        assert all(line == "菜单" or (line.startswith("菜名：") and "说明：" in line) for line in lines)
    assert (chunks[-1].heading, chunks[-1].text) == ("酒水", "酒水\n名：茶；价：5")


@pytest.mark.parametrize("text", ["x", "短。"])
def test_shortest_documents(tmp_path: Path, text: str) -> None:
    assert split(markdown(tmp_path, text), LIMITS) == [Chunk(text, 0, len(text))]


def test_document_of_headings_only_is_not_lost(tmp_path: Path) -> None:
    chunks = split(markdown(tmp_path, "# 甲\n## 乙\n### 丙\n## 丁\n"), LIMITS)
    assert [c.text for c in chunks] == ["甲\n乙\n丙\n丁"]
    many = split(markdown(tmp_path, "# 甲\n" + "".join(f"## 第{i}个标题\n" for i in range(200))), LIMITS)
    assert "".join(c.text for c in many).count("个标题") == 200


def test_shipped_collection() -> None:
    """Real input: recipes of up to 480 characters are one chunk each, under their own title."""
    knowledge = Path(__file__).parents[2] / "data_base" / "knowledge" / "recipes"
    for path in sorted(knowledge.glob("*.md")):
        document = load(path, LIMITS)
        chunks = split(document, LIMITS)
        assert (len(chunks) == 1) == (len(document.text) <= chunk_size(document.text, LIMITS)), path.name
        assert all(len(chunk.text) > 40 for chunk in chunks), path.name
        assert not any(document.title in chunk.heading for chunk in chunks)


def test_letters_count_less_than_chinese_characters() -> None:
    limits = sized(100, 0)
    assert chunk_size("红烧肉要炖多久" * 9, limits) == 100
    assert chunk_size("How long does it bake? " * 9, limits) == 250
    assert chunk_size("", limits) == 100
