"""Documents for tests of the knowledge base, below and above its surface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rag.knowledge_base import KnowledgeBase
from rag.records import CollectionRow, NewDocument
from rag.store import Store
from rag.types import Chunk, Document, FileStarted, IngestDone, IngestEvent, LoadedDocument, Section

DIMENSION = 32
RECIPES = {
    "红烧肉": "五花肉500克切块，冷水下锅焯水。冰糖炒成糖色，加生抽两勺、料酒一勺，小火炖60分钟，大火收汁。",
    "清蒸鲈鱼": "鲈鱼一条洗净，抹盐腌10分钟。水开后上锅蒸8分钟，倒掉汁水，淋蒸鱼豉油和热油。",
    "戚风蛋糕": "蛋白打发至干性发泡，与蛋黄糊翻拌均匀。烤箱预热到150度，烤50分钟，出炉倒扣放凉。",
    "烤曲奇": "黄油软化后加糖打发，分次加蛋液，筛入低筋面粉。烤箱预热到180度，烤15分钟至边缘金黄。",
    "Pancakes": "Whisk flour, milk, two eggs and a pinch of salt. Rest ten minutes. Fry until golden on both sides.",
    "无线网络": "路由器的管理页面在192.168.1.1，加密方式选WPA2，密码贴在机身背面。",
}


def unit(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float16).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def a_collection(store: Store, name: str = "recipes") -> CollectionRow:
    store.add_collection(name, name.title(), "hash", DIMENSION)
    return store.collection(name)


def add(store: Store, source: str, count: int, words: str = "红烧肉炖一小时") -> str:
    """Put a document of `count` chunks with random vectors into the collection "recipes"; returns its id."""
    text = "".join(f"{words}{source}{n:04}。" for n in range(count))
    size = len(text) // count
    chunks = [Chunk(text[i * size : (i + 1) * size], i * size, (i + 1) * size) for i in range(count)]
    loaded = LoadedDocument(text, source, "text", (Section(0, len(text)),))
    vectors = unit(count, seed=len(source) * 100 + count)
    new = NewDocument(source, f"{source}{words}", len(text), loaded, chunks, vectors)
    return store.add_document(store.collection("recipes"), new).id


def ids(store: Store) -> set[str]:
    """The chunk ids of the collection "recipes"."""
    return {name for _, name, _ in store.chunk_texts(store.collection("recipes"))}


def write_recipes(folder: Path) -> Path:
    """`RECIPES` as Markdown files in a new folder."""
    folder.mkdir()
    for title, text in RECIPES.items():
        (folder / f"{title}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    return folder


def outcomes(
    base: KnowledgeBase, *paths: Path, collection: str = "recipes", names: Mapping[Path, str] | None = None
) -> list[IngestEvent]:
    """What became of each file."""
    events = list(base.ingest(paths, collection, names))
    assert isinstance(events[-1], IngestDone)
    return [event for event in events if not isinstance(event, (FileStarted, IngestDone))]


def filled(base: KnowledgeBase, files: Path) -> list[Document]:
    """The documents of `files`, added to the collection "recipes", in the order of adding."""
    base.create_collection("菜谱", name="recipes")
    outcomes(base, files)
    return sorted(base.documents("recipes"), key=lambda document: document.added_at)
