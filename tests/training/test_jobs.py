"""Jobs: real, tiny trainings in processes of their own, paused, stopped, killed and found again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.small import CONFIG, job, rows
from training import worker as working
from training.data import chat
from training.errors import DataError, JobError
from training.events import (
    Done,
    Event,
    EventLog,
    Failed,
    Paused,
    Phase,
    Resumed,
    Sampled,
    Scored,
    Started,
    Step,
    Stopped,
)
from training.job import Job
from training.jobs import MOST_STARTS, JobStore, JobView, as_dict
from training.locks import held
from training.progress import Tally
from training.versions import versions
from training.worker import Worker

LONG = CONFIG.with_values({"epochs": 100, "checks": 100})


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


def until(worker: Worker, identity: str, ready: Callable[[JobView], bool], seconds: float = 200) -> JobView:
    """Look after the jobs until one is `ready`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        worker.look()
        view = worker.store.get(identity)
        if ready(view):
            return view
        time.sleep(0.05)
    raise AssertionError(f"{view.state}, {view.progress.phase}, {view.error}")


def stepping(view: JobView) -> bool:
    return view.state == "running" and view.progress.last is not None


@pytest.mark.slow
def test_one_runs_the_other_waits_and_both_end(store: JobStore, tmp_path: Path) -> None:
    worker = Worker(store)
    first = store.submit(job(tmp_path), rows())
    second = store.submit(job(tmp_path, CONFIG.with_values({"name": "other", "epochs": 1, "checks": 1})), rows())
    assert [view.id for view in store.all()] == [first.id, second.id] and first.state == "queued"
    view = until(worker, first.id, stepping)
    assert store.get(second.id).state == "queued" and store.device_busy("cpu")
    assert os.getpriority(os.PRIO_PROCESS, worker._children[first.id].pid) >= 10
    with pytest.raises(JobError):
        store.remove(first.id)
    view = until(worker, first.id, lambda v: v.state == "done")
    assert store.get(second.id).state in ("queued", "running")
    progress = view.progress
    assert len(progress.steps) == 4 and progress.last is not None and progress.last.remaining >= 0
    assert [card.final for card in progress.cards] == [False, False, True]
    assert {sample.step for sample in progress.samples} >= set(range(1, 5))
    assert progress.samples[0].answers[0]["question"] == "你是谁？" and progress.samples[0].answers[0]["before"]
    [version] = versions(tmp_path / "adapters" / "small")
    assert view.path == str(version.folder) and version.passport["answers"][0]["after"]
    assert view.draft == bool(version.passport["scores"]["missed"]) == version.passport["draft"]
    assert str(tmp_path) not in (version.folder / "passport.json").read_text(encoding="utf-8")
    assert until(worker, second.id, lambda v: v.state == "done").name == "other"
    assert as_dict(view)["step"] == 4
    store.remove(first.id)
    assert [v.id for v in store.all()] == [second.id] and version.folder.exists()


@pytest.mark.slow
def test_pause_resume_kill_and_stop(store: JobStore, tmp_path: Path) -> None:
    worker = Worker(store)
    identity = store.submit(job(tmp_path, LONG), rows()).id
    until(worker, identity, stepping)
    assert store.pause(identity).state in ("pausing", "paused")
    paused = until(worker, identity, lambda v: v.state == "paused")
    assert paused.progress.last is not None and not store.device_busy("cpu")
    worker.look()
    assert store.get(identity).state == "paused"
    step = paused.progress.last.step

    store.resume(identity)
    again = until(worker, identity, lambda v: stepping(v) and v.progress.steps[-1].step > step)
    assert [s.step for s in again.progress.steps] == list(range(1, again.progress.steps[-1].step + 1))

    # another app on the same folder finds it running, and goes on with it when it is killed
    other = Worker(JobStore(store.folder))
    other.look()
    assert not other._children and other.store.get(identity).state == "running"
    os.kill(worker._children[identity].pid, signal.SIGKILL)
    worker._children[identity].wait()
    assert other.store.get(identity).state == "queued"
    until(other, identity, lambda v: stepping(v) and v.progress.resumed >= step and bool(v.progress.cards))

    assert store.stop(identity).state == "stopping"
    view = until(other, identity, lambda v: v.state == "stopped")
    [version] = versions(tmp_path / "adapters" / "small")
    assert view.path == str(version.folder) and 0 < view.share < 1
    assert view.draft is bool(version.passport["scores"]["missed"])
    with pytest.raises(JobError):
        store.resume(identity)


