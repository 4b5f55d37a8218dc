"""Train the embedder: `python -m training.embedder --corpus DIR --out DIR [--recipe FILE]`.

The model is a sentence-transformers `StaticEmbedding`: a text's vector is the mean of its tokens' vectors,
scaled to length one. Loss: multiple negatives ranking (Henderson et al. 2017) with a passage of the same document as
hard negative, at several prefixes of the vector (Matryoshka, Kusupati et al. 2022). No GPU is needed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.embedder_drills import fact_sheets, translations
from training.embedder_pairs import Pair, corpus_pairs, held_out, own_pairs
from training.embedder_store import PairStore
from training.embedder_tokenizer import count_words, train_tokenizer
from training.errors import TrainingError

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "embedder.yaml"


@dataclass(frozen=True)
class EmbedderRecipe:
    """All that decides the result, besides the corpus.

    Attributes:
        vocab_size, dimension: of the embedding table (stored as float16: 2 bytes each).
        tokenizer: "unigram" or "bpe".
        min_char_count: characters rarer than this in the sampled texts are spelt in bytes.
        tokenizer_share: share of the pairs whose texts the tokenizer is trained on.
        dims: Matryoshka prefixes and their weights in the loss.
        batch, epochs, learning_rate, scale: of the loss and Adam; `scale` is the inverse temperature.
        passage_tokens: a longer passage is trained on through a window of so many tokens, drawn anew each time.
        most_per_text: passages taken from one running text.
        own: whether the project's own questions over encyclopaedias are among the pairs.
        sheets, words: how many generated fact sheets and dictionary pairs.
        held_out: share of documents kept away from training.
        skip_sources: corpus sources left out (they are only in the held-out split).
        most_per_group: pairs used of one group in one epoch, drawn anew each time.
        repeat: how often the pairs of a group count in one epoch, where not once.
    """

    vocab_size: int = 10400
    dimension: int = 384
    tokenizer: str = "bpe"
    min_char_count: int = 60
    tokenizer_share: float = 0.15
    dims: dict[int, float] = field(default_factory=lambda: {384: 1.0, 128: 0.3})
    batch: int = 1024
    epochs: float = 1.2
    learning_rate: float = 0.01
    scale: float = 20.0
    passage_tokens: int = 320
    most_per_text: int = 8
    own: bool = True
    sheets: int = 60000
    words: int = 30000
    held_out: float = 0.04
    skip_sources: tuple[str, ...] = ("cmrc2018_trial_zh",)
    most_per_group: int = 40000
    repeat: dict[str, int] = field(default_factory=dict)
    seed: int = 7

    @classmethod
    def load(cls, path: Path) -> EmbedderRecipe:
        """Read a YAML recipe. Raises TrainingError on an unknown key."""
        import yaml

        given: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        unknown = sorted(set(given) - {f.name for f in fields(cls)})
        if unknown:
            raise TrainingError(
                en=f"The recipe {path.name} has unknown settings: {', '.join(unknown)}. Remove or correct them.",
                zh=f"配方 {path.name} 中有未知设置：{'、'.join(unknown)}。请删除或改正。",
            )
        if "dims" in given:
            given["dims"] = {int(dim): float(weight) for dim, weight in given["dims"].items()}
        if "skip_sources" in given:
            given["skip_sources"] = tuple(given["skip_sources"])
        return cls(**given)


def training_pairs(corpus: Path, recipe: EmbedderRecipe) -> Iterator[Pair]:
    """Pairs of the corpus and of the project's own questions outside the held-out split, then the drills."""
    own = own_pairs(recipe.seed) if recipe.own else ()
    for pair in itertools.chain(corpus_pairs(corpus, recipe.seed, recipe.most_per_text), own):
        source = pair.group.split("/")[-1]
        if source not in recipe.skip_sources and not held_out(pair.document, recipe.held_out):
            yield pair
    yield from fact_sheets(recipe.seed, recipe.sheets)
    yield from translations(recipe.seed, recipe.words)


