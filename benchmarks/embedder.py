"""How well the embedder finds the passage: recall at 5 beside BM25 and beside both fused, and its speed.

    python -m benchmarks.embedder                  # the sample collections, questions written by hand
    python -m benchmarks.embedder --corpus DIR     # held-out documents of a training corpus, thousands of passages

"BM25 words" is bm25s over rjieba words, "BM25 app" is the app's own keyword search (characters, bigrams and words);
"words+" and "app+" fuse each with the embedder in the app's way.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rag.embeddings import Embedder, load_embedder
from rag.fusion import Matched, Ranked, fuse
from rag.loaders import load
from rag.settings import RagSettings
from rag.splitting import split
from rag.store import index_text
from rag.terms import terms

ROOT = Path(__file__).parents[1]
SAMPLES, QUESTIONS = ROOT / "data_base" / "knowledge", ROOT / "benchmarks" / "questions" / "recipes.jsonl"
ASKED_ALONE = {"lookup", "howto", "colloquial"}
# name of a held-out set -> groups of training.embedder_pairs that it is made of
HELD_OUT = {
    "zh encyclopaedia, asked by people": ["reader/cmrc2018_trial_zh"],
    "zh manuals, templated": ["reader/docs_section_synth_zh"],
    "zh manuals, headings": [f"heading/{s}_zh" for s in ("ms_sql", "tidb_docs", "javaguide", "ms_dynamics")],
    "zh laws, templated": ["reader/laws_article_synth_zh"],
    "zh places, templated": ["reader/crosswoz_db_synth_zh"],
    "zh classical to modern": ["chat/classical_translate"],
    "en medicine, FAQ headings": ["chat/medquad_en"],
    "en countries, templated": ["reader/factbook_synth_en"],
    "en recipes, templated": ["reader/recipes_synth_en"],
    "en textbooks, gapped sentences": ["cloze/openstax_ccby_en", "cloze/standardebooks_en"],
}
WHOLLY_HELD_OUT = {"cmrc2018_trial_zh"}
DISTRACTORS, MOST_QUESTIONS, SEED = 4000, 500, 5


@dataclass(frozen=True)
class Task:
    """Questions, passages, and for each question the indices of the passages that answer it."""

    name: str
    questions: list[str]
    passages: list[str]
    right: list[set[int]]


@dataclass(frozen=True)
class Scores:
    """Recall at 5 in per cent."""

    task: str
    questions: int
    passages: int
    bm25_words: float
    bm25_app: float
    embedder: float
    words_fused: float
    app_fused: float


def sample_tasks(settings: RagSettings) -> list[Task]:
    """The shipped collections, cut into passages as the app cuts them."""
    passages: list[str] = []
    sources: list[str] = []
    for path in sorted(SAMPLES.rglob("*.md")):
        loaded = load(path, settings)
        for chunk in split(loaded, settings):
            passages.append(index_text(loaded.title, chunk.heading, chunk.text))
            sources.append(path.name)
    tight = [re.sub(r"\s", "", p).casefold() for p in passages]
    asked = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]
    tasks = []
    for lang in ("zh", "en"):
        questions, right = [], []
        for row in asked:
            answers = [re.sub(r"\s", "", a).casefold() for a in row["answer"]]
            gold = {
                i for i, text in enumerate(tight) if sources[i] == row["document"] and any(a in text for a in answers)
            }
            if row["lang"] == lang and row["kind"] in ASKED_ALONE and gold:
                questions.append(row["question"])
                right.append(gold)
        tasks.append(Task(f"{lang} sample collections", questions, passages, right))
    return tasks


def held_out_tasks(corpus: Path) -> list[Task]:
    """Held-out documents of a corpus: each set's own passages among thousands of others of its language."""
    from training.embedder import DEFAULT_RECIPE, EmbedderRecipe
    from training.embedder_pairs import corpus_pairs, held_out, is_chinese

    share = EmbedderRecipe.load(DEFAULT_RECIPE).held_out
    kept = [
        pair
        for pair in corpus_pairs(corpus, 99, 8)
        if pair.group.split("/")[-1] in WHOLLY_HELD_OUT or held_out(pair.document, share)
    ]
    texts = dict.fromkeys(p.passage for p in kept if not p.group.startswith("inverse/"))
    pools: dict[bool, list[str]] = {True: [], False: []}
    for text in texts:
        pools[is_chinese(text)].append(text)
    rng, tasks = random.Random(SEED), []
    for name, groups in HELD_OUT.items():
        pairs = [p for p in kept if p.group in groups]
        rng.shuffle(pairs)
        pairs = pairs if "cmrc2018_trial_zh" in groups[0] else pairs[:MOST_QUESTIONS]
        pool = pools[name.startswith("zh")]
        others = rng.sample(pool, min(DISTRACTORS, len(pool)))
        passages = list(dict.fromkeys([p.passage for p in pairs] + others))
        number = {text: i for i, text in enumerate(passages)}
        tasks.append(Task(name, [p.query for p in pairs], passages, [{number[p.passage]} for p in pairs]))
    return [task for task in tasks if task.questions]


