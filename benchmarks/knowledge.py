"""Ingest and search against LangChain's default Chroma pipeline, with the same embedder, interleaved in one run.

    OMP_NUM_THREADS=1 python benchmarks/knowledge.py [--passages 1000 5000] [--rounds 3] [--suffix .md] [--json]

The rival is the tutorial's: read the files, RecursiveCharacterTextSplitter (chunk size and overlap set to ours, so
that both make about as many passages), `Chroma.from_documents` on disk, `as_retriever()` with its k of 4. It needs
`pip install langchain-chroma`. The texts are made up here. What the two do is not the same: ours also commits every
file by itself to SQLite with a sync to disk, and its search also ranks by BM25, fuses, joins and drops repeats. A
document can be searched by meaning once it is acknowledged, which is what "ingest" counts; "indexed" adds the time
until the keyword index (and a vector index, from 16,384 passages on) have it too. Both are warm: imports are done,
and the processes that read files are running, as in an app that is in use; "cold" is the same without them.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.embeddings import Embedder, load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

VERBS = list("切洗煮炒炖蒸烤腌拌煎焯泡")
THINGS = ["牛肉", "鸡蛋", "面粉", "土豆", "番茄", "白菜", "豆腐", "鲈鱼", "排骨", "香菇", "黄油", "糯米", "茄子"]
WITH = ["酱油", "料酒", "冰糖", "生姜", "大葱", "蒜末", "香醋", "豆瓣酱", "胡椒粉", "芝麻油"]
PER_FILE = 4  # passages, roughly: a short document


def document(rng: random.Random, number: int) -> str:
    """About `PER_FILE` passages of made-up cooking notes in Chinese, with a few English words."""
    lines = [f"# 第{number}号笔记：{rng.choice(THINGS)}{rng.choice(WITH)}", ""]
    size = 0
    while size < PER_FILE * 420:
        line = (
            f"把{rng.choice(THINGS)}{rng.choice(VERBS)}{rng.randint(2, 90)}分钟，"
            f"加{rng.choice(WITH)}{rng.randint(1, 50)}克，再放{rng.choice(THINGS)}，note {rng.randint(100, 999)}。"
        )
        lines.append(line)
        size += len(line)
    return "\n".join(lines)


def write(folder: Path, passages: int, suffix: str) -> None:
    rng = random.Random(passages)
    for number in range(passages // PER_FILE):
        (folder / f"{number:05}{suffix}").write_text(document(rng, number), encoding="utf-8")


def queries(count: int) -> Iterator[str]:
    rng = random.Random(1)
    for _ in range(count):
        yield f"{rng.choice(THINGS)}要{rng.choice(VERBS)}多久？加多少克{rng.choice(WITH)}？"


def ours(files: Path, data: Path, embedder: Embedder, *, warm: bool = True) -> tuple[KnowledgeBase, int, float]:
    """A knowledge base, its passages, and the seconds until the last file was acknowledged."""
    begun = time.perf_counter()
    base = KnowledgeBase(RagSettings(data), embedder)
    base.create_collection("Benchmark", name="benchmark")
    if warm:
        base.create_collection("Warm", name="warm")
        few = sorted(files.iterdir())[: 2 * base.readers]
        for _ in range(2):
            list(base.ingest(few, "warm"))
        base.settle()
        begun = time.perf_counter()
    done: Any = list(base.ingest([files], "benchmark"))[-1]
    return base, done.chunks, time.perf_counter() - begun


def rival(files: Path, data: Path, embedder: Embedder) -> tuple[Any, int, float]:
    """The same with LangChain's defaults."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    begun = time.perf_counter()
    documents = [
        Document(path.read_text(encoding="utf-8"), metadata={"source": str(path)}) for path in sorted(files.iterdir())
    ]
    settings = RagSettings(data)
    splitter = RecursiveCharacterTextSplitter(chunk_size=settings.chunk_chars, chunk_overlap=settings.chunk_overlap)
    chunks = splitter.split_documents(documents)
    store = Chroma.from_documents(chunks, embedder, persist_directory=str(data))
    return store, len(chunks), time.perf_counter() - begun