def _batches(store: PairStore, recipe: EmbedderRecipe, rng: random.Random) -> Iterator[list[tuple[np.ndarray, int]]]:
    """One pass over the pairs. Half of a big group makes batches of its own (hard negatives), the rest are mixed."""
    batches, mixed = [], []
    for group, pairs in store.queries.items():
        chosen = rng.sample(pairs, min(len(pairs), recipe.most_per_group)) * recipe.repeat.get(group, 1)
        alone = not group.startswith(("drill/", "reader/")) and len(chosen) >= 8 * recipe.batch
        share = chosen[: len(chosen) // 2] if alone else []
        mixed += chosen[len(share) :]
        batches += [share[i : i + recipe.batch] for i in range(0, len(share), recipe.batch)]
    rng.shuffle(mixed)
    batches += [mixed[i : i + recipe.batch] for i in range(0, len(mixed), recipe.batch)]
    rng.shuffle(batches)
    yield from (b for b in batches if len(b) > 1)  # a lone pair has no negatives


def initial_weights(store: PairStore, recipe: EmbedderRecipe) -> np.ndarray:
    """Random directions as long as the token is rare: from the first step on the model matches words as BM25 does."""
    import numpy as np

    vocab = store.tokenizer.get_vocab_size()
    seen = np.zeros(vocab)
    for ids in store.tokens:
        seen[np.unique(ids)] += 1
    idf = np.log1p(len(store.tokens) / (1 + seen)) / np.log1p(len(store.tokens))
    directions = np.random.default_rng(recipe.seed).standard_normal((vocab, recipe.dimension))
    return (directions / np.sqrt(recipe.dimension) * np.clip(idf, 0.05, 1)[:, None]).astype(np.float32)


def fit(store: PairStore, recipe: EmbedderRecipe) -> tuple[np.ndarray, list[float]]:
    """Train. Returns the table [vocab, dimension] float32 and the mean loss of each hundred steps."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    a_pass = sum(1 for _ in _batches(store, recipe, random.Random(recipe.seed)))
    steps = int(a_pass * recipe.epochs)
    if not steps:
        raise TrainingError(
            en="The corpus and the drills gave too few pairs for one training step. Use more text or more drills.",
            zh="语料和生成的练习太少，连一步训练都不够。请增加文本或练习的数量。",
        )
    rng = random.Random(recipe.seed)
    weights = torch.nn.Parameter(torch.from_numpy(initial_weights(store, recipe)))
    optimizer = torch.optim.Adam([weights], lr=recipe.learning_rate, betas=(0.9, 0.98))

    def embed(rows: list[np.ndarray]) -> torch.Tensor:
        cut = []
        for row in rows:
            start = rng.randrange(len(row) - recipe.passage_tokens + 1) if len(row) > recipe.passage_tokens else 0
            cut.append(row[start : start + recipe.passage_tokens])
        offsets = np.cumsum([0] + [len(r) for r in cut[:-1]])
        flat = torch.from_numpy(np.concatenate(cut).astype(np.int64))
        return F.embedding_bag(flat, weights, torch.from_numpy(offsets), mode="mean")

    losses, running, step, began = [], 0.0, 0, time.monotonic()
    while step < steps:
        for batch in _batches(store, recipe, rng):
            numbers = [n for _, n in batch]
            negatives = []
            for number in numbers:
                siblings = store.documents[store.document_of[number]]
                near = siblings.index(number) if len(siblings) < 64 else -1
                other = rng.choice(siblings[max(0, near - 4) : near + 5]) if near >= 0 else rng.choice(siblings)
                if other != number:
                    negatives.append(other)
            candidates = numbers + negatives
            q, p = embed([q for q, _ in batch]), embed([store.tokens[n] for n in candidates])
            ids = torch.tensor(candidates)
            same = (ids[: len(batch), None] == ids[None, :]) & ~torch.eye(len(batch), len(candidates), dtype=torch.bool)
            target = torch.arange(len(batch))
            loss = torch.zeros(())
            for dim, weight in recipe.dims.items():
                scores = recipe.scale * F.normalize(q[:, :dim], dim=1) @ F.normalize(p[:, :dim], dim=1).T
                loss = loss + weight * F.cross_entropy(scores.masked_fill(same, -1e4), target)
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * min(1.0, (step + 1) / 100) * (1 - step / steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
            step += 1
            if step % 100 == 0:
                losses.append(running / 100)
                running = 0.0
                print(f"step {step}/{steps} loss {losses[-1]:.3f} {time.monotonic() - began:.0f} s", flush=True)
            if step == steps:
                break
    return weights.detach().numpy(), losses


def save(weights: np.ndarray, tokenizer: Tokenizer, out: Path) -> None:
    """Write an ordinary sentence-transformers folder (StaticEmbedding, Normalize) with float16 weights."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    # Only directions count. Small numbers keep float16 sums of 100,000 tokens finite where a library adds in float16.
    scaled = torch.from_numpy(weights / np.abs(weights).max() * 0.25).half()
    table = StaticEmbedding(tokenizer, embedding_weights=scaled)
    SentenceTransformer(modules=[table, Normalize()], device="cpu").save(str(out), create_model_card=False)
    (out / "model.safetensors").chmod(0o644)
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    # The names these modules have had since version 3, which all versions load.
    modules = json.loads((out / "modules.json").read_text(encoding="utf-8"))
    for module in modules:
        module["type"] = "sentence_transformers.models." + module["type"].rsplit(".", 1)[-1]
    (out / "modules.json").write_text(json.dumps(modules, indent=2), encoding="utf-8")


def _sampled(pairs: Iterable[Pair], share: float, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for pair in pairs:
        if rng.random() < share:
            yield f"{pair.query}\n{pair.passage}"


def train(corpus: Path, out: Path, recipe: EmbedderRecipe) -> dict[str, Any]:
    """Tokenizer, pairs, weights, folder. Returns (and writes to `out`/training.json) recipe, counts and losses.

    Raises TrainingError where the corpus folder holds no shards.
    """
    if not any(corpus.glob("*__*.jsonl.xz")):
        raise TrainingError(
            en=f"No corpus shards (reader__*.jsonl.xz and so on) in {corpus}. Give the folder with --corpus.",
            zh=f"{corpus} 中没有语料分片（reader__*.jsonl.xz 等）。请用 --corpus 指定文件夹。",
        )
    words = count_words(_sampled(training_pairs(corpus, recipe), recipe.tokenizer_share, recipe.seed))
    tokenizer = train_tokenizer(
        words, model=recipe.tokenizer, vocab_size=recipe.vocab_size, min_char_count=recipe.min_char_count
    )
    store, waiting = PairStore(tokenizer), []
    for pair in training_pairs(corpus, recipe):
        waiting.append(pair)
        if len(waiting) == 2000:
            store.add(waiting)
            waiting = []
    store.add(waiting)
    print(f"{sum(map(len, store.queries.values()))} pairs, {len(store.tokens)} passages", flush=True)
    weights, losses = fit(store, recipe)
    out.mkdir(parents=True, exist_ok=True)
    save(weights, tokenizer, out)
    report = {
        "recipe": asdict(recipe),
        "pairs": {g: len(p) for g, p in sorted(store.queries.items())},
        "losses": losses,
    }
    (out / "training.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    return report


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.embedder", description="Train the embedder on a corpus folder."
    )
    parser.add_argument(
        "--corpus", type=Path, required=True, help="folder with reader__*, chat__*, pretrain__* .jsonl.xz"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--recipe", type=Path, default=DEFAULT_RECIPE)
    args = parser.parse_args(argv)
    try:
        train(args.corpus, args.out, EmbedderRecipe.load(args.recipe))
    except TrainingError as error:
        parser.exit(2, f"{error.en}\n{error.zh}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
