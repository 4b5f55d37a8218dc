"""Text that wants to be more than text: orders to the model, markup that calls out, look-alike letters, citations.

Nothing is taken away here: prompts, pages and answers treat every passage as data anyway. The user is told, because
a document that tries is not to be trusted with what it says either.
"""

from __future__ import annotations

import re
import unicodedata

from rag.loaders.cleaning import one_line
from rag.loaders.problems import warning

_SAMPLE_CHARS = 60

# (words of which one must occur, pattern): the words are looked for first, which costs next to nothing.
_ORDERS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("instruction", "prompt", "guideline", "rules", "directive"),
        re.compile(
            r"\b(?:ignore|disregard|forget|override|bypass|do not follow)\b[^.\n]{0,20}?"
            r"\b(?:all|any|your|previous|prior|above|earlier|preceding|system|original|every)\b"
            r"[^.\n]{0,30}?(?:instruction|prompt|guideline|rules|directive)"
            r"|\b(?:reveal|print|repeat|show|leak|output|display)\b[^.\n]{0,20}\bsystem (?:prompt|message|instruction)"
            r"|\b(?:new|updated|important|secret|special|hidden) instructions?\b[^.\n]{0,15}"
            r"\b(?:ai|llms?|assistants?|chatbots?|(?:language )?models?)\b"
            r"|\binstructions? (?:for|to) (?:the |any |all |an? )?(?:ai|llms?|assistants?|chatbots?|language models?)\b"
        ),
    ),
    (
        ("you are now", "you must now", "act as", "pretend"),
        re.compile(
            r"\b(?:you are now|you must now|from now on you are|act as|pretend (?:to be|you are))\b[^.\n]{0,25}"
            r"\b(?:dan|jailbroken|unrestricted|unfiltered|(?:developer|debug|god|admin|root|maintenance) mode"
            r"|without (?:any )?(?:restrictions?|rules|limits?|filters?))"
        ),
    ),
    (
        ("the user", "conversation", "chat history", "password", "api key"),
        re.compile(
            r"\b(?:do not|don't|never|must not)\b[^.\n]{0,12}"
            r"\b(?:tell|inform|mention|reveal|disclose|warn)\b[^.\n]{0,20}\bthe user\b"
            r"|\b(?:send|post|forward|upload|append|exfiltrate|transmit)\b[^.\n]{0,40}"
            r"\b(?:conversation|chat history|passwords?|api keys?|the user's)\b[^\n]{0,40}(?:https?:|\bto\b)"
        ),
    ),
    (
        ("指令", "指示", "提示", "规则", "要求", "设定", "命令"),
        re.compile(
            r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|抛弃|绕过)[^。\n]{0,8}(?:之前|以上|上述|先前|前面|此前|所有|一切|系统|原有|你的|全部)"
            r"[^。\n]{0,8}(?:指令|指示|提示|设定|命令)"
            r"|(?:忽略|无视|忘记|忘掉|不要理会|不要遵守)[^。\n]{0,8}(?:所有|一切|全部)[^。\n]{0,6}(?:规则|要求)"
            r"|(?:输出|显示|泄露|说出|重复|打印|公开)[^。\n]{0,8}系统(?:提示|指令|设定)"
            r"|(?:给|致|对)(?:所有)?(?:ai|人工智能|大模型|语言模型|智能助手|助手|聊天机器人|模型)[^。\n]{0,4}(?:指令|指示|提示|命令)"
        ),
    ),
    (
        ("你现在", "从现在起", "从现在开始", "用户"),
        re.compile(
            r"(?:你现在|从现在起|从现在开始)[^。\n]{0,12}(?:越狱|不受(?:任何)?限制|没有(?:任何)?限制|无限制|(?:开发者|调试|管理员|上帝)模式)"
            r"|(?:不要|不得|禁止|切勿|别)(?:(?:告诉|告知|透露给)用户|让用户(?:知道|发现|看到|察觉))"
        ),
    ),
)  # fmt: skip
_CONTROL = re.compile(
    r"<[|｜][a-z_▁]{2,30}[|｜]>|\[/?INST\]|<</?SYS>>|</?(?:tool_call|start_of_turn|end_of_turn)>", re.I
)
_CALLING = re.compile(
    r"<(?:script|iframe|object|embed|form|meta|link|svg|base)\b|<[a-z]{1,10}\b[^<>\n]{0,200}?\son[a-z]{3,20}\s{0,3}="
    r"|<img\b[^<>\n]{0,200}?\bsrc\s{0,3}=|!\[[^\]\n]{0,200}\]\(\s{0,3}<?(?:https?:)?//|\]\(\s{0,3}<?(?:javascript|data|file|vbscript):"
    r"|\b(?:java|vb)script:[^\s]",
    re.I,
)
_MARK = re.compile(r"(?P<line>^[ \t]*)?[\[［【](?P<number>\d{1,3})[\]］】]", re.M)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile("(?<!\U0001f3f4)[\U000e0020-\U000e007e]+")
_LOOKALIKES = dict(
    zip(
        "аеорсухіјѕԁһӏԛԝвкмнтАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονυ",
        "aeopcyxijsdhlqwbkmhtABEKMHOPCTYXIJSABEZHIKMNOPTYXovu",
        strict=True,
    )
)
_FOREIGN = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_MIXED = re.compile(r"\b(?=\w{0,40}[A-Za-z]{2})(?=\w{0,40}[\u0370-\u052f])[A-Za-z\u0370-\u052f]{4,40}\b")
_STYLED = re.compile("[\u2100-\u218b\u24b6-\u24e9\uff21-\uff5a\U0001d400-\U0001d7ff]")


