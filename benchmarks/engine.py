"""The engine against what people do today, interleaved in one run; medians.

- one answer: tokens per second through the engine / plain `model.generate` without any adapter; and the share of the
  memory's speed at which the weights are read;
- 8 requests over 4 adapters / PEFT behind a lock (`set_adapter`, `generate`) / PEFT's static batch (`adapter_names`) /
  transformers' continuous batching (without adapters, it knows none) / the engine with one adapter for all 8;
- changing self: time to first token with another adapter than the message before / with the same one; with an adapter
  that has to be read from disk, and for how long that holds up an answer that is running;
- the tutorials' way to change self (merge into the weights, save, reload) / the engine's extra time for it;
- the second turn of a conversation of about 1,000 tokens: time to first token / that of the first turn;
- page-ready time and the first answer from cold, each in a new process.

The prefix cache is off but for the second turn, so that no prompt is read for nothing here and in full there.

    python -m benchmarks.engine [--rounds 5] [--no-processes]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.engine_rivals import Rivals, bandwidth, random_adapter
from benchmarks.report import Row, hardware, table

QUESTION = "请介绍一下你自己，说说你能做什么。"
TOKENS = 64
FRESH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-processes", action="store_true", help="leave out what starts the whole app")
    options = parser.parse_args()
    import torch

    print(f"{hardware()}, {torch.get_num_threads()} threads")
    rows = _engine_rows(options.rounds)
    if not options.no_processes:
        rows += _process_rows(max(3, options.rounds // 2))
    print(table(rows))


def _engine_rows(rounds: int) -> list[Row]:
    import torch

    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.model import load_base
    from llm.presets import find
    from llm.settings import EMBEDDED_BASE, SHIPPED_ADAPTERS, LlmSettings

    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "adapters"
        settings = LlmSettings(Path(folder), prefix_memory_mb=0, threads=threads)
        # Answers of exactly TOKENS tokens: nothing ends them.
        base = replace(load_base(EMBEDDED_BASE, settings, find("embedded")), stop_ids=frozenset())
        random_adapter(own / "fourth", base, 8, seed=0)
        for number in range(rounds + 1):
            random_adapter(own / f"fresh{number}", base, FRESH, seed=number)
            random_adapter(own / f"paused{number}", base, FRESH, seed=100 + number)
        registry = AdapterRegistry((own, SHIPPED_ADAPTERS), (SHIPPED_ADAPTERS,))
        engine = Engine(base, registry, settings)
        caching = Engine(base, registry, replace(settings, prefix_memory_mb=256))
        names = ["chef", "pirate", "tea", "fourth"]
        plain, wrapped, merging = (load_base(EMBEDDED_BASE, settings, find("embedded")) for _ in range(3))
        rivals = Rivals(plain, wrapped, {name: registry.get(name).folder for name in names})
        prompts = [engine.prompt_ids(_request(f"{number}. {QUESTION}")) for number in range(8)]
        times: dict[str, list[float]] = defaultdict(list)
        for number in range(rounds + 1):  # the first round warms up
            times["one"].append(_tokens_per_second(engine, [None]))
            times["generate"].append(rivals.one_answer(prompts[0], TOKENS))
            times["decode"].append(_finished(engine.submit(_request(QUESTION))).tokens_per_second)
            times["bandwidth"].append(bandwidth())
            times["mixed"].append(_tokens_per_second(engine, names * 2))
            times["sequential"].append(rivals.sequential(prompts, names * 2, TOKENS))
            times["single"].append(_tokens_per_second(engine, names[:1] * 8))
            times["static"].append(rivals.static_batch(prompts, names * 2, TOKENS))
            times["plain"].append(_tokens_per_second(engine, [None] * 8))
            times["continuous"].append(rivals.continuous_batch(prompts, TOKENS))
            for name in (names[0], names[1], names[1], names[0], names[0]):
                _first_token(engine, name)
            times["same"].append(_first_token(engine, names[0]))
            times["other"].append(_first_token(engine, names[1]))
            times["from disk"].append(_first_token(engine, f"fresh{number}"))
            times["then"].append(_first_token(engine, f"fresh{number}"))
            times["pause"].append(_pause(engine, f"paused{number}"))
            times["usual pause"].append(_pause(engine, f"paused{number}"))
            first, second = _two_turns(caching, number)
            times["first turn"].append(first)
            times["second turn"].append(second)
            times["reload"].append(_merge_save_reload(merging, registry.get(names[0]), Path(folder)))
        packed = engine.decoder.packed_bytes or base.bytes
        engine.shutdown()
        caching.shutdown()
    m = {name: statistics.median(values[1:]) for name, values in times.items()}
    extra = statistics.median(o - s for o, s in zip(times["other"][1:], times["same"][1:], strict=True))
    loading = statistics.median(o - s for o, s in zip(times["from disk"][1:], times["then"][1:], strict=True))
    pause = m["usual pause"] * 1e3
    return [
        Row("tokens/s, one answer", m["one"], "model.generate, no adapter", m["generate"], "higher"),
        Row("GB/s of weights read in it", packed * m["decode"] / 1e9, "memory", m["bandwidth"] / 1e9, "higher"),
        Row("tokens/s, 8 requests, 4 adapters", m["mixed"], "lock, set_adapter, generate", m["sequential"], "higher"),
        Row("the same", m["mixed"], "PEFT adapter_names, static batch", m["static"], "higher"),
        Row("the same", m["mixed"], "here with one adapter", m["single"], "higher"),
        Row("tokens/s, 8 requests, no adapter", m["plain"], "continuous batching", m["continuous"], "higher"),
        Row("the same with one adapter", m["single"], "continuous batching, none", m["continuous"], "higher"),
        Row("first token with another self, ms", m["other"] * 1e3, "same self again", m["same"] * 1e3, "lower"),
        Row("extra for another self, ms", extra * 1e3, "", None, "lower"),
        Row(f"extra for a self from disk (rank {FRESH}), ms", loading * 1e3, "", None, "lower"),
        Row("longest pause of a running answer then, ms", m["pause"] * 1e3, "self in memory", pause, "lower"),
        Row("changing self, s", m["other"], "merge, save, reload", m["reload"] + m["same"], "lower"),
        Row("first token, second turn, ms", m["second turn"] * 1e3, "first turn", m["first turn"] * 1e3, "lower"),
    ]


def _process_rows(rounds: int) -> list[Row]:
    ready, first = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds + 1):  # the first run indexes the samples
            page, answer = _cold_start(Path(folder))
            ready.append(page)
            first.append(answer)
    return [
        Row("page ready after `python app.py`, s", statistics.median(ready[1:]), "", None, "lower"),
        Row("first answer from a cold start, s", statistics.median(first[1:]), "", None, "lower"),
    ]


def _request(text: str, adapter: str | None = None, tokens: int = TOKENS, history: tuple[Any, ...] = ()) -> Any:
    from llm.requests import GenerationRequest
    from llm.sampling import Sampling

    return GenerationRequest((*history, {"role": "user", "content": text}), adapter, Sampling(max_tokens=tokens))


def _finished(generation: Any) -> Any:
    from llm.requests import Finished

    return next(event for event in generation if isinstance(event, Finished))


def _tokens_per_second(engine: Any, adapters: list[Any]) -> float:
    """Of answers of TOKENS tokens to requests that arrive together, prompts included."""
    start = time.perf_counter()
    running = [engine.submit(_request(f"{number}. {QUESTION}", name)) for number, name in enumerate(adapters)]
    made = sum(_finished(generation).completion_tokens for generation in running)
    return made / (time.perf_counter() - start)


def _first_token(engine: Any, adapter: str) -> float:
    return _finished(engine.submit(_request(QUESTION, adapter, 1))).ttft_s


def _pause(engine: Any, adapter: str) -> float:
    """The most seconds from step to step of a running answer while another one comes and goes."""
    step, starts = engine.decoder.step, []

    def timed(works: Any) -> Any:
        starts.append(time.perf_counter())
        return step(works)

    engine.decoder.step = timed
    running = engine.submit(_request(QUESTION, tokens=2 * TOKENS))
    while len(starts) < TOKENS:
        time.sleep(0.001)
    _first_token(engine, adapter)
    _finished(running)
    engine.decoder.step = step
    return max(after - before for before, after in itertools.pairwise(starts[TOKENS // 2 :]))


def _two_turns(engine: Any, number: int) -> tuple[float, float]:
    """Time to first token of a question with about 1,000 tokens of text, and of a short one after the answer."""
    from llm.requests import TextDelta

    text = f"第{number}份资料。" + "红烧肉先焯水，再加酱油和冰糖，小火炖一个小时，最后大火收汁。" * 40 + "怎么做？"
    generation = engine.submit(_request(text, tokens=24))
    events = list(generation)
    answer = "".join(event.text for event in events if isinstance(event, TextDelta))
    history = ({"role": "user", "content": text}, {"role": "assistant", "content": answer})
    return events[-1].ttft_s, _finished(engine.submit(_request("要炖多久？", tokens=1, history=history))).ttft_s


def _merge_save_reload(base: Any, info: Any, folder: Path) -> float:
    """What the tutorials do to change self: merge into 16-bit weights, save them, load them again. Seconds."""
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM

    from llm.nf4 import dequantised_state

    config = AutoConfig.from_pretrained(base.folder)
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(dequantised_state(base.folder, torch.bfloat16), strict=False)
    start = time.perf_counter()
    merged = PeftModel.from_pretrained(model, str(info.folder)).merge_and_unload()
    merged.save_pretrained(folder / "merged")
    AutoModelForCausalLM.from_pretrained(folder / "merged", dtype=torch.bfloat16)
    return time.perf_counter() - start


def _cold_start(data_dir: Path) -> tuple[float, float]:
    """(seconds until the page answers, seconds until the first answer is there), from the start of the process."""
    from gradio_client import Client

    port = 7899
    start = time.perf_counter()
    command = [sys.executable, "app.py", "--port", str(port), "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                break
            except OSError:
                time.sleep(0.05)
        page = time.perf_counter() - start
        Client(f"http://127.0.0.1:{port}", verbose=False).predict("红烧肉要炖多久？", "", "recipes", api_name="/chat")
        return page, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
