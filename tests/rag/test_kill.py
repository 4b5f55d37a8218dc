"""A killed process loses nothing that it acknowledged, and leaves nothing half-done."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag.embeddings import load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

DELETED = 30
CHILD = f"""
DELETED = {DELETED}
"""
CHILD += """
import random
import sys
from dataclasses import replace
from pathlib import Path
from rag import dense, ingest, lexical
from rag.embeddings import Embedder, load_embedder
from rag.knowledge_base import KnowledgeBase
from rag.settings import RagSettings

dense.INDEX_FROM = dense._WRITE_FROM = lexical._KEPT_FROM = 20  # so that kills meet many writes of the indexes
ingest._GROUP_FILES = 4


class Other(Embedder):  # another embedder than the last time, so that everything is embedded again
    def __init__(self, inner, turn):
        self.inner, self.turn = inner, turn
        self.fingerprint = replace(inner.fingerprint, name=f"turn {turn}")

    def _vectors(self, texts, *, query):
        return self.inner._vectors(texts, query=query)[:, :: -1 if self.turn % 2 else 1]


data, files, turn = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
settings = RagSettings(data)
chance = random.Random(turn)
print("opening", flush=True)
base = KnowledgeBase(settings, Other(load_embedder(settings), turn))
base.create_collection("文件", name="files")
while True:
    for event in base.ingest([files], "files"):
        if event.type in ("file_added", "file_skipped"):
            print("+", event.document.id, flush=True)
    base.backup(data.with_suffix(".zip"))
    print("backed up", flush=True)
    for document in chance.sample(base.documents("files"), DELETED):
        print("?", document.id, flush=True)
        base.delete_document(document.id)
        print("-", document.id, flush=True)
    if turn % 2:
        base.restore(data.with_suffix(".zip"))
        print("restored", flush=True)
    base.compact()
"""


STAGES = ("+", "opening", "+", "backed up", "-", "restored")  # the kill comes within half a second after such a line


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for n in range(300):
        body = "".join(f"第{n}号记录的第{i}句，数值是{n * 7 + i}。" for i in range(60))
        kind = "csv" if n % 10 == 0 else "md"  # of tables the file is kept, too
        (folder / f"{n:03}.{kind}").write_text(f"# 第{n}号记录\n\n{body}", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_at_any_moment(tmp_path: Path, files: Path) -> None:
    """Kills while documents are added, replaced, deleted, embedded again, backed up, restored and compacted."""
    settings = RagSettings(tmp_path / "data")
    chance = random.Random(int(os.environ.get("FENSHEN_KILL_SEED", "11")))
    stages: set[str] = set()
    for turn in range(int(os.environ.get("FENSHEN_KILLS", "6"))):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(settings.data_dir), str(files), str(turn)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        said, stage = [child.stdout.readline()], STAGES[turn % len(STAGES)]
        while not said[-1].startswith(stage) and said[-1]:
            said.append(child.stdout.readline())
        if stage == "+":
            said += [child.stdout.readline() for _ in range(chance.randrange(1, 250))]
        time.sleep(chance.uniform(0, 0.5))
        child.kill()
        said += child.stdout.read().splitlines(keepends=True)
        child.wait()
        lines = [line.strip() for line in said if line.endswith("\n")]
        stages.add(lines[-1].split()[0])
        last_restore = max((i for i, line in enumerate(lines) if line == "restored"), default=-1)
        known: dict[str, str] = {}
        for line in lines[last_restore + 1 :]:
            sign, _, name = line.partition(" ")
            if sign in "+?-":
                known[name] = sign
        with KnowledgeBase(settings, load_embedder(settings)) as base:
            kept = {document.id: document for document in base.documents("files")} if base.collections() else {}
            # Once the last of the thirty is deleted, a restore may have come that is not said to be done.
            deleted = sum(line.startswith("- ") for line in lines[last_restore + 1 :])
            restoring = turn % 2 == 1 and deleted == DELETED
            assert {name for name, sign in known.items() if sign == "+"} <= set(kept)
            assert restoring or not {name for name, sign in known.items() if sign == "-"} & set(kept)
            for name in [name for name, sign in known.items() if sign == "+"][-3:]:
                found = base.search(f"第{int(kept[name].source[:3])}号记录的第5句", "files", k=10)
                assert name in {passage.document_id for passage in found}
            assert base.verify().problems == ()
            tables = [base.viewer.holds_file(document) for document in kept.values() if document.loader == "csv"]
            assert all(tables), "a table is there with its file, or not at all"
            assert not list(settings.data_dir.glob("backup-*"))
        for path in chance.sample(sorted(files.iterdir()), 20):
            path.write_text(f"# 改于第{turn}轮\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(stages) > 2, "every kill met the same stage: the test has shown little"
