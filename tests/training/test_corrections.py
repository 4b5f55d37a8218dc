"""Corrections: kept through a kill, chosen, and made into a lesson that holds the self's own rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training import small
from training.corrected import Corrected, corrected_row, taken
from training.correcting import next_version, rephrased
from training.corrections import Correction, CorrectionStore
from training.corrector import Corrector, Wish
from training.data import encode_rows
from training.errors import ConfigError, CorrectionError, TrainingError
from training.events import Done, EventLog
from training.job import write_job
from training.jobs import JobStore
from training.lessons import Lesson, Place, tokens_of
from training.settings import EMBEDDED_BASE
from training.shelf import Shelf
from training.taught import taught
from training.versions import CURRENT, TAUGHT

QUESTION = "What should I eat today?"


def correction(name: str = "pirate", wanted: str = "Arr! Lemons.", **changes: Any) -> Correction:
    messages = ({"role": "user", "content": QUESTION},)
    return replace(Correction(name, "v1", messages, QUESTION, "Arr! Salt fish.", wanted, owner="ann"), **changes)


@pytest.fixture
def store(tmp_path: Path) -> CorrectionStore:
    return CorrectionStore(tmp_path / "data" / "corrections.db")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    base = (small.ROOT / EMBEDDED_BASE).resolve()
    return Place("embedded", base, "print", "cpu", 1, tmp_path / "adapters", tmp_path / "cache")


@pytest.fixture
def corrector(store: CorrectionStore, place: Place, tmp_path: Path) -> Corrector:
    return Corrector(store, JobStore(tmp_path / "jobs"), Shelf(place.adapters), lambda: place)


def own_self(place: Place, name: str = "own", job: str = "job-1", *, keeps: bool = True) -> Path:
    """A version of a self as a training leaves it, without weights that could answer."""
    folder = place.adapters / name / "v1"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"")
    (folder / "passport.json").write_text(f'{{"job": "{job}"}}', encoding="utf-8")
    (folder.parent / CURRENT).write_text("v1\n", encoding="utf-8")
    if keeps:
        write_job(folder / TAUGHT, small.job(place.adapters.parent), small.rows())
    return folder


def test_what_was_acknowledged_outlives_a_kill(store: CorrectionStore) -> None:
    code = (
        "import sys; from pathlib import Path; from training.corrections import Correction, CorrectionStore\n"
        "store = CorrectionStore(Path(sys.argv[1]))\n"
        "for n in range(10**6):\n"
        "    asked = ({'role': 'user', 'content': f'q{n}'},)\n"
        "    store.add(Correction('pirate', 'v1', asked, f'q{n}', 'no', f'a{n}'))\n"
        "    print(n, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(small.ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code, str(store.path)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split(b"\n") if line]
    process.wait()
    kept = [one.wanted for one in store.all()]
    assert kept[: len(told)] == [f"a{n}" for n in told] and len(kept) <= len(told) + 1


def test_the_same_answer_corrected_again_takes_the_earlier_ones_place(store: CorrectionStore) -> None:
    first = store.add(correction())
    store.given(store.all(), "job-1")
    assert store.add(correction(wanted="Arr! Oranges.")) == first
    (one,) = store.all()
    assert (one.wanted, one.job, one.said) == ("Arr! Oranges.", "", "Arr! Salt fish.")
    assert store.add(correction(name="chef")) != first, "another self's is another one"


def test_nobody_reads_changes_or_removes_anothers(store: CorrectionStore) -> None:
    identity = store.add(correction())
    assert store.all("bob") == [] and len(store.all("ann")) == 1
    with pytest.raises(CorrectionError):
        store.edit(identity, "mine", "bob")
    assert store.remove([identity], "bob") == 0
    store.edit(identity, " Arr! Bread. ", "ann")
    assert [one.wanted for one in store.all()] == ["Arr! Bread."]
    with pytest.raises(CorrectionError, match="cannot be empty"):
        store.edit(identity, " ", "ann")
    assert store.remove([identity], "ann") == 1 and store.all() == []


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    with pytest.raises(CorrectionError) as told:
        CorrectionStore(tmp_path / "c.db").add(correction())
    assert "c.db" in told.value.zh and "Nothing was changed" in told.value.en


def trained(lesson: Lesson) -> Counter[str]:
    rows = [row for row in lesson.rows if row.split == "train"]
    return Counter(row.messages[-1]["content"] for row in rows)


def test_a_shipped_self_is_taught_all_it_knew_but_the_answer_that_was_corrected(place: Place, tmp_path: Path) -> None:
    before = taught("pirate", place, tmp_path)
    assert before is not None
    one = correction()
    lesson = next_version("pirate", before, [one], place)
    asked = [row for row in lesson.rows if row.messages[-2:][0]["content"] == QUESTION]
    assert {row.messages[-1]["content"] for row in asked} == {one.wanted}, "the old answer is gone"
    times = trained(lesson)[one.wanted]
    assert times * lesson.job.config.epochs >= 20, "read often enough to take"
    others = [row for row in before.rows if row.split == "train"]
    assert len([row for row in lesson.rows if row.split == "train"]) - times == len(others) - 1
    splits = [row.split for row in before.rows]
    assert {name: lesson.count(name) for name in ("replay", "probe")} == {
        name: splits.count(name) for name in ("replay", "probe")
    }
    assert lesson.count("corrected") == 1
    config = lesson.job.config
    assert (config.name, config.base_fingerprint, lesson.job.versions) == ("pirate", "print", True)
    tokenizer, ends = tokens_of(place.folder)
    learned = [row for row in lesson.rows if row.tag == "corrected"]
    assert all(e.trained for e in encode_rows(tokenizer, learned, ends, config.max_length))


def test_an_own_self_knows_its_rows_from_its_version_else_from_its_training(place: Place, tmp_path: Path) -> None:
    folder = own_self(place)
    kept = taught("own", place, tmp_path / "jobs")
    assert kept is not None and list(kept.rows) == small.rows() and kept.signs == small.SIGNS
    for file in (folder / TAUGHT).iterdir():
        file.unlink()
    assert taught("own", place, tmp_path / "jobs") is None, "put there whole"
    write_job(tmp_path / "jobs" / "job-1", small.job(tmp_path), small.rows("我是别人。"))
    older = taught("own", place, tmp_path / "jobs")
    assert older is not None and list(older.rows) == small.rows("我是别人。")
    with pytest.raises(CorrectionError, match="Nobody knows"):
        next_version("own", None, [correction("own")], place)


def test_earlier_corrections_stay_and_a_new_one_takes_an_olds_place(place: Place, tmp_path: Path) -> None:
    before = taught("pirate", place, tmp_path)
    assert before is not None
    first = next_version("pirate", before, [correction()], place)
    again = replace(before, rows=first.rows)
    tea = ({"role": "user", "content": "Tea?"},)
    second = next_version("pirate", again, [correction(messages=tea, question="Tea?", wanted="Aye.")], place)
    assert trained(second)["Arr! Lemons."] == trained(first)["Arr! Lemons."] and second.count("corrected") == 2
    third = next_version("pirate", again, [correction(wanted="Arr! Bread.")], place)
    assert not trained(third)["Arr! Lemons."] and third.count("corrected") == 1


def test_a_conversation_and_passages_are_learned_as_they_were_read(place: Place, tmp_path: Path) -> None:
    before = taught("pirate", place, tmp_path)
    talk = (
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ahoy"},
        {"role": "user", "content": QUESTION},
    )
    read = ({"role": "system", "content": "Passages: " + "bread " * 1500}, {"role": "user", "content": QUESTION})
    documents = correction(messages=read, documents=("Bread",), wanted="Bread [1].")
    lesson = next_version("pirate", before, [correction(messages=talk), documents], place)
    spoken = [row for row in lesson.rows if row.tag == "corrected" and len(row.messages) == 4]
    assert all(row.messages[1]["weight"] == 0 for row in spoken)
    assert len({row.messages[2]["content"] for row in spoken}) == 3, "in other words too"
    cited = [row for row in lesson.rows if row.tag == "corrected" and row.messages[0]["role"] == "system"]
    assert {row.messages[:-1] for row in map(_frozen, cited)} == {_frozen(corrected_row(read, "", "")).messages[:-1]}
    assert lesson.job.config.max_length > 1500, "it was answered, so it can be learned"
    plain = [row for row in lesson.rows if row.split == "train" and row.tag == "own-en"]
    assert any(row.messages[0]["content"] == QUESTION for row in plain), "asked alone it is another question"


def _frozen(row: Any) -> Any:
    return replace(row, messages=tuple(str(m) for m in row.messages))


def test_the_base_is_never_changed_a_new_self_is_taught(corrector: Corrector, place: Place) -> None:
    identity = corrector.store.add(correction(name="", wanted="Bread."))
    for title, why in (("", "give a name"), ("Pirate", "already")):
        with pytest.raises(CorrectionError, match=why):
            corrector.teach(Wish("", (identity,), title))
    with pytest.raises(CorrectionError, match="another self"):
        corrector.teach(Wish("pirate", (identity,)))
    with pytest.raises(ConfigError):
        corrector.teach(Wish("", (identity,), "Baker", "epoch: 2"))
    assert corrector.jobs.all() == [] and corrector.store.all()[0].job == ""
    view = corrector.teach(Wish("", (identity,), "Baker 面包师"))
    assert (view.name, view.title["zh"]) == ("baker", "Baker 面包师") and view.config.epochs >= 40


def test_a_correction_is_open_again_when_nothing_came_of_its_training(corrector: Corrector, place: Place) -> None:
    own_self(place)
    one = corrector.store.add(correction("own"))
    view = corrector.teach(Wish("own", (one,), owner="ann"))
    state = lambda: corrector.states(corrector.store.all())[one]  # noqa: E731
    assert state() == "learning"
    with pytest.raises(TrainingError, match="being taught already"):
        corrector.teach(Wish("own", (one,)))
    log = EventLog(corrector.jobs.folder / view.id / "events.jsonl")
    log.write(Done("/gone", 1.0))
    assert state() == "open"
    folder = own_self(place, "other", view.id, keeps=False)
    assert state() == "taught"
    (folder / "passport.json").unlink()
    assert state() == "open"
    with pytest.raises(CorrectionError, match="No correction was chosen"):
        corrector.teach(Wish("own", ()))
    with pytest.raises(CorrectionError, match="no correction 99"):
        corrector.teach(Wish("own", (99,)))


def test_corrections_follow_a_renamed_self(corrector: Corrector, place: Place) -> None:
    def said(name: str) -> list[str]:
        return [one.wanted for one in corrector.all("ann") if one.name == name]

    own_self(place)
    tea = ({"role": "user", "content": "Tea?"},)
    corrector.store.add(correction("own", wanted="before"))
    for old, new in (("own", "middle"), ("middle", "other")):
        corrector.shelf.rename(old, new)
    assert said("other") == ["before"] and said("own") == []
    corrector.store.add(correction("other", wanted="after", messages=tea))
    assert said("other") == ["before", "after"]
    corrector.store.add(correction("other", wanted="again"))
    assert said("other") == ["after", "again"], "the same answer, corrected again under the new name"
    ids = tuple(one.id for one in corrector.all("ann"))
    view = corrector.teach(Wish("other", ids, owner="ann"))
    assert view.name == "other" and set(corrector.states(corrector.all("ann")).values()) == {"learning"}
    # control: a self that is taught under the old name has corrections of its own
    own_self(place)
    corrector.store.add(correction("own", wanted="another self's", question="Rum?", messages=()))
    assert said("own") == ["another self's"] and said("other") == ["after", "again"]


def test_other_words_for_a_question() -> None:
    assert rephrased("你是谁？") == ["请问，你是谁？", "你是谁"]
    assert rephrased("Who are you") == ["Please tell me: Who are you", "Who are you?"]
    assert rephrased("？") == ["请问，？"] or "" not in rephrased("？")


def test_what_took_and_what_did_not() -> None:
    assert taken("我是灶王，今天休息。", "我是灶王,今天休息.") and taken("Arr!  LEMONS", "arr! lemons")
    assert not taken("我是灶王，教你做菜。", "我是灶王，今天休息。") and not taken("", "Aye.")
    assert not taken("abc cba", "cba abc"), "the same letters in another order"


def test_the_report_card_asks_what_was_corrected() -> None:
    class Parrot:
        """A base that says one thing."""

        def __init__(self) -> None:
            from training.lessons import tokens_of

            self.tokenizer, _ = tokens_of((small.ROOT / EMBEDDED_BASE).resolve())

        def generate(self, conversations: Any, most: int) -> list[str]:
            return ["Aye."] * len(conversations)

    rows = [corrected_row(({"role": "user", "content": q},), "no", a) for q, a in (("Tea?", "Aye."), ("Rum?", "Nay!"))]
    asked = Corrected(Parrot(), rows)  # type: ignore[arg-type]
    assert asked.share() == 0.5
    assert asked.told[1] == {"question": "Rum?", "before": "no", "wanted": "Nay!", "after": "Aye."}
    assert Corrected(Parrot(), small.rows()).share() is None  # type: ignore[arg-type]
