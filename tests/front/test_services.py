"""What joins the rooms: the engine hears whose question it is."""

from __future__ import annotations

import threading
from pathlib import Path

from front.services import Services, place_of
from front.settings import load
from llm.chat_runs import Turn
from llm.requests import Generation, GenerationRequest


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
