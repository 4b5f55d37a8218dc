"""The embedder: the shipped one, its equality with sentence_transformers, bad input, bad folders, the hub."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.embeddings import Fingerprint, StaticEmbedder, TransformerEmbedder, load_embedder
from rag.errors import EmbedderError
from rag.settings import EMBEDDED_EMBEDDER, RagSettings

TEXTS = [
    "红烧肉要小火炖多久？",
    "How long does the braised pork have to simmer?",
    "图书馆周末几点开门，在哪里停车",
    "The library opens at nine; parking is free.",
    "🍜 مرحبا بالعالم Привет 1939年",
    "ＡＢＣ full-width, Ⅳ and ﬁ",
    "x",
]


@pytest.fixture(scope="module")
def shipped() -> StaticEmbedder:
    embedder = load_embedder(RagSettings(Path("unused")))
    assert isinstance(embedder, StaticEmbedder)
    return embedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped embedder that a test may change."""
    return Path(shutil.copytree(EMBEDDED_EMBEDDER, tmp_path / "copy"))


def settings_for(folder: Path) -> RagSettings:
    return RagSettings(Path("unused"), embedder=str(folder))


def write_prompts(folder: Path, query: str, document: str) -> None:
    path = folder / "config_sentence_transformers.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["prompts"] = {"query": query, "document": document}
    path.write_text(json.dumps(config), encoding="utf-8")


def test_rows_are_unit_float32(shipped: StaticEmbedder) -> None:
    vectors = shipped.encode(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), shipped.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert shipped.encode([]).shape == (0, shipped.dimension)


def test_langchain_methods_return_the_same_vectors_as_lists(shipped: StaticEmbedder) -> None:
    vectors = shipped.embed_documents(TEXTS)
    assert isinstance(vectors, list) and isinstance(vectors[0], list) and isinstance(vectors[0][0], float)
    assert np.allclose(vectors, shipped.encode(TEXTS))
    assert np.allclose(shipped.embed_query(TEXTS[0]), vectors[0])


def test_any_text_has_a_vector(shipped: StaticEmbedder) -> None:
    odd = ["你好" * 50_000, "a" * 100_000, "red " * 25_000, "🍜", "مرحبا", "\ud800", "\x00", "龘"]
    vectors = shipped.encode(odd)
    assert np.isfinite(vectors).all() and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_text_without_tokens_is_near_nothing(shipped: StaticEmbedder) -> None:
    vectors = shipped.encode(["", " \n\t", "text"])
    assert not vectors[:2].any() and vectors[2].any()
    assert not any(shipped.embed_query(""))


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("红烧肉要炖多久？", "红烧肉：五花肉焯水后小火炖六十分钟。", "拍黄瓜：黄瓜拍碎，加蒜末和醋拌匀。"),
        ("请假找谁批？", "年假申请由部门经理审批。", "游泳馆每周一闭馆换水。"),
        (
            "when does the library open?",
            "The library opens at nine on weekdays.",
            "Wash the filter once a month.",
        ),
        (
            "how much sugar in the apple pie",
            "Apple pie: use 80 g of sugar.",
            "The night bus leaves at eleven.",
        ),
        ("牛肉", "beef", "parking"),
        ("when does the library open?", "图书馆开放时间：上午九点到下午五点", "番茄炒蛋的做法：先炒鸡蛋"),
    ],
)
def test_a_question_is_nearer_to_its_passage(shipped: StaticEmbedder, question: str, right: str, wrong: str) -> None:
    asked = np.array(shipped.embed_query(question))
    near, far = shipped.encode([right, wrong]) @ asked
    assert near > far + 0.1


def test_function_words_weigh_little(shipped: StaticEmbedder) -> None:
    """IDF is learnt as the length of a token's row: what is in every question must not decide the search."""
    weight = dict(enumerate(np.linalg.norm(shipped._table, axis=1)))
    number = shipped._tokenizer.token_to_id
    common = [weight[number(t)] for t in ("的", "什么", "多少", "the", "of", "a", "what", "how", "?", ",")]
    telling = [weight[number(t)] for t in ("牛肉", "医院", "鱼", "密码", "bread", "water")]
    assert 1.4 * max(common) < min(telling)


