"""Everything a model, a document, a person or an adapter wrote stays text: no markup, link or image of its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.chat_render import answer, render, safe_markdown
from llm.conversations import Message
from tests.llm.pages import PASSAGE, TITLES, cited, harmless, said

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "</div></div><iframe src=//e.com></iframe>",
    "<!-- x --><b>",
    "<details open ontoggle=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](http://e.com)",
    "[x]( <http://e.com> 'title')",
    "![x](http://e.com/pixel.png)",
    "![x][1]\n\n[1]: http://e.com/pixel.png",
    "[x]\n\n[x]: javascript:alert(1)",
    "[1]\n\n[1]: <http://e.com>",
    "[[x]](http://e.com)",
    "[a\\](http://e.com)",
    "\\[a](http://e.com)",
    "\\![a](http://e.com)",
    "[![i](http://e.com/p.png)](http://e.com)",
    "<http://e.com>",
    "http://e.com and https://e.com/x?y=1 and HTTP://E.COM",
    "www.e.com and WWW.E.COM",
    "mail me@e.com",
    # Where something that looks like code is none.
    "x ```<img src=x>",
    "\\`<img src=x>`",
    "``<img src=x>`",
    "`<img src=x>``",
    "```a`b\n<img src=x>\n```",
    "~~~\n```\n~~~\n<img src=x>",
    "```\n~~~\n```\n<img src=x>\n```",
    "````\n```\n<img src=x>\n```\n````\n<img src=x>",
    "- ```\n<img src=x>",
    "> ```\n<img src=x>",
    "`a\n\n<img src=x>`",
    "`a\r\r<img src=x>`",
    "    ```\n<img src=x>",
    "\\\\`<img src=x>`",
    "\\<img src=x>",
    "\\\\<img src=x>",
    "&lt;img src=x&gt; &#60;img src=x&#62;",
    "a\r\n\r\n[x](javascript:alert(1))",
    "\u2028<img src=x>\u2029[x](http://e.com)",
    "`</code><img src=x>`",
    "```\n</code></pre><img src=x>\n```",
    "```<img src=x>\ncode\n```",
    '```x" onload="alert(1)\ncode\n```',
    "$$<img src=x>$$",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_of_a_model_brings_nothing_of_its_own(attack: str) -> None:
    for content in (attack, f"a {attack} b", f"- {attack}\n- x", f"| a |\n|--|\n| {attack} |", f"**{attack}**"):
        harmless(safe_markdown(content))
        for status in ("running", "done"):
            harmless(answer(said(content, status), "en", TITLES))
            harmless(answer(said(content, status, sources=[PASSAGE], citations=[cited(1)]), "zh", TITLES))


@pytest.mark.parametrize("attack", ATTACKS)
def test_questions_passages_titles_and_errors_bring_nothing_of_their_own(attack: str) -> None:
    (shown,) = render([Message(1, "user", attack)], "en", TITLES)
    assert shown["role"] == "user"
    harmless(shown["content"])
    for spot in ("title", "heading", "text", "source"):
        page = harmless(answer(said("x [1]", sources=[PASSAGE | {spot: attack}], citations=[cited(1)]), "en", {}))
        assert "".join(attack.split()) in "".join(page.text.split()), "shown as the text it is"
    harmless(answer(said("x", "failed", adapter=attack, error={"en": attack, "zh": attack}), "en", {"x": attack}))
    harmless(answer(said("x", "done", adapter="chef"), "zh", {"chef": attack}))
    waiting = {"en": attack, "zh": attack, "done": 1, "total": 5}
    harmless(answer(said("", "running", waiting=waiting), "en", TITLES))


def test_the_attacks_work_where_nothing_guards() -> None:
    """The negative control: rendered as they are, most of them do bring something."""
    live = []
    for attack in ATTACKS:
        try:
            harmless(attack)
        except AssertionError:
            live.append(attack)
    assert len(live) > 0.7 * len(ATTACKS)


BLOCKS = ("`", "``", "```", "~~~", "\n", "\n\n", "\r", "    ", "\t", "- ", "> ", "1. ", "#", "|", "*", "\\", " ", "a")
SPANS = ("<img src=x>", "</div>", "[x](http://e.com)", "](", "![", "[1]", "[1]:", "http://e.com", "<", ">", "&", "@")
MIXTURES = st.lists(st.sampled_from(BLOCKS + SPANS), max_size=14).map("".join)


@settings(max_examples=400, deadline=None)
@given(content=MIXTURES)
def test_no_mixture_brings_anything_of_its_own(content: str) -> None:
    harmless(safe_markdown(content))
    harmless(answer(said(content, sources=[PASSAGE], citations=[cited(1)]), "en", TITLES))
