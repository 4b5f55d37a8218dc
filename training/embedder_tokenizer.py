"""The embedder's tokenizer: characters, frequent words and bytes in one vocabulary.

A static embedder knows a text only by its tokens, so frequent Chinese words have to be tokens of their own,
rare ones must fall back to characters, and no text may be unknown (bytes catch emoji, Arabic and the rest).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNK = "[PAD]", "[UNK]"
# Han runs, letter runs, runs of up to four digits, anything else one by one; white space separates and is dropped.
PIECES = r"\p{Han}+|[\p{L}\p{M}&&[^\p{Han}]]+|\p{N}{1,4}|[^\s\p{L}\p{M}\p{N}]"
_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")


def _pipeline(tokenizer: Tokenizer) -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True)


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Normalised words and how often they occur; Han runs are cut by rjieba.

    Only training cuts with rjieba: it makes words of Han runs, which are far too many different strings to
    train on whole (10 minutes against half a minute). The tokenizer itself finds the words by its own scores.
    """
    import rjieba
    from tokenizers import Tokenizer, models

    cutter = Tokenizer(models.BPE())
    _pipeline(cutter)
    assert cutter.normalizer is not None and cutter.pre_tokenizer is not None
    runs: Counter[str] = Counter()
    for text in texts:
        runs.update(p for p, _ in cutter.pre_tokenizer.pre_tokenize_str(cutter.normalizer.normalize_str(text)))
    words: Counter[str] = Counter()
    for run, count in runs.items():
        for word in rjieba.cut(run) if _HAN_RUN.match(run) else (run,):
            words[word] += count
    return words


def train_tokenizer(words: Counter[str], *, model: str, vocab_size: int, min_char_count: int) -> Tokenizer:
    """A tokenizer of at most `vocab_size` tokens, 256 of them bytes.

    Args:
        model: "unigram" (Kudo 2018, words by likelihood) or "bpe" (by merges).
        min_char_count: a character seen less often gets no token of its own; its bytes stand for it.
    """
    from tokenizers import Tokenizer, models, trainers

    chars: Counter[str] = Counter()
    for word, count in words.items():
        for char in word:
            chars[char] += count
    kept = {c for c, n in chars.items() if n >= min_char_count}
    # The trainers take texts, not counts: counts are thinned to their square root, which also keeps the words of
    # everyday life from drowning in those of the big sources (manuals, laws).
    texts = [w for w, n in words.items() if n >= 3 and set(w) <= kept for _ in range(int(n**0.5))]
    size = vocab_size - 256
    if model == "bpe":
        found = Tokenizer(models.BPE(unk_token=UNK))
        _pipeline(found)
        merges = trainers.BpeTrainer(
            vocab_size=size, special_tokens=[PAD, UNK], show_progress=False, max_token_length=16
        )
        found.train_from_iterator(texts, merges)
        spec = json.loads(found.to_str())
        vocab = spec["model"]["vocab"]
        vocab.update({f"<0x{b:02X}>": len(vocab) + b for b in range(256)})
        spec["model"]["byte_fallback"] = True
        return Tokenizer.from_str(json.dumps(spec))
    found = Tokenizer(models.Unigram())
    _pipeline(found)
    likelihood = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=[PAD, UNK], unk_token=UNK, show_progress=False, max_piece_length=16
    )
    found.train_from_iterator(texts, likelihood)
    learnt = json.loads(found.to_str())["model"]["vocab"]
    # Four decimals keep the file small; bytes score so low that they are reached only where nothing else fits.
    scored = [(piece, round(score, 4)) for piece, score in learnt] + [(f"<0x{b:02X}>", -30.0) for b in range(256)]
    built = Tokenizer(models.Unigram(scored, unk_id=1, byte_fallback=True))
    _pipeline(built)
    return built