def test_loading_the_shipped_one_imports_neither_torch_nor_sentence_transformers() -> None:
    code = (
        "import sys; from pathlib import Path; from rag.embeddings import load_embedder;"
        "from rag.settings import RagSettings; load_embedder(RagSettings(Path('x'))).encode(['a']);"
        "print([m for m in ('torch', 'sentence_transformers', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


def test_threads_get_the_same_vectors(shipped: StaticEmbedder) -> None:
    texts = [[f"{t} {n}" for t in TEXTS] for n in range(40)]
    alone = [shipped.encode(t) for t in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(shipped.encode, texts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    assert not np.array_equal(alone[0], alone[1])


def test_equals_sentence_transformers(shipped: StaticEmbedder, folder: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    write_prompts(folder, "question: ", "资料：")
    oracle = sentence_transformers.SentenceTransformer(str(folder), device="cpu").float()
    ours = load_embedder(settings_for(folder))
    documents, queries = oracle.encode_document(TEXTS), oracle.encode_query(TEXTS)
    assert (documents * ours.encode(TEXTS)).sum(axis=1).min() > 0.9999
    assert (queries * np.array([ours.embed_query(t) for t in TEXTS])).sum(axis=1).min() > 0.9999
    # controls: without the prefix, or against another text's row, the same comparison fails
    assert (documents * shipped.encode(TEXTS)).sum(axis=1).max() < 0.9999
    assert (documents * ours.encode(TEXTS[1:] + TEXTS[:1])).sum(axis=1).max() < 0.9


def test_other_models_go_through_sentence_transformers(folder: Path) -> None:
    """A folder with one module more is not ours to compute."""
    models = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    whole = sentence_transformers.SentenceTransformer(str(folder), device="cpu").float()
    dense = models.Dense(whole.get_sentence_embedding_dimension(), 24, bias=False)
    sentence_transformers.SentenceTransformer(modules=[whole[0], dense], device="cpu").save(str(folder / "deep"))
    embedder = load_embedder(settings_for(folder / "deep"))
    assert isinstance(embedder, TransformerEmbedder) and embedder.dimension == 24
    vectors = embedder.encode([*TEXTS, "你好" * 50_000])
    assert vectors.dtype == np.float32 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert embedder.encode([]).shape == (0, 24)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(embedder.encode, [TEXTS] * 8):
            assert np.allclose(got, vectors[: len(TEXTS)], atol=1e-5)


def test_fingerprint_survives_json_and_tells_embedders_apart(shipped: StaticEmbedder, folder: Path) -> None:
    mark = shipped.fingerprint
    again = Fingerprint.from_dict(json.loads(json.dumps(mark.to_dict())))
    assert again == mark and str(again) == str(mark)
    assert replace(mark, probe=tuple(x + 0.001 for x in mark.probe)) == mark
    assert replace(mark, probe=tuple(-x for x in mark.probe)) != mark
    assert mark.name == "embedded" and mark.dimension == shipped.dimension == len(mark.probe)
    copy = StaticEmbedder(folder, "embedded").fingerprint
    assert copy == mark
    write_prompts(folder, "q: ", "d: ")
    changed = StaticEmbedder(folder, "embedded").fingerprint
    assert changed != mark and str(changed) != str(mark) and changed.prefixes == ("q: ", "d: ")


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _lose_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")


def _small_table(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"embedding.weight": np.ones((5, 8), dtype=np.float32)}, folder / "model.safetensors")


@pytest.mark.parametrize("damage", [_cut_weights, _lose_weights, _break_tokenizer, _small_table])
def test_a_damaged_folder_is_explained(folder: Path, damage) -> None:
    damage(folder)
    with pytest.raises(EmbedderError) as caught:
        load_embedder(settings_for(folder))
    assert str(folder) in caught.value.message("en") and str(folder) in caught.value.message("zh")


class _Hub(http.server.BaseHTTPRequestHandler):
    """The part of the hub's HTTP interface that downloads use, over a folder; nothing else exists (404)."""

    files: Path
    commit = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self) -> None:
        name, _, path = self.path.partition("/resolve/main/")
        file = self.files / path
        found = name == "/someone/tiny" and path and file.is_file()
        body = file.read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("ETag", f'"{len(body)}-{path}"')
        if not found:
            self.send_header("X-Error-Code", "EntryNotFound" if name == "/someone/tiny" else "RepoNotFound")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub on loopback that has one model, someone/tiny, and an empty cache."""
    constants = pytest.importorskip("huggingface_hub.constants")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Hub,), {"files": folder}))
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield url
    server.shutdown()
    server.server_close()


def test_a_hub_name_is_downloaded(hub: str, shipped: StaticEmbedder) -> None:
    embedder = load_embedder(RagSettings(Path("unused"), embedder="someone/tiny"))
    assert isinstance(embedder, TransformerEmbedder)
    assert embedder.fingerprint.revision == _Hub.commit and embedder.fingerprint.name == "someone/tiny"
    assert embedder.fingerprint != shipped.fingerprint
    assert (embedder.encode(TEXTS) * shipped.encode(TEXTS)).sum(axis=1).min() > 0.99


def test_a_missing_hub_model_is_explained(hub: str) -> None:
    with pytest.raises(EmbedderError) as caught:
        load_embedder(RagSettings(Path("unused"), embedder="someone/nothing"))
    assert "someone/nothing" in caught.value.message("en") and "embedded" in caught.value.message("zh")
