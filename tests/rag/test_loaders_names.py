"""Labels and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.loaders import SUPPORTED, safe_name, walk
from rag.loaders.cleaning import clean
from tests.rag import files


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("红烧肉.md", "红烧肉.md"),
        ("a b (1).txt", "a b (1).txt"),
        ("../../x.md", "x.md"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x.md", "x.md"),
        ("C:\\dir\\x.md", "x.md"),
        ("x.md:stream", "x.md_stream"),
        ("a\u202egnp.exe\u202c.md", "agnp.exe.md"),
        ("a\x00b\nc\u200b.md", "abc.md"),
        ("CON", "_CON"),
        ("aux.txt", "_aux.txt"),
        ("COM1.tar.md", "_COM1.tar.md"),
        ("console.md", "console.md"),
        ("x.md. . ", "x.md"),
        ("", "document"),
        (".", "document"),
        ("../..", "document"),
        ("dir/", "document"),
        ("cafe\u0301.md", "café.md"),
        ("x" * 300 + ".md", "x" * 197 + ".md"),
        ("汉" * 300 + ".docx", "汉" * 78 + ".docx"),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=400))
@example("_" + "汉" * 200 + ". .md")
@example("CON" + " " * 300)
@example("😀" * 100 + "." + "y" * 19)
def test_safe_name_is_safe_whatever_it_is_given(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= 200
    assert len(safe.encode("utf-8")) <= 255
    assert Path(safe).name == safe and not set('/\\:*?"<>|\0\n') & set(safe)
    assert safe.strip(". ") and not safe.endswith((".", " "))
    assert safe_name(safe) == safe


odd_characters = st.sampled_from("\u200d\u200b\n \u3000e\u0301\ud83d\ude00\ue000⾁")


@given(st.text(alphabet=st.characters() | odd_characters, max_size=60))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once, _ = clean(text)
    assert clean(once) == (once, 0)
    once.encode("utf-8")  # no lone surrogates are left


def test_walk_lists_supported_files_sorted_once(tmp_path: Path) -> None:
    for name in ("b.md", "a.TXT", "c.exe", ".hidden.md", "~$d.docx", "sub/e.csv", ".git/f.md", "__MACOSX/g.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        files.write(tmp_path, name, "x")
    found = walk([tmp_path, tmp_path / "b.md", tmp_path / "sub" / ".." / "b.md"])
    assert [p.relative_to(tmp_path).as_posix() for p in found] == ["a.TXT", "b.md", "sub/e.csv"]


def test_walk_keeps_what_was_named_so_that_its_error_is_told(tmp_path: Path) -> None:
    files.write(tmp_path, "c.exe", "x")
    named = [tmp_path / "none.md", tmp_path / "c.exe"]
    assert walk(named) == sorted(named)
    assert walk([]) == []


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need a privilege on Windows")
def test_walk_follows_no_link_out_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    secret = files.write(outside, "secret.md", "x")
    files.write(inside, "real.md", "x")
    (inside / "file.md").symlink_to(secret)
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    (inside / "dead.md").symlink_to(tmp_path / "nowhere")
    (inside / "self.md").symlink_to(inside / "self.md")
    assert [p.name for p in walk([inside])] == ["real.md"]
    link = tmp_path / "named.md"
    link.symlink_to(secret)
    assert walk([link]) == [link]  # the user named it


def test_supported_types_are_those_of_the_readme() -> None:
    assert SUPPORTED == (".md", ".txt", ".pdf", ".docx", ".html", ".htm", ".csv", ".xlsx")
