"""Texts to vectors: the shipped static embedder without torch, any other through sentence-transformers.

A static embedder needs no neural network at run time: a text's vector is the mean of its tokens' rows in a
table, scaled to length one. Importing sentence_transformers takes ten seconds, so that case is done here with
`tokenizers` and numpy; tests compare it with sentence_transformers.
"""

from __future__ import annotations

import hashlib
import json
import threading
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import EmbedderError
from rag.settings import EMBEDDED_EMBEDDER, RagSettings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PROBE = "分身 answers from your own documents: 红烧肉要炖多久？ How long does it take?"
_BATCH = 256
_HASHED = {".safetensors", ".bin", ".json", ".txt", ".model"}
_OTHER_BACKENDS = {"onnx", "openvino"}


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What decides whether two indexes may be compared.

    `==` allows for the last digits of `probe`, which differ between machines; `str()` leaves it out and is
    the same everywhere, for storing.

    Attributes:
        name: "embedded", a folder's name or a hub name.
        revision: commit of the hub or a hash of the folder's files.
        dimension: length of a vector.
        normalised: whether vectors have length one (always so here).
        prefixes: text put before (questions, documents).
        probe: vector of a fixed sentence, rounded to three decimals.
    """

    name: str
    revision: str
    dimension: int
    normalised: bool
    prefixes: tuple[str, str]
    probe: tuple[float, ...]

    def __str__(self) -> str:
        parts = {key: value for key, value in asdict(self).items() if key != "probe"}
        return json.dumps(parts, ensure_ascii=False, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return str(self) == str(other) and bool(np.allclose(self.probe, other.probe, atol=0.005, rtol=0))

    __hash__ = None  # type: ignore[assignment]  # equality is within a tolerance

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; `from_dict` is its inverse."""
        return {**asdict(self), "prefixes": list(self.prefixes), "probe": list(self.probe)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fingerprint:
        return cls(**{**data, "prefixes": tuple(data["prefixes"]), "probe": tuple(data["probe"])})


class Embedder(Embeddings):
    """LangChain `Embeddings` with arrays. Thread-safe.

    Rows have length one; a text without a single token (empty, white space) gives a row of zeros, whose cosine with
    anything is 0. Half a surrogate pair, which no UTF-8 can hold, counts as "?".
    """

    fingerprint: Fingerprint

    @abstractmethod
    def _vectors(self, texts: list[str], *, query: bool) -> np.ndarray:
        """Float32 [n, d] rows of any length, the right prefix put before."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of passages: float32 [n, dimension], rows of length one (or zero)."""
        return self._unit_rows(texts, query=False)

    def _unit_rows(self, texts: Sequence[str], *, query: bool) -> np.ndarray:
        vectors = self._vectors([t.encode("utf-8", "replace").decode("utf-8") for t in texts], query=query)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)

    @property
    def dimension(self) -> int:
        return self.fingerprint.dimension

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self._unit_rows([text], query=True)[0].tolist()

    def _fingerprint(self, name: str, revision: str, prefixes: tuple[str, str]) -> Fingerprint:
        probe = self._unit_rows([PROBE], query=False)[0]
        rounded = tuple(round(float(x), 3) for x in probe)
        return Fingerprint(name, revision, len(probe), True, prefixes, rounded)


