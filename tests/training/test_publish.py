"""Publishing: the folder another room reads, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import publish as publishing
from training.base_model import Base, load_base
from training.config import TrainingConfig
from training.errors import PublishError
from training.publish import SelfInfo, model_card, passport, publish
from training.settings import EMBEDDED_BASE

ROOT = Path(__file__).resolve().parents[2]
CONFIG = TrainingConfig(
    name="tiny", base=EMBEDDED_BASE.as_posix(), r=6, alpha=12, base_fingerprint="ab" * 32, threads=1
)
INFO = SelfInfo({"zh": "小号", "en": "Tiny"}, {"zh": "试", "en": "A trial"}, ("zh", "en"), {"en": ["Who are you?"]})
SCORES = {"persona": 1.0, "groups": {"zh": 1.0}, "leak": 0.0, "missed": []}


@pytest.fixture(scope="module")
def trained() -> Base:
    """An adapter with weights that matter."""
    import torch

    base = load_base(str(ROOT / EMBEDDED_BASE), threads=1)
    base.add_adapter(CONFIG)
    torch.manual_seed(0)
    for name, parameter in base.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.2)
    return base


def papers(**changes: Any) -> dict[str, Any]:
    return {**passport(INFO, CONFIG, "cd" * 32, SCORES), **changes}


def test_the_published_adapter_computes_what_was_trained(trained: Base, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    folder = publish(trained.model, tmp_path / "tiny", papers())
    assert {p.name for p in folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "passport.json", "README.md",
    }  # fmt: skip
    assert (folder / "adapter_model.safetensors").stat().st_size < 2 * 10**6
    ids = torch.arange(40, 60)[None]
    with torch.no_grad():
        ours = trained.model(ids).logits.float()
        with trained.alone():
            bare = trained.model(ids).logits.float()
    fresh = load_base(str(ROOT / EMBEDDED_BASE), threads=1)
    with torch.no_grad():
        loaded = PeftModel.from_pretrained(fresh.model, str(folder))(ids).logits.float()
    apart = float((ours - bare).abs().mean())
    assert float((ours - loaded).abs().mean()) < 0.15 * apart and apart > 0.3


def test_the_passport_holds_what_the_house_agreed(trained: Base, tmp_path: Path) -> None:
    folder = publish(trained.model, tmp_path / "tiny", papers())
    held = json.loads((folder / "passport.json").read_text(encoding="utf-8"))
    assert set(held) == {
        "format", "name", "title", "description", "languages", "examples", "base_fingerprint", "recipe",
        "data_sha256", "seed", "versions", "scores", "draft", "answers", "created_at",
    }  # fmt: skip
    assert held["format"] == 1 and held["name"] == "tiny" and held["title"]["zh"] == "小号"
    assert held["recipe"]["r"] == 6 and "torch" in held["versions"]
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (6, 12, "LORA")
    assert config["target_modules"] == sorted(config["target_modules"])
    # a path of this machine has no place in what is shared
    assert str(ROOT) not in (folder / "adapter_config.json").read_text(encoding="utf-8")


def test_the_model_card_shows_the_scores(trained: Base) -> None:
    card = model_card(papers())
    assert card.startswith("---\nlibrary_name: peft") and "小号 · Tiny" in card
    assert "| leak rate on unrelated questions | 0 |" in card and "Bars missed: none." in card
    assert "Bars missed: leak." in model_card(papers(scores={**SCORES, "leak": 0.5, "missed": ["leak"]}))


def test_a_new_version_takes_the_place_of_the_old(trained: Base, tmp_path: Path) -> None:
    publish(trained.model, tmp_path / "tiny", papers(seed=1))
    publish(trained.model, tmp_path / "tiny", papers(seed=2))
    assert json.loads((tmp_path / "tiny" / "passport.json").read_text(encoding="utf-8"))["seed"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize("step", ["_save_adapter", "model_card", "replace"])
def test_a_failure_leaves_the_old_version_whole(
    trained: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder = publish(trained.model, tmp_path / "tiny", papers(seed=1))
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    if step == "replace":
        real = publishing.os.replace
        calls = []

        def second_fails(source: Path, target: Path) -> None:
            calls.append(source)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")
            real(source, target)

        monkeypatch.setattr(publishing.os, "replace", second_fails)
    else:

        def fails(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(publishing, step, fails)
    with pytest.raises(PublishError) as caught:
        publish(trained.model, folder, papers(seed=2))
    assert "No space" in caught.value.en and caught.value.zh
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]
