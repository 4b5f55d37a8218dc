"""The engine on a GPU: a random-weight Qwen2-7B in nf4 and bf16, 32 requests over 8 adapters (r=16, all linear layers).

Interleaved in one run, medians:
- tutorials' way: lock, PEFT `set_adapter`, `generate`, one request after another (some of the requests; a rate does
  not depend on how many);
- here with 8 adapters; here without adapters;
- decode steps of 32 rows alone: captured or launched one by one, with and without adapters, and with torch's own
  operations in place of the kernels.
Before that, correctness on this machine: kernels against torch, the engine's tokens against PEFT's.

    python -m benchmarks.engine_gpu [--parts check nf4 bf16] [--rounds 3] [--out FILE.json] [--profile FOLDER]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.engine_gpu_base import QWEN2_7B, SMALL, random_base
from benchmarks.engine_gpu_check import check
from benchmarks.engine_rivals import Rivals, random_adapter
from benchmarks.report import Row, hardware, table

REQUESTS, ADAPTERS, RANK, TOKENS, PROMPT = 32, 8, 16, 64, 200
STARTED = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["check", "nf4", "bf16"], choices=("check", "nf4", "bf16"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sequential", type=int, default=2, help="requests of the baseline in a round")
    parser.add_argument("--out", type=Path, help="file for the results, written after every part")
    parser.add_argument("--profile", type=Path, help="folder for the kernels' times in one decode step")
    parser.add_argument("--small", action="store_true", help="a tiny base, to try this out on any machine")
    options = parser.parse_args()
    import torch

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else hardware()
    say(f"{name}, torch {torch.__version__}")
    results: dict[str, Any] = {"device": name, "torch": torch.__version__}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as adapters:
        for part in options.parts:
            start = time.perf_counter()
            if part == "check":
                results[part] = check(device, options.small)
            else:
                results[part] = speed(part, device, Path(adapters), options)
                rows += _rows(part, results[part])
            results[part]["seconds"] = time.perf_counter() - start
            if options.out:
                options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
            say(f"{part} done")
            gc.collect()
            if device.type == "cuda":
                torch.cuda.empty_cache()
    print(json.dumps(results))
    if rows:
        print(table(rows))


def say(text: str) -> None:
    print(f"[{time.perf_counter() - STARTED:6.1f} s] {text}", flush=True)


def speed(quantisation: str, device: Any, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every figure for one quantisation; `folder` holds the adapters, or will."""
    import torch

    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.settings import LlmSettings

    base = random_base(SMALL if options.small else QWEN2_7B, quantisation, device)
    say(f"{quantisation}: base of {base.bytes / 2**30:.1f} GiB")
    names = [f"a{number}" for number in range(ADAPTERS)]
    for number, name in enumerate(names):
        if not (folder / name).exists():
            random_adapter(folder / name, base, RANK, seed=number)
    say("adapters written")
    settings = LlmSettings(
        folder, slots=REQUESTS, prefix_memory_mb=0, adapter_memory_mb=4096, kv_memory_mb=4096, packed_mb=0
    )
    engine = Engine(base, AdapterRegistry((folder,)), settings)
    say(f"engine ready, kernels {engine.decoder.table is not None}")
    # PEFT wraps the model's layers after the engine has taken them: both compute with the same weights.
    rivals = Rivals(base, base, {name: folder / name for name in names})
    say("PEFT ready")
    prompts = [engine.prompt_ids(_request(number, None)) for number in range(REQUESTS)]
    agreement = _agreement(engine, rivals, prompts[0], names)
    say(f"difference from PEFT, share of the adapter's effect: {agreement}")
    figures = _rounds(engine, rivals, prompts, names, options)
    figures["prompt tokens"] = statistics.mean(map(len, prompts))
    figures["difference from PEFT"] = agreement
    figures["8 adapters / sequential"] = figures["adapters"] / figures["sequential"]
    figures["8 adapters / none"] = figures["adapters"] / figures["plain"]
    graphs = engine.decoder.graphs
    figures["kernels"], figures["captured"] = engine.decoder.table is not None, bool(graphs and graphs.enabled)
    figures["prepared steps"] = graphs.count if graphs else 0
    if device.type == "cuda":
        figures["GiB at most"] = torch.cuda.max_memory_allocated() / 2**30
    with torch.inference_mode():
        figures["decode step, ms"] = _steps(engine, names, options.profile and options.profile / quantisation)
    engine.shutdown()
    return figures


