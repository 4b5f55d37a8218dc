"""How the running app is asked how it is: a note in the data folder says where, a route answers whoever has read it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front.errors import NotRunningError
from llm.engine_view import Look, facts, tokens_per_second

if TYPE_CHECKING:
    from front.services import Services

PATH = "/fenshen/status"
# Over which the speed is measured where something is being answered.
LOOK_S = 0.5


class StatusRoute:
    """ASGI middleware that answers `PATH` and passes everything else on.

    It stands before the page, so that it adds no endpoint to the public API; and because the page's sign-in does not
    guard it, it wants the token of the note, which only who may read the data folder knows.
    """

    def __init__(self, app: Any, token: str, answer: Callable[[], dict[str, Any]]) -> None:
        self._app, self._token, self._answer = app, token, answer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if secrets.compare_digest(given, f"Bearer {self._token}".encode()):
            status, value = 200, await asyncio.to_thread(self._answer)
        else:
            status, value = 401, {"error": "the token in app.json of the data folder is needed"}
        body = json.dumps(value, ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def describe(services: Services) -> dict[str, Any]:
    """{"state": "loading" | "ready" | "failed", "steps", "engine": llm.engine_view.facts, None without a base,
    "answering": names of the selves in use}."""
    engine, steps = services.engine, services.startup.steps()
    failed = any(step.state == "failed" for step in steps)
    told: dict[str, Any] = {
        "state": "loading" if not services.startup.finished else "failed" if failed else "ready",
        "steps": [
            {"name": s.key, "state": s.state, "detail": s.detail, "error": {"en": s.error[0], "zh": s.error[1]}}
            for s in steps
        ],
        "engine": None,
        "answering": sorted(engine.answering()) if engine is not None else [],
    }
    if engine is not None:
        status = engine.status()
        speed = 0.0
        if status.active:
            before = Look(time.monotonic(), status.generated_tokens)
            time.sleep(LOOK_S)
            status = engine.status()
            speed = tokens_per_second(before, Look(time.monotonic(), status.generated_tokens))
        told["engine"] = facts(status, speed)
    return told


def leave_note(data_dir: Path, url: str, token: str) -> Path:
    """Write where this app can be asked, for its own user only; returns the note, to be removed at the end."""
    note = data_dir / "app.json"
    unfinished = note.with_name("app.json.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token, "pid": os.getpid()}, file)
    unfinished.replace(note)
    return note


def local_url(host: str, port: int) -> str:
    """Where a server that listens on `host` is reached from its own machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def ask_running(data_dir: Path) -> dict[str, Any]:
    """What the app that runs on `data_dir` says, with its "url" and "pid".

    Raises:
        NotRunningError: none does, or it does not answer.
    """
    import httpx

    try:
        note = json.loads((data_dir / "app.json").read_text(encoding="utf-8"))
        with httpx.Client(trust_env=False, timeout=10) as client:
            reply = client.get(note["url"] + PATH, headers={"Authorization": f"Bearer {note['token']}"})
        reply.raise_for_status()
        return {"url": note["url"], "pid": note["pid"], **reply.json()}
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError, httpx.InvalidURL) as error:
        # A note that a killed app left behind leads nowhere, or to a stranger who does not know its token.
        raise NotRunningError(
            en=f"No Fenshen answers for {data_dir}, so there is nothing to tell. Start one (python app.py), or name "
            "the folder of the running one with --data-dir.",
            zh=f"没有 Fenshen 在使用 {data_dir}，或它没有应答，因此没有状态可报告。请先启动（python app.py），"
            "或用 --data-dir 指出正在运行的那个所用的文件夹。",
        ) from error
