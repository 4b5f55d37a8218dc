"""Turns a corpus and the drills into packed rows of tokens, by as many processes as the machine has cores.

A shard `<name>.npz` holds `tokens` (R, T) uint16, `roles` (R, T) uint8 (PAD, CONTEXT, ANSWER or TEXT) and
`positions` (R, T) uint16, which start again at 0 with each document. Samples are never cut; plain text is, at T.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from training.drills.prompts import Sample

PAD, CONTEXT, ANSWER, TEXT = 0, 1, 2, 3
Row = dict[str, Any]  # a line of the corpus; its keys are in `load_sources`
Piece = tuple[list[int], list[int]]  # token ids and the role of each
_DOWN = {"snakes_en_stories": 0.75, "classical_modern": 0.9}  # share kept of sources that would crowd the rest
_CHAT = {
    "self_dialogue_en": 0.3,
    "sgd_en": 0.4,
    "snakes_en_chat": 0.8,
    "smilechat": 0.12,
    "cpsycound_zh": 0.4,
    "medquad_en": 0.3,
    "classical_translate": 0.1,
    "chatterbot_zh_en": 0.2,
    "llamafactory_demo": 1.0,
    "kdconv_dev_zh": 1.0,
    "crosswoz_val_zh": 1.0,
}
_NATURAL = {"drcd_dev", "drcd_test", "cmrc2018_trial_zh", "kdconv_dev_grounded_zh"}


def read_rows(paths: Iterable[Path]) -> Iterator[Row]:
    """The JSON lines of .jsonl or .jsonl.xz files."""
    for path in paths:
        with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


class Encoder:
    """Conversations and texts to token ids, with the role of every token.

    Raises:
        ValueError: when the tokenizer lacks a token of ChatML.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self.start, self.end, self.document = map(self._special, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"))
        self.newline = self.ids("\n")
        self.heads = {role: [self.start, *self.ids(role), *self.newline] for role in ("system", "user", "assistant")}

    def _special(self, token: str) -> int:
        number = self.tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"the tokenizer lacks {token}")
        return number

    def ids(self, text: str) -> list[int]:
        """Token ids of plain text."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def chat(self, messages: Sequence[dict[str, str]]) -> Piece:
        """ChatML, as the chat template renders it; assistant turns with their end token are ANSWER."""
        tokens: list[int] = []
        roles: list[int] = []
        for message, encoded in zip(
            messages,
            self.tokenizer.encode_batch([m["content"] for m in messages], add_special_tokens=False),
            strict=True,
        ):
            head = self.heads[message["role"]]
            role = ANSWER if message["role"] == "assistant" else CONTEXT
            tokens += [*head, *encoded.ids, self.end, *self.newline]
            roles += [CONTEXT] * len(head) + [role] * (len(encoded.ids) + 1) + [CONTEXT] * len(self.newline)
        return tokens, roles


class Packer:
    """Fills rows of `length` tokens with whole pieces, largest that fits first, from a pool."""

    def __init__(self, length: int, pool: int = 256) -> None:
        self.length, self.limit = length, pool
        self.pool: list[Piece] = []
        self.dropped = 0

    def add(self, piece: Piece) -> list[list[Piece]]:
        """Adds a piece; gives back the rows that became full (each a list of pieces)."""
        if len(piece[0]) > self.length:
            self.dropped += 1
            return []
        self.pool.append(piece)
        return [self.row()] if len(self.pool) >= self.limit else []

    def row(self) -> list[Piece]:
        """Takes one row's pieces from the pool, the largest that fits first."""
        self.pool.sort(key=lambda p: len(p[0]))
        room, row, at = self.length, [], len(self.pool) - 1
        while self.pool and room > 0:
            at = min(at, len(self.pool) - 1)
            while at >= 0 and len(self.pool[at][0]) > room:
                at -= 1
            if at < 0:
                break
            piece = self.pool.pop(at)
            row.append(piece)
            room -= len(piece[0])
        return row

    def flush(self) -> list[list[Piece]]:
        """The rows that the rest of the pool makes."""
        rows = []
        while self.pool:
            rows.append(self.row())
        return rows


