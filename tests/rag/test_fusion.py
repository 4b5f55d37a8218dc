"""Fusion of two ranked lists, against figures by hand."""

from __future__ import annotations

import pytest

from rag.fusion import fuse, passages
from rag.records import Hit
from rag.types import Passage


def hit(name: str, ordinal: int, text: str, document: str = "d", heading: str = "", start: int | None = None) -> Hit:
    begin = ordinal * 100 if start is None else start
    return Hit(name, document, f"{document}.md", document.upper(), ordinal, begin, begin + len(text), heading, 1, text)


def test_fused_scores_by_hand() -> None:
    found = fuse([("a", 0.9), ("b", 0.6), ("c", -0.1)], [("b", 12.0, 0.6), ("d", 3.0, 0.2)], k=2)
    assert [item.id for item in found] == ["b", "a", "d", "c"]
    assert [item.score for item in found] == pytest.approx([0.7, 0.45, 0.1125, 0.0])
    assert (found[2].dense_rank, found[2].bm25_rank, found[2].bm25_score) == (None, 2, 3.0)
    tied = fuse([("meaning", 1.0)], [("words", 9.0, 1.0)], k=2)
    assert [item.id for item in tied] == ["words", "meaning"] and tied[0].score == tied[1].score
    assert fuse([("a", 1.0)], [("a", 7.0, 1.0)], k=3)[0].score == 1.0
    assert fuse([], [], k=3) == []


def test_how_far_apart_the_scores_are_counts() -> None:
    """Where only the passage that words found stands out, it is first; by ranks the middling one would be."""
    dense = [("middling", 0.42), ("other", 0.41), ("exact", 0.40)]
    bm25 = [("exact", 20.0, 0.5), ("middling", 6.0, 0.5)]
    assert fuse(dense, bm25, k=1)[0].id == "exact"
    assert fuse(dense, [("exact", 20.0, 0.5), ("middling", 19.9, 0.5)], k=1)[0].id == "middling"


def test_what_holds_more_of_the_question_comes_first() -> None:
    """A short passage that says one word of the question often has the better BM25 score."""
    dense = [("often", 0.42), ("whole", 0.40)]
    assert [f.id for f in fuse(dense, [("often", 9.0, 0.3), ("whole", 8.0, 0.9)], k=2)] == ["whole", "often"]
    assert [f.id for f in fuse(dense, [("often", 9.0, 0.9), ("whole", 8.0, 0.9)], k=2)] == ["often", "whole"]


def test_the_first_of_each_search_is_among_the_passages() -> None:
    dense = [("meaning", 0.55), *((f"both{n}", 0.5) for n in range(5))]
    bm25 = [("number", 9.0, 0.5), *((f"both{n}", 8.0, 0.5) for n in range(5))]
    assert [item.id for item in fuse(dense, bm25, k=3)][:3] == ["both0", "number", "meaning"]
    assert [item.id for item in fuse(dense, bm25, k=2)][:3] == ["both0", "both1", "both2"], "by score alone"


def chosen(hits: list[Hit], k: int = 3, join_chars: int = 300, texts: dict[str, str] | None = None) -> list[Passage]:
    found = fuse([(h.id, 1 - n / 100) for n, h in enumerate(hits)], [], k)
    whole = texts or {}
    return passages(found, {h.id: h for h in hits}, "c", k, join_chars, lambda d, a, b: whole.get(d, "")[a:b])


def test_neighbours_are_joined_with_the_text_between_them() -> None:
    text = "第一步切肉。\n\n## 步骤\n第二步炖六十分钟。第三步收汁。"
    cut = [(0, 6), (6, 23), (20, len(text))]
    hits = [
        Hit(f"{n}", "d", "d.md", "D", n, a, b, "红烧肉 > 步骤" if n else "红烧肉", n + 1, text[a:b])
        for n, (a, b) in enumerate(cut)
    ]
    (joined,) = chosen([hits[1], hits[0], hits[2]], texts={"d": text})
    assert (joined.start, joined.end, joined.text) == (0, len(text), text)
    assert joined.heading == "红烧肉" and joined.page == 1
    assert joined.dense_rank == 1 and joined.dense_score == 1.0
    apart = chosen([hits[0], hits[2]], texts={"d": text})
    assert [p.text for p in apart] == [hits[0].text, hits[2].text], "no neighbours: one is missing between them"
    assert len(chosen(hits, join_chars=23, texts={"d": text})) == 2, "joined only up to the limit"
    gone = chosen(hits, texts={})
    assert [p.text for p in gone] == [hits[0].text, hits[2].text], "deleted meanwhile: nothing is joined"


def test_repeats_are_dropped_but_not_where_a_number_or_a_not_differs() -> None:
    base = (
        "员工每年可以享受十天带薪年假，须提前三个工作日在系统里提交申请，由部门经理批准后生效。当年没有休完的部分顺延到次年"
        "春季，逾期作废；离职时按照日工资折算。病假另行登记，需要附上医院证明。遇到项目上线等特殊情况，经理可与本人商量改期，"
        "并在日历上注明原因，以便同事安排手头的工作。"
    )
    same = [base, base.replace("，", ", ") + " ", base[10:110], "　" + base, base.replace("同事安排", "大家安排")]
    other = [base.replace("十天", "十五天"), base.replace("可以", "不可以"), base.replace("三个工作日", "5个工作日")]
    hits = [hit(f"{n}", 0, text, document=f"d{n}") for n, text in enumerate([*same, *other])]
    assert [p.document_id for p in chosen(hits, k=9)] == ["d0", "d5", "d6", "d7"]


def test_k_and_chunks_that_are_gone() -> None:
    hits = [hit(f"{n}", 0, f"完全不同的第{n}段" * 5, document=f"d{n}") for n in range(5)]
    assert len(chosen(hits, k=2)) == 2
    found = fuse([(h.id, 0.5) for h in hits], [], 2)
    kept = passages(found, {h.id: h for h in hits[2:]}, "c", 2, 300, lambda *_: "")
    assert [p.document_id for p in kept] == ["d2", "d3"]
