"""How the knowledge base grows: ingestion, the indexes, memory, opening and searching, at 1,000 to 100,000 passages.

    OMP_NUM_THREADS=1 python -m benchmarks.scale [--passages 1000 10000 100000] [--searches 200] [--json]

The texts are those of `benchmarks.knowledge`. Each size is filled and then searched by a fresh process, as after a
restart; "opened" is the time until documents can be listed, "ready" until the first answer of both searches. A search
is the whole of it: the question embedded, both rankings, fusion, reading the passages.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.knowledge import queries, spread, timed, write
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings


def fill(folder: Path, passages: int) -> dict[str, float]:
    """Passages, passages per second until all are acknowledged, and seconds until both indexes have them."""
    files = folder / "files"
    files.mkdir()
    write(files, passages, ".txt")
    settings = RagSettings(folder / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as base:
        base.create_collection("Scale", name="scale")
        begun = time.perf_counter()
        done: Any = list(base.ingest([files], "scale"))[-1]
        seconds = time.perf_counter() - begun
        base.settle()
        indexed = time.perf_counter() - begun - seconds
    size = sum(path.stat().st_size for path in settings.data_dir.rglob("*") if path.is_file())
    return {
        "passages": done.chunks,
        "ingest_per_second": done.chunks / seconds,
        "indexed_after_s": indexed,
        "folder_mib": size / 2**20,
    }


def search(folder: Path, searches: int) -> dict[str, Any]:
    """Seconds to open, to the first answer; milliseconds of a search; memory of this process in MiB."""
    settings = RagSettings(folder / "data")
    embedder = load_embedder(settings)
    begun = time.perf_counter()
    with KnowledgeBase(settings, embedder) as base:
        base.collections()
        opened = time.perf_counter() - begun
        base.settle()
        base.search("土豆要炖多久？", "scale")
        ready = time.perf_counter() - begun
        times = [timed(lambda query: base.search(query, "scale"), query) for query in queries(searches)]
        return {"opened_s": opened, "ready_s": ready, "search_ms": spread(times), "memory_mib": _memory()}


def _memory() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--search-only", type=Path, help=argparse.SUPPRESS)  # the fresh process
    options = parser.parse_args()
    if options.search_only:
        print(json.dumps(search(options.search_only, options.searches)))
        return
    results = []
    for passages in options.passages:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            filled = fill(Path(folder), passages)
            again = [sys.executable, __file__, "--search-only", folder, "--searches", str(options.searches)]
            found = json.loads(subprocess.run(again, check=True, capture_output=True, text=True).stdout)
        results.append({**filled, **found})
        if not options.json:
            row = results[-1]
            print(
                f"{row['passages']} passages: ingest {row['ingest_per_second']:.0f}/s, indexed after "
                f"{row['indexed_after_s']:.1f} s, folder {row['folder_mib']:.0f} MiB; opened {row['opened_s']:.2f} s, "
                f"ready {row['ready_s']:.2f} s, memory {row['memory_mib']:.0f} MiB; search median "
                f"{row['search_ms']['median']:.1f} ms, p95 {row['search_ms']['p95']:.1f} ms",
                flush=True,
            )
    if options.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