def words(text: str) -> list[str]:
    import rjieba

    return [w for w in rjieba.cut(text.lower()) if re.search(r"\w", w)]


def bm25_ranks(task: Task, tokens: Callable[[str], list[str]], count: int) -> list[Matched]:
    """Ranks by bm25s, with the coverage as the app has it: the share of the question's terms by squared idf."""
    import bm25s

    texts = [tokens(p) for p in task.passages]
    index = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    index.index(texts, show_progress=False)
    sets = [set(text) for text in texts]
    held = Counter(term for terms_of_one in sets for term in terms_of_one)
    ranks: list[Matched] = []
    for question in task.questions:
        asked = tokens(question)
        scores = index.get_scores(asked) if asked else np.zeros(len(texts))
        shares = {
            term: times * np.log1p((len(texts) - held[term] + 0.5) / (held[term] + 0.5)) ** 2
            for term, times in Counter(asked).items()
            if held[term]
        }
        best = [int(i) for i in np.argsort(-scores, kind="stable")[:count] if scores[i] > 0]
        whole = sum(shares.values())
        ranks.append([(str(i), float(scores[i]), sum(shares[t] for t in shares if t in sets[i]) / whole) for i in best])
    return ranks


def dense_ranks(task: Task, embedder: Embedder, count: int) -> list[Ranked]:
    questions = np.array([embedder.embed_query(q) for q in task.questions], dtype=np.float32)
    similar = questions @ embedder.encode(task.passages).T
    best = np.argsort(-similar, axis=1, kind="stable")[:, :count]
    return [[(str(i), float(row[i])) for i in near] for row, near in zip(similar, best, strict=True)]


def fused_ranks(dense: list[Ranked], bm25: list[Matched], k: int) -> list[Ranked]:
    """The app's fusion for k passages."""
    return [[(f.id, f.score) for f in fuse(d, b, k)] for d, b in zip(dense, bm25, strict=True)]


def recall(ranks: Sequence[Ranked | Matched], right: list[set[int]], k: int = 5) -> float:
    """Per cent of questions with a right passage among the first k."""
    found = [{int(name) for name, *_ in ranked[:k]} for ranked in ranks]
    return 100 * float(np.mean([bool(some & gold) for some, gold in zip(found, right, strict=True)]))


def score(task: Task, embedder: Embedder, candidates: int) -> Scores:
    by_words, by_terms = (bm25_ranks(task, f, candidates) for f in (words, terms))
    dense = dense_ranks(task, embedder, candidates)
    fused = fused_ranks(dense, by_words, 5), fused_ranks(dense, by_terms, 5)
    columns = (by_words, by_terms, dense, *fused)
    return Scores(task.name, len(task.questions), len(task.passages), *(recall(c, task.right) for c in columns))


def speed(embedder: Embedder, passages: list[str]) -> float:
    """Passages a second."""
    texts = (passages * (2000 // len(passages) + 1))[:2000]
    began = time.perf_counter()
    embedder.encode(texts)
    return len(texts) / (time.perf_counter() - began)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedder", description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", type=Path, help="training corpus whose held-out documents are searched")
    parser.add_argument("--embedder", default="embedded", help='"embedded", a folder or a hub name')
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    settings = RagSettings(Path("data_base"), embedder=args.embedder)
    embedder = load_embedder(settings)
    tasks = held_out_tasks(args.corpus) if args.corpus else sample_tasks(settings)
    rows = [score(task, embedder, settings.candidates) for task in tasks]
    rate = speed(embedder, tasks[0].passages)
    if args.json:
        print(json.dumps({"passages_per_second": rate, "recall_at_5": [asdict(r) for r in rows]}, ensure_ascii=False))
        return 0
    head = ("questions", "passages", "BM25 words", "BM25 app", "embedder", "words+", "app+")
    print(f"{'recall@5, %':34}" + "".join(f"{h:>12}" for h in head))
    for row in rows:
        counts = f"{row.task:34}{row.questions:12}{row.passages:12}"
        print(counts + "".join(f"{x:12.1f}" for x in list(asdict(row).values())[3:]))
    means = [float(np.mean([list(asdict(r).values())[i] for r in rows])) for i in range(3, 8)]
    print(f"{'mean':58}" + "".join(f"{m:12.1f}" for m in means))
    print(f"{rate:.0f} passages a second")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
