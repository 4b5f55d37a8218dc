"""Questions that rules can make from a sentence, answered by a span of it.

Chinese keeps its word order when asked, so a span is replaced by its question word; English is inverted around
its auxiliary or do-support. Nothing is invented: question and answer are quoted from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from training.drills.pools import words

_NOISE = re.compile(r"[`{}\\<>|]|https?:|\]\(|=>|::|\*\*")
_SENT_ZH = re.compile(r"[^。！？!?\n]+[。！？!?]?")
_SENT_EN = re.compile(r"[A-Z\"'“(][^.!?\n]+(?:\.[0-9a-z][^.!?\n]*)*[.!?]")
_UNITS = (
    "平方公里|平方米|公里|千米|厘米|毫米|海里|英里|英尺|小时|分钟|个月|年级|公斤|千克|美元|欧元|英镑|世纪|人民币|"
    "元|万|亿|吨|米|人|名|个|次|岁|天|座|条|部|家|种|层|度|里|尺|斤|卷|首|所|位|辆|艘|架|户|亩|公顷|期|届|场|票|"
    "分|秒|周|项|章|级|石|匹|石|县|郡|户"
)
_ZH = [
    (
        re.compile(r"(?:公元前?)?(?:\d{3,4}|[一二三四五六七八九〇零十]{2,5})年(?:\d{1,2}月)?(?:\d{1,2}日)?"),
        ("什么时候", "哪一年", "何时", "哪年"),
    ),
    (re.compile(r"\d{1,2}月\d{1,2}日"), ("几月几日", "哪一天", "什么时候")),
    (re.compile(r"(?:约|近|超过)?[\d,.]+(?:%|％)"), ("百分之多少", "多少")),
    (re.compile(r"《[^》]{2,20}》"), ("什么", "哪部作品", "哪本书")),
    (re.compile(r"[“「]([^”」]{2,16})[”」]"), ("什么",)),
    (
        re.compile(
            rf"(?:约|近|超过|至少)?(?:[\d,.]+|[一二两三四五六七八九十百千万]{{1,6}})多?余?(?:[万亿千百]*)(?:{_UNITS})"
        ),
        ("N",),
    ),
    (
        re.compile(
            r"(?<=位于)[^，。；、的]{2,18}|(?<=坐落在)[^，。；、的]{2,18}|(?<=出生于)[^，。；、的\d]{2,12}|"
            r"(?<=总部设在)[^，。；、的]{2,12}"
        ),
        ("哪里", "什么地方"),
    ),
    (
        re.compile(
            r"(?<=称为)[^，。；]{2,14}|(?<=叫做)[^，。；]{2,14}|(?<=名叫)[^，。；]{2,8}|(?<=命名为)[^，。；"
            r"]{2,12}|(?<=改名为)[^，。；]{2,12}"
        ),
        ("什么",),
    ),
    (re.compile(r"(?<=任命)[一-鿿]{2,4}(?=为)"), ("谁",)),
    (re.compile(r"(?<=包括)[^，。；：]{4,40}|(?<=分为)[^，。；：]{3,30}|(?<=包含)[^，。；：]{4,40}"), ("哪些", "什么")),
]
_DEF_ZH = re.compile(r"^([^，。；、的]{2,14})(?:是|指的是|是指)([^。；]{4,45})$")
_WHY_ZH = re.compile(r"^(?:因为|由于)([^，]{4,30})，(?:所以|因此)?([^，。]{4,30})$")
_LABEL_ZH = re.compile(r"^([一-鿿]{2,8})[：:]\s*([^。\n]{1,40})$")
_AUX = "was|were|is|are|has|have|had|can|could|will|would|must|may|should"
_SUBJ = r"((?:[A-Z][\w'’-]*|[Tt]he|[Tt]his|[Aa]n?|His|Her|Their|[Ii]ts|of|and|in|[\w-]+)(?: [\w'’.-]+){0,7}?)"
_EN_AUX = re.compile(rf"^{_SUBJ} ({_AUX}) (.+)$")
_IRREGULAR = dict(
    pair.split(":")
    for pair in words(
        "became:become began:begin broke:break brought:bring built:build bought:buy came:come chose:choose cut:cut "
        "drew:draw drove:drive fell:fall fought:fight found:find flew:fly gave:give got:get went:go grew:grow "
        "held:hold hit:hit kept:keep knew:know laid:lay led:lead "
        "left:leave lost:lose made:make met:meet paid:pay put:put ran:run rose:rise said:say saw:see sold:sell "
        "sent:send set:set spent:spend spoke:speak stood:stand took:take taught:teach thought:think told:tell "
        "understood:understand won:win wore:wear wrote:write read:read sat:sit spread:spread"
    )
)
_EN_PAST = re.compile(rf"^{_SUBJ} (\w+ed|{'|'.join(_IRREGULAR)}) (.+)$")
_WHEN = re.compile(
    r"\b(?:in|on|since|by|until|from|during) ((?:(?:early|late|mid) )?(?:(?:January|February|March|April|May|"
    r"June|July|August|September|October|November|December)(?: \d{1,2}(?:,)?)?(?: \d{4})?|\d{4}s?|the \d{4}s|"
    r"the \w+ century))\b"
)
_MANY = re.compile(
    r"\b((?:about |nearly |over |around |almost )?(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|twenty|thirty|forty|fifty|hundreds of|thousands of)(?: million| billion| thousand| "
    r"hundred)?) ([a-z]+s|people|percent|men|women|children)\b"
)
_WHERE = re.compile(r"\b(?:in|at|near|from) ((?:the )?[A-Z][\w'’-]+(?:,? (?:of )?[A-Z][\w'’-]+){0,3})")
_BY = re.compile(r"\bby ((?:[A-Z][\w.'’-]+ ?){1,4})")
_WHY = re.compile(r"^(.+?),? because (.{8,90})$")


@dataclass(frozen=True)
class Item:
    """A question and the answer quoted from `sentence`."""

    question: str
    answer: str
    sentence: str


def sentences(text: str, lang: str) -> list[str]:
    """Whole sentences in order, those with markup or code left out."""
    found = (_SENT_ZH if lang == "zh" else _SENT_EN).findall(text)
    low, high = (6, 160) if lang == "zh" else (20, 320)
    return [s.strip() for s in found if low <= len(s.strip()) <= high and not _NOISE.search(s)]


def _defines(term: str, meaning: str) -> bool:
    """Whether "term是meaning" defines a thing, and does not point back or go on from the sentence before."""
    return (
        term[-1] not in "这那不就还也都只说道如"
        and not term.startswith(("以下", "如果", "但", "所以", "或", "并"))
        and "：" not in meaning
        and term[0] not in "这那它他她我你"
    )


def _zh(sentence: str, rng: Random) -> Iterator[Item]:
    if sentence[-1] in "？?" or sentence[0] in "》」”":
        return
    body = sentence.rstrip("。！？!?")
    clauses = re.split(r"[，；]", body)
    definition = _DEF_ZH.match(clauses[0] if len(clauses[0]) > 8 else body)
    if definition and _defines(definition[1], definition[2]):
        form = rng.choice(("{}是什么", "什么是{}", "{}指的是什么", "{}是指什么"))
        yield Item(form.format(definition[1]), definition[2], sentence)
    if match := _WHY_ZH.match(body):
        yield Item(rng.choice(("为什么{}", "{}的原因是什么", "{}是因为什么")).format(match[2]), match[1], sentence)
    if match := _LABEL_ZH.match(body):
        yield Item(
            f"{match[1]}是什么" if rng.random() < 0.5 else f"{match[1]}是多少" if match[2][0].isdigit() else match[1],
            match[2].strip(),
            sentence,
        )
    for i, clause in enumerate(clauses):
        clause = re.sub(r"^[\s\-*·#\d.、（）()]+", "", clause)
        if not 8 <= len(clause) <= 45 or clause.startswith("第") or clause[-1] in "说道曰：:":
            continue
        for pattern, asking in _ZH:
            match = pattern.search(clause)
            if not match or len(match[0]) > len(clause) * 0.7:
                continue
            span = match[0]
            word = rng.choice(asking)
            if word == "N":
                unit = re.search(rf"(?:{_UNITS})$", span)
                word = "多少" + (unit[0] if unit else "")
                if (
                    re.search(r"[一二两三四五六七八九十]", span)
                    and not re.search(r"\d", span)
                    and (len(span) < 2 or span[0] == "一")
                ):
                    continue
            asked = clause[: match.start()] + word + clause[match.end() :]
            lead = "，".join(clauses[max(0, i - 1) : i])
            if lead and len(lead) + len(asked) < 48 and rng.random() < 0.5:
                asked = lead + "，" + asked
            yield Item(asked.strip("“”「」 "), span.strip("“”「」"), sentence)


def _base(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    stem = verb[:-2]
    if verb.endswith("ied"):
        return verb[:-3] + "y"
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "sl":
        return stem[:-1]
    if re.search(r"(?:[aeiou][tsvzcgurn]|[dn]g|[cs]k?l|[rn][csv]|bl|tl|at|iz|us|ov|ir)$", stem) and not re.search(
        r"(?:[aeo][aeiou][tnrsl]|er|en|on|it|et|ow|in)$", stem
    ):
        return stem + "e"
    return stem


def _strip(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" ,;")


_BAD_EN = re.compile(
    r"^(?:Who|What|Where|When|How|Why|Which|Whose|Do|Does|Did|Is|Are|Was|Can|Could|Would|Will|I|You|We|That|"
    r"There|Then|If|But|And|However|So|Although|While|After|Before|Yes|No|Hey|Please|My|Your|Our|As|For|To|"
    r"With|From|At|Let|Once|Because|Since|Whether|Anything|Thing|Things)\b"
)


def _en(sentence: str, rng: Random) -> Iterator[Item]:
    body = sentence.rstrip(".!?")
    if sentence.endswith("?") or _BAD_EN.match(body):
        return
    if match := re.match(r"^(?:In|On|By|During|Since) ((?:\w+ )?(?:\d{1,2}, )?\d{4}), (.+)$", body):
        body = f"{match[2]} in {match[1]}"
    lower_first = not re.match(
        r"^(?:The|This|His|Her|Their|Its|An?|In|It|He|She|They|These|Those|Some|Many|Most)\b", body
    )
    low = body if lower_first else body[0].lower() + body[1:]
    if re.match(r"^(?:It|He|She|They|This|These|Those)\b", body) and rng.random() < 0.8:
        return
    because = _WHY.match(low)
    form = _EN_AUX.match(low)
    past = None if form else _EN_PAST.match(low)
    if form:
        subject, verb, rest = form.groups()
        tail_verb = ""
    elif past:
        subject, verb, rest = past.groups()
        verb, tail_verb = "did", _base(verb) + " "
    else:
        return

    def ask(wh: str, tail: str) -> str:
        return _strip(f"{wh} {verb} {subject} {tail_verb}{tail}")

    if because:
        inner = rest.split(" because ")[0].rstrip(",")
        yield Item(ask("why", inner), "because " + because[2], sentence)
        return
    for pattern, asked in (
        (_WHEN, ("when", "in what year", "when")),
        (_WHERE, ("where",)),
        (_BY, ("by whom", "by what")),
    ):
        if match := pattern.search(rest):
            if pattern is _BY and not form:
                continue
            answer = match[1].strip()
            word = rng.choice(asked)
            if word == "in what year" and not re.fullmatch(r"\d{4}", answer):
                word = "when"
            tail = _strip(rest[: match.start()] + rest[match.end() :])
            if len(tail) < 90:
                yield Item(ask(word, tail), answer, sentence)
    if (match := _MANY.search(rest)) and len(rest) < 110:
        yield Item(
            ask(f"how many {match[2]}", _strip(rest[: match.start()] + rest[match.end() :])), _strip(match[0]), sentence
        )
    if (
        form
        and form[2] in ("is", "was", "are", "were")
        and re.match(r"^(?:an?|the|one) ", form[3])
        and len(form[3]) < 120
        and len(subject.split()) < 7
    ):
        yield Item(
            f"{'who' if rng.random() < 0.3 and not lower_first else 'what'} {form[2]} {subject}", form[3], sentence
        )
    if len(subject.split()) <= 5 and lower_first and 12 < len(rest) < 80 and rng.random() < 0.3:
        person = len(subject.split()) in (1, 2, 3) and not re.search(
            r"\b(?:of|the|City|River|University|Company|War)\b", subject
        )
        verb_text = form[2] if form else past[2] if past else ""
        yield Item(f"{'who' if person else 'what'} {verb_text} {rest}", subject, sentence)


def items(sentence: str, lang: str, rng: Random) -> list[Item]:
    """All questions the rules make from one sentence."""
    made = list((_zh if lang == "zh" else _en)(sentence, rng))
    low, high = (7, 60) if lang == "zh" else (15, 150)
    return [
        item
        for item in made
        if low <= len(item.question) <= high
        and item.answer
        and item.answer in sentence
        and item.answer not in item.question
    ]
