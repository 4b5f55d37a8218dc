"""Train the shipped selves on a base: `python -m training.shipped --base DIR --base-fingerprint HEX --out DIR`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.events import Done, read_events
from training.job import Job, write_job
from training.shipped.specs import FOLDER, shipped_lesson, shipped_names
from training.telling import lines

ROOT = Path(__file__).resolve().parents[2]


def make_job(name: str, folder: Path, changes: dict[str, Any], out: Path, cache: Path) -> TrainingConfig:
    """Write the job folder of a shipped self; returns its configuration."""
    config, info, signs, rows = shipped_lesson(name, changes)
    write_job(folder, Job(config, info, out, signs, cache), rows)
    return config


def main(arguments: list[str] | None = None) -> int:
    """Train them one after the other, each in a process of its own; exit 1 if one failed or missed a bar."""
    parser = argparse.ArgumentParser(prog="python -m training.shipped", description=__doc__)
    parser.add_argument("--base", default="llm/embedded/base", help="folder of the base (default %(default)s)")
    parser.add_argument("--base-fingerprint", required=True, help="fingerprint of that base, as the app computes it")
    parser.add_argument("--out", type=Path, default=Path("llm/embedded/adapters"), help="adapters folder")
    parser.add_argument("--only", choices=shipped_names(), action="append", help="train only this self (repeatable)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="keep the job folders here (rows and events)")
    given = parser.parse_args(arguments)
    changes = {"base": given.base, "base_fingerprint": given.base_fingerprint, "threads": given.threads}
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.only or shipped_names():
            folder = (given.keep or Path(scratch)) / name
            began = time.monotonic()
            make_job(name, folder, changes, given.out.resolve(), (given.keep or Path(scratch)).resolve())
            print(f"{name}:", flush=True)
            if not _train(folder):
                failed.append(name)
            print(f"  {time.monotonic() - began:.0f} s", flush=True)
        if not given.only:
            _keep_answers((given.keep or Path(scratch)), given.base_fingerprint)
    if failed:
        print(f"failed or below a bar: {', '.join(failed)}")
    return 1 if failed else 0


def _keep_answers(cache: Path, fingerprint: str) -> None:
    """Ship what the base answered, in place of what the one before it did: no training has to ask it again."""
    for old in FOLDER.glob("answers-*.json"):
        old.unlink()
    shutil.copyfile(cache / f"answers-{fingerprint[:16]}.json", FOLDER / f"answers-{fingerprint[:16]}.json")


def _train(folder: Path) -> bool:
    """Run the job and print its events; True if it was published and met every bar."""
    process = subprocess.Popen([sys.executable, "-m", "training.run", str(folder.resolve())], cwd=ROOT)
    shown = 0
    passed = False
    while True:
        running = process.poll() is None
        events = list(read_events(folder / "events.jsonl"))
        for event in events[shown:]:
            for line in lines(event):
                print(line, flush=True)
            if isinstance(event, Done):
                passed = bool(event.scores.get("passed"))
        shown = len(events)
        if not running:
            return passed
        time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())
