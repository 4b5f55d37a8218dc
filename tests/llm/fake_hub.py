"""A model hub on loopback: a real HTTP server that serves files in ranges, and fails in chosen ways."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

import pytest

REPOSITORY = "someone/tiny-model"
COMMIT = "c0ffee" * 6 + "c0ff"
HTML = b"<html><body>Please sign in to the hotel's network</body></html>"


def isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the tokens, addresses and proxies of the machine out of the environment."""
    for name in (
        *("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "OPENXLAB_AK", "OPENXLAB_SK", "OPENXLAB_ENDPOINT"),
        *("MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN", "MODELSCOPE_API_TOKEN"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@dataclass
class Request:
    """What the server saw and sent: `sent` counts body bytes."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Faults:
    """How the server misbehaves.

    Attributes:
        drop: bytes of a file's body after which the connection is cut, one entry per request.
        corrupt: files whose last byte is changed.
        truncate: files of which only half exists, while everything (sizes too) pretends that this is the whole.
        statuses: HTTP statuses to give to the next requests whose path contains the key.
        stall_s: seconds of silence in the middle of a file, once per file named.
        no_range: ranges are ignored.
        html: every answer of the API is a login page.
        expired: requests with a signature made before this number are refused.
        denied: the files are refused (a gated model), the list is not.
    """

    drop: dict[str, list[int]] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    truncate: set[str] = field(default_factory=set)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    stall_s: dict[str, float] = field(default_factory=dict)
    no_range: bool = False
    html: bool = False
    expired: int = 0
    denied: int = 0


T = TypeVar("T", bound="FakeHub")


class FakeHub(ABC):
    """One hub with one repository. Use as a context manager; `endpoint` is its address."""

    source = ""
    api_prefix = ""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.faults = dict(files), Faults()
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.extra_names: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.endpoint = self.origin + self.api_prefix

    def __enter__(self: T) -> T:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def requests_for(self, name: str) -> list[Request]:
        """Requests for the bytes of one file."""
        return [r for r in self.requests if self.file_of(r.path) == name and r.status not in (301, 302, 307)]

    def content(self, name: str) -> bytes:
        """The bytes that the server holds, faults included."""
        data = self.files[name]
        if name in self.faults.truncate:
            data = data[: len(data) // 2]
        if name in self.faults.corrupt:
            data = data[:-1] + bytes([data[-1] ^ 0xFF])
        return data

    @abstractmethod
    def file_of(self, path: str) -> str | None:
        """The file that a path asks for, or None for another call."""

    @abstractmethod
    def answer(self, handler: Handler, body: bytes) -> None:
        """Serve everything that is not a file's bytes."""

    def _handler(self) -> type[Handler]:
        return type("HubHandler", (Handler,), {"hub": self})


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub = self.hub
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.request_log = Request(self.command, self.path, headers)
        with hub.lock:
            hub.requests.append(self.request_log)
            key = next((key for key in hub.faults.statuses if key in self.path and hub.faults.statuses[key]), None)
            status = hub.faults.statuses[key].pop(0) if key else 0
        if status:
            self.reply(status, b"{}")
        elif hub.file_of(self.path) is None:
            if hub.faults.html:
                self.reply(200, HTML, {"Content-Type": "text/html"})
            else:
                hub.answer(self, body)
        else:
            self.send_file(hub.file_of(self.path) or "")

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.request_log.status = status
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, value: object, status: int = 200) -> None:
        self.reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send_file(self, name: str) -> None:
        """The bytes of a file from the range asked for, cut off or delayed where the faults say so."""
        hub, faults = self.hub, self.hub.faults
        if faults.denied:
            return self.reply(faults.denied, b"{}", {"X-Error-Code": "GatedRepo"})
        if name not in hub.files:
            return self.reply(404, b"{}")
        data = hub.content(name)
        asked = self.headers.get("Range")
        start, end = 0, len(data) - 1
        if asked and not faults.no_range:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last), end) if last else end
            if start >= len(data):
                return self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        body = data[start : end + 1]
        self.request_log.status = 206 if asked and not faults.no_range else 200
        self.send_response(self.request_log.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if self.request_log.status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return None
        with hub.lock:
            drops, stall = faults.drop.get(name, []), faults.stall_s.pop(name, 0.0) if len(body) > 1 else 0.0
            cut = drops.pop(0) if drops and len(body) > 1 else None
        try:
            self._send_body(body, cut, stall)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        return None

    def _send_body(self, body: bytes, cut: int | None, stall: float) -> None:
        half = len(body) // 2 if stall else 0
        for chunk in (body[:half], body[half:] if cut is None else body[:cut]):
            for at in range(0, len(chunk), 16384):
                self.wfile.write(chunk[at : at + 16384])
                self.request_log.sent += len(chunk[at : at + 16384])
            if stall and chunk is not body:
                time.sleep(stall)
                stall = 0.0
        if cut is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
