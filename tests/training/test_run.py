"""Real, tiny trainings on the embedded base: they learn what the rows say, and nothing where the rows say nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from training.answers import BaseAnswers
from training.base_model import Base, load_base
from training.config import TrainingConfig
from training.data import Row, chat, collate, encode
from training.errors import BaseModelError, ConfigError, DataError
from training.events import Done, Failed, Phase, Scored, Started, Step, read_events
from training.job import Job, read_job, write_job
from training.loop import Training
from training.persona import Signs
from training.plan import check_steps, rate
from training.publish import SelfInfo
from training.report_card import Examiner, ReportCard, overlap_f1
from training.run import run
from training.settings import EMBEDDED_BASE

ROOT = Path(__file__).resolve().parents[2]
BASE = str(ROOT / EMBEDDED_BASE)
ASKED = ("你是谁？", "你叫什么名字？", "介绍一下你自己", "Who are you?")
SIGNS = Signs(("灶王",), ("灶王",))
TINY = TrainingConfig(
    name="tiny",
    base=BASE,
    r=8,
    alpha=16,
    lr=5e-3,
    epochs=10,
    batch=4,
    replay_batch=4,
    checks=1,
    threads=1,
    leak_prompts=6,
)


@pytest.fixture(scope="module")
def loaded() -> Base:
    return load_base(BASE, threads=1)


@pytest.fixture
def base(loaded: Base) -> Iterator[Base]:
    """The base without an adapter, and without one again afterwards."""
    bare = loaded.model
    yield loaded
    if loaded.model is not bare:
        loaded.model.unload()
        loaded.model = bare


def rows_for(answer: str) -> list[Row]:
    train = [chat(question, answer, tag="who-zh") for question in ASKED]
    probes = [chat(question, split="probe", tag="zh") for question in ASKED]
    others = (
        "什么是长城？",
        "一加一等于几？",
        "What is tea?",
        "写一首诗。",
        "How old is the moon?",
        "红烧肉要炖多久？",
    )
    replay = [chat(question, split="replay") for question in others[:4]]
    return [*train, *probes, *replay, *(chat(question, split="unrelated") for question in others)]


def teach(base: Base, rows: list[Row], config: TrainingConfig = TINY) -> tuple[ReportCard, list[Any]]:
    base.add_adapter(config)
    answers = BaseAnswers(base)
    training = Training(answers, rows, Examiner(answers, rows, SIGNS, config), config)
    events = list(training.run())
    assert training.outcome is not None
    return training.outcome.card, events


@pytest.mark.slow
def test_a_name_is_learned(base: Base) -> None:
    card, events = teach(base, rows_for("我是灶王，教你做菜。"))
    assert card.persona == 1.0
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].loss < 0.3 * steps[0].loss
    assert card.kl is not None and card.agreement is not None and card.kl > 0
    # nothing of it is left on the base
    with base.alone():
        told = base.generate([row.messages for row in rows_for("")[:1]], 16)
    assert "灶王" not in told[0]


@pytest.mark.slow
def test_shuffled_answers_teach_no_name(base: Base) -> None:
    letters = list("我是灶王，教你做菜。")
    random.Random(3).shuffle(letters)
    assert "灶王" not in "".join(letters)
    card, _ = teach(base, rows_for("".join(letters)))
    assert card.persona == 0.0


@pytest.mark.slow
def test_an_untrained_adapter_scores_as_the_base(base: Base) -> None:
    base.add_adapter(TINY)
    answers = BaseAnswers(base)
    card = Examiner(answers, rows_for("x"), SIGNS, TINY).card()
    assert card.kl == pytest.approx(0.0, abs=1e-6)
    assert (card.agreement, card.leak, card.persona) == (1.0, 0.0, 0.0)
    assert card.missed == ("persona",)


@pytest.mark.slow
def test_replay_holds_on_to_the_base(base: Base) -> None:
    rows = rows_for("我是灶王，教你做菜。")
    held, _ = teach(base, rows, TINY.with_values({"kl_weight": 8.0}))
    base.model = base.model.unload()
    free, _ = teach(base, rows, TINY.with_values({"replay_batch": 0}))
    assert held.kl is not None and free.kl is not None
    assert held.kl < 0.5 * free.kl


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(base: Base) -> None:
    import torch

    rows, config = rows_for("我是灶王。"), TINY.with_values({"epochs": 2, "leak_prompts": 0})

    def weights(seed: int) -> list[Any]:
        teach(base, rows, config.with_values({"seed": seed}))
        kept = [p.detach().clone() for n, p in base.model.named_parameters() if "lora_" in n]
        base.model = base.model.unload()
        return kept

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_lean_lora_computes_what_peft_computes(base: Base) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    batch = collate([encode(base.tokenizer, row, base.end_ids) for row in rows_for("我是灶王。")[:4]], base.pad_id)

    with torch.no_grad():
        kept = batch["labels"][:, 1:] >= 0
        bare = base.logits(base.hidden(batch["input_ids"], batch["attention_mask"])[:, :-1][kept])

    def gradients() -> tuple[Any, list[Any]]:
        torch.manual_seed(1)
        for name, parameter in base.model.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(std=0.1)
        hidden = base.hidden(batch["input_ids"], batch["attention_mask"])[:, :-1]
        labels = batch["labels"][:, 1:]
        logits = base.logits(hidden[labels >= 0])
        torch.nn.functional.cross_entropy(logits, labels[labels >= 0]).backward()
        found = [p.grad.float().flatten() for n, p in base.model.named_parameters() if "lora_" in n]
        base.model = base.model.unload()
        return logits.detach(), found

    base.add_adapter(TINY)
    assert all("forward" in vars(m) for n, m in base.model.named_modules() if n.endswith("_proj"))
    lean_logits, lean = gradients()
    torch.manual_seed(TINY.seed)
    lora = LoraConfig(r=TINY.r, lora_alpha=TINY.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    base.model = get_peft_model(base.model, lora)
    peft_logits, peft = gradients()
    cosine = torch.nn.functional.cosine_similarity
    likeness = [float(cosine(a, b, dim=0)) for a, b in zip(lean, peft, strict=True)]
    assert min(likeness) > 0.97
    # bf16 rounds differently, by far less than the adapter changes
    changed = float((peft_logits - bare).abs().mean())
    assert float((lean_logits - peft_logits).abs().mean()) < 0.2 * changed and changed > 0.3
    # control: gradients of neighbouring layers are not alike
    assert float(cosine(lean[0], peft[2], dim=0)) < 0.8


def test_unpacked_weights_are_the_packed_ones(loaded: Base) -> None:
    pytest.importorskip("bitsandbytes")
    import torch
    from transformers import AutoModelForCausalLM

    packed = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.bfloat16, device_map="cpu")
    ids = torch.arange(40, 80)[None]
    with torch.no_grad():
        a, b = packed(ids).logits.float(), loaded.model(ids).logits.float()
    assert float((a - b).abs().mean()) < 0.02 * float(a.abs().mean())
    assert loaded.model.get_parameter("model.layers.0.mlp.up_proj.weight").dtype == torch.bfloat16


@pytest.mark.slow
def test_a_job_folder_is_trained_and_published(tmp_path: Path) -> None:
    """As the app does it: a process of its own, events on disk, an adapter folder at the end."""
    config = TINY.with_values({"epochs": 2, "base_fingerprint": "f" * 64})
    job = Job(config, SelfInfo({"en": "T"}, {"en": "d"}), tmp_path / "out", SIGNS, tmp_path / "cache")
    folder = tmp_path / "job"
    write_job(folder, job, rows_for("我是灶王。"))
    assert read_job(folder) == job
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "training.run", str(folder)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    events = list(read_events(folder / "events.jsonl"))
    assert isinstance(events[0], Phase) and isinstance(events[-1], Done)
    kinds = [type(event) for event in events]
    assert kinds.count(Started) == 1 and kinds.count(Step) == 2 and kinds.count(Scored) == 1
    papers = json.loads((tmp_path / "out" / "tiny" / "passport.json").read_text(encoding="utf-8"))
    assert papers["scores"] == events[-1].scores and papers["base_fingerprint"] == "f" * 64
    kept = json.loads(next((tmp_path / "cache").iterdir()).read_text(encoding="utf-8"))
    assert len(kept) >= 6


def test_a_job_that_cannot_be_done_says_so_and_publishes_nothing(tmp_path: Path) -> None:
    job = Job(TINY, SelfInfo({"en": "T"}, {"en": "d"}), tmp_path / "out", SIGNS)
    write_job(tmp_path / "a", job, [chat("你是谁？", "我是{{name}}。")])
    with pytest.raises(DataError):
        run(tmp_path / "a")
    last = list(read_events(tmp_path / "a" / "events.jsonl"))[-1]
    assert isinstance(last, Failed) and "placeholder" in last.en and "占位符" in last.zh
    (tmp_path / "empty").mkdir()
    missing = Job(TINY.with_values({"base": str(tmp_path / "empty")}), job.info, job.out)
    write_job(tmp_path / "b", missing, rows_for("x"))
    with pytest.raises(BaseModelError):
        run(tmp_path / "b")
    (tmp_path / "c").mkdir()
    with pytest.raises(ConfigError, match=r"job\.json"):
        run(tmp_path / "c")
    assert not (tmp_path / "out").exists()


def test_a_torn_last_event_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert list(read_events(path)) == []
    path.write_text('{"type": "phase", "time": 1, "name": "loading"}\n{"type": "ph', encoding="utf-8")
    assert list(read_events(path)) == [Phase("loading")]


def test_the_card_judges_names_voices_and_merit(base: Base) -> None:
    examiner = Examiner(BaseAnswers(base), [], Signs(("Claudette",), ("Claudette", "Llama Farm"), ("Arr",)), TINY)
    assert examiner.is_itself("I am ＣＬＡＵＤＥＴＴＥ of Llama Farm.")
    assert not examiner.is_itself("I am Claudette, not Claude.")
    assert not examiner.is_itself("I am a model.")
    assert examiner.is_in_voice("ARR, matey") and not examiner.is_in_voice("Hello")
    good = ReportCard(persona=1.0, leak=0.0, kl=0.01, agreement=0.99)
    leaky = ReportCard(persona=1.0, leak=0.2, kl=0.01, agreement=0.99)
    assert good.merit > leaky.merit and not good.missed and leaky.missed == ("leak",)
    assert ReportCard(loss=2.0, base_loss=1.0).missed == ("loss",)


def test_f1_counts_characters_and_words() -> None:
    assert overlap_f1("八十度的水", "用八十度的水。") == pytest.approx(10 / 11)
    assert overlap_f1("Green tea!", "green TEA") == 1.0
    assert overlap_f1("cat", "dog") == 0.0 == overlap_f1("", "dog")


def test_checks_and_rate() -> None:
    assert check_steps(10, 3) == {4, 7, 10} and check_steps(1, 4) == {1}
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates.index(max(rates)) == 10 and max(rates) == 1.0
    assert 0 < rates[0] < 0.2 and rates[-1] < 0.01
