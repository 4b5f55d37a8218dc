"""The process that reads files for `rag.readers`: whatever a hostile file does to a parser happens here.

Tasks come in on the standard input, answers go out on what was the standard output, both pickled; the process ends
with its input. Nothing heavier than the parsers is imported.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import signal
import sys
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from rag.errors import RagError, UnreadableFileError
from rag.loaders import parse, problems, safe_name
from rag.loaders.reading import reader_of
from rag.originals import KEPT, pack, unpack
from rag.settings import RagSettings
from rag.splitting import split
from rag.types import Chunk, LoadedDocument
from rag.views import Look, Shown

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite text ends at NUL; half of a surrogate pair is no Unicode


@dataclass(frozen=True)
class Task:
    """A file to read, as in `SourceFile`; `known`: SHA-256 of what its document was made from, if there is one."""

    path: Path
    source: str
    member: int | None
    known: str | None


@dataclass(frozen=True)
class Parsed:
    """What a file holds. `loaded` is None where the content is that of `Task.known`; `size` is in bytes;
    `original`: the file as `rag.originals` packs it, where it is one that is kept."""

    size: int
    sha256: str
    loaded: LoadedDocument | None = None
    chunks: tuple[Chunk, ...] = ()
    original: bytes = b""


@dataclass(frozen=True)
class Refused:
    """Why a file cannot be added, for the user; `unexpected` for the log, where this app is to blame."""

    en: str
    zh: str
    unexpected: str = ""
    spent: bool = False  # the memory ran out: a fresh process should read the next file


def read(task: Task, limits: RagSettings) -> Parsed | Refused:
    """One file, from its bytes to chunks."""
    try:
        return _read(task, limits)
    except RagError as error:
        return Refused(error.en, error.zh)
    except MemoryError:
        problem: RagError = problems.took_too_much(task.source, limits.read_memory_mb)
        return Refused(problem.en, problem.zh, spent=True)
    except Exception as error:  # one bad file must not stop the others, whatever is wrong with it
        import traceback

        problem = problems.app_error(task.source, f"{type(error).__name__}: {error}")
        return Refused(problem.en, problem.zh, traceback.format_exc())


def _read(task: Task, limits: RagSettings) -> Parsed:
    data = _content(task, limits.max_file_mb)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 == task.known:
        return Parsed(len(data), sha256)
    loaded = parse(data, safe_name(task.source), limits)
    if _UNSTORABLE.search(loaded.text):  # one for one, so that offsets stay
        loaded = replace(loaded, text=_UNSTORABLE.sub("\ufffd", loaded.text))
    chunks = tuple(split(loaded, limits))
    if not chunks:
        raise problems.nothing_to_search(task.source)
    return Parsed(len(data), sha256, loaded, chunks, pack(data) if loaded.loader in KEPT else b"")


def look_up(look: Look, limits: RagSettings) -> Shown | Refused:
    """A passage in its file; `Refused`, for the log, where that cannot be shown."""
    from rag.loaders import pdf_page, table_view

    try:
        data = unpack(look.packed, look.size)
        if look.loader == "pdf":
            return pdf_page.show(data, look)
        found = table_view.show(partial(reader_of(look.loader), data), look, limits)
        return found or Refused("its text is another one now", "")
    except MemoryError:
        return Refused("out of memory", "", spent=True)
    except Exception as error:  # parsers meet hostile files with errors of every type
        return Refused(f"{type(error).__name__}: {error}", "")


def _content(task: Task, limit_mb: int) -> bytes:
    """The bytes of a regular file or of one in an archive, if they are within the limit."""
    limit = limit_mb * 2**20
    try:
        if task.member is None:
            if not task.path.is_file():  # a pipe or a device would never end
                raise FileNotFoundError(2, "no such file")
            with task.path.open("rb") as file:
                data = file.read(limit + 1)
        else:
            archive = _archive(task.path, task.path.stat().st_mtime_ns)
            with archive.open(archive.infolist()[task.member]) as member:
                data = member.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, IndexError) as error:
        raise problems.archive_damaged(task.source) from error
    except OSError as error:
        raise UnreadableFileError(
            en=f"{task.source} could not be opened ({error.strerror or 'no such file'}). Check that it still exists "
            "and may be read.",
            zh=f"无法打开 {task.source}（{error.strerror or '文件不存在'}）。请确认文件存在且有读取权限。",
        ) from error
    if len(data) > limit:
        raise problems.too_big(task.source, len(data), limit_mb)
    return data


@lru_cache(maxsize=1)
def _archive(path: Path, changed: int) -> zipfile.ZipFile:
    """The archive that was opened last stays open: its list of files may be long."""
    return zipfile.ZipFile(path)


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Answer tasks until they end; the first thing sent is the settings."""
    limits: RagSettings = pickle.load(tasks)
    _limit_memory(limits.read_memory_mb)
    while True:
        try:
            task = pickle.load(tasks)
        except EOFError:
            return
        _alarm(limits.read_seconds + 5)
        answer = look_up(task, limits) if isinstance(task, Look) else read(task, limits)
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()
        _alarm(0)


def _limit_memory(megabytes: int) -> None:
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _alarm(seconds: int) -> None:
    """End this process in that time (0: never) even if the one that watches it is gone."""
    if hasattr(signal, "alarm"):  # not on Windows
        signal.alarm(seconds)


def main() -> None:
    """The whole life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the app, which then ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come among the answers
    serve(sys.stdin.buffer, answers)
