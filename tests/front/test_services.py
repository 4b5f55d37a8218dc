"""What joins the rooms: the engine hears whose question it is."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from front import page
from front.services import Services, place_of
from front.settings import load
from front.startup import Part
from llm.chat_runs import Turn
from llm.requests import Generation, GenerationRequest
from llm.settings import SHIPPED_ADAPTERS
from tests.training import small
from training.events import Done, EventLog


def test_the_engine_hears_whose_question_it_is(tmp_path: Path) -> None:
    services = Services(load({"data_dir": str(tmp_path)}, {}))
    services.load(model=True, knowledge=False)
    engine = services.chat_model.get().engine
    submit, heard = engine.submit, []

    def listen(request: GenerationRequest) -> Generation:
        heard.append(request.session)
        return submit(request)

    engine.submit = listen
    try:
        for owner in ("ann", "bob"):
            events = list(services.answer(Turn("Hello", (), {"sampling": {"max_tokens": 4}}, owner), threading.Event()))
            assert events[-1]["type"] == "done" and events[-1]["answer"]
    finally:
        services.close()
    assert heard == ["ann", "bob"]


def test_trainings_happen_on_the_base_that_answers(tmp_path: Path) -> None:
    services = Services(load({"data_dir": str(tmp_path), "training_threads": "1"}, {}))
    services.load(model=True, knowledge=False)
    try:
        base, place = services.chat_model.get().engine.base, services.place()
        assert (place.folder, place.fingerprint, place.base) == (base.folder, base.fingerprint, "embedded")
        assert place.threads == 1 and place.adapters == tmp_path.resolve() / "adapters"
        assert not services.answers_now("chef")
        services.engine.answering = lambda: {"chef"}  # type: ignore[union-attr,method-assign]
        assert services.answers_now("chef") and not services.answers_now("tea")
    finally:
        services.close()


def test_a_path_of_this_machine_is_not_published(tmp_path: Path) -> None:
    folder = tmp_path / "private" / "My-Base"
    folder.mkdir(parents=True)
    settings = load({"data_dir": str(tmp_path / "data"), "model": str(folder)}, {})
    assert place_of(settings, folder, "ab", "cuda").base == "My-Base"
    assert place_of(settings, folder, "ab", "cuda").device == place_of(settings, folder, "ab", "cuda:0").device


def test_talking_to_what_cannot_answer_says_why(tmp_path: Path) -> None:
    services = Services(load({"data_dir": str(tmp_path)}, {}))
    config = small.CONFIG.with_values({"base_fingerprint": "d" * 64})
    job = services.jobs.submit(small.job(tmp_path, config), small.rows()).id
    version = services.shelf.root / "small" / "v1"
    shutil.copytree(SHIPPED_ADAPTERS / "pirate", version)
    papers = json.loads((version / "passport.json").read_text(encoding="utf-8"))
    written = {**papers, "job": job, "base_fingerprint": "d" * 64}
    (version / "passport.json").write_text(json.dumps(written), encoding="utf-8")
    (version.parent / "current").write_text("v1\n", encoding="utf-8")
    EventLog(services.jobs.folder / job / "events.jsonl").write(Done(str(version), 1.0))

    def said(fingerprint: str, lang: str = "en") -> str:
        base = SimpleNamespace(fingerprint=fingerprint)
        services.chat_model = Part()
        services.chat_model.fulfil(SimpleNamespace(engine=SimpleNamespace(base=base, answering=tuple)))
        services.registry.bind(fingerprint, {})
        with pytest.raises(gr.Error) as caught:
            page.choose_taught(services, job, lang)
        return str(caught.value.message)

    assert "another base" in said("e" * 64) and "另一个基座" in said("e" * 64, "zh")
    services.shelf.rename("small", "other")
    services.registry.bind("d" * 64, {})
    # control: on its own base it is chosen, by the name that it has now
    assert page.choose_taught(services, job, "en")["value"] == "other"
    weights = services.shelf.root / "other" / "v1" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:999])
    assert "damaged" in said("d" * 64) and "已损坏" in said("d" * 64, "zh")
    services.shelf.delete("other")
    assert "was deleted" in said("d" * 64)