class Tricks:
    """Notes, before text is cleaned, what cleaning takes away that no honest text needs."""

    def __init__(self) -> None:
        self.bidi = False
        self.tagged = ""

    def see(self, text: str) -> None:
        """Look at text before it is cleaned."""
        if text.isascii():
            return
        self.bidi = self.bidi or _BIDI.search(text) is not None
        if not self.tagged and (found := "".join(_TAGS.findall(text))):
            self.tagged = "".join(chr(ord(char) - 0xE0000) for char in found)

    def warnings(self) -> list[str]:
        found = []
        if self.bidi:
            found.append(
                warning(
                    "Marks that turn the direction of writing were removed; they can show text in another order than "
                    "it is stored in.",
                    "已去除改变书写方向的控制符，它们能让显示的文字与实际内容不同。",
                )
            )
        if self.tagged:
            found.append(
                warning(
                    f"An invisible message was removed: {_quoted(self.tagged)}.",
                    f"已去除一段不可见的文字：{_quoted(self.tagged)}。",
                )
            )
        return found


def lures(text: str) -> list[str]:
    """What the reader of a document should know of its (cleaned) text, in the form of `LoadedDocument.warnings`."""
    found: list[str] = []
    if order := _order(text):
        found.append(
            warning(
                f"It holds text that reads like orders to an AI: {_quoted(order)}. It is kept as plain text and orders "
                "nothing; check where the file comes from.",
                f"其中有像是写给 AI 的指令的文字：{_quoted(order)}。它只作为普通文字保留，不会被执行；请确认文件来源。",
            )
        )
    if "<" in text or "](" in text or "cript:" in text:
        found += _told(
            _CALLING,
            text,
            "piece(s) of HTML or Markdown that would run or load something are shown as plain text, the first",
            "处会运行或加载外部内容的 HTML 或 Markdown 只显示为普通文字，第一处",
        )
    if _FOREIGN.search(text) and (words := [m[0] for m in _MIXED.finditer(text) if _disguised(m[0])]):
        found.append(
            warning(
                f"{len(words)} word(s) mix letters of two alphabets that look alike, the first: {_quoted(words[0])}. "
                "A search for them may not find it.",
                f"有 {len(words)} 个单词混用了两种字母表中形似的字母，第一个：{_quoted(words[0])}。检索时可能找不到。",
            )
        )
    if count := _false_marks(text):
        found.append(
            warning(
                f"{count} mark(s) such as “[1]” look like citations of this app. They are shown as the document's own "
                "and count for nothing.",
                f"有 {count} 处“[1]”这样的标记形似本应用的引用。它们只作为文档原文显示，不算引用。",
            )
        )
    return found


def dropped(scripts: int, frames: int, images: int, links: int) -> list[str]:
    """The same for what was left out of a page or a Markdown file; `links`: those of a dangerous kind."""
    parts = [
        (scripts, "script(s)", "段脚本"),
        (frames, "embedded frame(s)", "个内嵌框架"),
        (images, "image(s) from the network", "张网络图片"),
        (links, "link(s) that run a program", "个会运行程序的链接"),
    ]
    if not any(count for count, *_ in parts):
        return []
    en = ", ".join(f"{count} {name}" for count, name, _ in parts if count)
    zh = "、".join(f"{count} {name}" for count, _, name in parts if count)
    return [warning(f"Left out and never loaded: {en}.", f"未收录，也不会加载：{zh}。")]


def _order(text: str) -> str:
    """The first words that read like an order to a model, "" if there are none."""
    if control := _CONTROL.search(text):
        return _around(text, control.start(), control.end())
    plain = unicodedata.normalize("NFKC", text) if _STYLED.search(text) else text
    if _FOREIGN.search(plain):
        plain = plain.translate({ord(char): like for char, like in _LOOKALIKES.items()})
    low = plain.lower().replace("\n", " ")  # an order may run over the end of a line
    for words, pattern in _ORDERS:
        if any(word in low for word in words) and (match := pattern.search(low)):
            return _around(plain if len(low) == len(plain) else low, match.start(), match.end())
    return ""


def _around(text: str, start: int, end: int) -> str:
    begin = max(text.rfind("\n", 0, start) + 1, start - 15)
    return text[begin : max(end, begin + _SAMPLE_CHARS)]


def _told(pattern: re.Pattern[str], text: str, en: str, zh: str) -> list[str]:
    matches = list(pattern.finditer(text))
    if not matches:
        return []
    sample = _quoted(text[matches[0].start() : matches[0].start() + _SAMPLE_CHARS])
    return [warning(f"{len(matches)} {en}: {sample}.", f"有 {len(matches)} {zh}：{sample}。")]


def _disguised(word: str) -> bool:
    """Latin letters among which others stand that look like Latin ones."""
    foreign = [char for char in word if not char.isascii()]
    return all(char in _LOOKALIKES for char in foreign) and len(foreign) < len(word) - 1


def _false_marks(text: str) -> int:
    """Marks like "[1]" that belong to no list of notes or references in the document itself."""
    if "[" not in text and "【" not in text and "［" not in text:
        return 0
    listed: set[str] = set()
    inline: set[str] = set()
    count = 0
    for match in _MARK.finditer(text):
        count += 1
        (inline if match["line"] is None else listed).add(match["number"])
    return 0 if listed and inline & listed and inline <= listed | {"0"} else count


def _quoted(sample: str) -> str:
    return f"“{one_line(sample)[:_SAMPLE_CHARS]}”"
