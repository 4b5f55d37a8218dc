"""A cross-encoder orders anew what search has found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.embeddings import load_embedder
from rag.errors import EmbedderError
from rag.knowledge_base import KnowledgeBase
from rag.rerank import CrossEncoderReranker, load_reranker
from rag.settings import RagSettings
from rag.types import Passage
from tests.rag.bases import write_recipes


class ShortestFirst:
    """A stand-in for what a model would prefer; keeps what it was asked."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def order(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        self.read.append(len(passages))
        return sorted(passages, key=lambda p: len(p.text))


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with one output, its weights drawn at random."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("cross-encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"红烧肉要炖多久清蒸鲈鱼分钟八六十"]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(words)), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_a_real_cross_encoder_decides_the_order(cross_encoder: Path, tmp_path: Path) -> None:
    reranker = load_reranker(RagSettings(tmp_path, reranker=str(cross_encoder)))
    assert isinstance(reranker, CrossEncoderReranker)
    texts = ["红烧肉炖六十分钟", "清蒸鲈鱼八分钟", "炖", "鱼"]
    passages = [Passage(str(n), "c", "s.md", "", text, 0, len(text)) for n, text in enumerate(texts)]
    ranked = reranker.order("红烧肉要炖多久", passages)
    scores = dict(zip(texts, reranker._model.predict([("红烧肉要炖多久", t) for t in texts]), strict=True))
    assert [p.text for p in ranked] == sorted(texts, key=lambda text: -scores[text])
    assert len(set(map(float, scores.values()))) == 4, "control: it does tell them apart"


def test_the_best_are_chosen_from_more_than_are_asked_for(tmp_path: Path) -> None:
    settings = RagSettings(tmp_path / "data", rerank=5)
    reranker = ShortestFirst()
    with KnowledgeBase(settings, load_embedder(settings), reranker) as base:
        base.create_collection("recipes")
        list(base.ingest([write_recipes(tmp_path / "files")], "recipes"))
        found = base.search("要烤多久？", "recipes", k=2)
        reranker_read = list(reranker.read)
        assert reranker_read == [5] and len(found) == 2
        base._search.reranker = None
        plain = base.search("要烤多久？", "recipes", k=5)
    assert [p.text for p in found] == sorted((p.text for p in plain), key=len)[:2]
    assert [p.text for p in plain[:2]] != [p.text for p in found], "control: search alone has another order"


def test_none_unless_it_is_named_and_a_broken_one_says_so(tmp_path: Path) -> None:
    assert load_reranker(RagSettings(tmp_path)) is None
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EmbedderError) as raised:
        load_reranker(RagSettings(tmp_path, reranker=str(broken)))
    assert "reranker" in raised.value.en and raised.value.zh
