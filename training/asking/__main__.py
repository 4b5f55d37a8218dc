"""Lets a model ask about the documents of a corpus and writes what a reader can answer: asked-<part>.jsonl.

    python -m training.asking --model ASKER --reader BASE --corpus DIR --out DIR --part 0 --parts 8 --seconds 100

Each line is a passage and its questions, as training/mixture.py reads them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch

from training.asking.generate import Sampling, batches, likelihoods, sample
from training.asking.samples import Asked, ask_prompt, sound, understood
from training.corpus import Encoder
from training.decoder import Decoder, DecoderConfig, Linear
from training.drills.prompts import reading_prompt
from training.drills.reading import join, windows
from training.mixture import Row, share, title_of

Passage = tuple[str, str, str, str]  # title, text, language, source


def load(folder: Path, device: str) -> Decoder:
    """The model of a Hugging Face folder that `training.pretrain` exported, ready to compute with."""
    from safetensors.torch import load_file

    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = DecoderConfig(
        vocab=told["vocab_size"],
        hidden=told["hidden_size"],
        layers=told["num_hidden_layers"],
        heads=told["num_attention_heads"],
        kv_heads=told["num_key_value_heads"],
        head_dim=told["head_dim"],
        inner=told["intermediate_size"],
        rope_theta=told["rope_theta"],
        eps=told["rms_norm_eps"],
    )
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    model = Decoder(config, dtype)
    model.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    for part in model.modules():
        if isinstance(part, (Linear, torch.nn.Embedding)):  # norms stay in float32, which they compute in
            part.weight.data = part.weight.data.to(dtype)
    return model.to(device).eval()


def passages(rng: Random, documents: list[Row]) -> Iterator[Passage]:
    """Windows of documents without end, one of each at a time."""
    while True:
        row = rng.choice(documents)
        runs = windows(row["text"][:14000], row["lang"], rng)
        if runs:
            text = join(rng.choice(runs), row["lang"]).strip()
            if len(text) > (80 if row["lang"] == "zh" else 250):
                yield title_of(row), text, row["lang"], row["src"]


class Asker:
    """Asks about passages with one model and keeps what another finds likely enough."""

    def __init__(self, asker: Decoder, reader: Decoder, encoder: Encoder, how: Sampling, least: float) -> None:
        self.asker, self.reader, self.encoder, self.how, self.least = asker, reader, encoder, how, least
        self.drawn = self.formed = self.kept = 0
        self.likely: list[float] = []

    def __call__(self, shown: list[Passage]) -> list[Row]:
        """The passages with the questions that were kept (passages without any are left out)."""
        heads = [self._head([{"role": "user", "content": ask_prompt(t, x, lang)}]) for t, x, lang, _ in shown]
        rows: list[tuple[int, Asked]] = []
        for batch in batches([len(head) for head in heads], 262144):
            for i, replies in zip(
                batch, sample(self.asker, [heads[i] for i in batch], self.encoder.end, self.how), strict=True
            ):
                rows += [(i, asked) for asked in self._formed(shown[i], replies)]
        sure = self._sure(shown, rows)
        self.likely += sure
        out: dict[int, Row] = {}
        for (i, asked), likely in zip(rows, sure, strict=True):
            if likely >= self.least:
                title, text, lang, source = shown[i]
                empty: Row = {"context": text, "title": title, "lang": lang, "src": f"asked {source}", "asked": []}
                out.setdefault(i, empty)["asked"].append([asked.question, asked.answer])
                self.kept += 1
        return list(out.values())

    def _head(self, messages: list[dict[str, str]]) -> list[int]:
        return [*self.encoder.chat(messages)[0], *self.encoder.heads["assistant"]]

    def _formed(self, passage: Passage, replies: list[list[int]]) -> list[Asked]:
        lang = passage[2]
        self.drawn += len(replies)
        found = (understood(self.encoder.tokenizer.decode(ids), lang) for ids in replies if ids)
        out = {(a.question, a.answer): a for a in found if a and sound(a, passage[1], lang)}
        self.formed += len(out)
        return list(out.values())

    def _sure(self, shown: list[Passage], rows: list[tuple[int, Asked]]) -> list[float]:
        """How likely the reader finds each answer, in the prompt of the app."""
        parts = []
        systems: dict[int, list[int]] = {}  # of each passage; its questions share it
        for i, asked in rows:
            if i not in systems:
                title, text, lang, _ = shown[i]
                system = reading_prompt([(title, text)], lang)
                systems[i] = self.encoder.chat([{"role": "system", "content": system}])[0]
            head = [*systems[i], *self._head([{"role": "user", "content": asked.question}])]
            parts.append((head, self.encoder.ids(asked.answer)))
        out = [0.0] * len(parts)
        for batch in batches([len(head) + len(tail) for head, tail in parts], 262144):
            for i, likely in zip(batch, likelihoods(self.reader, [parts[i] for i in batch]), strict=True):
                out[i] = likely
        return out


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model that asks, with its tokenizer")
    parser.add_argument("--reader", type=Path, required=True, help="folder of the model that must find the answer")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=4, help="questions tried for each passage")
    parser.add_argument("--passages", type=int, default=2048, help="passages at a time")
    parser.add_argument("--least", type=float, default=-1.0, help="mean log-probability that an answer must have")
    parser.add_argument("--chinese", type=float, default=0.4, help="share of Chinese passages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    rng = Random(options.seed * 1000 + options.part)
    torch.manual_seed(options.seed * 1000 + options.part)
    documents: dict[str, list[Row]] = {"en": [], "zh": []}
    for row in share(sorted(options.corpus.glob("pretrain*.jsonl*")), options.part, options.parts):
        documents[row["lang"]].append(row)
    ready = {lang: passages(rng, rows) for lang, rows in documents.items() if rows}
    asker = Asker(
        load(options.model, options.device),
        load(options.reader, options.device),
        Encoder(options.model / "tokenizer.json"),
        Sampling(count=options.count),
        options.least,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    partial = options.out / f"asked-{options.part:03d}.part"
    began, count = time.time(), 0
    with partial.open("w", encoding="utf-8") as file:
        while time.time() - began < options.seconds:
            zh = options.chinese if len(ready) == 2 else float("zh" in ready)
            picked = [ready["zh" if rng.random() < zh else "en"] for _ in range(options.passages)]
            for row in asker([next(each) for each in picked]):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    partial.rename(partial.with_suffix(".jsonl"))
    tenths = sorted(asker.likely)[:: max(1, len(asker.likely) // 10)]
    print("tenths of the answers are less likely than:", *(f"{x:.2f}" for x in tenths))
    print(
        f"part {options.part}: {asker.drawn} drawn, {asker.formed} well formed, {asker.kept} kept over {count} "
        f"passages, {time.time() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
