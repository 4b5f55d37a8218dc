"""What the model is asked: language, reading prompt, refusals, and the cleaning of foreign text.

Questions and passages are data. Nothing in them can end a turn (control tokens of the common chat
templates are taken out) or pass for another numbered passage.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.types import Passage

Language = Literal["zh", "en"]

REFUSALS: dict[Language, str] = {
    "zh": "根据现有资料，我无法回答这个问题。",
    "en": "I can't answer that from the given documents.",
}

_READING: dict[Language, str] = {
    "zh": (
        "你是一个依据资料回答问题的助手。只根据下面的资料回答，句末用[编号]注明出处；"
        "资料里没有答案时，回答“" + REFUSALS["zh"] + "”"
    ),
    "en": (
        "You answer questions from the passages below. Use only the passages and cite them as [number] "
        'at the end of a sentence; if they do not contain the answer, reply "' + REFUSALS["en"] + '"'
    ),
}
_QUESTION: dict[Language, str] = {"zh": "\n\n问题：", "en": "\n\nQuestion: "}
_PASSAGES: dict[Language, str] = {"zh": "\n\n资料：\n", "en": "\n\nPassages:\n"}

HISTORY_CHARS = 600
"""Characters of earlier turns kept beside the passages: small models lose the passages in a long history."""

MARKER = re.compile(
    r"[\[［【]\s*(?:资料|来源|编号|出处|source|passage|number|\^)?\s*"
    r"(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]］】]",
    re.I,
)
"""A citation marker as models write it: [1], [1, 2], 【1】, ［1］, [^1], [资料1]."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’]*")
_EN_FRAME_WORDS = (
    "how what when where which who why is are was do does did can could should would may must "
    "the a an of to in for i you my me it about tell give list show explain"
)
_EN_FRAME = frozenset(_EN_FRAME_WORDS.split())
_ZH_FRAME = re.compile(
    r"[的吗呢吧了么怎哪谁几啥请给我你是要能会该]"
    r"|什么|如何|多少|多久|多大|多长|为何|支持|需要|可以"
)

# <|im_start|> and its kin (ChatML, InternLM, Llama 3, DeepSeek's wide bars), [INST], <<SYS>>, <s>, <eoa>
_CONTROL = re.compile(
    r"<[|｜][^\s<>|｜]{0,40}[|｜]>"
    r"|</?(?:s|think|tool_call|tool_response|tools|eo[ahmsu]|start_of_turn|end_of_turn|bos|eos|pad|unk)>"
    r"|\[/?INST\]|<</?SYS>>|\[UNUSED_TOKEN_\d+\]",
    re.I,
)
# Invisible characters can split a control token so that it is put together again later.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_FAKE_NUMBER = re.compile(r"^([^\S\n]*)[\[［【]\s*(\d+)\s*[\]］】]", re.M)


def language_of(text: str) -> Language:
    """The language to answer in: "zh" where Chinese carries the sentence, else "en".

    A Chinese name in an English sentence leaves it English, English terms in a Chinese one leave it Chinese:
    question and function words decide first, the share of characters only where they say nothing.
    """
    han, words = len(_HAN.findall(text)), [word.lower() for word in _WORD.findall(text)]
    if han == 0 or len(_KANA.findall(text)) > han:
        return "en"
    framed_en = sum(word in _EN_FRAME for word in words)
    framed_zh = sum(len(found) for found in _ZH_FRAME.findall(text))
    if framed_en != framed_zh:
        return "zh" if framed_zh > framed_en else "en"
    return "zh" if han >= len(words) else "en"


def clean(text: str) -> str:
    """`text` without chat-template control tokens, invisible characters, and controls but tab and newline."""
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return _CONTROL.sub(" ", text)


def passage_block(number: int, passage: Passage) -> str:
    """One passage as it stands in the prompt: "[n] Title · heading", then its text without blank lines.

    Blank lines part passages, so none is left inside one; a line that begins like a passage ("[3] …") gets
    round brackets.
    """
    title = " ".join(clean(passage.title).split())
    heading = " ".join(clean(passage.heading).split())
    if heading.startswith(title + " > "):
        heading = heading[len(title) + 3 :]
    if heading and heading != title:
        title = f"{title} · {heading}"
    text = _FAKE_NUMBER.sub(r"\1(\2)", _BLANK_LINES.sub("\n", clean(passage.text).strip()))
    return f"[{number}] {title}\n{text}"


def reading_prompt(passages: Sequence[Passage], language: Language, system_prompt: str = "", question: str = "") -> str:
    """The system message of a document answer; a user's own system prompt stands before it.

    The question stands before the passages, on one line: a decoder reads from left to right, and can only look for
    what it has been asked already.
    """
    blocks = "\n\n".join(passage_block(i, passage) for i, passage in enumerate(passages, 1))
    own = clean(system_prompt).strip()
    asked = " ".join(clean(question).split())
    asked = _QUESTION[language] + asked if asked else ""
    return (own + "\n\n" if own else "") + _READING[language] + asked + _PASSAGES[language] + blocks