def timed(search: Callable[[str], object], query: str) -> float:
    begun = time.perf_counter()
    search(query)
    return (time.perf_counter() - begun) * 1000


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p95": statistics.quantiles(values, n=20)[-1]}


def measure(passages: int, options: argparse.Namespace, embedder: Embedder) -> dict[str, Any]:
    """Figures at one size. Every round measures both, ours first in even rounds."""
    rates: dict[str, list[float]] = {"ours": [], "indexed": [], "cold": [], "rival": []}
    times: dict[str, list[float]] = {"ours": [], "rival": []}
    firsts, counts = [], {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = Path(folder) / "files"
        files.mkdir()
        write(files, passages, options.suffix)
        for round_ in range(options.rounds):
            opened: dict[str, Any] = {}
            for name in ("ours", "rival") if round_ % 2 == 0 else ("rival", "ours"):
                gc.collect()
                build = ours if name == "ours" else rival
                opened[name], counts[name], seconds = build(files, Path(folder) / f"{name}{round_}", embedder)
                rates[name].append(counts[name] / seconds)
                if name == "ours":
                    begun = time.perf_counter()
                    opened["ours"].settle()  # also so that nothing goes on beside the rival
                    rates["indexed"].append(counts[name] / (seconds + time.perf_counter() - begun))
            cold, _, seconds = ours(files, Path(folder) / f"cold{round_}", embedder, warm=False)
            rates["cold"].append(counts["ours"] / seconds)
            cold.close()
            base, retriever = opened["ours"], opened["rival"].as_retriever()
            search = partial(base.search, collection="benchmark", k=4)
            firsts.append(timed(search, "土豆要炖多久？"))
            retriever.invoke("土豆要炖多久？")
            for query in queries(options.searches):
                times["ours"].append(timed(search, query))
                times["rival"].append(timed(retriever.invoke, query))
            base.close()
    latency = {name: spread(values) for name, values in times.items()}
    return {
        "passages": counts,
        "ingest_per_second": {name: statistics.median(values) for name, values in rates.items()},
        "ingest_ratio": {
            name: statistics.median(a / b for a, b in zip(rates[name], rates["rival"], strict=True))
            for name in ("ours", "indexed", "cold")
        },
        "first_search_ms": statistics.median(firsts),
        "search_ms": latency,
        "search_ratio": latency["ours"]["median"] / latency["rival"]["median"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, nargs="+", default=[360, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument(
        "--suffix", choices=[".txt", ".md"], default=".txt", help="ours parses Markdown, the rival does not"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("langchain_chroma") is None:
        parser.exit(1, "The rival is not installed. Run: pip install langchain-chroma\n")
    embedder = load_embedder(RagSettings(Path("unused")))
    warm_up = argparse.Namespace(rounds=1, searches=5, suffix=options.suffix)
    measure(40, warm_up, embedder)  # imports and first-time costs of both, before the clock runs
    results = [measure(size, options, embedder) for size in options.passages]
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for result in results:
        rate, latency = result["ingest_per_second"], result["search_ms"]
        print(f"{result['passages']['ours']} passages (rival {result['passages']['rival']})")
        for name, ratio in result["ingest_ratio"].items():
            print(f"  ingest  {name}: {rate[name]:.0f}/s, rival {rate['rival']:.0f}/s, ratio {ratio:.2f}")
        for name in ("ours", "rival"):
            print(f"  search  {name}: median {latency[name]['median']:.1f} ms, p95 {latency[name]['p95']:.1f} ms")
        print(f"  search ratio {result['search_ratio']:.2f}; first search {result['first_search_ms']:.0f} ms")


if __name__ == "__main__":
    main()
