"""Questions without end over real text: a clause loses a name, number or phrase, and what is left asks for it.

Two kinds of reading are practised. The passage may hold the very clause (it must be found though words of the question
are dropped or moved), or only another sentence in which the same span recurs. Sources: Lewis et al., "Unsupervised
Question Answering by Cloze Translation" (2019); Ram et al., "Few-Shot Question Answering by Pretraining Span
Selection" (2021).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from training.drills.pools import words
from training.drills.prompts import Sample
from training.drills.reading import Passage, join, over, windows

_NUM_EN = r"(?:\d[\d,.]*(?:th|%)?|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty)"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_NAME = r"[A-Z]\w+(?: (?:of |de |van |the )?[A-Z]\w+){0,3}"


def _spans(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    return tuple((re.compile(pattern), tuple(asks.split("/"))) for pattern, asks in pairs)


_SPANS_EN = _spans(
    (r"\b(?:1[0-9]|20)\d{2}\b", "when/what year/in which year"),
    (rf"\b\d{{1,2}} {_MONTH}\b|\b{_MONTH} \d{{1,2}}\b", "when/on what date"),
    (r"[$£€]\d[\d,.]*(?: (?:million|billion))?", "how much/what amount"),
    (rf"\b{_NUM_EN}(?: (?:hundred|thousand|million|billion|percent))? [a-z]{{3,}}s\b", "how many/what number of"),
    (rf"(?:(?<=\b[Ii]n )|(?<=\b[Aa]t ))(?:the )?{_NAME}", "where/in what place"),
    (rf"(?<=[a-z,] ){_NAME}", "who/what/which/what name"),
    (r"(?:(?<= a )|(?<= an ))[a-z]+(?: [a-z]+){0,2}(?=[,.;]| that| which| who| of| in| to| for)", "what/what kind"),
    (r"(?<=\bbecause )[^,.;]{12,70}|(?<=\bin order to )[^,.;]{8,60}", "why/for what reason"),
)
_UNITS_ZH = (
    "年|月|日|岁|米|公里|千米|厘米|吨|公斤|克|元|万元|亿元|人|名|个|次|座|条|部|家|种|小时|分钟|天|度|平方公里|%|％"
)
_SPANS_ZH = _spans(
    (r"(?:公元前?)?\d{2,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?", "什么时候/哪一年/何时"),
    (rf"[约近]?[\d.,]+(?:多|余)?[万亿千百]?(?:{_UNITS_ZH})", "多少/多大/几"),
    (r"《[^》]{2,16}》", "什么/哪部作品/什么书"),
    (r"“[^”]{2,14}”", "什么/什么名字"),
    (r"(?<=[于在])[\u4e00-\u9fff]{2,8}(?=[，。；、])", "哪里/什么地方/何处"),
    (r"(?<=[由被])[\u4e00-\u9fff]{2,6}(?=[所担负设编制执主创发建领])", "谁/什么人"),
    (r"(?<=[是为])[\u4e00-\u9fff]{3,14}(?=[，。；]|$)", "什么/怎样的/何种"),
    (r"(?<=因为|由于)[^，。；]{4,24}", "为什么/什么原因"),
    (r"(?<=包括|分为|称为|叫做|名为)[^，。；]{2,24}", "什么/哪些"),
)
_STOP_EN = frozenset(
    words("the a an of to in on at and is was were are be been it its this that his her their which who by for")
)
_STOP_ZH = "的了是在和与也都就被把将其该此这那着过地得之而并"
_PARTS = {"zh": re.compile(r"[，；：]"), "en": re.compile(r"[;:]|, (?:and|but|which|who|while|where) |, ")}


@dataclass(frozen=True)
class Gap:
    """A question made of a clause by taking `answer` out of it; `sentence` is the clause's number in the text."""

    question: str
    answer: str
    sentence: int


