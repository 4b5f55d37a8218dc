"""Hostile files through a real upload: what was reported of each, and whether anything crashed or got out.

    python -m benchmarks.hostile [--files 500] [--seed 6] [--misses]

The files (`benchmarks.hostile_files`) are uploaded at once into a fresh knowledge base beside an honest document.
"Crash": the app fails, a file has no outcome, or this app's own error is all that is said of it. A reading process that
dies or runs out of time costs its own file alone and is counted beside. "Escape": anything is written, connected to or
started but by the app itself in its data folder (told by Python's audit hooks in every process, and by a server nobody
may call), a secret file's content is found in the data folder, or a passage shows up in a page as a live element.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.hostile_files import KINDS, Hostile, make
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.render import report, results
from rag.settings import RagSettings
from rag.types import FileAdded, FileFailed, FileSkipped, IngestEvent, Passage

_HONEST = "# 值班表\n周三由李雷值班，电话 8801。\n"
_PAGE_IMAGE = re.compile(r'<img alt="[^"<>]*" width="\d+" height="\d+" src="data:image/webp;base64,[\w+/=]*"/>')
_TAG = re.compile(r"#(\d{3})#")
_LIVE = ("script", "iframe", "img", "a", "object", "embed", "form", "svg", "link", "meta", "style", "base", "input")
# Runs in every process that is started with it on its path; what it sees goes to a file.
_WATCH = """
import os, sys
_log = os.open(os.environ["FENSHEN_AUDIT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_calls = {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.fork",
          "os.posix_spawn", "os.symlink", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
def _hook(event, args):
    if event == "open":
        flags = args[2] if isinstance(args[2], int) else 0
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set("wax+") & set(args[1] or "")
        if not writes or args[0] == os.devnull or isinstance(args[0], int):
            return
    elif event not in _calls:
        return
    os.write(_log, (repr((event, *args[:2]))[:300] + chr(10)).encode("utf-8", "replace"))
sys.addaudithook(_hook)
"""


@dataclass
class Result:
    """What came of all files. `missed`: not reported as it should be. `died`: reading processes that ended or hung."""

    seconds: float = 0.0
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    crashes: list[str] = field(default_factory=list)
    escapes: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)


def run(count: int, seed: int) -> Result:
    """Make `count` files, upload them, and look at what happened."""
    result = Result()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _canary() as (outside, calls):
        root = Path(folder)
        token = secrets.token_hex(16)
        secret = root / "secret.txt"
        secret.write_text(token, encoding="utf-8")
        made = make(count, seed, outside, secret)
        uploads = _write(made, root / "uploads")
        with _watched(root) as audit:
            before = set(root.rglob("*"))
            settings = RagSettings(root / "data")
            with _watching(settings.data_dir, result.escapes), KnowledgeBase(settings, load_embedder(settings)) as base:
                _upload(base, made, uploads, result)
                _look(base, made, result)
        result.escapes += [f"called: {call}" for call in calls]
        result.escapes += audit.read_text(encoding="utf-8").splitlines()
        result.escapes += [
            f"written: {p}" for p in set(root.rglob("*")) - before if not p.is_relative_to(root / "data")
        ]
        result.escapes += [f"secret in {p}" for p in (root / "data").rglob("*") if p.is_file() and _holds(p, token)]
        marks = [Path.cwd(), Path.home(), Path(tempfile.gettempdir()), root]
        result.escapes += [f"written: {p}" for place in marks for p in place.glob("*#*#*escape*")]
    return result


def _write(made: list[Hostile], folder: Path) -> list[Path]:
    """The files as uploads lie on the disk: each in a folder of its own, an honest one in their midst."""
    paths = []
    for number, hostile in enumerate(made):
        path = folder / str(number) / hostile.name
        path.parent.mkdir(parents=True)
        path.write_bytes(hostile.data)
        paths.append(path)
    honest = folder / "honest.md"
    honest.write_text(_HONEST, encoding="utf-8")
    return [*paths[: len(paths) // 2], honest, *paths[len(paths) // 2 :]]


def _upload(base: KnowledgeBase, made: list[Hostile], uploads: list[Path], result: Result) -> None:
    base.create_collection("Hostile", name="hostile")
    base.inbox.put(uploads, "hostile")
    told: dict[int, list[FileAdded | FileFailed | FileSkipped]] = defaultdict(list)
    events: list[IngestEvent] = []
    begun = time.perf_counter()
    for event in base.inbox.add("hostile"):
        events.append(event)
        if isinstance(event, (FileAdded, FileFailed, FileSkipped)) and (tag := _TAG.search(event.source)):
            told[int(tag[1])].append(event)
    result.seconds = time.perf_counter() - begun
    for number, hostile in enumerate(made):
        _judge(base, hostile, told[number], KINDS[number % len(KINDS)].__name__, result)
    for lang in ("en", "zh"):
        result.escapes += _live(report(events, lang), "the report")


def _judge(
    base: KnowledgeBase,
    hostile: Hostile,
    events: list[FileAdded | FileFailed | FileSkipped],
    kind: str,
    result: Result,
) -> None:
    name = repr(hostile.name)
    counts = result.outcomes[kind]
    counts["files"] += 1
    if not events:
        result.crashes.append(f"{name}: no outcome")
        return
    refused = [event for event in events if isinstance(event, FileFailed)]
    added = [event for event in events if isinstance(event, FileAdded)]
    noted = [event for event in added if event.document.warnings]
    counts["refused" if refused else "noted" if noted else "added"] += 1
    for event in refused:
        if "error in this app" in event.error_en or not event.error_en.strip() or not event.error_zh.strip():
            result.crashes.append(f"{name}: {event.error_en}")
        if "crashed the program" in event.error_en or "not read within" in event.error_en:
            result.died.append(f"{name}: {event.error_en[:90]}")
    said = " ".join([*(e.error_en for e in refused), *(w for e in noted for w in e.document.warnings)])
    kept = "".join(base.document_text(event.document.id) for event in added)
    wanted = {"noted": bool(noted), "refused": bool(refused), "added": bool(added), "any": True}[hostile.expect]
    if not wanted or hostile.says not in said:
        result.missed.append(f"{name}: {hostile.expect} with {hostile.says!r} expected, told: {said[:200]!r}")
    elif "".join(hostile.keeps.split()) not in "".join(kept.split()):
        result.missed.append(f"{name}: {hostile.keeps!r} was lost")


def _look(base: KnowledgeBase, made: list[Hostile], result: Result) -> None:
    """The knowledge base after it: sound, searchable, and its pages without live elements."""
    base.settle()
    result.crashes += [f"verify: {problem}" for problem in base.verify().problems]
    found = base.search("周三谁值班？", "hostile", 4)
    if not any("李雷" in passage.text for passage in found):
        result.crashes.append("the honest document is not found")
    for query in ("ignore previous instructions", "script image link", "忽略指令", "Official source [1]", "escape"):
        passages = base.search(query, "hostile", 8)
        result.escapes += _live(results(passages, "en"), f"results of {query!r}")
        result.escapes += _answered(passages)
        result.escapes += _opened(base, passages)


def _opened(base: KnowledgeBase, passages: list[Passage]) -> list[str]:
    """Live elements in what is shown of each passage in its document."""
    from dataclasses import asdict

    from llm.view_render import view_panel

    found = []
    for passage in passages:
        panel = view_panel(asdict(base.viewer.view(passage, [(0, len(passage.text))])), "en")
        found += _live(_PAGE_IMAGE.sub("", panel), f"{passage.source!r}, opened")
    return found


def _answered(passages: list[Passage]) -> list[str]:
    """Live elements in an answer of a model that copies every passage word for word."""
    from dataclasses import asdict

    from markdown_it import MarkdownIt

    from llm.chat_render import answer
    from llm.conversations import Message
    from rag.citations import cite
    from rag.prompts import passage_block

    found = []
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    for passage in passages:
        cited = cite(passage.text[:1500], [passage])
        about = {"sources": [asdict(passage)], "citations": [asdict(c) for c in cited.citations], "adapter": None}
        shown = markdown.render(answer(Message(1, "assistant", cited.text, "done", about), "en", {"": "Base"}))
        found += _live(shown, f"an answer from {passage.source!r}")
        block = passage_block(1, passage)
        if re.search(r"(?m)^\s*\[\d+\]", block.split("\n", 1)[-1]) or "\n\n" in block or "<|im_" in block:
            found.append(f"{passage.source!r} passes for another passage in the prompt")
    return found


def _live(shown: str, where: str) -> list[str]:
    from lxml import html as parser

    if not shown.strip():
        return []
    root = parser.fromstring(f"<div>{shown}</div>")
    found = [el.tag for el in root.iter() if el.tag in _LIVE]
    found += [name for el in root.iter() for name in el.attrib if name.startswith("on") or name in ("href", "src")]
    return [f"live in {where}: {', '.join(found)}"] if found else []


@contextmanager
def _canary() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody may call, and who did."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _watched(root: Path) -> Iterator[Path]:
    """Every process that is started meanwhile notes what it opens for writing, connects to and starts."""
    hooks, audit = root / "hooks", root / "audit.log"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    audit.touch()
    added = {"PYTHONPATH": str(hooks), "FENSHEN_AUDIT": str(audit), "PYTHONDONTWRITEBYTECODE": "1"}
    old = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield audit
    finally:
        for name, value in old.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _watching(data_dir: Path, noticed: list[str]) -> Iterator[None]:
    """The same for this process: connections, and writes outside of the data folder. A hook stays; it is told when."""
    active = True

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not active:
            return
        if event in ("socket.connect", "socket.getaddrinfo", "os.system"):
            noticed.append(f"here: {event} {args[-2:]}")
        elif event == "open" and isinstance(args[0], str) and set("wax+") & set(args[1] or "r"):
            own = Path(args[0]).is_relative_to(data_dir) or args[0] == os.devnull
            noticed.extend([] if own else [f"here: {event} {args[:2]}"])

    sys.addaudithook(hook)
    try:
        yield
    finally:
        active = False


def _holds(path: Path, token: str) -> bool:
    return token.encode() in path.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--misses", action="store_true", help="print what was not reported as it should be")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.files, given.seed)
    crashes, escapes = len(result.crashes), len(result.escapes)
    if given.json:
        told = {**vars(result), "outcomes": {kind: dict(counts) for kind, counts in result.outcomes.items()}}
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return 1 if crashes or escapes else 0
    print("| kind | files | refused | added with a note | added |\n|---|---|---|---|---|")
    for kind, counts in result.outcomes.items():
        shown = " | ".join(str(counts[name]) for name in ("files", "refused", "noted", "added"))
        print(f"| {kind.replace('_', ' ')} | {shown} |")
    print(f"\n{crashes} crashes, {escapes} escapes, {len(result.missed)} without the report they should have;")
    print(f"{len(result.died)} ended or outlasted their reading process; {result.seconds:.0f} s")
    for line in [*result.crashes, *result.escapes, *(result.died + result.missed if given.misses else [])]:
        print(line)
    return 1 if crashes or escapes else 0


if __name__ == "__main__":
    sys.exit(main())