def _rounds(
    engine: Any, rivals: Rivals, prompts: list[list[int]], names: list[str], options: argparse.Namespace
) -> dict[str, Any]:
    """The medians of the interleaved rounds, and what they are of."""
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds + 2):
        for what, chosen in (("adapters", names * (REQUESTS // ADAPTERS)), ("plain", [None] * REQUESTS)):
            total, decoding, first = _answers(engine, chosen)
            times[what].append(total)
            times[f"{what}, decoding"].append(decoding)
            times[f"{what}, first token"].append(first)
        if number:
            asked = [(number + n) % REQUESTS for n in range(options.sequential)]
            used = [names[at % ADAPTERS] for at in asked]
            times["sequential"].append(rivals.sequential([prompts[at] for at in asked], used, TOKENS))
        say(f"round {number}: " + ", ".join(f"{what} {values[-1]:.4g}" for what, values in times.items()))
    figures: dict[str, Any] = {}
    for what, values in times.items():
        # Two rounds of ours warm up, in which steps are captured, and one of the rival.
        kept = values[-options.rounds :]
        figures[what], figures[f"{what}, all"] = statistics.median(kept), kept
    return figures


def _request(number: int, adapter: str | None) -> Any:
    from llm.requests import GenerationRequest
    from llm.sampling import Sampling

    text = f"{number}. " + " ".join(f"{word} tokens of text {number * word % 97}" for word in range(PROMPT // 11))
    return GenerationRequest(({"role": "user", "content": text},), adapter, Sampling(max_tokens=TOKENS))


def _answers(engine: Any, adapters: list[Any]) -> tuple[float, float, float]:
    """Requests that arrive together: tokens/s, prompts included; mean tokens/s of all streams while decoding; seconds
    to the last first token."""
    from llm.requests import Finished

    start = time.perf_counter()
    running = [engine.submit(_request(number, name)) for number, name in enumerate(adapters)]
    ends = [next(e for e in generation if isinstance(e, Finished)) for generation in running]
    seconds = time.perf_counter() - start
    made = sum(end.completion_tokens for end in ends)
    assert made == len(adapters) * TOKENS, made
    return made / seconds, sum(end.tokens_per_second for end in ends), max(end.ttft_s for end in ends)


def _agreement(engine: Any, rivals: Rivals, prompt: list[int], names: list[str]) -> dict[str, float]:
    """Mean difference of the scores after a prompt from PEFT's, as a share of what the adapter changes."""
    import torch

    from llm.steps import Work

    found: dict[str, float] = {}
    with torch.inference_mode():
        plain = rivals.scores(prompt, None)
        for adapter, other in ((names[0], names[1]), (names[1], names[0])):
            truth = rivals.scores(prompt, adapter)
            effect = (truth - plain).abs().mean()
            for label, chosen in ((adapter, adapter), (f"{adapter}, control", other)):
                row = engine.decoder.memory.open(len(prompt))
                got = engine.decoder.step([Work(row, prompt, engine._resident.get(chosen).ready)])[0]
                engine.decoder.memory.close(row, clean=True)
                found[label] = float((got - truth).abs().mean() / effect)
    return found


def _steps(engine: Any, names: list[str], profile: Path | None) -> dict[str, float]:
    """Milliseconds of a decode step of 32 rows of 232 tokens, by how it is done."""
    import torch

    from llm.stack import Stacks
    from llm.steps import Work, plan

    decoder, graphs = engine.decoder, engine.decoder.graphs
    rows = [decoder.memory.open(PROMPT + TOKENS) for _ in range(REQUESTS)]
    adapters = [engine._resident.get(name).ready for name in names]
    found: dict[str, float] = {}

    def works(several: bool) -> list[Any]:
        for row in rows:
            row.length = PROMPT + TOKENS // 2
        return [Work(row, [7 + n], adapters[n % ADAPTERS] if several else None) for n, row in enumerate(rows)]

    def time_of(label: str, step: Any, several: bool) -> None:
        for _ in range(10):
            step(works(several)).argmax(-1).tolist()
        taken = []
        for _ in range(15):
            todo = works(several)
            start = time.perf_counter()
            step(todo).argmax(-1).tolist()
            taken.append(time.perf_counter() - start)
        found[f"{label}, {'8 adapters' if several else 'none'}"] = statistics.median(taken) * 1e3

    stacks = Stacks()

    def with_torch(todo: list[Any]) -> Any:
        with decoder._backends():
            return decoder.forward(plan(todo, decoder.memory, stacks))

    for several in (True, False):
        if graphs:
            time_of("captured", decoder.step, several)
            graphs.enabled = False
            time_of("kernels, not captured", decoder.step, several)
            graphs.enabled = True
        time_of("torch", with_torch, several)
    if graphs:
        graphs.clear()
        graphs.overlap = False
        time_of("captured, one stream", decoder.step, True)
        graphs.clear()
        graphs.overlap = True
    say(f"decode step, ms: {found}")
    if profile and torch.cuda.is_available():
        for label, several in (("adapters", True), ("none", False)):
            _profile(lambda: decoder.step(works(several)), profile.with_name(f"{profile.name}_{label}.txt"))  # noqa: B023
    for row in rows[::-1]:
        decoder.memory.close(row)
    return found


def _profile(step: Any, file: Path) -> None:
    """What the kernels of a captured step take."""
    import torch
    from torch.profiler import ProfilerActivity

    for _ in range(10):
        step().argmax(-1).tolist()
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
        step().argmax(-1).tolist()
    text = profiler.key_averages().table(sort_by="self_device_time_total", row_limit=25, max_name_column_width=70)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _rows(part: str, f: dict[str, Any]) -> list[Row]:
    what = f"{part}: tokens/s, {REQUESTS} requests, {ADAPTERS} adapters"
    steps = f["decode step, ms"]
    rows = [
        Row(what, f["adapters"], "lock, set_adapter, generate", f["sequential"], "higher"),
        Row("the same", f["adapters"], "here without adapters", f["plain"], "higher"),
        Row(
            f"{part}: the same while decoding",
            f["adapters, decoding"],
            "without adapters",
            f["plain, decoding"],
            "higher",
        ),
    ]
    if "captured, 8 adapters" in steps:
        ours = steps["captured, 8 adapters"]
        rows += [
            Row(f"{part}: ms, decode step, 8 adapters", ours, rival, steps[f"{rival}, 8 adapters"], "lower")
            for rival in ("kernels, not captured", "torch", "captured, one stream")
        ]
        rows.append(Row("the same", ours, "no adapters", steps["captured, none"], "lower"))
    return rows


if __name__ == "__main__":
    main()
