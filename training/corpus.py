"""Turns a corpus and the drills into packed rows of tokens, by as many processes as the machine has cores.

A shard `<name>.npz` holds `tokens` (R, T) uint16, `roles` (R, T) uint8 (PAD, CONTEXT, ANSWER or TEXT) and
`positions` (R, T) uint16, which start again at 0 with each document. Samples are never cut; plain text is, at T.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from training.mixture import SHARES, Mix, Row, load_sources, samples

PAD, CONTEXT, ANSWER, TEXT = 0, 1, 2, 3
Piece = tuple[list[int], list[int]]  # token ids and the role of each
# How often a pass over the text reads a source that is not read once: less where it would crowd the rest.
_PASSES = {"snakes_en_stories": 0.75, "classical_modern": 0.6, "laws_zh": 0.7, "zhwiki_sf": 2.0, "zhwiki_core": 2.0}


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


def text_pieces(encoder: Encoder, documents: Iterable[Row], length: int, rng: Random) -> Iterator[Piece]:
    """Documents between end-of-document tokens, cut at the row length."""
    for row in documents:
        passes = _PASSES.get(row["src"], 1.0)
        times = int(passes) + (rng.random() < passes % 1)
        ids = [encoder.document, *encoder.ids(row["text"]), encoder.document] if times else []
        for at in list(range(0, len(ids), length)) * times:
            part = ids[at : at + length]
            if len(part) > 16:
                yield part, [TEXT] * len(part)


def work(options: argparse.Namespace, part: int) -> None:
    """One worker: its share of the text once, then shards of samples until `options.shards` or the stop file."""
    encoder = Encoder(options.tokenizer)
    sources = load_sources(options.corpus, part, options.workers, options.seed)
    rng = Random(options.seed * 1000 + part)
    packer = Packer(options.length)
    rows: list[list[Piece]] = []
    if not options.no_text:
        documents = [row for rows in sources.documents.values() for row in rows]
        rng.shuffle(documents)
        for piece in text_pieces(encoder, documents, options.length, rng):
            rows += packer.add(piece)
        rows += packer.flush()
        write_shard(options.out / "text" / f"{part:03d}.npz", rows, options.length)
    packer, rows, made = Packer(options.length), [], 0
    started, tokens = time.time(), 0
    shares = {name: float(value) for name, _, value in (given.partition("=") for given in options.share)}
    for messages in samples(sources, rng, Mix(shares, options.refusals, options.question_first)):
        piece = encoder.chat(messages)
        tokens += len(piece[0])
        rows += packer.add(piece)
        if len(rows) >= options.rows:
            path = options.out / options.folder / f"{made:05d}_{part:03d}.npz"
            write_shard(path, rows[: options.rows], options.length)
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
    parser.add_argument("--no-text", action="store_true", help="samples only: the text is there already")
    parser.add_argument("--folder", default="drill", help="where under --out the samples go: `samples` of a stage")
    parser.add_argument("--refusals", type=float, default=0.11, help="share of questions that passages do not answer")
    parser.add_argument(
        "--question-first", type=float, default=0.6, help="share of readings with the question before the passages too"
    )
    parser.add_argument(
        "--share", action="append", default=[], metavar="KIND=WEIGHT", help=f"weights of the mixture: {SHARES}"
    )
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import multiprocessing

    processes = [
        multiprocessing.get_context("spawn").Process(target=work, args=(options, part))
        for part in range(options.workers)
    ]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        if any(process.exitcode for process in processes):
            for process in processes:
                process.terminate()
        time.sleep(0.2)
    if any(process.exitcode for process in processes):
        raise SystemExit("a worker failed, so all were stopped; its error stands above")


if __name__ == "__main__":
    main()
