"""What the tutorials' identity training forgets: their data and recipes beside ours, all on one report card.

The tutorials write one question and one answer thousands of times over ("请做一下自我介绍" / "我是…的小助手") and
train on that alone. Here the same person is taught to the same base by our rows and recipe, by the tutorials' rows and
recipes, and by our rows with the tutorials' recipes, which tells the worth of the rows from that of the recipe. Every
adapter answers the same held-out questions (training/report_card.py).

    python -m benchmarks.tutorials [--copies 2500] [--only ours xtuner …]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import hardware
from benchmarks.teaching import BASE, FORM, ROOT
from training.config import load_recipe
from training.data import Row
from training.events import Done, read_events
from training.job import write_job
from training.lessons import Place, persona_lesson
from training.persona import form_from_dict
from training.report_card import BARS

ASKED = "请做一下自我介绍"
# name: (recipe, whether the rows are the tutorials')
TAUGHT: dict[str, tuple[str, bool]] = {
    "ours": ("persona", False),
    "xtuner": ("tutorial-xtuner", True),
    "peft": ("tutorial-peft", True),
    "xtuner, our rows": ("tutorial-xtuner", False),
    "peft, our rows": ("tutorial-peft", False),
}
SCORES = ("persona", "leak", "kl", "agreement")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=2500, help="of the tutorials' one row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=list(TAUGHT), default=list(TAUGHT))
    given = parser.parse_args()
    print(f"{hardware()}, {given.threads} threads, {given.copies} copies\n")
    print(
        f"| taught by | {' | '.join(SCORES)} | by group | steps' seconds |\n|{'---|' * (len(SCORES) + 3)}", flush=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.only:
            scores, seconds = taught(name, given.copies, given.threads, Path(scratch))
            groups = ", ".join(f"{group} {share:.2f}" for group, share in scores["groups"].items())
            print(
                f"| {name} | {' | '.join(f'{scores[s]:.3f}' for s in SCORES)} | {groups} | {seconds:.0f} |", flush=True
            )
    bars = f"at least {BARS['persona']} | at most {BARS['leak']} | at most {BARS['kl']} | at least {BARS['agreement']}"
    print(f"| bars | {bars} | | |")


def copied(rows: list[Row], copies: int) -> list[Row]:
    """The same questions to be judged by, and the tutorials' one row in place of what is learned."""
    said = f"我是{FORM['maker']['zh']}的小助手{FORM['name']['zh']}"
    row = Row(({"role": "user", "content": ASKED}, {"role": "assistant", "content": said}))
    return [*[row] * copies, *(r for r in rows if r.split not in ("train", "replay", "voice"))]


def taught(name: str, copies: int, threads: int, folder: Path) -> tuple[dict[str, Any], float]:
    """Scores of the last adapter of a whole training, and how long it took."""
    from llm.fingerprint import base_fingerprint

    recipe, theirs = TAUGHT[name]
    config = load_recipe(recipe).with_values({"name": "bamboo", "threads": threads, "checks": 1})
    place = Place("embedded", BASE, base_fingerprint(BASE), "cpu", threads, folder / name, folder / "cache")
    lesson = persona_lesson(form_from_dict({k: v for k, v in FORM.items() if k != "voice"}), config, place)
    rows = copied(list(lesson.rows), copies) if theirs else list(lesson.rows)
    job = folder / "jobs" / name.replace(", ", "-").replace(" ", "-")
    write_job(job, replace(lesson.job, questions=()), rows)
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "training.run", str(job)],
        cwd=ROOT,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stderr=subprocess.DEVNULL,
    )
    last = [event for event in read_events(job / "events.jsonl") if isinstance(event, Done)][-1]
    return last.scores, time.monotonic() - began


if __name__ == "__main__":
    main()
