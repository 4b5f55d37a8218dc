"""Many streams for a long time: random joins, cancels and new versions of adapters, nothing wrong, lost or hung.

Every answer is compared with the one that the same engine gave to the same question when it was alone. In fp32, where
neighbours cannot change a rounding that matters.

    python -m benchmarks.engine_soak [--minutes 10] [--streams 64] [--model embedded]
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.engine_rivals import random_adapter
from benchmarks.report import hardware

QUESTIONS = ("你是谁？", "红烧肉要炖多久？", "Who are you?", "讲个故事。", "List three fish dishes.", "今天喝什么茶？")
TOKENS = 32
# A stream that hears nothing for so long is hung.
PATIENCE = 120.0


@dataclass
class Tally:
    """What came of the requests, and the memory of the process from minute to minute in MiB."""

    ends: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    memory: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--streams", type=int, default=64)
    options = parser.parse_args()
    print(hardware())
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.model import load_base
    from llm.presets import find
    from llm.settings import EMBEDDED_BASE, SHIPPED_ADAPTERS, LlmSettings

    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "adapters"
        settings = LlmSettings(
            Path(folder),
            quantisation="fp32",
            slots=options.streams,
            max_queue=4 * options.streams,
            # Small, so that both are full soon and what grows after that is a leak.
            adapter_memory_mb=96,
            prefix_memory_mb=48,
        )
        base = load_base(EMBEDDED_BASE, settings, find("embedded"))
        for number in range(5):
            random_adapter(own / f"random{number}", base, 4 + 4 * number, seed=number)
        engine = Engine(base, AdapterRegistry((own, SHIPPED_ADAPTERS), (SHIPPED_ADAPTERS,)), settings)
        choices: list[Any] = [None, "chef", "tea", "pirate", {"chef": 0.5, "tea": 0.5}, *map(_name, range(4))]
        alone = {
            (question, number): _ask(engine, question, choice)[0]
            for question in QUESTIONS
            for number, choice in enumerate(choices)
        }
        tally, stop = Tally(), time.monotonic() + 60 * options.minutes
        threads = [
            threading.Thread(target=_talk, args=(engine, choices, alone, tally, stop), daemon=True)
            for _ in range(options.streams)
        ]
        for thread in threads:
            thread.start()
        for turn in itertools.count():
            if time.monotonic() > stop:
                break
            time.sleep(min(10.0, 6 * options.minutes))
            # A new version of a self that somebody may be using.
            random_adapter(own / f".new{turn}", base, 8, seed=100 + turn).rename(own / f"swapped{turn}")
            _ask(engine, QUESTIONS[0], f"swapped{turn}")
            tally.memory.append(_resident_mb())
        hung = 0
        for thread in threads:
            thread.join(PATIENCE)
            hung += thread.is_alive()
        status = engine.status()
        engine.shutdown()
    ends = ", ".join(f"{reason} {count}" for reason, count in sorted(tally.ends.items()))
    print(f"{options.streams} streams, {options.minutes:g} minutes: {ends}; {tally.tokens} tokens, {hung} hung")
    print(f"left over: {status.active} active, {status.waiting} waiting, {status.prefix.pinned} blocks pinned")
    print("memory of the process, MiB:", " ".join(f"{value:.0f}" for value in tally.memory))


def _name(number: int) -> str:
    return f"random{number}"


def _ask(engine: Any, question: str, choice: Any, cancel_after: int | None = None) -> tuple[str, Any]:
    from llm.requests import Finished, GenerationRequest, TextDelta
    from llm.sampling import Sampling

    request = GenerationRequest(
        ({"role": "user", "content": question},), choice, Sampling(max_tokens=TOKENS), session=threading.get_ident()
    )
    generation = engine.submit(request)
    text, end = "", None
    for number, event in enumerate(generation):
        if number == cancel_after:
            generation.cancel()
        if isinstance(event, TextDelta):
            text += event.text
        if isinstance(event, Finished):
            end = event
    return text, end


def _talk(engine: Any, choices: list[Any], alone: dict[Any, str], tally: Tally, stop: float) -> None:
    """One person: asks, sometimes stops the answer, waits a little, asks again."""
    pick = random.Random(threading.get_ident())
    while time.monotonic() < stop:
        question, number = pick.choice(QUESTIONS), pick.randrange(len(choices))
        cancel = pick.randrange(TOKENS) if pick.random() < 0.2 else None
        text, end = _ask(engine, question, choices[number], cancel)
        right = alone[question, number]
        good = right.startswith(text) if end.reason == "cancelled" else text == right
        with tally.lock:
            tally.ends[end.reason if good else "WRONG"] += 1
            tally.tokens += end.completion_tokens
        if not good:
            print(f"wrong: {question} {choices[number]}\n  {text!r}\n  {right!r}")
        time.sleep(pick.random() * 0.5)


def _resident_mb() -> float:
    """Memory of this process: now where the system tells, else the most so far."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
