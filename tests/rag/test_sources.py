"""What is added of folders and archives, under which names, and what is refused unread."""

from __future__ import annotations

import io
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import UnreadableFileError, UnsafeFileError
from rag.reader import Parsed, Refused, Task, read
from rag.settings import RagSettings
from rag.sources import SourceFile, collect
from tests.rag.files import declare_size, write

LIMITS = RagSettings(Path("unused"))


def archive(folder: Path, entries: dict[str, bytes], name: str = "docs.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for entry, data in entries.items():
            out.writestr(zipfile.ZipInfo(entry), data, zipfile.ZIP_DEFLATED)
    return path


def content(file: SourceFile, limits: RagSettings = LIMITS) -> str:
    parsed = read(Task(file.path, file.source, file.member, None), limits)
    assert isinstance(parsed, Parsed) and parsed.loaded is not None, parsed
    return parsed.loaded.text


def test_an_archive_is_added_like_a_folder(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        {
            "a.md": "第一篇".encode(),
            "inner/": b"",
            "inner/b.txt": "第二篇".encode(),
            "inner/.hidden.md": b"no",
            "__MACOSX/a.md": b"no",
            "photo.png": b"no",
        },
    )
    found = collect([path], {}, LIMITS)
    assert [file.source for file in found] == ["a.md", "inner/b.txt"]
    assert [content(file) for file in found] == ["第一篇", "第二篇"]
    (tmp_path / "a.md").write_text("另一篇")
    both = collect([tmp_path], {}, LIMITS)
    assert [file.source for file in both] == ["a.md", "docs/a.md", "inner/b.txt"], "archives in folders; names differ"
    upload = write(tmp_path, "tmp123", path.read_bytes())
    assert len(collect([upload], {upload: "mine.ZIP"}, LIMITS)) == 2, "an upload by its own name"


@pytest.mark.parametrize(
    "name", ["../evil.md", "/etc/evil.md", "a/../../evil.md", "..\\evil.md", "C:\\evil.md", "C:evil.md"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    found = collect([archive(tmp_path, {name: b"x", "good.md": b"x"})], {}, LIMITS)
    assert [type(file.refused) for file in found] == [UnsafeFileError, type(None)]
    assert ".." not in found[0].source and not found[0].source.startswith("/")


def test_links_nested_archives_and_protected_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "docs.zip"
    with zipfile.ZipFile(path, "w") as out:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
        out.writestr("inner.zip", b"PK")
        out.writestr("good.md", b"x")
        secret = zipfile.ZipInfo("secret.md")
        out.writestr(secret, b"x")
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"secret.md") - 46
    raw[at + 8] |= 1  # "encrypted", in the list of contents
    path.write_bytes(raw)
    kinds = {file.source: type(file.refused) for file in collect([path], {}, LIMITS)}
    assert kinds == {
        "link.md": UnsafeFileError,
        "inner.zip": UnsafeFileError,
        "good.md": type(None),
        "secret.md": UnreadableFileError,
    }


def test_bombs_are_refused_as_a_whole(tmp_path: Path) -> None:
    bomb = archive(tmp_path, {"a.txt": bytes(30 * 2**20)}, "bomb.zip")
    many = archive(tmp_path, {f"{n}.md": b"x" for n in range(30)}, "many.zip")
    big = archive(tmp_path, {"a.txt": bytes(range(256)) * 8000}, "big.zip")
    limits = replace(LIMITS, max_archive_files=20, max_archive_mb=1)
    for path, words in ((bomb, "bomb"), (many, "30 files"), (big, "bomb")):
        (file,) = collect([path], {}, limits)
        assert isinstance(file.refused, UnsafeFileError) and words in file.refused.en
    assert len(collect([many, big], {}, LIMITS)) == 31, "within the usual limits"
    for data in (b"", b"PK\x03\x04 no archive", many.read_bytes()[:-30]):
        (file,) = collect([write(tmp_path, "broken.zip", data)], {}, LIMITS)
        assert isinstance(file.refused, UnreadableFileError)


def test_what_an_entry_says_of_its_size_is_not_trusted(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a.txt": bytes(3 * 2**20)})
    path.write_bytes(declare_size(path.read_bytes(), "a.txt", 10))
    (file,) = collect([path], {}, LIMITS)
    answer = read(Task(file.path, file.source, file.member, None), LIMITS)
    assert isinstance(answer, Refused) and "damaged" in answer.en
    path = archive(tmp_path, {"a.txt": b"a" * (3 * 2**20)})
    (file,) = collect([path], {}, LIMITS)
    answer = read(Task(file.path, file.source, file.member, None), replace(LIMITS, max_file_mb=1))
    assert isinstance(answer, Refused) and "limit is 1 MiB" in answer.en


def test_chinese_names_of_windows_archives(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        new.writestr("XXXXXX.md", b"x")
    data = out.getvalue().replace(b"XXXXXX", "红烧肉".encode("gbk"))
    assert [file.source for file in collect([write(tmp_path, "w.zip", data)], {}, LIMITS)] == ["红烧肉.md"]
    (tmp_path / "w.zip").unlink()
    assert [f.source for f in collect([archive(tmp_path, {"清蒸鲈鱼.md": b"x"})], {}, LIMITS)] == ["清蒸鲈鱼.md"]
