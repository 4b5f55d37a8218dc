"""Own selves: versions that the registry of the running app sees at once, and what is done with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.training.small import CONFIG, ROOT, job, rows
from training import shelf as shelving
from training import versions as versioning
from training.base_model import Base, load_base
from training.errors import PublishError, SelfError
from training.job import write_job
from training.publish import SelfInfo, passport, publish
from training.settings import EMBEDDED_BASE
from training.shelf import Shelf, version_label
from training.versions import current, point, publish_version, versions

INFO = SelfInfo({"zh": "小号", "en": "Small"}, {"zh": "试", "en": "A trial"})


@pytest.fixture(scope="module")
def trained() -> Base:
    base = load_base(str(ROOT / EMBEDDED_BASE), threads=1, device="cpu")
    base.add_adapter(CONFIG)
    return base


def papers(n: int, **changes: Any) -> dict[str, Any]:
    return {
        **passport(INFO, CONFIG, "cd" * 32, {"persona": 1.0, "missed": []}),
        "seed": n,
        "job": f"job-{n}",
        **changes,
    }


def change(base: Base, value: float) -> None:
    import torch

    with torch.no_grad():
        for name, parameter in base.model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(value)


@pytest.fixture
def root(trained: Base, tmp_path: Path) -> Path:
    """A folder with two versions of "small", of other weights."""
    for n in (1, 2):
        change(trained, n / 100)
        publish_version(trained.model, tmp_path / "adapters", papers(n))
    return tmp_path / "adapters"


def seen(root: Path) -> Any:
    """What the app's registry offers, in a process of its own: the rooms do not know one another."""
    code = (
        "import json, sys; from pathlib import Path; from llm.adapters import AdapterRegistry\n"
        "print(json.dumps([[i.name, i.version, i.valid, i.folder.name, i.title('en'), i.title('zh')]"
        " for i in AdapterRegistry((Path(sys.argv[1]),)).scan()]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, str(root)], env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_the_registry_offers_the_current_version(root: Path) -> None:
    [[name, second, valid, folder, title, _]] = seen(root)
    assert (name, valid, folder, title) == ("small", True, "v2", "Small")
    Shelf(root).use("small", "v1")
    [[_, first, valid, folder, *_]] = seen(root)
    assert valid and folder == "v1" and first != second
    Shelf(root).use("small", "v2")
    assert seen(root)[0][1] == second


def test_a_draft_is_marked(trained: Base, root: Path) -> None:
    publish_version(trained.model, root, papers(3, draft=True))
    assert seen(root)[0][4:] == ["Small (draft)", "小号（草稿）"]


def test_versions_count_on_and_a_job_publishes_once(trained: Base, root: Path) -> None:
    assert [(v.name, v.current, v.passport["seed"]) for v in versions(root / "small")] == [
        ("v1", False, 1),
        ("v2", True, 2),
    ]
    before = (root / "small" / "v1" / "adapter_model.safetensors").read_bytes()
    assert publish_version(trained.model, root, papers(1)).name == "v1" and current(root / "small") == "v1"
    assert (root / "small" / "v1" / "adapter_model.safetensors").read_bytes() == before
    assert publish_version(trained.model, root, papers(3)).name == "v3"
    with pytest.raises(SelfError):
        point(root / "small", "v9")
    assert current(root / "small") == "v3"


def test_a_folder_that_was_put_there_becomes_a_version(trained: Base, tmp_path: Path) -> None:
    publish(trained.model, tmp_path / "small", papers(0))
    assert seen(tmp_path)[0][3] == "small"
    publish_version(trained.model, tmp_path, papers(1))
    shelf = Shelf(tmp_path)
    assert [v.name for v in shelf.get("small").versions] == [".", "v1"] and seen(tmp_path)[0][3] == "v1"
    shelf.use("small", ".")
    assert seen(tmp_path)[0][3] == "small" and version_label(shelf.get("small").now) != "."


@pytest.mark.parametrize("step", ["write_self", "_write", "os.replace"])
def test_a_failure_leaves_the_current_version(
    trained: Base, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"training.versions.{step}", fails)
    with pytest.raises(PublishError) as caught:
        publish_version(trained.model, root, papers(3))
    monkeypatch.undo()
    assert "No space" in caught.value.en and caught.value.zh
    assert current(root / "small") == "v2" and seen(root)[0][2] is True
    assert [p.name for p in root.iterdir()] == ["small"]


def test_a_reader_always_finds_a_whole_self(root: Path) -> None:
    """While versions are switched, whoever looks finds one of the two: never none, never half."""
    shelf, over = Shelf(root), threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not over.is_set():
            name = current(root / "small")
            if name not in ("v1", "v2") or not (root / "small" / name / "passport.json").exists():
                wrong.append(name)

    thread = threading.Thread(target=look)
    thread.start()
    for n in range(200):
        shelf.use("small", f"v{1 + n % 2}")
    over.set()
    thread.join()
    assert not wrong


def test_rename_and_delete_are_refused_while_in_use(root: Path) -> None:
    busy = Shelf(root, lambda name: name == "small")
    for act in (lambda: busy.rename("small", "other"), lambda: busy.delete("small")):
        with pytest.raises(SelfError) as caught:
            act()
        assert "small" in caught.value.en and "small" in caught.value.zh
    assert [s.name for s in busy.all()] == ["small"]
    shelf = Shelf(root)
    assert shelf.rename("small", "other").now.name == "v2" and seen(root)[0][0] == "other"
    shelf.delete("other")
    assert shelf.all() == [] and list(root.iterdir()) == []


def test_a_training_that_was_going_on_publishes_under_the_new_name(trained: Base, root: Path, tmp_path: Path) -> None:
    write_job(tmp_path / "before", job(tmp_path), rows())
    Shelf(root).rename("small", "other")
    write_job(tmp_path / "after", job(tmp_path), rows())
    os.utime(tmp_path / "after" / "job.json")
    assert publish_version(trained.model, root, papers(3), tmp_path / "before") == root / "other" / "v3"
    assert Shelf(root).of_training("job-3") == Shelf(root).get("other")
    # control: a training that began after it is another self's
    assert publish_version(trained.model, root, papers(4), tmp_path / "after") == root / "small" / "v1"


def test_names_that_cannot_be_are_refused(root: Path) -> None:
    shelf = Shelf(root)
    (root / "taken").mkdir()
    for act in (
        lambda: shelf.rename("small", "taken"),
        lambda: shelf.rename("small", "../up"),
        lambda: shelf.rename("none", "new"),
        lambda: shelf.delete("none"),
        lambda: shelf.delete(".."),
        lambda: shelf.use("taken", "v1"),
        lambda: shelf.use("small", "../v1"),
        lambda: shelf.export("small", root / "x.zip", "v7"),
    ):
        with pytest.raises(SelfError):
            act()
    assert sorted(p.name for p in root.iterdir()) == ["small", "taken"]


def test_the_export_is_a_whole_adapter(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Shelf(root).export("small", tmp_path / "a.zip", "v1")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(f"small/{file}" for file in shelving.FILES)
        weights = (root / "small" / "v1" / "adapter_model.safetensors").read_bytes()
        assert archive.read("small/adapter_model.safetensors") == weights
    monkeypatch.setattr(shelving.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(SelfError):
        Shelf(root).export("small", tmp_path / "b.zip")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "adapters"]


def test_what_a_kill_left_is_swept(root: Path) -> None:
    (root / ".small.0123abcd" / "v3").mkdir(parents=True)
    assert Shelf(root).sweep() == 1 and [p.name for p in root.iterdir()] == ["small"]
    assert versioning.versions(root / ".small.0123abcd") == []
