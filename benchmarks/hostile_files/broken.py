"""Real formats, broken: cut off, flipped, spliced, packed anew with broken parts, noise."""

from __future__ import annotations

import io
import zipfile
from random import Random

from benchmarks.hostile_files.making import FORMATS, Hostile, Makings, good
from tests.rag import files


def truncated(m: Makings) -> Hostile:
    suffix = m.pick(*FORMATS)
    data = good(m, suffix)
    return Hostile(f"cut{m.tag}{suffix}", data[: m.random.randrange(1, len(data))])


def flipped(m: Makings) -> Hostile:
    suffix = m.pick(*FORMATS)
    raw = bytearray(good(m, suffix))
    for _ in range(m.random.choice([1, 8, 64, 512])):
        raw[m.random.randrange(len(raw))] ^= 1 << m.random.randrange(8)
    return Hostile(f"flipped{m.tag}{suffix}", bytes(raw))


def spliced(m: Makings) -> Hostile:
    suffix = m.pick(*FORMATS)
    return Hostile(f"spliced{m.tag}{suffix}", _mutant(good(m, suffix), m.random))


def repacked(m: Makings) -> Hostile:
    """A part damaged inside of a sound archive, so that no checksum tells."""
    suffix = m.pick(".docx", ".xlsx")
    data = good(m, suffix)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = m.random.choice(archive.namelist())
        part = archive.read(name)
    return Hostile(f"repacked{m.tag}{suffix}", files.repack(data, {name: _mutant(part, m.random)}))


def _mutant(data: bytes, random: Random) -> bytes:
    raw = bytearray(data)
    for _ in range(random.choice([1, 3, 10, 50])):
        at = random.randrange(len(raw) + 1)
        pieces = [b"<", b"\0", b"9" * 30, b"-1", b"\xff\xfe", b"endobj", b"]]>", b"&x;", bytes(raw[at : at + 40])]
        raw[at : at + random.randrange(30)] = random.choice(pieces)
    return bytes(raw)


def noise(m: Makings) -> Hostile:
    suffix = m.pick(*FORMATS)
    head = {".pdf": b"%PDF-1.7\n", ".docx": b"PK\x03\x04", ".xlsx": b"PK\x03\x04", ".zip": b"PK\x03\x04"}
    data = head.get(suffix, b"") + m.random.randbytes(m.random.choice([1, 100, 5000]))
    return Hostile(f"noise{m.tag}{suffix}", data)
