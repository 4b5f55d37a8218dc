"""One running app for all tests of the page and the endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.front.running import RunningApp


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app with everything loaded and the samples indexed."""
    running = RunningApp(tmp_path_factory.mktemp("data"))
    running.wait()
    yield running
    running.stop()
