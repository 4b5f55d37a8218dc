"""Names and ways out: names that lead elsewhere, links, odd names and members, wrong types, encodings, depth."""

from __future__ import annotations

import io
import zipfile
import zlib

from benchmarks.hostile_files.making import Hostile, Makings, good, zipped
from tests.rag import files


def traversal(m: Makings) -> Hostile:
    """Archives whose names lead elsewhere; the good file in it has to come in."""
    t = m.tag
    name = m.pick(
        f"../../../../{t}escape.md", f"/tmp/{t}escape.md", f"C:\\Windows\\{t}escape.md", f"..\\..\\{t}escape.md",
        f"a/../../{t}escape.md", f"//server/share/{t}escape.md", f"./.././{t}escape.md",
    )  # fmt: skip
    parts = {name: b"# escaped\nfenshen-escape", f"{t}good.md": m.text.encode()}
    return Hostile(f"traversal{t}.zip", zipped(parts), "refused", m.keep, "leads out of the archive")


def linked(m: Makings) -> Hostile:
    """Archives with symbolic links."""
    target = m.pick(str(m.secret), "../../../../etc/passwd", "/", ".")
    data = zipped({f"{m.tag}good.md": m.text.encode()}, links={f"{m.tag}link.md": target})
    return Hostile(f"links{m.tag}.zip", data, "refused", m.keep, "leads out of the archive")


def odd_name(m: Makings) -> Hostile:
    """Names that a shell, a page, a database or a file system could trip over."""
    name = m.pick(
        f"$(touch {m.tag}fenshen-escape).md", f"-rf {m.tag}.md", f"<img src=x onerror=alert(1)>{m.tag}.md",
        f"'; DROP TABLE documents; --{m.tag}.md", f"\u202etxt.{m.tag}.md", f"CON.{m.tag}.md", f"a\nb\x1b[2J{m.tag}.md",
        f"{m.tag}{'长' * 70}.md", f"![x]({m.tag}).md", f"%2e%2e%2f{m.tag}.md", f"{m.tag}.. .md", f".{m.tag}.md",
    )  # fmt: skip
    return Hostile(name, m.text.encode(), "added", m.keep)


def odd_member(m: Makings) -> Hostile:
    """The same inside of an archive, where more is possible."""
    t = m.tag
    names = m.pick(
        f"{t}\0.md|{t}b.md", f"NUL.{t}.md|con.{t}.md", f"{t}a.md|{t}A.md", f"{t}/{'d/' * 300}x.md",
        f"{t}{'n' * 3000}.md", f"{t}\u202egpj.md|{t}\u200b.md", f"{t}.md|{t}.md",
    ).split("|")  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # two of one name
            for i, name in enumerate(names):
                archive.writestr(name, f"{m.text}\n{i}")
    return Hostile(f"members{t}.zip", out.getvalue(), "any")


def wrong_type(m: Makings) -> Hostile:
    """Contents under another type's name, and types that are not read."""
    png, program = files.PNG, b"\x7fELF" + bytes(200)
    choices: list[tuple[str, bytes]] = [
        (".pdf", png), (".docx", program), (".md", good(m, ".docx")), (".txt", good(m, ".pdf")), (".csv", png),
        (".xlsx", good(m, ".docx")), (".docx", good(m, ".xlsx")), (".docx", files.ole("WordDocument")),
        (".xlsx", files.ole("EncryptedPackage")), (".html", zlib.compress(m.text.encode())), 
        (".zip", good(m, ".pdf")),
        (".json", good(m, ".json")), (".exe", program), (".svg", b"<svg onload='x'/>"), (".pdf", m.text.encode()),
        (".docx", zipped({"a.txt": b"x"})), (".xml", b"<a/>"), (".md.exe", m.text.encode()), ("", m.text.encode()),
        (".txt", b""), (".pdf", b""), (".md", b" \n\t"), (".zip", b""), (".docx", b"PK\x05\x06" + bytes(18)),
    ]  # fmt: skip
    suffix, data = choices[m.turn % len(choices)]
    return Hostile(f"type{m.tag}{suffix}", data, "refused")


def encoded(m: Makings) -> Hostile:
    """Encodings: odd, mislabelled and broken."""
    text, suffix = m.text, m.pick(".txt", ".md", ".csv", ".html")
    choices: list[bytes] = [
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"), text.encode("gb18030"),
        text.encode("big5", "replace"), b"\xff\xfe" + text.encode(), b"\xef\xbb\xbf" * 3 + text.encode(),
        text.encode("utf-8").replace("。".encode(), b"\xed\xa0\x80"), text.encode().replace(b"1", b"\xc0\xb1"),
        text.replace("\n", "\0\n").encode(), bytes(3000) + text.encode(), text.encode() + bytes(3000),
        b"\xff\xfe", bytes(b ^ (0x80 if i % 97 == 0 else 0) for i, b in enumerate(text.encode())),
        b'<meta charset="utf-7">+ADw-script+AD4-alert(1)+ADw-/script+AD4-' + text.encode(),
        (text * 20).replace("\n", "").encode(), ("a" + " " * 300_000 + "b").encode(), ("\r" * 100_000 + text).encode(),
    ]  # fmt: skip
    return Hostile(f"encoding{m.tag}{suffix}", choices[m.turn % len(choices)])


def deep(m: Makings) -> Hostile:
    """Nesting and runs that cost a careless parser minutes, or its stack."""
    choices = [
        ("x.html", "<div>" * 100_000 + m.keep), ("x.md", ">" * 20_000 + m.keep), ("x.md", "[" * 30_000 + "<a " * 9000),
        ("x.md", "**a " * 30_000), ("x.html", "<table><tr><td>" * 5000 + m.keep), ("x.md", "- " * 20_000 + m.keep),
        ("x.html", "<!--" * 50_000 + m.keep), ("x.md", "`" * 50_000 + m.keep), ("x.csv", ('"' * 50_001) + m.keep),
        ("x.html", "&amp" * 100_000 + m.keep), ("x.txt", "中" * 3_000_000), ("x.txt", "x" * 5_100_000),
        ("x.md", "| a " * 20_000 + "\n" + "|-" * 20_000), ("x.html", "<style>" + "a{" * 100_000 + "</style>" + m.keep),
    ]  # fmt: skip
    name, text = choices[m.turn % len(choices)]
    return Hostile(f"deep{m.tag}{name[1:]}", text.encode())
