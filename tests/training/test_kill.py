"""A training that is killed at any moment goes on to the same adapter, bit for bit, and never shows a torn one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.small import CONFIG, ROOT, job, rows
from training.events import Done, Resumed, Step, read_events
from training.job import write_job
from training.run import run
from training.versions import current, versions

LONGER = CONFIG.with_values({"dropout": 0.1, "epochs": 5})
# Saves after every step, so that kills meet many writes of the checkpoint.
CHILD = "import sys; from training import loop, run; loop.SAVE_EVERY_S = 0.0; sys.exit(run.main(sys.argv[1:]))"


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )


def weights(root: Path) -> bytes:
    return (root / "adapters" / "small" / "v1" / "adapter_model.safetensors").read_bytes()


def whole(root: Path) -> bool:
    """No self is offered, or one with all its files."""
    folder = root / "adapters" / "small"
    if not folder.exists():
        return True
    held = {p.name for p in (folder / current(folder)).iterdir()}
    return {"adapter_config.json", "adapter_model.safetensors", "passport.json", "README.md"} <= held


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_training_goes_on_to_the_same_adapter(tmp_path: Path) -> None:
    write_job(tmp_path / "whole" / "jobs" / "a", job(tmp_path / "whole", LONGER), rows())
    assert start(tmp_path / "whole" / "jobs" / "a").wait() == 0

    root = tmp_path / "killed"
    folder = root / "jobs" / "a"
    write_job(folder, job(root, LONGER), rows())
    chance = random.Random(5)
    kills = 0
    for _ in range(int(os.environ.get("FENSHEN_KILLS", "2"))):
        child = start(folder)
        seen = len(list(read_events(folder / "events.jsonl")))
        wanted = seen + chance.randrange(5, 12)
        while child.poll() is None and len(list(read_events(folder / "events.jsonl"))) < wanted:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        child.kill()
        kills += child.wait() != 0
        assert whole(root)
    while not isinstance(list(read_events(folder / "events.jsonl"))[-1], Done):
        assert start(folder).wait() == 0
    resumed = [event.step for event in read_events(folder / "events.jsonl") if isinstance(event, Resumed)]
    assert kills and max(resumed) > 0, "no kill came in the middle: the test has shown nothing"
    assert weights(root) == weights(tmp_path / "whole")
    assert len(versions(root / "adapters" / "small")) == 1

    # control: a training that begins anew where it should go on ends elsewhere
    other = tmp_path / "other"
    write_job(other / "jobs" / "a", job(other, LONGER.with_values({"seed": 1})), rows())
    assert start(other / "jobs" / "a").wait() == 0
    assert weights(other) != weights(root)


@pytest.mark.slow
def test_a_training_killed_after_publishing_publishes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "jobs" / "a"
    write_job(folder, job(tmp_path, CONFIG.with_values({"epochs": 1})), rows())

    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    from training import run as running

    monkeypatch.setattr(running, "Done", dies)
    with pytest.raises(Killed):
        run(folder)
    monkeypatch.undo()
    before = weights(tmp_path)
    assert run(folder) == tmp_path / "adapters" / "small" / "v1"
    assert weights(tmp_path) == before and len(versions(tmp_path / "adapters" / "small")) == 1
    # the steps were not taken again
    steps = [event.step for event in read_events(folder / "events.jsonl") if isinstance(event, Step)]
    assert len(steps) == len(set(steps))
