"""A training that is killed at any moment goes on to the same adapter, bit for bit, and never shows a torn one."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.training.small import CONFIG, job, rows
from training import loop, report_card, run
from training.events import Done, Phase, Resumed, Step, read_events
from training.job import write_job
from training.versions import current, versions

KILLS = int(os.environ.get("FENSHEN_KILLS", "2"))
# long enough that as many kills meet steps; FENSHEN_DEPTH below 1 trains the upper layers alone
LONGER = CONFIG.with_values(
    {"dropout": 0.1, "epochs": max(5, 2 * KILLS), "depth": float(os.environ.get("FENSHEN_DEPTH", "1"))}
)
Start = Callable[..., ForkServerProcess]


def trained(folder: Path) -> None:
    """A training that saves after every step, so that kills meet many writes of the checkpoint."""
    loop.SAVE_EVERY_S = 0.0
    # What is said on cards and samples is not looked at here: a few tokens of each answer will do.
    loop.SAMPLE_TOKENS = report_card.PERSONA_TOKENS = report_card.UNRELATED_TOKENS = 4
    sys.exit(run.main([str(folder)]))


def killed_once_published(folder: Path) -> None:
    """The same, killed after the self is published and before this is told."""
    run.Done = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, misc]
    trained(folder)


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Starts a training in a process of its own, forked from one that has the libraries loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["transformers.models.qwen3.modeling_qwen3", "bitsandbytes", "peft", __name__])

    def started(folder: Path, child: Callable[[Path], None] = trained) -> ForkServerProcess:
        process = context.Process(target=child, args=(folder,))
        process.start()
        return process

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "1")
        yield started


def weights(root: Path) -> bytes:
    return (root / "adapters" / "small" / "v1" / "adapter_model.safetensors").read_bytes()


def nothing_torn(root: Path) -> bool:
    """No self is offered, or one with all its files."""
    folder = root / "adapters" / "small"
    if not folder.exists():
        return True
    held = {p.name for p in (folder / current(folder)).iterdir()}
    return {"adapter_config.json", "adapter_model.safetensors", "passport.json", "README.md"} <= held


def ended(process: ForkServerProcess) -> int | None:
    process.join()
    return process.exitcode


@pytest.mark.slow
@pytest.mark.timeout(600 + 120 * KILLS)
def test_a_killed_training_goes_on_to_the_same_adapter(tmp_path: Path, start: Start) -> None:
    def written(name: str, seed: int = 0) -> tuple[Path, Path]:
        root = tmp_path / name
        # The base's own answers are kept for all of them: they are no part of what is shown here.
        asked = job(root, LONGER.with_values({"seed": seed}), cache=tmp_path / "cache")
        write_job(root / "jobs" / "a", asked, rows())
        return root, root / "jobs" / "a"

    whole, folder = written("whole")
    assert ended(start(folder)) == 0

    root, folder = written("killed")
    chance = random.Random(5)
    kills, met = 0, []
    for _ in range(KILLS):
        process = start(folder)
        seen = len(list(read_events(folder / "events.jsonl")))
        wanted = seen + (chance.randrange(2, 12) if KILLS > 2 else chance.randrange(5, 12))
        while process.is_alive() and len(list(read_events(folder / "events.jsonl"))) < wanted:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        kills += ended(process) != 0
        met.append(list(read_events(folder / "events.jsonl"))[-1])
        assert nothing_torn(root)
    print(KILLS, "kills, the last thing told before each:", *map(str, met), sep="\n")
    while not isinstance(list(read_events(folder / "events.jsonl"))[-1], Done):
        assert ended(start(folder)) == 0
    resumed = [event.step for event in read_events(folder / "events.jsonl") if isinstance(event, Resumed)]
    assert kills and max(resumed) > 0, "no kill came in the middle: the test has shown nothing"
    assert weights(root) == weights(whole)
    assert len(versions(root / "adapters" / "small")) == 1

    # control: a training that begins anew where it should go on ends elsewhere
    other, folder = written("other", seed=1)
    assert ended(start(folder)) == 0
    assert weights(other) != weights(root)


@pytest.mark.slow
def test_a_training_killed_after_publishing_publishes_once(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "jobs" / "a"
    write_job(folder, job(tmp_path, LONGER.with_values({"epochs": 1})), rows())
    assert ended(start(folder, killed_once_published)) == -signal.SIGKILL
    before, told = weights(tmp_path), list(read_events(folder / "events.jsonl"))
    assert told[-1] == Phase("publishing")
    assert ended(start(folder)) == 0
    told = list(read_events(folder / "events.jsonl"))
    assert isinstance(told[-1], Done) and told[-1].path == str(tmp_path / "adapters" / "small" / "v1")
    assert weights(tmp_path) == before and len(versions(tmp_path / "adapters" / "small")) == 1
    # the steps were not taken again
    steps = [event.step for event in told if isinstance(event, Step)]
    assert len(steps) == len(set(steps))
