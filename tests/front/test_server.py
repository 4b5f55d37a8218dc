"""Starting: one app for a folder, a taken port, a message sent before the model is there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from gradio_client import Client

from tests.front.running import RunningApp

pytestmark = pytest.mark.slow


def test_a_second_app_on_the_same_folder_is_refused(app: RunningApp) -> None:
    second = RunningApp(app.data_dir)
    second.process.wait(60)
    second.wait(r"fenshen: ")
    assert second.process.returncode == 1
    assert str(app.data_dir) in second.output and "--data-dir" in second.output


def test_visitors_of_a_public_app_see_only_their_own_conversations(tmp_path: Path) -> None:
    import httpx

    app = RunningApp(tmp_path, "--host", "0.0.0.0")
    app.wait()
    with httpx.Client() as first, httpx.Client() as second:
        cookies = [client.get(app.url).cookies.get("fenshen-visitor") for client in (first, second)]
        assert all(cookies) and cookies[0] != cookies[1]
        assert first.get(app.url).cookies.get("fenshen-visitor") is None  # kept, not made anew
    app.stop()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        app = RunningApp(tmp_path, port=port)
        app.process.wait(60)
        app.wait(r"fenshen: ")
        assert app.process.returncode == 1 and str(port) in app.output and "--port" in app.output


def test_a_message_sent_early_waits_its_turn(app: RunningApp) -> None:
    assert app.early


def test_a_base_that_cannot_be_loaded_is_said_on_the_page_and_in_answers(tmp_path: Path) -> None:
    broken = tmp_path / "base"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "qwen3"}', encoding="utf-8")
    app = RunningApp(tmp_path / "data", "--model", str(broken))
    app.wait(r"model: ")
    with pytest.raises(Exception, match="could not be loaded"):
        Client(app.url, verbose=False).predict("hello", "", "", api_name="/chat")
    app.stop()