def _thin(rng: Random, text: str, lang: str) -> str:
    """The clause with some of its words dropped: as a person half remembers it, or as key words."""
    roll = rng.random()
    if lang == "en":
        tokens = text.split()
        if roll < 0.2:
            return " ".join(t for t in tokens if t.lower() not in _STOP_EN) or text
        return " ".join(t for t in tokens if rng.random() > (0.12 if roll < 0.7 else 0.0)) or text
    if roll < 0.5:
        return "".join(c for c in text if c not in _STOP_ZH or rng.random() < 0.4) or text
    return text


def _ask(rng: Random, before: str, after: str, word: str, lang: str) -> str:
    """The question in one of several orders: in place, the question word first or last, or with a gap."""
    before, after = _thin(rng, before, lang).strip(), _thin(rng, after, lang).strip()
    roll = rng.random()
    if lang == "zh":
        if roll < 0.6:
            return f"{before}{word}{after}"
        if roll < 0.8:
            return f"{before}____{after}，空格处是什么" if rng.random() < 0.3 else f"{before}{after}的是{word}"
        return f"{word}{before}{after}"
    if roll < 0.3:
        return f"{before} {word} {after}"
    if roll < 0.85:
        verb = rng.choice(("", "", "did ", "was ", "is ")) if before else ""
        return f"{word} {verb}{before} {after}"
    return f"{before} ____ {after}"


def gaps(rng: Random, run: Sequence[str], lang: str) -> Iterator[Gap]:
    """Questions over a run of sentences, at most two for each."""
    patterns = _SPANS_ZH if lang == "zh" else _SPANS_EN
    low, high = (7, 60) if lang == "zh" else (24, 170)
    for number, sentence in enumerate(run):
        made = 0
        clauses = [c for c in _PARTS[lang].split(sentence.rstrip("。！？.!? ")) if low <= len(c) <= high]
        rng.shuffle(clauses)
        for clause in clauses:
            found = [(m, asks) for pattern, asks in patterns for m in pattern.finditer(clause)]
            rng.shuffle(found)
            for match, asks in found[:1]:
                answer = match[0].strip(" ,.，。")
                rest = clause[: match.start()] + clause[match.end() :]
                if len(answer) < 2 or answer in rest or len(rest) < low - 3 or made >= 2:
                    continue
                made += 1
                asked = _ask(rng, clause[: match.start()], clause[match.end() :], rng.choice(asks), lang)
                yield Gap(re.sub(r"\s+", " ", asked).strip(" ,，、"), answer, number)


def cloze_samples(
    rng: Random, title: str, text: str, lang: str, noise: Sequence[Passage], refusals: float = 0.08
) -> list[Sample]:
    """Samples from one document; each has up to eight questions over a window of it, among other passages.

    About `refusals` of them ask for something that only a sentence left out of the passage tells.
    """
    out: list[Sample] = []
    runs = windows(text[:14000], lang, rng)
    title = title[:30] if lang == "zh" else title[:70]
    for i, run in enumerate(runs):
        made = list(gaps(rng, run, lang))
        if not made:
            continue
        rng.shuffle(made)
        first = made[0]
        rest = [s for n, s in enumerate(run) if n != first.sentence]
        recurs = any(first.answer in s for s in rest)
        shown, asked = list(run), made[: rng.randint(2, 8)]
        answer: str | None = first.answer
        if len(rest) > 1 and ((recurs and rng.random() < 0.6) or (not recurs and rng.random() < refusals)):
            shown, asked = rest, [first]
            answer = first.answer if recurs else None
        others = [(title, join(other, lang)) for j, other in enumerate(runs) if j != i]
        chosen = rng.sample(others, min(len(others), rng.choice((0, 0, 0, 1))))
        chosen += rng.sample(list(noise), min(len(noise), rng.choice((0, 0, 1, 2))))
        chosen = [p for p in chosen if not any(gap.answer in p[1] for gap in asked)]
        questions = [(gap.question, gap.answer if n or answer is not None else None) for n, gap in enumerate(asked)]
        out.append(over(rng, questions, (title, join(shown, lang)), chosen, lang, "cloze"))
    return out
