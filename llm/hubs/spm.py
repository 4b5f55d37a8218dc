"""A SentencePiece BPE model (tokenizer.model) as a tokenizer.json, which needs no code of the checkpoint's to load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.errors import UnsupportedModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Piece types and model type in sentencepiece_model.proto of google/sentencepiece.
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4
_BPE = 2


def save_tokenizer(source: Path, target: Path, *, renamed: Mapping[int, str], chat_template: str) -> dict[str, int]:
    """Write tokenizer.json and tokenizer_config.json for the tokenizer.model in `source`.

    Args:
        source: folder with tokenizer.model and, where there is one, tokenizer_config.json.
        target: folder to write to.
        renamed: names of special tokens by id, for pieces that the model calls otherwise; the names that
            tokenizer_config.json gives come first.
        chat_template: used where tokenizer_config.json has none.

    Returns:
        Ids by token, all of them.

    Raises:
        UnsupportedModelError: there is no tokenizer.model, or it is not a BPE model.
    """
    from transformers import PreTrainedTokenizerFast

    config = _read_json(source / "tokenizer_config.json")
    added = {int(number): entry["content"] for number, entry in config.get("added_tokens_decoder", {}).items()}
    tokenizer = build_tokenizer(source / "tokenizer.model", {**renamed, **added})
    saved = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        clean_up_tokenization_spaces=False,
    )
    saved.chat_template = config.get("chat_template") or chat_template
    saved.save_pretrained(target)
    return dict(tokenizer.get_vocab(with_added_tokens=True))


def build_tokenizer(path: Path, renamed: Mapping[int, str]) -> Tokenizer:
    """The fast tokenizer of a SentencePiece BPE model; encodes with <s> first, like the model's own.

    The merges are every way to put a piece together from two pieces, the best-scored piece first, which is the order
    in which SentencePiece merges.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
    from transformers.convert_slow_tokenizer import import_protobuf

    if not path.is_file():
        raise _unsupported(path, "it does not exist", "它不存在")
    model = import_protobuf().ModelProto()
    model.ParseFromString(path.read_bytes())
    if model.trainer_spec.model_type != _BPE:
        raise _unsupported(path, "it is not a BPE model", "它不是 BPE 模型")
    pieces = [renamed.get(number, piece.piece) for number, piece in enumerate(model.pieces)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == 1}
    bpe = models.BPE(
        vocabulary,
        _merges(scores, vocabulary),
        unk_token=next(piece.piece for piece in model.pieces if piece.type == _UNKNOWN),
        fuse_unk=True,
        byte_fallback=model.trainer_spec.byte_fallback,
    )
    tokenizer = Tokenizer(bpe)
    prefix = model.normalizer_spec.add_dummy_prefix
    steps: list[Any] = []
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    if model.normalizer_spec.remove_extra_whitespaces:
        steps += [normalizers.Strip(), normalizers.Replace(_spaces(), " ")]
    if prefix:
        steps.append(normalizers.Prepend("▁"))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    special = {number for number, piece in enumerate(model.pieces) if piece.type in (_UNKNOWN, _CONTROL)} | set(renamed)
    plain = {number for number, piece in enumerate(model.pieces) if piece.type == _USER_DEFINED} - special
    tokenizer.add_special_tokens(
        [
            AddedToken(pieces[number], normalized=False, special=True)
            for number in sorted(special)
            if number < len(pieces)
        ]
    )
    tokenizer.add_tokens([AddedToken(pieces[number], normalized=False) for number in sorted(plain)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return tokenizer


def _merges(scores: Mapping[str, float], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    found: list[tuple[float, int, int, tuple[str, str]]] = []
    for piece, score in scores.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocabulary and right in vocabulary:
                found.append((-score, vocabulary[left], vocabulary[right], (left, right)))
    return [pair for *_, pair in sorted(found)]


def _spaces() -> Any:
    from tokenizers import Regex

    return Regex(" {2,}")


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _unsupported(path: Path, en: str, zh: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        en=f"{path} cannot be used as a tokenizer: {en}. Download the model again, or choose another one.",
        zh=f"{path} 不能用作分词器：{zh}。请重新下载该模型，或换一个模型。",
    )
