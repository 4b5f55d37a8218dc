"""One running app for all tests of the page and the endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from front.status import ask_running
from tests.front.running import RunningApp


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app with everything loaded and the samples indexed."""
    running = RunningApp(tmp_path_factory.mktemp("data"))
    running.wait()
    # The page is there before the model: this question arrives while it loads.
    assert ask_running(running.data_dir)["state"] == "loading"
    running.early = Client(running.url, verbose=False).predict("你好", "", "", api_name="/chat")["answer"]
    yield running
    running.stop()
