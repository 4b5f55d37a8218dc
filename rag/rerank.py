"""An optional second look at what was found: a cross-encoder reads question and passage together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rag.errors import EmbedderError
from rag.settings import RagSettings
from rag.types import Passage


class Reranker(Protocol):
    """Puts passages into a better order."""

    def order(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """The same passages, best first."""
        ...


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers, folder or hub name (bge-reranker-base, say). Thread-safe.

    Importing the library takes ten seconds, and each passage a run of the model. Raises EmbedderError where it cannot
    be loaded.
    """

    def __init__(self, source: str) -> None:
        import httpx
        from sentence_transformers import CrossEncoder

        try:
            # remote code is never trusted: a model that needs it is refused with the library's own explanation
            self._model = CrossEncoder(source, num_labels=1)
        except (OSError, ValueError, RuntimeError, KeyError, ImportError, AttributeError, httpx.HTTPError) as error:
            raise EmbedderError(
                en=f"The reranker {source!r} could not be loaded ({error}). Give a folder or hub name of a "
                'cross-encoder, or leave the setting "reranker" empty to do without.',
                zh=f"无法加载重排模型“{source}”（{error}）。请填写交叉编码器的文件夹或模型名，或将 reranker 留空不用。",
            ) from error
        self._lock = threading.Lock()  # fast tokenizers refuse to be set up from two threads at once

    def order(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """Best first by the model's score; equals keep their order."""
        if len(passages) < 2:
            return list(passages)
        with self._lock:
            scores = self._model.predict([(query, _read(p)) for p in passages], show_progress_bar=False)
        ranked = sorted(zip(scores, range(len(passages)), strict=True), key=lambda pair: (-float(pair[0]), pair[1]))
        return [passages[n] for _, n in ranked]


def load_reranker(settings: RagSettings) -> Reranker | None:
    """The one that `settings.reranker` names, None where that is empty. Raises EmbedderError."""
    if not settings.reranker:
        return None
    folder = Path(settings.reranker).expanduser()
    return CrossEncoderReranker(str(folder) if folder.is_dir() else settings.reranker)


def _read(passage: Passage) -> str:
    return "\n".join(part for part in (passage.title, passage.heading, passage.text) if part)
