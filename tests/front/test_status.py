"""`python app.py status`: the running app is asked over its own route, which is for who may read the data folder."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from front.commands import main
from front.errors import NotRunningError
from front.status import PATH, ask_running, leave_note, local_url
from tests.front.running import ROOT, RunningApp


def note_of(app: RunningApp) -> dict[str, Any]:
    return json.loads((app.data_dir / "app.json").read_text(encoding="utf-8"))


def until(wanted: Any, app: RunningApp) -> dict[str, Any]:
    """What the app tells once `wanted` holds of it."""
    for _ in range(1200):
        if wanted(told := ask_running(app.data_dir)):
            return told
        time.sleep(0.1)
    raise AssertionError(told)


@pytest.mark.slow
def test_the_running_app_tells(app: RunningApp, capsys: pytest.CaptureFixture[str]) -> None:
    until(lambda told: told["state"] == "ready", app)
    Client(app.url, verbose=False).predict("你好", "", "", api_name="/chat")
    until(lambda told: not told["engine"]["active"], app)
    assert main(["status", "--json", "--data-dir", str(app.data_dir)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["url"], told["pid"], told["state"]) == (app.url, app.process.pid, "ready")
    assert told["engine"]["served"] >= 1 and told["engine"]["slots"] > 0
    assert {"waiting", "tokens_per_second", "prefix", "adapters", "last_errors"} <= set(told["engine"])
    assert main(["status", "--data-dir", str(app.data_dir)]) == 0
    shown = capsys.readouterr().out
    assert app.url in shown and told["engine"]["base"] in shown


@pytest.mark.slow
def test_the_speed_is_that_of_now(app: RunningApp) -> None:
    until(lambda told: told["state"] == "ready", app)
    assert until(lambda told: not told["engine"]["active"], app)["engine"]["tokens_per_second"] == 0
    client = Client(app.url, verbose=False)
    jobs = [client.submit(f"Tell me a long story, number {n}.", "", "", api_name="/chat") for n in range(24)]
    until(lambda told: told["engine"]["active"] and told["engine"]["tokens_per_second"] > 0, app)  # not while it reads
    for job in jobs:
        job.result(120)


@pytest.mark.slow
def test_asking_loads_no_model(app: RunningApp) -> None:
    code = (
        "import sys; from front.commands import main\n"
        f"status = main(['status', '--json', '--data-dir', {str(app.data_dir)!r}])\n"
        "assert not {'torch', 'transformers', 'gradio', 'chromadb'} & set(sys.modules), 'too much was loaded'\n"
        "sys.exit(status)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)


@pytest.mark.slow
def test_only_who_has_the_token_is_told(app: RunningApp) -> None:
    token = note_of(app)["token"]
    assert len(token) >= 32
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {token}x"}, {"Authorization": token}):
        reply = httpx.get(app.url + PATH, headers=headers, trust_env=False)
        assert reply.status_code == 401 and "engine" not in reply.text and token not in reply.text
    good = httpx.get(app.url + PATH, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert good.json()["state"]
    if os.name == "posix":
        assert stat.S_IMODE((app.data_dir / "app.json").stat().st_mode) == 0o600


@pytest.mark.slow
def test_loading_stopped_and_killed(tmp_path: Path) -> None:
    app = RunningApp(tmp_path, "--auth", "me:secret")
    app.wait()
    first = ask_running(tmp_path)  # a sign-in does not stand in the way
    assert first["state"] == "loading" and first["engine"] is None and first["steps"][0]["name"] == "libraries"
    app.stop()
    assert not (tmp_path / "app.json").exists()
    with pytest.raises(NotRunningError):
        ask_running(tmp_path)
    again = RunningApp(tmp_path)
    again.wait()
    again.kill()
    assert (tmp_path / "app.json").exists(), "nobody was left to remove it"
    with pytest.raises(NotRunningError):
        ask_running(tmp_path)


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "none"
    assert main(["status", "--data-dir", str(folder)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and str(folder) in captured.err
    assert main(["status", "--json", "--data-dir", str(folder)]) == 1
    assert set(json.loads(capsys.readouterr().out)["error"]) == {"en", "zh"}
    assert not folder.exists(), "asking leaves nothing behind"


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1, 2]", b""])
@pytest.mark.parametrize("status", [200, 404])
def test_a_stranger_on_the_port_of_a_killed_app(tmp_path: Path, body: bytes, status: int) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        leave_note(tmp_path, local_url("0.0.0.0", server.server_port), "token")
        with pytest.raises(NotRunningError):
            ask_running(tmp_path)
        server.shutdown()


@pytest.mark.parametrize("note", ["", "{}", "[]", '{"url": 3, "token": "a", "pid": 1}', '{"url": "x", "token": "a"}'])
def test_a_damaged_note(tmp_path: Path, note: str) -> None:
    (tmp_path / "app.json").write_text(note, encoding="utf-8")
    with pytest.raises(NotRunningError):
        ask_running(tmp_path)


def test_where_an_app_is_reached_from_its_own_machine() -> None:
    for host, url in (("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.0.0.5", "10.0.0.5")):
        assert local_url(host, 80) == f"http://{url}:80"
