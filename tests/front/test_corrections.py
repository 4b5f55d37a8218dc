"""What joins chat and teaching: a correction holds the very messages the engine was asked with; and the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from front.commands import main
from front.corrections import acceptor
from front.services import Services
from front.settings import load
from llm.chat_runs import ChatRuns
from llm.conversations import ConversationStore, Message
from llm.corrections import correction_of
from llm.errors import LlmError
from llm.settings import SHIPPED_ADAPTERS
from rag.types import Passage
from training.corrections import Correction, CorrectionStore

SHORT = {"sampling": {"max_tokens": 6}}
BREAD = Passage("d1", "recipes", "bread.md", "Bread", "Bread is baked for 40 minutes.", 0, 30, heading="Bread > Baking")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(load({"data_dir": str(tmp_path), "training_threads": "1"}, {}))
    services.load(model=True, knowledge=False)
    # one passage is enough: how it is found is the other room's
    services.knowledge.fulfil(
        SimpleNamespace(
            documents=lambda name: [], search=lambda *_: [BREAD], settings=SimpleNamespace(refuse_below=0.0),
            close=lambda: None,
        )
    )  # fmt: skip
    yield services
    services.close()


def test_a_correction_holds_what_the_engine_was_asked_with(services: Services, tmp_path: Path) -> None:
    engine = services.chat_model.get().engine
    submit, heard = engine.submit, []

    def listen(request: Any) -> Any:
        heard.append([dict(m) for m in request.messages])
        return submit(request)

    engine.submit = listen  # type: ignore[method-assign]
    store = ConversationStore(tmp_path / "chats.db")
    runs = ChatRuns(store, services.answer, (LlmError,))
    conversation = store.create("ann").id

    def ask(question: str, **options: Any) -> Message:
        *_, last = runs.start(conversation, question, {**SHORT, **options}, "ann").follow(every=0)
        return last

    first = ask("Hello!", adapter="pirate", system_prompt="Be short.")
    accept = acceptor(services)
    accept(correction_of(store.messages(conversation), first.id, "Ahoy.", "ann"))
    store.update(first.id, first.content, "done", {**first.about, "corrected": "Ahoy."})
    second = ask("Who are you?", adapter="pirate")
    accept(correction_of(store.messages(conversation), second.id, "Nobody.", "ann"))
    third = ask("How long is bread baked?", adapter="pirate", collection="recipes")
    accept(correction_of(store.messages(conversation), third.id, "Forty minutes [1].", "ann"))
    store.close()

    kept = services.corrections.all("ann")
    assert [list(one.messages) for one in kept] == heard
    assert kept[0].messages[0] == {"role": "system", "content": "Be short."} and "Ahoy." in str(kept[1].messages)
    assert BREAD.text in kept[2].messages[0]["content"] and kept[2].documents == ("Bread",)
    version = services.registry.get("pirate").version
    assert {(one.name, one.version) for one in kept} == {("pirate", version)}, "a shipped self has no numbered version"
    assert [one.wanted for one in kept] == ["Ahoy.", "Nobody.", "Forty minutes [1]."]
    assert asdict(kept[0])["said"] == first.content


def test_a_store_that_cannot_be_written_is_said_in_the_chats_words(tmp_path: Path) -> None:
    (tmp_path / "corrections.db").mkdir()
    messages = [Message(1, "user", "Tea?"), Message(2, "assistant", "No.")]
    with pytest.raises(LlmError, match="could not be read or written"):
        acceptor(Services(load({"data_dir": str(tmp_path)}, {})))(correction_of(messages, 2, "Aye.", "ann"))


def test_an_answer_from_before_a_rename_is_the_renamed_selfs(tmp_path: Path) -> None:
    services = Services(load({"data_dir": str(tmp_path)}, {}))
    shutil.copytree(SHIPPED_ADAPTERS / "pirate", services.shelf.root / "salty")
    services.shelf.rename("salty", "brine")
    messages = [Message(1, "user", "Tea?"), Message(2, "assistant", "No.", about={"adapter": "salty"})]
    accept = acceptor(services)
    accept(correction_of(messages, 2, "Aye.", "ann"))
    # control: a self that is there keeps its name
    accept(correction_of([messages[0], replace(messages[1], about={"adapter": "pirate"})], 2, "Aye.", "ann"))
    assert [one.name for one in services.corrections.all()] == ["brine", "pirate"]


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    status = main(["corrections", *arguments, "--data-dir", str(folder), "--training-threads", "1"])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def kept(tmp_path: Path) -> CorrectionStore:
    store = CorrectionStore(tmp_path / "corrections.db")
    for name, question in (("pirate", "Tea?"), ("pirate", "Rum?"), ("", "Bread?")):
        store.add(Correction(name, "", ({"role": "user", "content": question},), question, "No.", "Aye."))
    return store


def test_the_command_lists_changes_and_removes(
    kept: CorrectionStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "Rum?  No.  →  Aye." in run(capsys, tmp_path)[1]
    assert run(capsys, tmp_path, "edit", "2", "Arr,", "aye.")[0] == 0
    status, out, _ = run(capsys, tmp_path, "remove", "1", "--json")
    rows = json.loads(out)
    assert status == 0 and [(row["id"], row["wanted"]) for row in rows] == [(2, "Arr, aye."), (3, "Aye.")]
    assert (rows[0]["self"], rows[1]["self"], rows[0]["state"]) == ("pirate", None, "open")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("teach",), "several selves"),
        (("teach", "3"), "give a name"),
        (("teach", "9"), "no correction 9"),
        (("teach", "1", "--set", "epoch=1"), "epoch"),
        (("edit", "1"), "cannot be empty"),
        (("edit", "x", "y"), "numbers"),
        (("remove",), "numbers"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], why: str, kept: CorrectionStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out, err = run(capsys, tmp_path, *arguments)
    assert status in (1, 2) and out == "" and why in err
    assert all(one.wanted == "Aye." and not one.job for one in kept.all()) and not (tmp_path / "jobs").exists()


@pytest.mark.slow
def test_the_command_teaches(kept: CorrectionStore, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, tmp_path, "teach", "1", "2", "--detach", "--json")
    told = json.loads(out)
    assert status == 0 and told["name"] == "pirate" and [one.job for one in kept.all()] == [told["id"]] * 2 + [""]
    assert [row["state"] for row in json.loads(run(capsys, tmp_path, "--json")[1])] == ["learning"] * 2 + ["open"]
    assert main(["jobs", "stop", "--data-dir", str(tmp_path)]) == 0
    assert main(["jobs", "follow", "--data-dir", str(tmp_path)]) == 0
    capsys.readouterr()
    assert [row["state"] for row in json.loads(run(capsys, tmp_path, "--json")[1])] == ["open"] * 3, "given back"