def write_shard(path: Path, rows: Sequence[Sequence[Piece]], length: int) -> None:
    """Writes rows of pieces as one shard, atomically."""
    import numpy as np

    tokens, roles, positions = (
        np.zeros((len(rows), length), np.uint16),
        np.zeros((len(rows), length), np.uint8),
        np.zeros((len(rows), length), np.uint16),
    )
    for r, row in enumerate(rows):
        at = 0
        for ids, marks in row:
            n = len(ids)
            tokens[r, at : at + n], roles[r, at : at + n], positions[r, at : at + n] = ids, marks, np.arange(n)
            at += n
        positions[r, at:] = np.arange(length - at)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, tokens=tokens, roles=roles, positions=positions)
    os.replace(partial, path)


@dataclass
class Sources:
    """What a worker holds in memory: real documents, reading rows and conversations."""

    documents: list[Row] = field(default_factory=list)
    reader: dict[str, list[Row]] = field(default_factory=lambda: {"zh_natural": [], "zh": [], "en": []})
    chats: list[list[dict[str, str]]] = field(default_factory=list)
    siblings: dict[str, list[Row]] = field(default_factory=dict)  # rows by the start of their context


def load_sources(corpus: Path, part: int, parts: int, seed: int) -> Sources:
    """Every `parts`-th document, from `part` on, and the reading rows and chats that suit a small model.

    `corpus` holds JSON lines: pretrain* {"text", "lang", "src"}, reader* {"context", "question", "answer" or null,
    "lang", "title", "src"} and chat* or smile* {"messages", "src"}; "lang" is "zh" or "en", "src" the source's name.
    """
    rng = Random(seed + part)
    out = Sources()
    files = sorted(p for p in corpus.iterdir() if ".jsonl" in p.name)
    texts = [p for p in files if p.name.startswith("pretrain")]
    for i, row in enumerate(read_rows(texts[part % max(1, len(texts)) :][:1])):
        if i % max(1, parts // max(1, len(texts))) == part // max(1, len(texts)):
            out.documents.append(row)
    for row in read_rows(p for p in files if p.name.startswith("reader")):
        if row["answer"] is None or len(row["answer"]) < (420 if row["lang"] == "zh" else 900):
            key = "zh_natural" if row["src"] in _NATURAL else row["lang"]
            if key == "zh_natural" or rng.random() < 0.5:
                out.reader[key].append(row)
                out.siblings.setdefault(row["context"][:80], []).append(row)
    for row in read_rows(p for p in files if p.name.startswith(("chat", "smile"))):
        messages = row["messages"]
        text = "".join(m["content"] for m in messages)
        if (
            rng.random() < _CHAT.get(row["src"], 0.0) * 0.5
            and len(text) < 2400
            and "{{" not in text
            and messages[-1]["role"] == "assistant"
        ):
            out.chats.append([{"role": m["role"], "content": m["content"]} for m in messages])
    return out


def text_pieces(encoder: Encoder, documents: Iterable[Row], length: int, rng: Random) -> Iterator[Piece]:
    """Documents between end-of-document tokens, cut at the row length."""
    for row in documents:
        if rng.random() > _DOWN.get(row["src"], 1.0):
            continue
        ids = [encoder.document, *encoder.ids(row["text"]), encoder.document]
        for at in range(0, len(ids), length):
            part = ids[at : at + length]
            if len(part) > 16:
                yield part, [TEXT] * len(part)


def reader_sample(rng: Random, sources: Sources, lang: str) -> Sample:
    """A question that a person or a template asked of a real passage, among passages of its own kind."""
    from training.drills.reading import over, trim

    key = "zh_natural" if lang == "zh" and rng.random() < 0.62 else lang
    pool = sources.reader[key] or sources.reader[lang]
    row = rng.choice(pool)
    answer = row["answer"] if row["answer"] and row["answer"] in row["context"] else None
    if row["answer"] and answer is None and row["src"] != "kdconv_dev_grounded_zh":
        return reader_sample(rng, sources, lang)
    title = (row.get("title") or "资料")[:40]
    gold = (title, trim(rng, row["context"], answer, lang))
    others = []
    for other in rng.sample(pool, min(len(pool), rng.choice((0, 0, 0, 1, 2, 2, 3)))):
        text = trim(rng, other["context"], None, lang)[: 500 if lang == "zh" else 1200]
        if other["context"] != row["context"] and (answer is None or answer not in text):
            others.append(((other.get("title") or "资料")[:40], text))
    if row["src"] == "kdconv_dev_grounded_zh":
        return over(rng, [(row["question"], row["answer"])], gold, others, lang, row["src"])
    if answer is None:
        return over(rng, [(row["question"], None)], gold, others, lang, row["src"])
    if others and rng.random() < 0.14 and (key == "zh_natural" or title in row["question"]):
        return over(rng, [(row["question"], None)], None, others, lang, row["src"])
    same = [
        other
        for other in sources.siblings.get(row["context"][:80], [])
        if other is not row and other["answer"] and other["answer"] in gold[1]
    ]
    more = [
        (other["question"], other["answer"]) for other in rng.sample(same, min(len(same), rng.choice((0, 1, 2, 3))))
    ]
    return over(rng, [(row["question"], answer), *more], gold, others, lang, row["src"])


def samples(
    sources: Sources, rng: Random, talking: float = 0.16, reading: float = 0.42
) -> Iterator[list[dict[str, str]]]:
    """An endless mixture of conversations: reading of real text, drills, and talk.

    `reading` is the share of samples over real text, `talking` that of generated conversation and tool calls.
    """
    from training.drills import Material, draw
    from training.drills.reading import from_document, join, windows

    material = Material({"zh": [], "en": []}, {"zh": [], "en": []})
    for row in rng.sample(sources.documents, min(len(sources.documents), 400)):
        for run in windows(row["text"][:4000], row["lang"], rng)[:2]:
            material.passages[row["lang"]].append((_title(row), join(run, row["lang"])))
            material.sentences[row["lang"]] += [s for s in run if len(s) < (40 if row["lang"] == "zh" else 90)]
    queue: dict[str, list[Sample]] = {"zh": [], "en": []}
    while True:
        lang = "zh" if rng.random() < 0.58 else "en"
        roll = rng.random()
        if roll < 0.05 and sources.chats:
            yield rng.choice(sources.chats)
        elif roll < reading * 0.52 and sources.reader[lang]:
            yield reader_sample(rng, sources, lang).messages
        elif roll < reading and sources.documents:
            for _ in range(60):
                if queue[lang]:
                    break
                row = rng.choice(sources.documents)
                if row["src"] == "laws_zh" and rng.random() < 0.7:
                    continue
                queue[row["lang"]] += from_document(
                    rng, _title(row), row["text"], row["lang"], material.passages[row["lang"]][:200]
                )[:12]
            if queue[lang]:
                yield queue[lang].pop(rng.randrange(len(queue[lang]))).messages
        else:
            yield draw(rng, lang, material=material, talking=talking / (1 - reading)).messages


def _title(row: Row) -> str:
    first = row["text"].lstrip("#* \n").split("\n", 1)[0].strip("# *_")
    return (first[:24] if row["lang"] == "zh" else first[:60]) or "…"


def work(options: argparse.Namespace, part: int) -> None:
    """One worker: its share of the text once, then shards of samples until `options.shards` or the stop file."""
    encoder = Encoder(options.tokenizer)
    sources = load_sources(options.corpus, part, options.workers, options.seed)
    rng = Random(options.seed * 1000 + part)
    packer = Packer(options.length)
    rows: list[list[Piece]] = []
    for piece in text_pieces(encoder, sources.documents, options.length, rng):
        rows += packer.add(piece)
    rows += packer.flush()
    write_shard(options.out / "text" / f"{part:03d}.npz", rows, options.length)
    packer, rows, made = Packer(options.length), [], 0
    started, tokens = time.time(), 0
    for messages in samples(sources, rng):
        piece = encoder.chat(messages)
        tokens += len(piece[0])
        rows += packer.add(piece)
        if len(rows) >= options.rows:
            write_shard(options.out / "drill" / f"{made:05d}_{part:03d}.npz", rows[: options.rows], options.length)
            rows = rows[options.rows :]
            made += 1
            if part == 0 and made % 10 == 1:
                rate = tokens / (time.time() - started)
                print(f"worker 0: shard {made}, {rate:.0f} tokens/s, dropped {packer.dropped}", flush=True)
            if made >= options.shards or (options.out / "stop").exists():
                return


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shards", type=int, default=10, help="sample shards a worker")
    parser.add_argument("--rows", type=int, default=512, help="rows a shard")
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import multiprocessing

    processes = [
        multiprocessing.get_context("spawn").Process(target=work, args=(options, part))
        for part in range(options.workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a worker failed")


if __name__ == "__main__":
    main()
