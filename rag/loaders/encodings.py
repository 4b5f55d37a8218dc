"""Bytes of a text file into text."""

from __future__ import annotations

import codecs
import re

from rag.loaders import problems
from rag.loaders.builder import TextBuilder

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ["gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251"]
# Browsers read these names as their supersets (WHATWG Encoding Standard).
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "ascii": "cp1252",
}
_SAMPLE = 1 << 16
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x19\x1c-\x1f]")  # other than white space, end of file, escape


def decode(data: bytes, out: TextBuilder, suffix: str, declared: str | None = None) -> str:
    """Decode by byte-order mark, else as UTF-8, else as `declared`, else by detection.

    Raises:
        UnreadableFileError: the bytes are not text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _lenient(data, encoding, out)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _not_utf8(data, out, suffix, declared)
    else:
        if "\0" in text and (wide := _utf16_order(data)):
            text = data.decode(wide, "replace")
    controls = len(_CONTROLS.findall(text[:_SAMPLE]))
    if controls > 0.01 * len(text[:_SAMPLE]) + 2:
        raise problems.mismatched(out.label, suffix, ("binary data", "二进制数据"))
    return text


def _lenient(data: bytes, encoding: str, out: TextBuilder) -> str:
    """Decode what is known to be `encoding`; bytes that do not fit become U+FFFD and are reported."""
    text = data.decode(encoding, "replace")
    if bad := text.count("\ufffd") - data.count("\ufffd".encode("utf-8")):
        out.warnings.append(
            problems.warning(
                f"{bad} places are not valid {encoding.upper()} and could not be read.",
                f"有 {bad} 处不是有效的 {encoding.upper()} 编码，无法读取。",
            )
        )
    return text


def _not_utf8(data: bytes, out: TextBuilder, suffix: str, declared: str | None) -> str:
    # A UTF-8 file with a few damaged bytes (a cut last character, a log of two programs) is still UTF-8.
    guess = data.decode("utf-8", "replace")
    bad = guess.count("\ufffd")
    if sum(c > "\x7f" for c in guess) - bad > 20 * bad:
        return _lenient(data, "utf-8", out)
    if wide := _utf16_order(data):
        return _lenient(data, wide, out)
    text = _strict(data, _SUPERSETS.get((declared or "").lower(), declared)) or _strict(data, _detect(data))
    if text is not None:
        return text
    encoding = _detect(data[:_SAMPLE], errors="ignore")
    if encoding is None or b"\0" in data:
        found = ("not text in any known encoding", "无法识别的编码或二进制数据")
        raise problems.mismatched(out.label, suffix, found)
    return _lenient(data, encoding, out)


def _strict(data: bytes, encoding: str | None) -> str | None:
    try:
        return data.decode(encoding) if encoding else None
    except (UnicodeDecodeError, LookupError):
        return None


def _utf16_order(data: bytes) -> str | None:
    """UTF-16 without a mark shows as NULs in one of the two byte positions (from its ASCII characters)."""
    sample = data[: _SAMPLE & ~1]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(data) % 2 or max(even, odd) < 0.02 * len(sample) or min(even, odd) > 0.1 * max(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if "\ufffd" not in data.decode(encoding, "replace") else None


def _detect(data: bytes, errors: str = "strict") -> str | None:
    from charset_normalizer import from_bytes

    share, koreanlike = _common_hanzi(data, errors)
    if share >= 0.8 and not koreanlike:
        return "gb18030"
    best = from_bytes(data, cp_isolation=_CANDIDATES).best()
    return best.encoding if best is not None else None


def _common_hanzi(data: bytes, errors: str) -> tuple[float, bool]:
    """How much of the non-ASCII text, read as GB 18030, is punctuation and the 3,755 commonest characters.

    A statistical detector needs some hundred bytes; this needs four: Chinese in GB gives over 0.8, Big5 and
    Japanese under 0.5. Korean (EUC-KR) gives the same high share, but uses only the lead bytes B0 to C8.

    Returns:
        The share in [0, 1], 0 if the bytes are not GB 18030; and whether they look like Korean.
    """
    try:
        text = data[:_SAMPLE].decode("gb18030", errors if len(data) <= _SAMPLE else "ignore")
    except UnicodeDecodeError:
        return 0.0, False
    leads = [c.encode("gb2312", "replace")[0] for c in text if c > "\x7f"]
    if not leads:
        return 0.0, False
    hanzi = [lead for lead in leads if 0xB0 <= lead <= 0xD7]
    marks = sum(0xA1 <= lead <= 0xA3 for lead in leads)
    return (len(hanzi) + marks) / len(leads), len(hanzi) >= 20 and max(hanzi) <= 0xC8
