"""Tokenised question-passage pairs in memory, and which passages share a document."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from training.embedder_pairs import Pair

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer


class PairStore:
    """Tokenised pairs. Passages of one document are listed in order: its neighbours are its hard negatives."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.tokens: list[np.ndarray] = []
        self.index: dict[str, int] = {}
        self.documents: dict[str, list[int]] = {}
        self.document_of: list[str] = []
        self.queries: dict[str, list[tuple[np.ndarray, int]]] = {}

    def add(self, pairs: list[Pair]) -> None:
        import numpy as np

        texts = [text for pair in pairs for text in (pair.query, pair.passage)]
        encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        for pair, query, passage in zip(pairs, encoded[::2], encoded[1::2], strict=True):
            if not query.ids or not passage.ids:
                continue
            number = self.index.get(pair.passage)
            if number is None:
                number = self.index[pair.passage] = len(self.tokens)
                self.tokens.append(np.asarray(passage.ids[:600], dtype=np.uint16))
                self.document_of.append(pair.document)
                self.documents.setdefault(pair.document, []).append(number)
            self.queries.setdefault(pair.group, []).append((np.asarray(query.ids[:200], dtype=np.uint16), number))

    def with_hard_negatives(self, passages: list[int], rng: random.Random) -> list[int]:
        """The passages, then for each that has company a near one of its document."""
        negatives = []
        for number in passages:
            siblings = self.documents[self.document_of[number]]
            near = siblings.index(number) if len(siblings) < 64 else -1
            other = rng.choice(siblings[max(0, near - 4) : near + 5]) if near >= 0 else rng.choice(siblings)
            if other != number:
                negatives.append(other)
        return passages + negatives
