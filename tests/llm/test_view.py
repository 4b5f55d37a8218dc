"""A passage in its document: which one is asked for, and that what a document brought stays data."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm.chat_tab_view import ViewEvents
from llm.conversations import ConversationStore
from llm.texts import TEXTS
from llm.view_render import view_panel
from tests.llm.pages import Page
from tests.llm.scripted import CITATION, PASSAGE, done
from tests.llm.test_corrections import ANN, answered, store

__all__ = ["store"]
EVIL = "<img src=x onerror=y()>\n\n<script>"
TEXT = {"kind": "text", "text": f"a {EVIL} b", "marks": ((0, 1), (0, 5))}
TABLE = {
    "kind": "table", "sheet": EVIL, "header": (EVIL, "b"),
    "rows": ({"number": 3, "cells": (EVIL, ""), "marked": True}, {"number": 4, "cells": ("x", "y"), "marked": False}),
}  # fmt: skip
PAGE = {
    "kind": "page", "page": 2, "pages": 9, "image": b"RIFF", "width": 620, "height": 877,
    "boxes": ({"left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.25},),
}  # fmt: skip


def view_of(shown: dict[str, Any], note: str = "") -> dict[str, Any]:
    return {"title": EVIL, "source": EVIL, "heading": EVIL, "page": 2, "shown": shown, "note": note}


@pytest.mark.parametrize("shown", [TEXT, TABLE, PAGE])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_document_brought_stays_data(shown: dict[str, Any], lang: str) -> None:
    page = Page(view_panel(view_of(shown), lang))
    elements = {"div", "b", "span", "button", "mark", "br", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(page.elements) <= elements | ({"img"} if shown is PAGE else set())
    assert not [name for name, _ in page.attributes if name.startswith("on")] and page.open == []
    sources = [value for name, value in page.attributes if name == "src"]
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert "<script>" in page.text and "mark" in page.elements


def test_what_is_shown_of_each_kind() -> None:
    assert Page(view_panel(view_of({**TEXT, "text": "abcdef", "marks": ((1, 3), (2, 4))}), "en")).inside["mark"] == [
        "bcd"
    ]
    table = Page(view_panel(view_of(TABLE), "zh"))
    assert table.inside["th"][0] == "行" and table.inside["td"][3:] == ["4", "x", "y"]
    assert len(table.inside["mark"]) == 1, "of the marked row the cells that hold something"
    page = Page(view_panel(view_of(PAGE), "en"))
    assert ("style", "left:10.00%;top:20.00%;width:40.00%;height:5.00%") in page.attributes
    assert "page 2 of 9" in page.text


@pytest.mark.parametrize("note", ["gone", "no_original", "not_shown", "not_marked"])
def test_what_the_reader_should_know_is_said(note: str) -> None:
    for lang in ("en", "zh"):
        assert TEXTS[lang][f"view_{note}"] in Page(view_panel(view_of(TEXT, note), lang)).text


def test_only_the_passages_of_ones_own_answers_are_shown(store: ConversationStore, tmp_path: Path) -> None:
    sources = {"type": "sources", "passages": [PASSAGE, {**PASSAGE, "source": "fish.md"}], "query": "?"}
    cited = [CITATION, {**CITATION, "number": 2, "span_start": 1}, {**CITATION, "status": "unsupported"}]
    conversation, tab = answered(store, tmp_path, sources, *cited, done("一小时[1][2]。"))
    asked: list[Any] = []

    def view(passage: dict[str, Any], spans: list[tuple[int, int]]) -> dict[str, Any]:
        asked.append((passage["source"], spans))
        return view_of(TEXT)

    services: Any = SimpleNamespace(runs=tab.chat._runs, owner=lambda request: request.username, view=view)
    message = store.messages(conversation)[-1].id

    def shown(number: str, request: Any = ANN) -> str:
        return list(ViewEvents(services).open(conversation, number, request))[-1]

    assert "fs-view-text" in shown(f"{message}-2") and asked == [("fish.md", [(1, 3)])]
    for wanted in (f"{message}-3", f"{message}-0", f"{message - 1}-1", "", "x-y"):
        assert "not there any more" in shown(wanted)
    bob = SimpleNamespace(headers={"accept-language": "zh"}, username="bob")
    assert "fs-view-text" not in shown(f"{message}-2", bob) and len(asked) == 1
