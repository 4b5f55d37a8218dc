"""How well the app answers: the written questions over the sample collections, through the whole way of a question.

For every kind of question and language: answered (an expected string occurs), cited (besides, a sentence that cites the
right document is verified or paraphrased), declined; for unanswerable ones "answered" means rightly declined.

    python -m benchmarks.answers [--model embedded] [--k 1] [--adapter NAME] [--every 1] [--misses]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import hardware

QUESTIONS = Path(__file__).parent / "questions" / "recipes.jsonl"
HANDBOOK = {"使用手册.md", "Handbook.md"}


@dataclass(frozen=True)
class Outcome:
    answered: bool
    cited: bool
    declined: bool
    found_first: bool
    text: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--k", type=int, default=0, help="passages given to the model; 0 takes the app's default")
    parser.add_argument("--adapter", default=None)
    parser.add_argument("--every", type=int, default=1, help="take every n-th question")
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    given = parser.parse_args()
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()][:: given.every]
    print(hardware())
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 5)
    for row, outcome in run(rows, given.model, given.k, given.adapter):
        answerable = row["document"] is not None
        for key in (f"{row['kind']} {row['lang']}", "all answerable" if answerable else "all unanswerable"):
            flags = (1, outcome.answered, outcome.cited, outcome.declined, outcome.found_first)
            counts[key] = [count + int(flag) for count, flag in zip(counts[key], flags, strict=True)]
        if given.misses and not outcome.answered:
            print(f"miss: {row['question']} -> {outcome.text[:100]!r} (want {row['answer']}, {row['document']})")
    print("| questions | n | right document first | answered | answered and rightly cited | declined |")
    print("|---|---|---|---|---|---|")
    for key, (n, answered, cited, declined, first) in sorted(counts.items()):
        print(f"| {key} | {n} | {first} | {answered} | {cited} | {declined} |")


def run(
    rows: list[dict[str, Any]], model: str, k: int, adapter: str | None
) -> Iterator[tuple[dict[str, Any], Outcome]]:
    """Ask every question of the real app's services, in a data folder of its own."""
    from front.services import Services
    from front.settings import load

    with tempfile.TemporaryDirectory() as folder:
        services = Services(load({"data_dir": folder, "model": model}, {}))
        services.load()
        for row in rows:
            yield row, _ask(services, row, k, adapter)
        services.close()


def _ask(services: Any, row: dict[str, Any], k: int, adapter: str | None) -> Outcome:
    from llm.chat_runs import Turn

    history = tuple({**message, "sources": []} for message in row["history"])
    options = {
        "adapter": adapter,
        "collection": "handbook" if row["document"] in HANDBOOK else "recipes",
        "k": k or None,
        "sampling": {"max_tokens": 320},
    }
    text, declined, passages, citations = "", False, [], []
    for event in services.answer(Turn(row["question"], history, options), threading.Event()):
        if event["type"] == "sources":
            passages = event["passages"]
        elif event["type"] == "citation":
            citations.append(event)
        elif event["type"] == "refusal":
            declined = True
        elif event["type"] == "done":
            text = event["answer"]
    wanted = row["document"]
    answered = declined if wanted is None else any(_folded(part) in _folded(text) for part in row["answer"])
    supported = [c for c in citations if c["status"] != "unsupported"]
    right = wanted is None or any(passages[c["number"] - 1]["source"] == wanted for c in supported)
    first = bool(passages) and passages[0]["source"] == wanted
    return Outcome(answered, answered and right, declined, first, text)


def _folded(text: str) -> str:
    return "".join(text.casefold().split())


if __name__ == "__main__":
    main()
