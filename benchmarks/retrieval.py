"""How often the right passage is found, against LangChain's default pipeline, BM25 alone and dense alone.

    python -m benchmarks.retrieval                                # the sample collections, questions written by hand
    python -m benchmarks.retrieval --squad cmrc2018_dev.json …    # also questions over a file in SQuAD's format

Every question is put to all of them, one after the other, the first one in turn. "tutorial" is LangChain's: the files
read as text, RecursiveCharacterTextSplitter with chunks of 1000 and an overlap of 200, `Chroma.from_documents`,
`as_retriever()`, the same embedder; "tutorial, cut as here" has chunks as long as the app's. "BM25" and "dense" are
one of the app's two searches without the other. A passage is right if it is of the right document and holds the whole
answer: for SQuAD files at its place, for the samples by its words. "slips" are the same questions with one mistake in
each: in a Latin word of five letters or more, else another Chinese character. Nothing was set on odd articles of the
SQuAD files (by CRC-32 of their file name), which alone are measured. The rival needs `pip install langchain-chroma`;
"txtai, hybrid", with the tutorial's chunks and the same embedder, is there where txtai is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import hardware
from rag.embeddings import Embedder, load_embedder
from rag.followup import resolve
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

ROOT = Path(__file__).parents[1]
SAMPLES, QUESTIONS = ROOT / "data_base" / "knowledge", ROOT / "benchmarks" / "questions" / "recipes.jsonl"
COLLECTION = "benchmark"
SLIP_SEED = 11


@dataclass(frozen=True)
class Asked:
    """A question, and its answer in the file `source`: at `start` if that is known, else in one of some wordings."""

    question: str
    source: str
    answers: tuple[str, ...]
    start: int | None = None


@dataclass(frozen=True)
class Got:
    """A passage as a search gave it; `start` counts in the text that its pipeline read from the file."""

    source: str
    text: str
    start: int


Search = Callable[[str, int], list[Got]]
Right = Callable[[Asked, Got], bool]


@dataclass
class Score:
    """What came of one search; ranks of the first right passage among ten, 0 for none."""

    at_5: list[bool]
    ranks: list[int]
    characters: list[int]
    milliseconds: list[float]

    def line(self) -> list[float]:
        found = [1 / rank if rank else 0.0 for rank in self.ranks]
        shares = 100 * float(np.mean(self.at_5)), 100 * float(np.mean(found))
        return [*shares, float(np.mean(self.characters)), float(np.median(self.milliseconds))]


def squad(path: Path, folder: Path) -> list[Asked]:
    """Write each article as a text file, and give the questions about odd ones."""
    asked: list[Asked] = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        wanted = re.sub(r"[/\\:]", "_", article.get("title", "")).strip(". ") or "untitled"
        names = (f"{wanted}{n or ''}.txt" for n in range(1000))
        name = next(name for name in names if not (folder / name).exists())
        text = ""
        for paragraph in article["paragraphs"]:
            begin = len(text) + (2 if text else 0)
            text += ("\n\n" if text else "") + paragraph["context"]
            for row in paragraph["qas"] if zlib.crc32(name.encode()) % 2 else ():
                answer = row["answers"][0]["text"]
                near = [m.start() for m in re.finditer(re.escape(answer), paragraph["context"])]
                if near:
                    at = min(near, key=lambda start: abs(start - row["answers"][0]["answer_start"]))
                    asked.append(Asked(row["question"], name, (answer,), begin + at))
        (folder / name).write_text(text, encoding="utf-8")
    return asked


def written(lang: str) -> list[Asked]:
    """The written questions that have an answer, follow-ups made complete."""
    rows = [row for row in _rows() if row["lang"] == lang and row["document"]]
    return [Asked(resolve(row["question"], _history(row)), row["document"], tuple(row["answer"])) for row in rows]


def _rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]


def _history(row: dict[str, Any]) -> list[Any]:
    from langchain_core.messages import convert_to_messages

    return convert_to_messages(row["history"])


def slip(asked: Asked, rng: random.Random, letters: str) -> Asked:
    """The question with one mistake in it."""
    text = asked.question
    if words := list(re.finditer(r"[A-Za-z]{5,}", text)):
        word = rng.choice(words)
        at = rng.randrange(word.start() + 1, word.end() - 1)
        letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
        wrong = rng.choice((letter + text[at + 1], text[at + 1], letter + text[at : at + 2], text[at + 1] + text[at]))
        return replace(asked, question=text[:at] + wrong + text[at + 2 :])
    places = [i for i, char in enumerate(text) if "\u4e00" <= char <= "\u9fff"]
    if not places:
        return asked
    at = rng.choice(places)
    return replace(asked, question=text[:at] + rng.choice(letters) + text[at + 1 :])


# --- who is asked


def ours(base: KnowledgeBase, method: Any = "hybrid") -> Search:
    def search(question: str, k: int) -> list[Got]:
        found = base.search(question, COLLECTION, k, method=method)
        return [Got(Path(p.source).name, p.text, p.start) for p in found]

    return search


def tutorial(files: Sequence[Path], data: Path, embedder: Embedder, size: int, overlap: int) -> Search:
    from langchain_chroma import Chroma

    store = Chroma.from_documents(
        chunks(files, size, overlap), embedder, persist_directory=str(data), collection_name=f"c{size}"
    )
    retrievers = {k: store.as_retriever(search_kwargs={"k": k}) for k in (5, 10)}

    def search(question: str, k: int) -> list[Got]:
        found = retrievers[k].invoke(question)
        return [Got(d.metadata["source"], d.page_content, d.metadata["start_index"]) for d in found]

    return search


def chunks(files: Sequence[Path], size: int, overlap: int) -> list[Any]:
    """LangChain's pieces of the files, as its documents."""
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    documents = [Document(path.read_text(encoding="utf-8"), metadata={"source": path.name}) for path in files]
    splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap, add_start_index=True)
    return splitter.split_documents(documents)


