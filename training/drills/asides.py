"""What people say around a question: small talk before and after it, and slips of the finger.

`chatty` puts it around questions over passages, whichever drill made them, and leaves the answers as they are: what is
asked for stays the same. Tables: tables/asides_zh.txt and tables/asides_en.txt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from training.drills.pools import TABLES
from training.drills.prompts import Message, reads

_SLOT = re.compile(r"\{(\w+)\}")
_POLITE = re.compile(
    r"^(?:你好|请|麻烦|想知道|我想|帮我|能告诉|告诉我|谢谢|好的|急|hi\b|hey\b|hello|excuse|could|please)", re.I
)
_ASKS = re.compile(
    r"^(?:what|which|when|where|who|whose|why|how|is|are|was|were|do|does|did|can|could|may|should|will|would|has|have|"
    r"for|in|at|on|by|the|a|an|and|until|to|from)\b",
    re.I,
)
_ENDS_ZH = tuple("吗呢呀啊吧么没不了")
_WORD_ZH = re.compile("多少|几|什么|哪|怎|谁|多久|啥|多[长大高远深厚]")
_SOUNDS = {
    "的": "得",
    "得": "的",
    "在": "再",
    "那": "哪",
    "做": "作",
    "多少": "多小",
    "几": "及",
    "什么": "神马",
    "怎么": "咋",
}
_NEAR = dict(zip("abcdefghijklmnopqrstuvwxyz", "snvfrgyjokllnmiowedrucexhx", strict=True))


@dataclass
class _Talk:
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)

    def put(self, rng: Random, text: str) -> str:
        return _SLOT.sub(lambda match: rng.choice(self.words[match[1]]), text)


@lru_cache(maxsize=2)
def _talk(lang: str) -> _Talk:
    out = _Talk()
    for line in (TABLES / f"asides_{lang}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("$"):
            name, _, rest = line[1:].partition(" ")
            out.words[name] = rest.split(" / ")
        elif line[:1] in "<>" and line:
            (out.before if line[0] == "<" else out.after).append(line[2:].rstrip())
    return out


def aside(rng: Random, question: str, lang: str) -> str:
    """`question` with small talk before it, after it or both; given back as it is where that would read oddly."""
    core = question.strip().rstrip("?？。. ")
    if not core or _POLITE.match(core) or len(core) > (45 if lang == "zh" else 130) or "\n" in core:
        return question
    talk, roll = _talk(lang), rng.random()
    head = talk.put(rng, rng.choice(talk.before)) if roll < 0.62 else ""
    tails = talk.after
    if core.endswith("谢谢") or core.endswith("Thanks"):
        return question
    if lang == "zh" and (core.endswith(_ENDS_ZH) or not _WORD_ZH.search(core) or "？" in core):
        tails = [tail for tail in tails if tail[0] in "，？"]
    tail = (
        talk.put(rng, rng.choice(tails))
        if roll > 0.5
        else rng.choice(("?", "?", "")).replace("?", "？" if lang == "zh" else "?")
    )
    if lang == "en":
        if tail[:1].isalpha():
            tail = " " + tail
        if head:
            fresh = head[-1] in ".!?"
            if fresh or _ASKS.match(core):
                core = (core[0].upper() if fresh and rng.random() < 0.7 else core[0].lower()) + core[1:]
            head = (head[0].upper() + head[1:] if rng.random() < 0.6 else head) + " "
        tail = re.sub(r"(?<=[?!.] )([a-z])", lambda m: m[1].upper() if rng.random() < 0.7 else m[1], tail)
    return head + core + tail


def slip(rng: Random, question: str, lang: str) -> str:
    """`question` with one slip of the finger, never in a figure, a name's first letter or a word of a few letters."""
    if lang == "zh":
        found = [word for word in _SOUNDS if word in question]
        if not found:
            return question.rstrip("？?")
        word = rng.choice(found)
        return question.replace(word, _SOUNDS[word], 1)
    spots = list(re.finditer(r"\b[a-z]{5,}\b", question))
    if not spots:
        return question.lower().rstrip("?") if rng.random() < 0.5 else question
    at, word = (spot := rng.choice(spots)).start(), spot[0]
    i = rng.randint(1, len(word) - 2)
    kind = rng.randrange(4)
    if kind == 0:
        word = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    elif kind == 1:
        word = word[:i] + word[i + 1 :]
    elif kind == 2:
        word = word[:i] + word[i] + word[i:]
    else:
        word = word[:i] + _NEAR[word[i]] + word[i + 1 :]
    return question[:at] + word + question[at + len(spot[0]) :]


def chatty(rng: Random, messages: list[Message], share: float) -> list[Message]:
    """A conversation over passages, each of its questions with small talk at the chance `share`, slips at half of it.

    Conversations without passages are given back as they are.
    """
    lang = reads(messages)
    if lang is None:
        return messages
    out = []
    for message in messages:
        text = message["content"]
        if message["role"] == "user":
            if rng.random() < share / 2:
                text = slip(rng, text, lang)
            if rng.random() < share:
                text = aside(rng, text, lang)
        out.append({**message, "content": text})
    return out