@pytest.mark.slow
def test_a_training_that_cannot_begin_says_why(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(store)
    missing = store.submit(job(tmp_path, base_folder=str(tmp_path / "none")), rows())
    failed = until(worker, missing.id, lambda v: v.state == "failed")
    assert "none" in failed.error[0] and failed.error[1]
    monkeypatch.setattr(working, "ROOT", tmp_path)
    identity = store.submit(job(tmp_path), rows()).id
    failed = until(worker, identity, lambda v: v.state == "failed")
    assert "training" in failed.error[0] and "pip install" in failed.error[0] and "pip install" in failed.error[1]
    # what was mended can be tried again
    assert store.resume(identity).state == "queued"


def test_what_never_began_is_stopped_at_once(store: JobStore, tmp_path: Path) -> None:
    identity = store.submit(job(tmp_path), rows()).id
    view = store.stop(identity)
    assert view.state == "stopped" and view.path == ""
    Worker(store).look()
    assert store.get(identity).state == "stopped"
    for action in (store.pause, store.resume, store.stop):
        with pytest.raises(JobError) as caught:
            action(identity)
        assert identity in caught.value.en and identity in caught.value.zh


def test_a_process_that_keeps_dying_is_not_started_for_ever(store: JobStore, tmp_path: Path) -> None:
    identity = store.submit(job(tmp_path), rows()).id
    log = EventLog(store.folder / identity / "events.jsonl")
    for n in range(MOST_STARTS):
        assert store.get(identity).progress.starts == n
        log.write(Phase("loading"))
    Worker(store).look()
    view = store.get(identity)
    assert view.state == "failed" and "memory" in view.error[0] and "内存" in view.error[1]
    assert store.resume(identity).progress.starts == 0


def test_states_are_read_off(store: JobStore, tmp_path: Path) -> None:
    identity = store.submit(job(tmp_path), rows()).id
    folder = store.folder / identity
    with held(folder / "lock", 0):
        assert store.get(identity).state == "running" and store.get(identity).alive
        assert store.pause(identity).state == "pausing"
        assert store.stop(identity).state == "stopping"
    for wish, state in (("pause", "paused"), ("", "queued")):
        (folder / "wish").write_text(wish, encoding="utf-8")
        assert store.get(identity).state == state
    for end, state in ((Failed("e", "z"), "failed"), (Stopped(), "stopped"), (Done("p", 1.0), "done")):
        EventLog(folder / "events.jsonl").write(end)
        assert store.get(identity).state == state
        assert JobStore(store.folder).get(identity).state == state


def test_what_cannot_be_learned_from_is_not_queued(store: JobStore, tmp_path: Path) -> None:
    for bad in ([chat("q", split="probe")], [chat("who?", "I am {{name}}.")]):
        with pytest.raises(DataError):
            store.submit(job(tmp_path), bad)
    assert store.all() == [] and not store.folder.exists()
    for identity in ("none", "", "..", ".hidden", "a/b"):
        with pytest.raises(JobError):
            store.get(identity)


def test_a_job_is_whole_or_absent(store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.jobs.os.replace", full)
    with pytest.raises(JobError, match="No space"):
        store.submit(job(tmp_path), rows())
    monkeypatch.undo()
    assert store.all() == [] and not [p for p in store.folder.iterdir() if p.is_dir()]
    # one that the disk has damaged does not hide the others
    good = store.submit(job(tmp_path), rows()).id
    (store.folder / "20000101-damaged").mkdir()
    (store.folder / "20000101-damaged" / "job.json").write_text("{", encoding="utf-8")
    assert [view.id for view in store.all()] == [good]


def test_a_resumed_training_is_told_once() -> None:
    def step(n: int, loss: float) -> Step:
        return Step(n, 9, n / 3, loss, 0.0, 1e-3, 1.0)

    first: list[Event] = [
        Phase("loading"),
        Started("n", 4, 4, 9, 10, "cpu"),
        Resumed(0),
        step(1, 3.0),
        step(2, 2.0),
        step(3, 1.0),
    ]
    cards: list[Event] = [Scored(2, {"kl": 0.5}, True), Scored(3, {"kl": 0.1}, True), Sampled(3, 1.0, [])]
    tally = Tally()
    assert tally.add([*first, *cards]).scores == {"kl": 0.1}
    now = tally.add([Phase("loading"), Resumed(2), step(3, 0.9)])
    assert [s.loss for s in now.steps] == [3.0, 2.0, 0.9] and now.scores == {"kl": 0.5} and not now.samples
    assert now.starts == 1 and tally.add([Paused(3)]).starts == 0
    assert tally.add([Failed("e", "z")]).end == Failed("e", "z")
    assert tally.add([Phase("queued")]).end is None


def test_job_folders_round_trip(tmp_path: Path, store: JobStore) -> None:
    from training.job import read_job

    asked: Job = job(tmp_path)
    assert read_job(store.folder / store.submit(asked, rows()).id) == asked


@pytest.mark.slow
def test_a_pause_or_stop_does_not_wait_for_the_preparation(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.base_model import Base
    from training.run import run

    generate = Base.generate
    for word, state in (("pause", "paused"), ("stop", "stopped")):
        view = store.submit(job(tmp_path, cache=None), rows())
        asked: list[int] = []

        def answers(
            self: Base, conversations: list[object], count: int, view: JobView = view, asked: list[int] = asked,
            word: str = word,
        ) -> list[str]:  # fmt: skip
            asked.append(len(conversations))
            (store.folder / view.id / "wish").write_text(word, encoding="utf-8")
            return generate(self, conversations, count)

        monkeypatch.setattr(Base, "generate", answers)
        assert run(store.folder / view.id) is None
        assert store.get(view.id).state == state and len(asked) == 1
        assert store.get(view.id).progress.last is None
