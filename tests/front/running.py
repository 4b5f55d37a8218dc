"""A real app in a process of its own, for tests of the page, the endpoints and kills."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningApp:
    """`python app.py` on a free port.

    Attributes:
        output: what it has printed.
        early: its answer to a question that was asked before the model was there.
    """

    def __init__(self, data_dir: Path, *arguments: str, port: int | None = None) -> None:
        self.data_dir, self.port = data_dir, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "app.py", "--data-dir", str(data_dir), "--port", str(self.port), *arguments]
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # Tests that run in the background were told to ignore Ctrl+C, and the app would inherit that.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "no_proxy": "127.0.0.1,localhost"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8",
        )  # fmt: skip
        self.output = self.early = ""
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self, pattern: str = r"page ready", timeout: float = 120) -> str:
        """Until the output holds `pattern`; fails when the app ends first."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if re.search(pattern, self.output):
                return self.output
            if self.process.poll() is not None:
                time.sleep(0.3)
                if re.search(pattern, self.output):
                    return self.output
                raise AssertionError(f"the app ended ({self.process.returncode}):\n{self.output}")
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} within {timeout} s:\n{self.output}")

    def kill(self) -> None:
        """As a power cut would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
