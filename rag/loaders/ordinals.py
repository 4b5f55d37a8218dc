"""Numbers as lists write them: 3, c, iii, 三, ③ (names of the formats: ECMA-376 part 1, 17.18.59)."""

from __future__ import annotations

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_SMALL = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_DIGITS = "零一二三四五六七八九"
_CHINESE = {
    "chineseCounting", "chineseCountingThousand", "ideographDigital", "japaneseCounting", "taiwaneseCounting",
    "taiwaneseCountingThousand", "japaneseDigitalTenThousand", "koreanCounting",
}  # fmt: skip


def ordinal(number: int, kind: str) -> str:
    """`number` in the number format `kind`; in digits where the format does not reach or is not known.

    >>> ordinal(12, "chineseCounting"), ordinal(4, "lowerRoman")
    ('十二', 'iv')
    """
    if kind in _CHINESE and 0 <= number < 100:
        return _chinese(number)
    if kind in ("lowerLetter", "upperLetter") and 0 < number <= 780:
        text = chr(96 + (number - 1) % 26 + 1) * ((number - 1) // 26 + 1)
        return text.upper() if kind == "upperLetter" else text
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        text = ""
        for value, letters in _ROMAN + _ROMAN_SMALL:
            count, number = divmod(number, value)
            text += letters * count
        return text.upper() if kind == "upperRoman" else text
    if kind.startswith("decimalEnclosedCircle") and 0 < number <= 20:
        return chr(0x2460 + number - 1)
    if kind == "decimalZero":
        return f"{number:02d}"
    return str(number)


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _DIGITS[ones]
    return (_DIGITS[tens] if tens > 1 else "") + "十" + (_DIGITS[ones] if ones else "")
