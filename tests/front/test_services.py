"""What joins the rooms: the engine hears whose question it is."""

from __future__ import annotations

import threading
from pathlib import Path

from front.services import Services
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
