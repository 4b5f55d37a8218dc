"""Text while it arrives: complete characters only, and never part of a stop string."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm.detokenise import Detokeniser, overlap
from llm.settings import EMBEDDED_BASE

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=8)
EMOJI = st.sampled_from(["😀", "👩‍🍳", "🏴‍☠️", "🇨🇳", "👍🏽", "🥢"])
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=8)
MIXED = st.lists(
    st.one_of(CHINESE, EMOJI, ANY, st.sampled_from([" the ", "\n\n", "def f(x):\n", "红烧肉", "𠮷"])), max_size=8
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(EMBEDDED_BASE)


def _run(tokenizer: Any, ids: list[int], stop: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    text = Detokeniser(tokenizer, stop)
    pieces = []
    for token in ids:
        pieces.append(text.push(token))
        if text.stopped:
            break
    return [*pieces, text.finish()], text.stopped


@QUICK
@given(parts=MIXED)
def test_the_pieces_are_the_text(tokenizer: Any, parts: list[str]) -> None:
    text = "".join(parts)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces, stopped = _run(tokenizer, ids)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
    assert not stopped


def test_tool_tags_are_read_and_other_special_tokens_are_not(tokenizer: Any) -> None:
    text = "<|im_start|>a<tool_call>{}</tool_call><|im_end|>"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert {0, 1, 2} == set(tokenizer.all_special_ids)
    assert "".join(_run(tokenizer, ids)[0]) == "a<tool_call>{}</tool_call>"


@QUICK
@given(data=st.data())
def test_any_tokens_give_what_decoding_them_at_once_gives(tokenizer: Any, data: st.DataObject) -> None:
    """Also broken characters and special tokens; only an incomplete character at the very end is left out."""
    ids = data.draw(st.lists(st.one_of(st.integers(0, 4), st.integers(0, len(tokenizer) - 1)), max_size=40))
    whole = tokenizer.decode([token for token in ids if token > 2])
    pieces, _ = _run(tokenizer, ids)
    assert "".join(pieces) == whole.rstrip("\ufffd")


@QUICK
@given(parts=MIXED, cut=st.integers(0, 30))
def test_half_a_character_is_never_shown(tokenizer: Any, parts: list[str], cut: int) -> None:
    text = "".join(parts)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"][:cut]
    pieces, _ = _run(tokenizer, ids)
    assert "\ufffd" not in "".join(pieces)
    assert text.startswith("".join(pieces))


def test_a_character_of_several_tokens_waits_for_the_last(tokenizer: Any) -> None:
    ids = tokenizer("龘", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1, "the control: this character does span tokens"
    assert tokenizer.decode(ids[:1]) == "\ufffd"
    pieces, _ = _run(tokenizer, ids)
    assert pieces == [*[""] * (len(ids) - 1), "龘", ""]


@QUICK
@given(parts=MIXED, stop=st.lists(st.text("ab红\n。", min_size=1, max_size=4), min_size=1, max_size=3))
def test_nothing_of_a_stop_string_is_emitted(tokenizer: Any, parts: list[str], stop: list[str]) -> None:
    text = "".join(parts) + "aab红烧ba。\n\n红"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces, stopped = _run(tokenizer, ids, tuple(stop))
    shown = "".join(pieces)
    assert stopped == any(s in text for s in stop)
    assert not any(s in shown for s in stop)
    assert text.startswith(shown)
    if stopped:
        assert any(text[len(shown) :].startswith(s) for s in stop)
    else:
        assert shown == text


@pytest.mark.parametrize(
    ("text", "stop", "pieces", "stopped"),
    [
        ("xENDy", ("END",), ["x", "", "", "", ""], True),
        ("xENy", ("END",), ["x", "", "", "ENy", ""], False),
        ("xEN", ("END",), ["x", "", "", "EN"], False),
        ("EEND", ("END",), ["", "E", "", "", ""], True),
        ("ababac", ("abac",), ["", "", "", "ab", "", "", ""], True),
        ("aXY", ("XYZ", "XY"), ["a", "", "", ""], True),
        ("a two one", ("one", "two"), ["a", " ", "", "", "", ""], True),
        ("no", (), ["n", "o", ""], False),
    ],
)
def test_a_stop_string_over_token_borders_is_held_back(
    tokenizer: Any, text: str, stop: tuple[str, ...], pieces: list[str], stopped: bool
) -> None:
    ids = [tokenizer(character, add_special_tokens=False)["input_ids"] for character in text]
    assert all(len(one) == 1 for one in ids), "one token for each letter, so that every border is crossed"
    assert _run(tokenizer, [one[0] for one in ids], stop) == (pieces, stopped)


@pytest.mark.parametrize(
    ("text", "stop", "length"),
    [("abc", "cd", 1), ("abc", "bcd", 2), ("abc", "abc", 0), ("aaa", "aaab", 3), ("", "x", 0), ("abc", "xyz", 0)],
)
def test_overlap(text: str, stop: str, length: int) -> None:
    assert overlap(text, stop) == length