class StaticEmbedder(Embedder):
    """A sentence-transformers folder of StaticEmbedding (and Normalize), read with `tokenizers` and numpy.

    Raises EmbedderError where a file is missing, broken or does not fit the others.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # float32: float16 sums overflow on long texts
            self._table = load_file(folder / "model.safetensors")["embedding.weight"].astype(np.float32)
            self._prefixes = _prompts(folder)
            revision = _folder_hash(folder)
        # `tokenizers` raises plain Exception, so nothing narrower than that covers a broken tokenizer.json
        except Exception as error:
            raise _broken(folder, error) from error
        if self._table.ndim != 2 or len(self._table) < self._tokenizer.get_vocab_size():
            raise _broken(folder, f"table {self._table.shape}, {self._tokenizer.get_vocab_size()} tokens")
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.fingerprint = self._fingerprint(name, revision, self._prefixes)

    def _vectors(self, texts: list[str], *, query: bool) -> np.ndarray:
        prefix = self._prefixes[0 if query else 1]
        out = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = [prefix + text for text in texts[start : start + _BATCH]]
            for row, encoding in enumerate(self._tokenizer.encode_batch_fast(batch, add_special_tokens=False), start):
                if encoding.ids:
                    ids, counts = np.unique(encoding.ids, return_counts=True)
                    out[row] = counts.astype(np.float32) @ self._table[ids] / counts.sum()
        return out


class TransformerEmbedder(Embedder):
    """Any other sentence-transformers model, folder or hub name; imports sentence_transformers (ten seconds).

    Raises EmbedderError where it cannot be loaded.
    """

    def __init__(self, source: str, name: str) -> None:
        import httpx
        from sentence_transformers import SentenceTransformer

        try:
            # remote code is never trusted: a model that needs it is refused with the library's own explanation
            self._model = SentenceTransformer(source)
        except (
            OSError,
            ValueError,
            RuntimeError,
            KeyError,
            ImportError,
            AttributeError,
            httpx.HTTPError,
        ) as error:
            raise _unavailable(source, error) from error
        self._lock = threading.Lock()  # fast tokenizers refuse to be set up from two threads at once
        prompts = self._model.prompts or {}
        document = next((prompts[key] for key in ("document", "passage", "corpus") if key in prompts), "")
        revision = _folder_hash(Path(source)) if Path(source).is_dir() else _cached_commit(source)
        prefixes = (prompts.get("query") or "", document or "")
        self.fingerprint = self._fingerprint(name, revision, prefixes)

    def _vectors(self, texts: list[str], *, query: bool) -> np.ndarray:
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension() or 0), dtype=np.float32)
        encode = self._model.encode_query if query else self._model.encode_document
        with self._lock:
            vectors = encode(texts, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
        return np.nan_to_num(np.asarray(vectors, dtype=np.float32))


def load_embedder(settings: RagSettings) -> Embedder:
    """The embedder that `settings.embedder` names: "embedded", a folder, or a sentence-transformers hub name.

    Raises EmbedderError where it cannot be loaded, saying what to do.
    """
    if settings.embedder == "embedded":
        return StaticEmbedder(EMBEDDED_EMBEDDER, "embedded")
    folder = Path(settings.embedder).expanduser()
    if not folder.is_dir():
        return TransformerEmbedder(settings.embedder, settings.embedder)
    if _is_static(folder):
        return StaticEmbedder(folder, folder.name)
    return TransformerEmbedder(str(folder), folder.name)


def _is_static(folder: Path) -> bool:
    """Whether the folder is StaticEmbedding at its root, alone or followed by Normalize."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        at_root = modules[0]["path"] == ""
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False  # no such list, or another layout: sentence_transformers decides
    return at_root and kinds in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])


def _prompts(folder: Path) -> tuple[str, str]:
    """(question, document) prefixes as sentence_transformers reads them; none where the file is absent."""
    path = folder / "config_sentence_transformers.json"
    prompts = (json.loads(path.read_text(encoding="utf-8")).get("prompts") if path.exists() else None) or {}
    document = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), "")
    return prompts.get("query") or "", document


def _folder_hash(folder: Path) -> str:
    """SHA-256 over names and contents of weights, tokenizer and settings, shortened to 16 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and path.suffix in _HASHED and not _OTHER_BACKENDS & set(relative.parts):
            digest.update(relative.as_posix().encode() + b"\0")
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()[:16]


def _cached_commit(name: str) -> str:
    """The commit a hub model was loaded from: the name of its snapshot folder in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("modules.json", "config.json"):
        found = try_to_load_from_cache(name if "/" in name else f"sentence-transformers/{name}", file)
        if isinstance(found, str):
            return Path(found).parent.name
    return "unknown"


def _broken(folder: Path, cause: object) -> EmbedderError:
    return EmbedderError(
        en=f"The embedder in {folder} cannot be read ({cause}), so documents cannot be searched by meaning. Restore "
        f"tokenizer.json, model.safetensors and modules.json there, or choose another embedder in the settings.",
        zh=f"无法读取 {folder} 中的嵌入模型（{cause}），因此不能按语义检索文档。"
        f"请恢复其中的 tokenizer.json、model.safetensors 和 modules.json，或在设置中换用其他嵌入模型。",
    )


def _unavailable(source: str, cause: object) -> EmbedderError:
    return EmbedderError(
        en=f"The embedder {source!r} could not be loaded ({cause}), so documents cannot be searched by meaning. "
        f"Check the name and the network, give the folder of a downloaded sentence-transformers model, or set "
        f'embedder to "embedded" to use the one that ships with the app.',
        zh=f"无法加载嵌入模型 {source!r}（{cause}），因此不能按语义检索文档。请检查名称和网络，"
        f"或填写已下载的 sentence-transformers 模型文件夹，或把 embedder 设为 “embedded” 使用自带的模型。",
    )