def build_messages(
    question: str,
    history: Sequence[BaseMessage] = (),
    passages: Sequence[Passage] = (),
    *,
    system_prompt: str = "",
    language: Language | None = None,
    history_chars: int = HISTORY_CHARS,
) -> list[BaseMessage]:
    """The messages for the model.

    Args:
        question: as it is to be asked (a follow-up already resolved).
        history: earlier turns, oldest first; system messages in it are dropped.
        passages: numbered from 1 in this order; none means plain chat with the whole history.
        system_prompt: the user's own, "" for none.
        language: of the reading prompt, by default the question's.
        history_chars: budget for earlier turns beside passages; the newest whole exchanges that fit are kept.
    """
    turns = [_cleaned(m) for m in history if isinstance(m, (HumanMessage, AIMessage))]
    ask = HumanMessage(clean(question).strip())
    if not passages:
        own = clean(system_prompt).strip()
        return [*([SystemMessage(own)] if own else []), *turns, ask]
    system = reading_prompt(passages, language or language_of(question), system_prompt, question)
    # Numbers in earlier answers point to the passages of then.
    turns = [AIMessage(MARKER.sub("", m.text)) if isinstance(m, AIMessage) else m for m in turns]
    return [SystemMessage(system), *_newest(turns, history_chars), ask]


def _cleaned(message: BaseMessage) -> BaseMessage:
    return type(message)(clean(message.text))


def _newest(turns: list[BaseMessage], budget: int) -> list[BaseMessage]:
    """The longest tail of `turns` that begins with a user's message and fits the budget."""
    start, used = len(turns), 0
    for i in range(len(turns) - 1, -1, -1):
        used += len(turns[i].text)
        if used > budget:
            break
        if isinstance(turns[i], HumanMessage):
            start = i
    return turns[start:]


_SORRY = r"(?:(?:很?抱歉|对不起|不好意思|sorry|i am sorry|i'm sorry|unfortunately)[ ,，。.!！]*(?:but )?)?"
_GIVEN_ZH = (
    r"(?:现有|已有|所给|给定|提供|给出|以上|上述|这些|当前|的|您|你)*"
    r"(?:资料|文档|材料|信息|内容)[里中内]?"
)
_CANNOT_ZH = r"(?:无法|不能|没法|没办法|不足以)(?:直接|准确)?(?:回答|解答|确定|得知|得出|判断|找到)"
_GIVEN_EN = r"(?:the|these|those|your) (?:given |provided |available |supplied )*"
_TEXTS_EN = r"(?:documents?|passages?|texts?|sources?|information|context)"
_REFUSING = re.compile(
    _SORRY + "(?:"
    rf"(?:根据|从|依据|基于)?{_GIVEN_ZH}[，, ]*(?:我|还|并)?{_CANNOT_ZH}"
    rf"|我?(?:无法|不能|没法)(?:根据|从|依据){_GIVEN_ZH}(?:回答|找到|得知|确定)"
    r"|我?(?:无法|不能|没法)回答(?:这个|该|您的|你的)?问题"
    rf"|{_GIVEN_ZH}(?:并)?(?:没有|未|没)(?:提到|提及|包含|给出|说明|涉及|提供|写到|写)?"
    r"(?:与?(?:这个|该)?问题|相关|有关|的)*(?:答案|信息|内容|资料)"
    r"|i (?:can't|cannot|can not|am unable to|am not able to|could not|couldn't) (?:answer|find|tell)"
    rf"(?: (?:that|this|the answer|the question|your question|question|it))*"
    rf"(?:[.!]|$|(?: based on| from| in| using)?(?: only)? {_GIVEN_EN}{_TEXTS_EN})"
    rf"|{_GIVEN_EN}{_TEXTS_EN} (?:do|does) not (?:contain|mention|give|say|provide|include)"
    r"(?: (?:the|an|any|this))*(?: (?:answer|information))"
    ")",
    re.I,
)


def is_refusal(text: str) -> bool:
    """Whether an answer begins by saying that the passages do not hold the answer.

    Only the beginning counts: "…60分钟。资料没有提到盐。" answers, and says what is missing. Spacing, quotes,
    width of punctuation, a marker and an apology before it do not matter.
    """
    flat = unicodedata.normalize("NFKC", MARKER.sub("", text)).replace("’", "'")
    flat = re.sub(r"\s+", " ", flat).strip(" \"'“”「」*_-")
    return _REFUSING.match(flat) is not None
