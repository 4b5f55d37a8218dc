"""Files read in processes of their own: limits of time and memory, crashes, and what they cost the others."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rag import reader
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.reader import Parsed, Refused, Task
from rag.readers import Readers
from rag.settings import RagSettings
from rag.types import FileAdded, FileFailed, LoadedDocument, Section

posix = pytest.mark.skipif(sys.platform == "win32", reason="named pipes and limits of memory")


def task(path: Path) -> Task:
    return Task(path, path.name, None, None)


@pytest.fixture
def readers(tmp_path: Path):
    opened = Readers(RagSettings(tmp_path / "data", readers=1, read_seconds=2))
    yield opened
    opened.close()


def good(folder: Path) -> Path:
    path = folder / "good.md"
    path.write_text("# 好的\n\n内容在这里。", encoding="utf-8")
    return path


def hostile_csv(folder: Path) -> Path:
    """Takes far longer than two seconds, within every limit of size."""
    path = folder / "slow.csv"
    path.write_text("a,b\n" + "一,二\n" * 900_000, encoding="utf-8")
    return path


def test_a_file_comes_back_in_chunks_and_a_known_one_unread(readers: Readers, tmp_path: Path) -> None:
    path = good(tmp_path)
    parsed = readers.submit(task(path)).result()
    assert isinstance(parsed, Parsed) and parsed.loaded is not None and parsed.loaded.title == "好的"
    assert "".join(chunk.text for chunk in parsed.chunks) == parsed.loaded.text and parsed.size == path.stat().st_size
    again = readers.submit(replace(task(path), known=parsed.sha256)).result()
    assert again == Parsed(parsed.size, parsed.sha256)
    missing = readers.submit(task(tmp_path / "missing.md")).result()
    assert isinstance(missing, Refused) and "missing.md" in missing.en and "missing.md" in missing.zh


def test_text_that_sqlite_cannot_hold_is_made_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "前面\0中间\ud800后面的文字"
    monkeypatch.setattr(reader, "parse", lambda *_: LoadedDocument(text, "T", "text", (Section(0, len(text)),)))
    parsed = reader.read(task(good(tmp_path)), RagSettings(tmp_path))
    assert isinstance(parsed, Parsed) and parsed.loaded is not None
    assert parsed.loaded.text == parsed.chunks[0].text == "前面\ufffd中间\ufffd后面的文字"


def test_an_unexpected_failure_is_told_and_kept_for_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(reader, "parse", fail)
    refused = reader.read(task(good(tmp_path)), RagSettings(tmp_path))
    assert isinstance(refused, Refused) and "too deep" in refused.en and "in fail" in refused.unexpected


def test_a_slow_file_is_given_up_and_the_next_is_read(readers: Readers, tmp_path: Path) -> None:
    begun = time.monotonic()
    refused = readers.submit(task(hostile_csv(tmp_path))).result()
    assert isinstance(refused, Refused) and "2 s" in refused.en and "2 秒" in refused.zh
    assert time.monotonic() - begun < 20
    assert isinstance(readers.submit(task(good(tmp_path))).result(), Parsed)


@posix
def test_a_file_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    path.write_bytes("一二三四五。\n".encode() * 1_500_000)
    settings = RagSettings(tmp_path / "data", readers=1, read_memory_mb=160)
    readers = Readers(settings)
    try:
        refused = readers.submit(task(path)).result()
        assert isinstance(refused, Refused) and "160 MiB" in refused.en and "160 MiB" in refused.zh
        assert isinstance(readers.submit(task(good(tmp_path))).result(), Parsed)
    finally:
        readers.close()


@posix
def test_a_process_that_dies_costs_its_own_file_alone(readers: Readers, tmp_path: Path) -> None:
    assert isinstance(readers.submit(task(good(tmp_path))).result(), Parsed)
    first = readers._all[0]._process
    assert first is not None
    answer = readers.submit(task(hostile_csv(tmp_path)))
    time.sleep(0.3)
    os.kill(first.pid, 11)
    refused = answer.result()
    assert isinstance(refused, Refused) and "crashed" in refused.en
    assert isinstance(readers.submit(task(good(tmp_path))).result(), Parsed)
    second = readers._all[0]._process
    assert second is not None and second.pid != first.pid
    readers.close()
    assert second.poll() is not None, "no process is left"


@pytest.mark.slow
def test_a_slow_file_does_not_hold_up_the_others(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    hostile_csv(files).rename(files / "00slow.csv")
    for n in range(100):
        (files / f"{n:02}good.md").write_text(f"第{n}篇的内容。", encoding="utf-8")
    settings = RagSettings(tmp_path / "data", readers=2, read_seconds=6)
    with KnowledgeBase(settings, load_embedder(settings)) as base:
        base.create_collection("x", name="x")
        seen = [event for event in base.ingest([files], "x") if isinstance(event, (FileAdded, FileFailed))]
        assert len(seen) == 101 and [e.source for e in seen if isinstance(e, FileFailed)] == ["00slow.csv"]
        assert isinstance(seen[-1], FileFailed), "the others overtook it"
        assert base.verify().ok
