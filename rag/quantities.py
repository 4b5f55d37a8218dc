"""Numbers with their units, read from Chinese and English text, compared by value.

A citation is worth nothing if the dose is another one, so an amount in an answer has to be found in the
passage as the same amount: "60分钟", "一小时" and "1 hour" are equal, "5克" and "5勺" are not, nor are
"3分钟" and "3-5分钟".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache


@dataclass(frozen=True)
class Quantity:
    """An amount at `text[start:end]`: `low` to `high` (equal where it is no range) of the base `unit`.

    `unit` is seconds, grams, …, "" for a bare number; `written` is low and high as they stand, before conversion.
    """

    low: Fraction
    high: Fraction
    unit: str
    written: tuple[Fraction, Fraction]
    start: int
    end: int

    def same(self, other: Quantity) -> bool:
        """Equal amounts. A bare number (in a table, say) equals the same number with a unit."""
        if self.unit and other.unit:
            return (self.unit, self.low, self.high) == (other.unit, other.low, other.high)
        return self.written == other.written

    def comparable(self, other: Quantity) -> bool:
        """Whether the two could be taken for one another: one kind of unit, or one of them bare."""
        return self.unit == other.unit or not self.unit or not other.unit


Unit = tuple[str, Fraction]

# base unit: {factor: spellings}
_TABLE: dict[str, dict[Fraction | int, str]] = {
    "s": {
        1: "秒钟 秒 seconds second secs sec s",
        60: "分钟 分 minutes minute mins min",
        3600: "小时 钟头 hours hour hrs hr h",
        86400: "天 昼夜 days day",
        604800: "周 星期 礼拜 weeks week",
    },
    "month": {1: "个月 months month"},
    "月": {1: "月份 月"},
    "year": {1: "周年 年 years year"},
    "date": {1: "日 号"},
    "g": {
        Fraction(1, 1000): "毫克 mg milligrams milligram",
        1: "克 grams gram g",
        1000: "千克 公斤 kilograms kilogram kilos kilo kg",
        500: "市斤 斤",
        50: "两",
    },
    "oz": {1: "盎司 ounces ounce oz", 16: "磅 pounds pound lbs lb"},
    "ml": {
        1: "毫升 millilitres millilitre milliliters milliliter ml cc",
        1000: "升 litres litre liters liter l",
    },
    "°c": {1: "摄氏度 °c ℃ 度 degrees degree °"},
    "°f": {1: "华氏度 °f"},
    "tbsp": {1: "大勺 汤匙 汤勺 大匙 tablespoons tablespoon tbsps tbsp"},
    "tsp": {1: "小勺 茶匙 茶勺 小匙 teaspoons teaspoon tsps tsp"},
    "spoon": {1: "勺 匙 spoonfuls spoonful spoons spoon"},
    "cup": {1: "杯 cups cup"},
    "bowl": {1: "碗 bowls bowl"},
    "piece": {1: "个 只 颗 枚 粒 pieces piece pcs pc"},
    "slice": {1: "片 slices slice"},
    "clove": {1: "瓣 cloves clove"},
    "person": {1: "人份 人 位 名 servings serving people persons person"},
    "time": {1: "次 遍 回 times"},
    "mm": {1: "毫米 mm", 10: "厘米 公分 cm", 1000: "米 metres metre meters meter m", 1000000: "公里 千米 km"},
    "inch": {1: "英寸 寸 inches inch"},
    "yuan": {1: "元 块钱 人民币 yuan rmb"},
    "dollar": {1: "美元 美金 dollars dollar usd"},
    "%": {1: "% 成 percent"},
    "byte": {1: "bytes byte", 2**10: "kb", 2**20: "mb", 2**30: "gb", 2**40: "tb"},
    "mib": {1: "kib", 1024: "mib", 1024**2: "gib"},
    "kcal": {1: "千卡 大卡 kcal"},
    "watt": {1: "瓦 w", 1000: "千瓦 kw"},
    "year-old": {1: "岁"},
}
_SINGLE = "条根块棵头把张份名种步滴段盒包袋瓶罐节层页章篇本台件套楼级版届折倍句字词行列期等类项家间座辆门场勺"
UNITS: dict[str, Unit] = {
    spelling: (unit, Fraction(factor) * (10 if spelling == "成" else 1))
    for unit, factors in _TABLE.items()
    for factor, spellings in factors.items()
    for spelling in spellings.split()
}
UNITS.update({c: (c, Fraction(1)) for c in _SINGLE if c not in UNITS})

_CN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CN_POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_EN_ONES = "one two three four five six seven eight nine ten eleven twelve"
_EN_NUMBERS = {word: i for i, word in enumerate(_EN_ONES.split(), 1)} | {
    **{"a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45},
    **{"fifty": 50, "sixty": 60, "ninety": 90, "dozen": 12},
}

_UNIT = "|".join(
    re.escape(spelling) + (r"(?![a-z])" if "a" <= spelling[-1] <= "z" else "")
    for spelling in sorted(UNITS, key=len, reverse=True)
)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_PLAIN = rf"(?:(?:\d+\s+)?\d+/\d+|{_DIGITS})\s?[万亿]?"
_CN = "(?:两?[零〇一二三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?|两|半)"
_EN = rf"\b(?:half(?: an?)?|{'|'.join(sorted(_EN_NUMBERS, key=len, reverse=True))})\b(?: and a half)?"
_NUMBER = rf"(?:{_PLAIN}|{_CN}|{_EN})"
_TO = r"\s*(?:[-~‐–—―−至到]|\bto\b|\bor\b)\s*"
_DATE = re.compile(r"(?<!\d)(\d{4})(?:年(\d{1,2})月(?:(\d{1,2})[日号])?|([-/.])(\d{1,2})\4(\d{1,2})(?!\d))")
_ORDINAL = re.compile(r"^[ \t]*(?:[-*+•]\s+)?[(（]?\d{1,3}(?:[.)、](?!\d)|\.\s)", re.M)
_CODE_NUMBER = re.compile(r"(?<!\d)(?:0\d{2,3}-\d{6,8}|\d{2,}(?:-\d{2,}){2,}|\d+(?:\.\d+){2,})(?!\d)")
_ENDLESS = re.compile(r"\d{31,}|[零〇一二两三四五六七八九十百千万亿]{31,}")  # noise; Python reads no number that long
_CLOCK = re.compile(
    r"(?P<day>凌晨|早上|上午|中午|下午|傍晚|晚上)?\s*(?<![\d.:])(?:"
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?![\d:])"
    r"|(?P<dh>\d{1,2})[点时](?!\d*\.)(?:(?P<dm>\d{1,2})分?|钟|整|(?P<dhalf>半))?"
    r"|(?P<ch>[一二两三四五六七八九十]{1,3})点(?:钟|整|(?P<chalf>半)|(?P<cm>[一二三四五六七八九十]{1,3})分)"
    r")\s*(?P<ap>[ap])?(?(ap)\.?m\b\.?)|(?<![\w.])(?P<eh>\d{1,2})\s?(?P<eap>[ap])\.?m\b\.?"
)
_AMOUNT = re.compile(
    rf"(?P<sign>零下|负|(?<![\da-z])[-−])?(?P<pct>百分之)?(?<![a-z_.\d])(?P<low>{_NUMBER})"
    rf"(?:{_TO}(?P<high>{_NUMBER}))?(?P<over>[多余几来])?\s*"
    rf"(?:个(?=半|小时|星期|礼拜|钟头|月))?(?P<mid>半)?(?:(?P<unit>{_UNIT})|[大小整满](?P<unit2>{_UNIT}))?(?P<half>半)?"
)
_CODE = re.compile(r"[a-z]+[-_./]?\d[\w./-]*|\d+[a-z_][\w-]*")


def chinese_number(text: str) -> Fraction | None:
    """The value of a Chinese numeral (三十五, 一百零二, 两, 半, 三点五, 二〇二四); None for anything else."""
    if text == "半":
        return Fraction(1, 2)
    whole, _, decimals = text.partition("点")
    if not whole or any(c not in _CN_DIGITS and c not in _CN_POWERS for c in whole):
        return None
    if all(c in _CN_DIGITS for c in whole):
        value = Fraction(int("".join(str(_CN_DIGITS[c]) for c in whole)))
    else:
        total = section = digit = 0
        for c in whole:
            if c in _CN_DIGITS:
                digit = _CN_DIGITS[c]
            elif (power := _CN_POWERS[c]) >= 10_000:
                total, section, digit = (total + section + digit) * power, 0, 0
            else:
                section, digit = section + (digit or 1) * power, 0
        value = Fraction(total + section + digit)
    if decimals:
        value += Fraction(int("".join(str(_CN_DIGITS[c]) for c in decimals)), 10 ** len(decimals))
    return value


def _value(text: str) -> Fraction:
    """The value of what _NUMBER matched."""
    if text.isdigit():
        return Fraction(int(text))
    if not text[0].isdigit():
        if text[0].isascii():
            whole = text.removesuffix(" and a half")
            value = Fraction(1, 2) if whole.startswith("half") else Fraction(_EN_NUMBERS[whole])
            return value + (Fraction(1, 2) if whole != text else 0)
        return chinese_number(text) or Fraction(0)
    scale = {"万": 10_000, "亿": 100_000_000}.get(text[-1], 1)
    total = Fraction(0)
    for part in text.rstrip("万亿").replace(",", "").split():
        top, _, bottom = part.partition("/")
        total += Fraction(top) / (int(bottom) if bottom and int(bottom) else 1)
    return total * scale


@lru_cache(maxsize=1024)
def quantities(text: str) -> tuple[Quantity, ...]:
    """All amounts in `text`, in order. `text` is NFKC-normalised and casefolded (`matching.fold`).

    Chinese numerals, "one" and "a" count only before a unit: 一起 and 五花肉 hold no amount.
    """
    found: list[Quantity] = []
    taken = [False] * (len(text) + 1)

    def add(low: Fraction | int, high: Fraction | int, unit: Unit, start: int, end: int) -> None:
        if not any(taken[start:end]):
            name, factor = unit
            written = Fraction(low), Fraction(high)
            base = written if factor == 1 else (written[0] * factor, written[1] * factor)
            found.append(Quantity(*base, name, written, start, end))
            taken[start:end] = [True] * (end - start)

    one = Fraction(1)
    for pattern in (_ORDINAL, _ENDLESS):
        for match in pattern.finditer(text):
            taken[match.start() : match.end()] = [True] * (match.end() - match.start())
    for match in _DATE.finditer(text):
        for groups, unit in (((1,), "year"), ((2, 5), "月"), ((3, 6), "date")):
            for group in groups:
                if match[group]:
                    number = int(match[group])
                    add(number, number, (unit, one), match.start(group), match.end(group))
        taken[match.start() : match.end()] = [True] * (match.end() - match.start())
    for match in _CODE_NUMBER.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) <= 40:
            add(int(digits), int(digits), ("code", one), *match.span())
    for match in _CLOCK.finditer(text):
        minutes = _clock(match)
        if minutes is not None:
            add(minutes, minutes, ("clock", one), *match.span())
    for match in _AMOUNT.finditer(text):
        if not any(taken[match.start() : match.end()]) and (amount := _amount(match, text)):
            add(*amount, match.start(), match.start() + len(match[0].rstrip()))
    return _joined(sorted(found, key=lambda q: q.start), text)


def _joined(found: list[Quantity], text: str) -> tuple[Quantity, ...]:
    """Compound durations put together: 2小时30分钟, 1 h 30 min."""
    out: list[Quantity] = []
    for q in found:
        last = out[-1] if out else None
        if (
            last
            and last.unit == q.unit == "s"
            and last.high == last.low > q.high == q.low
            and (text[last.end : q.start].strip(" .") in ("", "and", "又", "零"))
        ):
            total = last.low + q.low
            out[-1] = Quantity(total, total, "s", (total, total), last.start, q.end)
        else:
            out.append(q)
    return tuple(out)


def codes(text: str) -> set[str]:
    """Tokens of letters and digits ("qwen3", "b12", "a-12") that are no amount with a unit ("5g")."""
    amounts = [(q.start, q.end) for q in quantities(text)]
    return {
        match[0].rstrip("./-_")
        for match in _CODE.finditer(text)
        if not any(start <= match.start() < end for start, end in amounts)
    }


def _clock(match: re.Match[str]) -> int | None:
    """Minutes since midnight, or None where it is no time of day."""
    groups = match.groupdict()
    hour = groups["h"] or groups["dh"] or groups["ch"] or groups["eh"]
    half = groups["dhalf"] or groups["chalf"]
    minute = groups["m"] or groups["dm"] or groups["cm"] or ("30" if half else "0")
    h, m = (int(x) if x.isdigit() else int(chinese_number(x) or 0) for x in (hour, minute))
    if h > 24 or m > 59:
        return None
    after_noon = groups["day"] in ("下午", "傍晚", "晚上") or (groups["ap"] or groups["eap"]) == "p"
    return (h + 12 if after_noon and h < 12 else h) * 60 + m


def _amount(match: re.Match[str], text: str) -> tuple[Fraction, Fraction, Unit] | None:
    """Low, high, unit and factor, or None where the number is no amount."""
    low_text, high_text, spelling = match["low"], match["high"], match["unit"] or match["unit2"]
    digital = low_text[0].isdigit()
    if match["pct"]:
        value = _value(low_text)
        return value, value, UNITS["%"]
    if spelling is None and (low_text in ("a", "an", "one") or not (digital or low_text in _EN_NUMBERS)):
        return None
    if low_text == "十" and spelling == "分" and not match["half"]:
        return None  # 十分美味: "very", not ten minutes
    after = text[match.end() : match.end() + 1]
    if digital and spelling is None and after.isascii() and after.isalpha() and not match[0][-1].isspace():
        return None  # "4k": part of a name
    low = _value(low_text)
    high = _value(high_text) if high_text else low
    if match["mid"] or match["half"]:
        low, high = low + Fraction(1, 2), high + Fraction(1, 2)
    if match["over"]:
        high = 2 * low  # 三十多 is not 三十
    unit = UNITS[spelling] if spelling else ("", Fraction(1))
    if match["sign"] and (unit[0] in ("°c", "°f") or match["sign"] in ("零下", "负")):
        low, high = -low, -high
    return low, high, unit
