"""The engine against what people do today, interleaved in one run; medians.

- tokens per second: one answer through the engine / plain `model.generate` on the same base without any adapter;
- changing self: time to first token with another adapter than the message before / with the same one;
- the tutorials' way to change self (merge into the weights, save, reload) / the engine's extra time for it;
- page-ready time and the first answer from cold, each in a new process.

    python -m benchmarks.engine [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.report import Row, hardware, table

QUESTION = "请介绍一下你自己，说说你能做什么。"
TOKENS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(hardware())
    print(table([*_engine_rows(rounds), *_process_rows(max(3, rounds // 2))]))


def _engine_rows(rounds: int) -> list[Row]:
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.model import load_base
    from llm.presets import find
    from llm.settings import EMBEDDED_BASE, SHIPPED_ADAPTERS, LlmSettings

    with tempfile.TemporaryDirectory() as folder:
        settings = LlmSettings(Path(folder))
        rival = load_base(EMBEDDED_BASE, settings, find("embedded"))
        registry = AdapterRegistry((SHIPPED_ADAPTERS,), (SHIPPED_ADAPTERS,))
        engine = Engine(load_base(EMBEDDED_BASE, settings, find("embedded")), registry, settings)
        names = [info.name for info in registry.scan() if info.valid][:2]
        ours, generate, same, other, reload = [], [], [], [], []
        for _ in range(rounds + 1):  # the first round warms up
            ours.append(_engine_speed(engine))
            generate.append(_generate_speed(rival))
            for name in (names[0], names[1], names[1], names[0], names[0]):
                _first_token(engine, name)
            same.append(_first_token(engine, names[0]))
            other.append(_first_token(engine, names[1]))
            reload.append(_merge_save_reload(rival, registry.get(names[0]), Path(folder)))
        engine.shutdown()
    median = [statistics.median(values[1:]) for values in (ours, generate, same, other, reload)]
    return [
        Row("tokens/s, one answer", median[0], "model.generate, no adapter", median[1], "higher"),
        Row("time to first token with another self, ms", median[3] * 1e3, "same self again", median[2] * 1e3, "lower"),
        Row("changing self, s", median[3], "merge, save, reload", median[4] + median[2], "lower"),
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


def _engine_speed(engine: Any) -> float:
    """Tokens per second of one whole answer of TOKENS tokens, prompt included."""
    from llm.requests import Finished, GenerationRequest
    from llm.sampling import Sampling

    request = GenerationRequest(({"role": "user", "content": QUESTION},), sampling=Sampling(max_tokens=TOKENS))
    start = time.perf_counter()
    end = next(event for event in engine.submit(request) if isinstance(event, Finished))
    return end.completion_tokens / (time.perf_counter() - start)


def _generate_speed(base: Any) -> float:
    import torch

    prompt = base.tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    start = time.perf_counter()
    with torch.inference_mode():
        out = base.model.generate(**prompt, max_new_tokens=TOKENS, do_sample=False)
    return (out.shape[1] - prompt["input_ids"].shape[1]) / (time.perf_counter() - start)


def _first_token(engine: Any, adapter: str) -> float:
    from llm.requests import Finished, GenerationRequest
    from llm.sampling import Sampling

    request = GenerationRequest(({"role": "user", "content": QUESTION},), adapter, Sampling(max_tokens=1))
    return next(event for event in engine.submit(request) if isinstance(event, Finished)).ttft_s


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
