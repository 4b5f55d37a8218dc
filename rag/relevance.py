"""Did the search find anything near enough to ask the model about?

Search always returns its best, however bad. Two signs tell: the best cosine, and whether the thing the question is
about (a dish, a person, a product) is named in a passage at all. A passage that names it may answer, so the model
decides; where none does, only a high cosine can speak for them (another word, another language).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import followup_en, followup_zh
from rag.folding import compact, fold, grams
from rag.types import Passage

NAMED = 0.55
"""Share of the subject's name a passage has to hold: 炸酱面 for 老北京炸酱面, but not the 鸡 of 辣子鸡."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_SMALL_TALK = re.compile(
    r"(?:hi|hello|hey|thanks|thank you|bye|good (?:morning|evening|night)|who are you|what(?:'s| is) your name"
    r"|你好|您好|嗨|哈喽|早上好|晚上好|晚安|早|谢谢你?|多谢|再见|拜拜|你是谁|你叫什么(?:名字)?|你是哪位|请?(?:做个|介绍一下)?自我介绍(?:一下)?|介绍一下你自己)"
    r"(?: there| you| so much|啊|呀|吗|呢|了|[\s,，.。!！?？~～])*",
    re.I,
)


@dataclass(frozen=True)
class Evidence:
    """What speaks for an answer in the passages.

    Attributes:
        cosine: the best dense score, None where no passage was found by meaning.
        subject: share of what the question is about that the best passage holds, None where it names nothing.
        words: the same for all content words of the question.
    """

    cosine: float | None
    subject: float | None
    words: float


def evidence(question: str, passages: Sequence[Passage]) -> Evidence:
    """The evidence for a complete question (a follow-up resolved)."""
    cosines = [passage.dense_score for passage in passages if passage.dense_score is not None]
    room = followup_zh if _HAN.search(question) else followup_en
    subject = grams(fold(room.subject(question)).text)
    wanted = grams(fold(question).text)
    texts = [fold("\n".join((p.title, p.heading, p.text))).text for p in passages]
    return Evidence(
        max(cosines, default=None),
        max((_held(subject, text) for text in texts), default=0.0) if subject else None,
        max((_held(wanted, text) for text in texts), default=0.0),
    )


def near_enough(found: Evidence, refuse_below: float) -> bool:
    """Whether to ask the model.

    Args:
        refuse_below: the cosine from which passages count although they do not name the question's subject
            (`RagSettings.refuse_below`, set on labelled questions for one embedder).
    """
    if found.cosine is not None and found.cosine >= refuse_below:
        return True
    return found.words > 0 if found.subject is None else found.subject >= NAMED


def is_small_talk(question: str) -> bool:
    """A greeting, thanks or "who are you?": for the self to answer, not for the documents."""
    parts = re.split(r"(?<=[,，.。!！?？])\s*|\s+(?=who are|what)", question.strip())
    return any(parts) and all(_SMALL_TALK.fullmatch(part) for part in parts if part)


def _held(wanted: dict[str, float], text: str) -> float:
    stems, run = grams(text), compact(text)[0]
    held = sum(w for gram, w in wanted.items() if (gram in stems if gram[0].isascii() else gram in run))
    return held / sum(wanted.values()) if wanted else 0.0
