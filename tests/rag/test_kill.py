"""A killed process loses nothing that it acknowledged, and leaves nothing half-done."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

CHILD = """
import sys
from pathlib import Path
from rag import ingest
from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

ingest._FLUSH_CHUNKS = 20  # so that kills meet many writes to Chroma, not only one
ingest._GROUP_FILES = 4
data, files = map(Path, sys.argv[1:])
settings = RagSettings(data)
base = KnowledgeBase(settings, load_embedder(settings))
base.create_collection("文件", name="files")
for event in base.ingest([files], "files"):
    if event.type in ("file_added", "file_skipped"):
        print(event.document.id, flush=True)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for n in range(300):
        body = "".join(f"第{n}号记录的第{i}句，数值是{n * 7 + i}。" for i in range(60))
        (folder / f"{n:03}.md").write_text(f"# 第{n}号记录\n\n{body}", encoding="utf-8")
    return folder


def test_every_acknowledged_document_survives_a_kill(tmp_path: Path, files: Path) -> None:
    settings = RagSettings(tmp_path / "data")
    embedder = load_embedder(settings)
    chance = random.Random(11)
    unfinished = 0
    for round_ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(settings.data_dir), str(files)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(chance.randrange(1, 250))]
        time.sleep(chance.uniform(0, 0.05))
        child.kill()
        said += child.stdout.read().splitlines(keepends=True)
        acknowledged = [line.strip() for line in said if line.endswith("\n")]
        child.wait()

        with KnowledgeBase(settings, embedder) as base:
            kept = {document.id: document for document in base.documents("files")}
            assert set(acknowledged) <= set(kept)
            for name in acknowledged[-3:]:
                found = base.search(f"第{int(kept[name].source[:3])}号记录的第5句", "files", k=10)
                assert name in {passage.document_id for passage in found}
            assert base.verify().problems == ()
            unfinished += len(kept) < 300
            if kept:  # the next kill is to meet additions after deletions, and replacements
                base.delete_document(chance.choice(sorted(kept)))
        for path in chance.sample(sorted(files.iterdir()), 20):
            path.write_text(f"# 改于第{round_}轮\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert unfinished, "no kill came before the end: the test has shown nothing"
