"""Messages to Markdown and HTML: what is meant to be shown is shown; and the texts in both languages."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.chat_render import answer, as_typed, render, safe_markdown
from llm.conversations import Message
from llm.texts import TEXTS, text
from tests.llm.pages import PASSAGE, TITLES, Page, cited, harmless, said


def test_markdown_stays_markdown() -> None:
    page = harmless(safe_markdown("# 标题\n\n**bold** and *soft*\n\n1. one\n2. two\n\n| a | b |\n|--|--|\n| 1 | 2 |"))
    assert {"h1", "strong", "em", "ol", "table"} <= set(page.elements)


@pytest.mark.parametrize(
    "value",
    ["a < b & c > d", 'say "x"', "a\\b", "\\<b>", "C:\\new", "x @ y.com", "100 ` 200", "[x](y)", "https://e.com/a?b=c"],
)
def test_text_reads_as_it_was_written(value: str) -> None:
    assert harmless(safe_markdown(value)).text.strip() == value


CODE = 'if a < b and c["x"] > 0:\n    return "<b>" & `d`  # http://e.com [1]'


@pytest.mark.parametrize(
    "fenced",
    [
        f"```python\n{CODE}\n```",
        f"Look:\n```python\n{CODE}\n```\nDone.",
        f"```python title=x\n{CODE}\n```",
        f"```python\n{CODE}",
        f"````python\n{CODE}\n````",
        "1. Do\n   ```python\n" + "\n".join("   " + line for line in CODE.split("\n")) + "\n   ```\n2. Done",
        f"```python\r\n{CODE}\r\n```".replace("\n", "\r\n").replace("\r\r", "\r"),
    ],
)
def test_code_blocks_keep_their_text(fenced: str) -> None:
    for content in (safe_markdown(fenced), answer(said(fenced, sources=[PASSAGE]), "en", TITLES)):
        page = harmless(content)
        assert page.inside["pre"] == [CODE + "\n"]
        assert ("class", "language-python") in page.attributes


def test_an_open_code_block_does_not_swallow_what_follows() -> None:
    """While it streams, or for ever, when the model forgets to close it."""
    page = harmless(answer(said("```\ncode", usage={"output_tokens": 3}, sources=[PASSAGE]), "en", TITLES))
    assert page.inside["pre"] == ["code\n"]
    assert {"details", "button"} <= set(page.elements)


@pytest.mark.parametrize("code", ["a < b", "x*y*z", "[1](u)", "a|b", "\\n", "&lt;", "http://e.com", "a `b` c"])
def test_code_spans_keep_their_text(code: str) -> None:
    page = harmless(safe_markdown(f"so ``{code}`` it"))
    assert page.inside["code"] == [code]


def _classes(page: Page, prefix: str) -> list[str]:
    names = [part for name, value in page.attributes if name == "class" for part in value.split()]
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def _chips(page: Page) -> list[str]:
    return _classes(page, "fs-to-")


@pytest.mark.parametrize("said_", ["8801.", "8801. [1]", "It is\n\n7. [1] [2]"])
def test_a_bare_number_is_no_list(said_: str) -> None:
    page = harmless(answer(said(said_, sources=[PASSAGE, PASSAGE]), "en", TITLES))
    assert "li" not in page.elements and said_.split(".")[0].split()[-1] + "." in page.text
    assert harmless(safe_markdown("1. Stir.\n2. Eat.")).elements.count("li") == 2, "the control: a list stays one"


def test_every_passage_can_be_opened_in_its_document() -> None:
    page = harmless(answer(said("A [1].", sources=[PASSAGE, PASSAGE], citations=[cited(1)]), "zh", TITLES))
    assert _classes(page, "fs-for-") == ["7-1", "7-2", "7-0"], "the last is the correction's"
    assert page.text.count("在原文中打开") == 2


def test_what_text_recognition_read_says_so() -> None:
    sources = [{**PASSAGE, "recognised": True}, PASSAGE]
    page = harmless(answer(said("A [1].", sources=sources, citations=[cited(1)]), "zh", TITLES))
    assert page.text.count("由文字识别（OCR）读出") == 1


def test_chips_stand_for_valid_numbers_only() -> None:
    about = {"sources": [PASSAGE, PASSAGE], "citations": [cited(1), cited(2, "paraphrased")]}
    page = harmless(answer(said("A [1]. B [2][1]. C [3] [0] [12] [x] `a[1]`\n```\nb[2]\n```", **about), "en", TITLES))
    assert _chips(page) == ["7-1", "7-2", "7-1"]
    assert "C [3] [0] [12] [x] a[1]" in page.text
    assert "b[2]" in page.inside["pre"][0]
    assert _classes(page, "fs-at-") == ["7-1", "7-2"]
    without = harmless(answer(said("A [1]."), "en", TITLES))
    assert _chips(without) == []
    assert "A [1]." in without.text


def test_a_chip_is_as_good_as_its_weakest_sentence() -> None:
    def standing(*statuses: str, status: Any = "done") -> list[str]:
        citations = [cited(1, s) for s in statuses]
        page = harmless(answer(said("A [1].", status, sources=[PASSAGE], citations=citations), "en", TITLES))
        return [v.split()[1] for n, v in page.attributes if n == "class" and v.startswith("fs-cite")]

    assert standing("verified") == ["fs-verified"]
    assert standing("verified", "paraphrased") == ["fs-paraphrased"]
    assert standing("unsupported", "verified") == ["fs-unsupported"]
    assert standing() == ["fs-unsupported"]
    assert standing(status="running") == ["fs-paraphrased"], "not judged before the end"


def _marks(passage: str, *citations: dict[str, Any]) -> tuple[list[str], str]:
    page = harmless(
        answer(said("x [1]", sources=[PASSAGE | {"text": passage}], citations=list(citations)), "en", TITLES)
    )
    return page.inside.get("mark", []), page.text


def test_marks_are_exactly_the_spans() -> None:
    passage = "先焯水。\n再炖一小时。<b>"
    assert _marks(passage, cited(1, span=(5, 11)))[0] == ["再炖一小时。"]
    assert _marks(passage, cited(1, span=(0, 2)), cited(1, span=(5, 7)))[0] == ["先焯", "再炖"]
    assert _marks(passage, cited(1, span=(0, 3)), cited(1, span=(2, 5)))[0] == ["先焯水。"]
    assert _marks(passage, cited(1, span=(11, 99)))[0] == ["<b>"]
    assert _marks(passage, cited(1, span=(-5, 1)))[0] == ["先"]
    assert _marks(passage, cited(2, span=(0, 5)))[0] == []
    assert _marks(passage, cited(1, "unsupported", span=(0, 5)))[0] == []
    assert passage.replace("\n", "") in _marks(passage)[1]


@settings(max_examples=100, deadline=None)
@given(
    passage=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n<&"), min_size=1, max_size=30),
    spans=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4),
)
def test_marked_text_is_the_union_of_the_spans(passage: str, spans: list[tuple[int, int]]) -> None:
    marks, _ = _marks(passage, *[cited(1, span=span) for span in spans])
    wanted = {i for a, b in spans for i in range(a, min(b, len(passage)))}
    assert "".join(marks) == "".join(c for i, c in enumerate(passage) if i in wanted and c != "\n")


@pytest.mark.parametrize("lang", ["en", "zh", "zh-CN", "fr"])
def test_what_stands_around_an_answer(lang: str) -> None:
    words = TEXTS["zh" if lang.startswith("zh") else "en"]
    usage = {"usage": {"output_tokens": 12}, "timings": {"ttft_s": 0.25, "tokens_per_second": 31.4}}
    done = harmless(answer(said("Hi", adapter="chef", **usage), lang, TITLES))
    assert "Chef" in done.text
    assert words["answer_speed"].format(ttft=0.25, speed=31.4, tokens=12) in done.text
    assert ("class", "fs-copy") in done.attributes
    assert words["answer_stopped"] in harmless(answer(said("Hi", "cancelled"), lang, TITLES)).text
    assert words["answer_interrupted"] in harmless(answer(said("Hi", "interrupted"), lang, TITLES)).text
    failed = harmless(answer(said("", "failed", error={"en": "It broke.", "zh": "坏了。"}), lang, TITLES))
    assert ("坏了。" if lang.startswith("zh") else "It broke.") in failed.text
    refused = harmless(answer(said("No.", refused="model", sources=[PASSAGE]), lang, TITLES))
    assert words["answer_refused"] in refused.text
    assert words["answer_unsupported"] not in refused.text
    assert words["answer_unsupported"] in harmless(answer(said("Yes.", sources=[PASSAGE]), lang, TITLES)).text
    assert words["answer_page"].format(page=3) in refused.text


def test_what_stands_in_for_an_answer_that_has_not_begun() -> None:
    assert "fs-typing" in answer(said("", "running"), "en", TITLES)
    waiting = {"en": "loading base model", "zh": "加载基座模型", "done": 3, "total": 5}
    assert "loading base model (3 of 5)" in harmless(answer(said("", "running", waiting=waiting), "en", TITLES)).text
    assert "加载基座模型（3/5）" in harmless(answer(said("", "running", waiting=waiting), "zh", TITLES)).text


def test_rendering_changes_nothing_and_gives_the_same_again() -> None:
    messages = [Message(1, "user", "q"), said("A [1].", sources=[dict(PASSAGE)], citations=[cited(1)])]
    before = repr(messages)
    first = render(messages, "en", TITLES)
    assert render(messages, "en", TITLES) == first
    assert repr(messages) == before
    assert [m["role"] for m in first] == ["user", "assistant"]


# --- the texts


def _placeholders(value: str) -> list[str]:
    return sorted(f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(value) if name is not None)


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    assert set(TEXTS) == {"en", "zh"}
    assert list(TEXTS["en"]) == list(TEXTS["zh"])
    for key, english in TEXTS["en"].items():
        assert english.strip() == english != "", key
        assert _placeholders(english) == _placeholders(TEXTS["zh"][key]), key
        figures = key.endswith("_value")  # numbers and units alone
        assert figures or re.search(r"[\u4e00-\u9fff]|Top", TEXTS["zh"][key]), f"{key} is not Chinese"
        assert not re.search(r"[\u4e00-\u9fff]", english), f"{key} is not English"


def test_the_language_is_the_readers() -> None:
    assert text("answer_copy", "zh-TW") == "复制"
    assert text("answer_copy", "de") == text("answer_copy", "en") == "Copy"
    assert text("answer_page", "en", page=4) == "page 4"
    with pytest.raises(KeyError):
        text("nothing", "en")


@pytest.mark.parametrize("typed", ["a < b & c", "`x[0](1)` and ![x](http://y)", "纯文本", "a\n\nb", "\\& @me"])
def test_the_edit_box_gives_back_what_was_typed(typed: str) -> None:
    assert as_typed(safe_markdown(typed)) == typed
