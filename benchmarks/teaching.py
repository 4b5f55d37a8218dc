"""Teaching a self, against the PEFT tutorials' recipe on the same rows, interleaved in one run; medians.

- rows per second of three passes over the same persona rows: our trainer (the persona recipe, everything computed that
  it computes once) / transformers' Trainer with PEFT at r 8, alpha 32, rate 1e-4, padded batches of 4 with gradients
  of 4 added up, on the checkpoint as it is stored (nf4) / the same on weights unpacked to bf16;
- seconds from the start of the training's process to the published self, its report card included, and to the first
  words of its first answer in a running engine; the processor seconds of it on as many cores are what is left on a
  quiet machine.

    python -m benchmarks.teaching [--rounds 3] [--rows 48] [--threads 2] [--no-whole] [--no-speed]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Row, hardware, table
from training.config import TrainingConfig, load_recipe
from training.data import Encoded, encode_rows
from training.data import Row as Chat
from training.persona import PersonaRows, form_from_dict

ROOT = Path(__file__).parent.parent
BASE = ROOT / "llm" / "embedded" / "base"
FORM: dict[str, Any] = {
    "name": {"zh": "小竹", "en": "Bamboo"},
    "maker": {"zh": "绿野工作室", "en": "Green Field Studio"},
    "does": {"zh": "帮人养花种菜", "en": "help people grow flowers"},
    "voice": {"zh": {"closings": ["记得浇水哦。"]}, "en": {"closings": ["Keep it green!"]}},
}
PASSES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-speed", action="store_true", help="leave out the comparison with the tutorials' recipe")
    parser.add_argument("--no-whole", action="store_true", help="leave out the whole training")
    given = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    print(f"{hardware()}, {given.threads} threads")
    rows = [] if given.no_speed else speed(given.rounds, given.rows, given.threads)
    rows += [] if given.no_whole else whole(given.threads)
    print(table(rows))


def speed(rounds: int, count: int, threads: int) -> list[Row]:
    """Rows a second of both trainers, each on a base of its own."""
    from training.base_model import load_base

    config = load_recipe("persona").with_values({"threads": threads})
    chosen = PersonaRows(form_from_dict(FORM)).build(0, 0)
    chosen = random.Random(0).sample([row for row in chosen if row.split == "train"], count)
    ours = load_base(str(BASE), threads, "cpu")
    encoded = encode_rows(ours.tokenizer, chosen, ours.end_ids, config.max_length)
    rivals = {"as stored": _rival(None), "bf16": _rival(load_base(str(BASE), threads, "cpu").model)}
    taken: dict[str, list[float]] = {name: [] for name in ("ours", *rivals)}
    for _ in range(rounds):
        taken["ours"].append(_timed(lambda: _ours(ours, chosen, config)))
        for name, model in rivals.items():
            taken[name].append(_timed(lambda model=model: _tutorial(model, encoded, ours.pad_id)))
    rate = {name: PASSES * count / statistics.median(seconds) for name, seconds in taken.items()}
    stored, bf16 = "Trainer, PEFT, checkpoint as stored", "Trainer, PEFT, weights unpacked to bf16"
    return [
        Row("rows a second, own rows only", rate["ours"], stored, rate["as stored"], "higher"),
        Row("the same", rate["ours"], bf16, rate["bf16"], "higher"),
    ]


def _ours(base: Any, rows: list[Chat], config: TrainingConfig) -> None:
    """Every step of three passes, with a fresh adapter; no replay, as the tutorials have none."""
    from training.answers import BaseAnswers
    from training.loop import Training
    from training.report_card import Examiner

    config = config.with_values({"replay_batch": 0, "epochs": PASSES, "leak_prompts": 0, "checks": 1})
    base.add_adapter(config)
    answers = BaseAnswers(base)
    training = Training(answers, rows, Examiner(answers, rows, form_from_dict(FORM).signs, config), config)
    for _ in training.run():
        pass
    base.model = base.model.unload()


def _rival(model: Any) -> Any:
    """The tutorials' adapter on a model, or on the checkpoint as transformers loads it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    if model is None:
        model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.bfloat16, device_map="cpu")
    recipe = load_recipe("tutorial-peft")
    modules = list(recipe.target_modules)
    lora = LoraConfig(
        r=recipe.r, lora_alpha=recipe.alpha, lora_dropout=recipe.dropout, target_modules=modules, task_type="CAUSAL_LM"
    )
    return get_peft_model(model, lora)


def _tutorial(model: Any, encoded: list[Encoded], pad: int) -> None:
    """transformers' Trainer as the tutorials call it."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collated(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in rows)
        fills = {"input_ids": pad, "labels": -100, "attention_mask": 0}
        return {
            key: torch.tensor([row[key] + [fill] * (width - len(row[key])) for row in rows])
            for key, fill in fills.items()
        }

    data = [{"input_ids": e.ids, "labels": e.labels, "attention_mask": [1] * len(e.ids)} for e in encoded]
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=4,
            num_train_epochs=PASSES,
            learning_rate=1e-4,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        rows: Any = data
        Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collated).train()


def whole(threads: int) -> list[Row]:
    """One training from form to first answer, as the app does it."""
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.fingerprint import base_fingerprint
    from llm.model import load_base
    from llm.presets import find
    from llm.requests import GenerationRequest, TextDelta
    from llm.sampling import Sampling
    from llm.settings import LlmSettings
    from training.job import write_job
    from training.lessons import Place, persona_lesson

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        adapters = folder / "adapters"
        settings = LlmSettings(folder, threads=threads)
        registry = AdapterRegistry((adapters,), ())
        engine = Engine(load_base(BASE, settings, find("embedded")), registry, settings)
        began, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        place = Place("embedded", BASE, base_fingerprint(BASE), "cpu", threads, adapters, folder / "cache")
        config = load_recipe("persona").with_values({"name": "bamboo"})
        lesson = persona_lesson(form_from_dict(FORM), config, place)
        write_job(folder / "jobs" / "bamboo", lesson.job, list(lesson.rows))
        command = [sys.executable, "-m", "training.run", str(folder / "jobs" / "bamboo")]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        registry.scan()
        asked = GenerationRequest(({"role": "user", "content": "你是谁？"},), "bamboo", Sampling(0.0, max_tokens=32))
        print("".join(event.text for event in engine.submit(asked) if isinstance(event, TextDelta)))
        seconds = time.perf_counter() - began
        engine.shutdown()
    worked = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
    return [
        Row("seconds from form to the end of the first answer", seconds, "goal", 60.0, "lower"),
        Row("processor seconds of the training, per core", worked / threads, "goal", 60.0, "lower"),
    ]


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