def txtai(files: Sequence[Path], embedder: Embedder, size: int, overlap: int) -> Search:
    """txtai's hybrid index (BM25 and vectors, half and half), as its documentation sets it up, in memory."""
    from txtai import Embeddings

    pieces = chunks(files, size, overlap)

    def transform(texts: list[str]) -> np.ndarray:  # txtai takes a plain function, and does not say what is a question
        return embedder.encode(texts)

    index = Embeddings({"method": "external", "transform": transform, "hybrid": True})
    index.index((n, piece.page_content, None) for n, piece in enumerate(pieces))

    def search(question: str, k: int) -> list[Got]:
        found = (pieces[n] for n, _ in index.search(question, k))
        return [Got(d.metadata["source"], d.page_content, d.metadata["start_index"]) for d in found]

    return search


def right_in(texts: dict[str, str], files: dict[str, Path]) -> Right:
    """Whether a passage is right, for a pipeline that read `texts` from the files: its own places of the answers."""
    raw = {name: path.read_text(encoding="utf-8") for name, path in files.items()}

    def right(asked: Asked, got: Got) -> bool:
        if got.source != asked.source:
            return False
        if asked.start is None:
            return any(_tight(answer) in _tight(got.text) for answer in asked.answers)
        answer, text = asked.answers[0], texts[got.source]
        start = asked.start
        if text != raw[got.source]:  # the loader made something of the text: the same answer, nearest to its place
            places = [m.start() for m in re.finditer(re.escape(answer), text)]
            start = min(places, key=lambda at: abs(at - asked.start), default=-1)  # type: ignore[operator]
        return start >= 0 and got.start <= start and start + len(answer) <= got.start + len(got.text)

    return right


