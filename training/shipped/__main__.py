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

from training.config import TrainingConfig, check_keys, load_recipe
from training.events import Done, read_events
from training.job import Job, write_job
from training.persona import PersonaRows, form_from_dict
from training.publish import SelfInfo
from training.telling import lines

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent


def load_spec(name: str) -> dict[str, Any]:
    """The YAML of a shipped self, with its facts (if it has any) added to the form's samples."""
    import yaml

    spec: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    check_keys(spec, ["recipe", "values", "facts", "title", "description", "examples", "form"], "spec")
    if "facts" in spec:
        facts = yaml.safe_load((FOLDER / spec["facts"]).read_text(encoding="utf-8"))
        for lang, items in facts.items():
            for item in items:
                held = [item["held"]] if "held" in item else []
                spec["form"]["samples"].append(
                    {"lang": lang, "questions": item["q"], "answer": item["a"], "held_out": held}
                )
    return spec


def make_job(name: str, folder: Path, changes: dict[str, Any], out: Path, cache: Path) -> TrainingConfig:
    """Write the job folder of a shipped self; returns its configuration."""
    spec = load_spec(name)
    config = load_recipe(spec["recipe"]).with_values({**(spec.get("values") or {}), **changes, "name": name})
    form = form_from_dict(spec["form"])
    rows = PersonaRows(form, config.seed).build(config.replay_rows, config.leak_prompts)
    info = SelfInfo(spec["title"], spec["description"], form.languages, spec["examples"])
    write_job(folder, Job(config, info, out, form.signs, cache), rows)
    return config


def shipped_names() -> list[str]:
    """Names of the shipped selves."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith("_facts"))


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
