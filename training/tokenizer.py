"""Trains the base's tokenizer: byte-level BPE that keeps digits apart and Chinese away from punctuation.

python -m training.tokenizer --corpus DIR --out DIR
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")
_PATTERN = (
    r"[0-9]| ?[A-Za-zÀ-ɏ]+| ?[^\sA-Za-z0-9À-ɏ㐀-鿿　-〿＀-￯]+|[㐀-鿿]+"
    r"|[　-〿＀-￯]|\n+|\s+"
)
EXTRACT = 6000  # characters taken of a text: a long one must not crowd out the rest


def common_characters() -> list[str]:
    """The 3,755 everyday characters of GB 2312 level 1."""
    out = []
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            if not (high == 0xD7 and low > 0xF9):
                out.append(bytes((high, low)).decode("gb2312"))
    return out


def train_tokenizer(texts: Iterable[str], vocabulary: int, folder: Path, emphasis: int = 60) -> None:
    """Trains on `texts` and writes a Hugging Face tokenizer: tokenizer.json, its settings and the chat template.

    Args:
        vocabulary: number of tokens, `SPECIAL` and the 256 bytes included.
        emphasis: how many times more the everyday characters are shown, so that each becomes one token.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )

    def shown() -> Iterable[str]:
        yield from texts
        for _ in range(emphasis):
            yield "\n".join(common_characters())

    tokenizer.train_from_iterator(shown(), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>"],
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    template = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def sample_texts(corpus: Path, documents: int, drills: int, seed: int) -> list[str]:
    """Extracts of `documents` lines drawn from all files of the corpus, then `drills` generated conversations.

    The files are those of `training.corpus.load_sources`; two thirds of the conversations are Chinese.

    Raises:
        ValueError: when the corpus holds no text.
    """
    from training.drills import draw
    from training.mixture import read_rows

    files = sorted(p for p in corpus.iterdir() if ".jsonl" in p.name)
    rng = Random(seed)
    kept: list[str] = []
    for seen, row in enumerate(read_rows(files)):
        # Reservoir sampling (Vitter's algorithm R): one pass, nothing but the sample in memory.
        place = seen if seen < documents else rng.randrange(seen + 1)
        if place < documents:
            kept[place : place + 1] = [_text(row)[:EXTRACT]]
    if not kept:
        raise ValueError(f"{corpus} holds no lines of .jsonl files")
    rng.shuffle(kept)
    talks = (draw(rng, rng.choice(("zh", "zh", "en"))).messages for _ in range(drills))
    return kept + ["\n".join(message["content"] for message in messages) for messages in talks]


def _text(row: dict[str, Any]) -> str:
    if "messages" in row:
        return "\n".join(message["content"] for message in row["messages"])
    return str(row["text"]) if "text" in row else "\n".join((row["context"], row["question"], row["answer"] or ""))


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of .jsonl or .jsonl.xz files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tokenizer's files")
    parser.add_argument("--vocabulary", type=int, default=10240)
    parser.add_argument("--documents", type=int, default=8600, help="lines of the corpus to learn from")
    parser.add_argument("--drills", type=int, default=9000, help="generated conversations to learn from")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    texts = sample_texts(options.corpus, options.documents, options.drills, options.seed)
    train_tokenizer(texts, options.vocabulary, options.out)


if __name__ == "__main__":
    main()