def _tight(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()


def measure(asked: Sequence[Asked], searches: dict[str, tuple[Search, Right]]) -> dict[str, Score]:
    scores = {name: Score([], [], [], []) for name in searches}
    names = list(searches)
    for n, question in enumerate(asked):
        for name in (*names[n % len(names) :], *names[: n % len(names)]):
            search, right = searches[name]
            begun = time.perf_counter()
            five = search(question.question, 5)
            scores[name].milliseconds.append(1000 * (time.perf_counter() - begun))
            scores[name].at_5.append(any(right(question, got) for got in five))
            scores[name].characters.append(sum(len(got.text) for got in five))
            ten = search(question.question, 10)
            scores[name].ranks.append(next((r for r, got in enumerate(ten, 1) if right(question, got)), 0))
    return scores


def compare(name: str, files: list[Path], asked: dict[str, list[Asked]], embedder: Embedder) -> None:
    """Measure every list of questions over these files, and print."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = RagSettings(Path(folder) / "ours")
        with KnowledgeBase(settings, embedder) as base:
            base.create_collection(COLLECTION)
            list(base.ingest(files, COLLECTION))
            base.settle()
            by_name = {path.name: path for path in files}
            rival_texts = {path.name: path.read_text(encoding="utf-8") for path in files}
            our_texts = {Path(d.source).name: base.document_text(d.id) for d in base.documents(COLLECTION)}
            here, there = right_in(our_texts, by_name), right_in(rival_texts, by_name)
            make = partial(tutorial, files, Path(folder) / "rival", embedder)
            searches = {
                "here": (ours(base), here),
                "BM25": (ours(base, "bm25"), here),
                "dense": (ours(base, "dense"), here),
                "tutorial": (make(1000, 200), there),
                "tutorial, cut as here": (make(settings.chunk_chars, settings.chunk_overlap), there),
            }
            if importlib.util.find_spec("txtai"):
                searches["txtai, hybrid"] = (txtai(files, embedder, 1000, 200), there)
            passages = base.collection(COLLECTION).chunks
            for kind, questions in asked.items():
                for who, score in measure(questions, searches).items():
                    recall, mrr, size, ms = score.line()
                    print(
                        f"| {name} {kind} ({len(questions)} of {passages} passages) | {who} | {recall:.1f} | {mrr:.1f} "
                        f"| {size:.0f} | {ms:.1f} |",
                        flush=True,
                    )


def follow_ups(embedder: Embedder) -> None:
    """The written follow-up questions, complete and not: the right document among five, and first."""
    rows = [row for row in _rows() if row["history"] and row["document"]]
    ways: dict[str, Callable[[dict[str, Any]], str]] = {
        "as asked": lambda row: row["question"],
        "after the question before": lambda row: f"{_last_question(row)} {row['question']}",
        "made complete by rules": lambda row: resolve(row["question"], _history(row)),
    }
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        KnowledgeBase(RagSettings(Path(folder)), embedder) as base,
    ):
        base.create_collection(COLLECTION)
        list(base.ingest([SAMPLES], COLLECTION))
        for way, query in ways.items():
            found = [base.search(query(row), COLLECTION, 5) for row in rows]
            sources = [[Path(p.source).name for p in passages] for passages in found]
            five = sum(row["document"] in names for row, names in zip(rows, sources, strict=True))
            first = sum(row["document"] in names[:1] for row, names in zip(rows, sources, strict=True))
            print(f"| {way} | {len(rows)} | {five} | {first} |")


def _last_question(row: dict[str, Any]) -> str:
    return next(message["content"] for message in reversed(row["history"]) if message["role"] == "user")


def with_slips(asked: list[Asked]) -> dict[str, list[Asked]]:
    rng = random.Random(SLIP_SEED)
    letters = "".join(char for a in asked for char in a.question if "\u4e00" <= char <= "\u9fff")
    return {"": asked, "with slips": [slip(a, rng, letters) for a in asked]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, nargs="*", default=[], help="files in SQuAD's format")
    parser.add_argument("--every", type=int, default=1, help="take every n-th question")
    options = parser.parse_args()
    if importlib.util.find_spec("langchain_chroma") is None:
        parser.exit(1, "The rival is not installed. Run: pip install langchain-chroma\n")
    embedder = load_embedder(RagSettings(Path("unused")))
    print(hardware())
    print("| follow-up questions | n | right document in five | first |\n|---|---|---|---|")
    follow_ups(embedder)
    print("\n| questions | search | recall@5 | MRR@10 | characters in five | median ms |\n|---|---|---|---|---|---|")
    samples = sorted(SAMPLES.rglob("*.md"))
    for lang in ("zh", "en"):
        compare(f"samples {lang}", samples, with_slips(written(lang)[:: options.every]), embedder)
    for path in options.squad:
        with tempfile.TemporaryDirectory() as folder:
            asked = squad(path, Path(folder))[:: options.every]
            compare(path.stem, sorted(Path(folder).iterdir()), with_slips(asked), embedder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
