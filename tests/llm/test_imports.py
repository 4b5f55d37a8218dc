"""Adapters from elsewhere: XTuner's checkpoints and PEFT's folders become selves that answer as they should."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm.adapter_files import PREFIX
from llm.adapters import AdapterRegistry
from llm.errors import AdapterImportError
from llm.imported_weights import in_own_layout, lora_settings
from llm.imports import Wanted, bring_in
from llm.model import Base
from tests.llm.tiny import ask, running, write_adapter

CONFIG = """
from xtuner.model import SupervisedFinetune
raise SystemExit("this is never run")
alpha = 8
model = dict(type=SupervisedFinetune, lora=dict(type=LoraConfig, r=4, lora_alpha=alpha, bias='none'))
"""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


@pytest.fixture
def peft(tiny: Base, tmp_path: Path) -> Path:
    """A PEFT folder outside the app: rank 4, alpha 8."""
    return write_adapter(tmp_path / "elsewhere", "chef", tiny, rank=4)


@pytest.fixture
def registry(tiny: Base, tmp_path: Path) -> AdapterRegistry:
    found = AdapterRegistry((tmp_path / "adapters",))
    found.bind(tiny.fingerprint, tiny.linears)
    return found


def xtuner_keys(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As XTuner's state_dict() names them."""
    return {"llm." + key.replace(".weight", ".default.weight"): tensor for key, tensor in tensors.items()}


LOG = """
import numpy as np

class HistoryBuffer:
    def __init__(self):
        self.history, self.methods = np.array([2.0, 1.5]), {"mean": HistoryBuffer.mean}

    def mean(self):
        return self.history.mean()
"""


@pytest.fixture
def mmengine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What MMEngine keeps of a loss: arrays and its own methods, pickled under its own names."""
    module = ModuleType("mmengine.logging.history_buffer")
    for name in ("mmengine", "mmengine.logging", module.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    exec(LOG, module.__dict__)
    return module


def saved(path: Path, state: dict[str, Any], cfg: str = "", **more: Any) -> Path:
    """A checkpoint as XTuner's hook saves it."""
    torch.save({"meta": {"cfg": cfg, "epoch": 1}, "state_dict": state, **more}, path)
    return path


def test_a_checkpoint_with_its_log_answers_as_its_peft_folder(
    tiny: Base, peft: Path, registry: AdapterRegistry, tmp_path: Path, mmengine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = {
        "message_hub": {"log_scalars": {"train/loss": mmengine.HistoryBuffer()}, "runtime_info": {}},
        "optimizer": {"state": {}},
    }
    path = saved(tmp_path / "iter_500.pth", xtuner_keys(weights(peft)), CONFIG, **log)
    for name in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer"):
        monkeypatch.delitem(sys.modules, name)
    root = tmp_path / "adapters"
    info = bring_in(Wanted(path), root, registry, tiny)
    assert (info.name, info.rank, info.scale, info.valid) == ("iter_500", 4, 2.0, True)
    assert info.passport["imported"]["file"] == "iter_500.pth" and "iter_500.pth" in info.description("zh")
    weak = bring_in(Wanted(path, "weak", alpha=0.01), root, registry, tiny)
    assert weak.scale == 0.01 / 4
    write_adapter(root, "same", tiny, rank=4)
    with running(tiny, root) as engine:
        texts = {name: ask(engine, "Hello", name or None) for name in ("iter_500", "same", "weak", "")}
    assert texts["iter_500"] == texts["same"] != texts["weak"]
    assert [p.name for p in root.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("form", ["folder", "zip", "bin"])
def test_peft_folders_of_any_age_and_zips_are_imported(
    tiny: Base, peft: Path, registry: AdapterRegistry, tmp_path: Path, form: str
) -> None:
    path = peft
    (peft / "passport.json").write_text(json.dumps({"title": {"en": "Chef", "zh": "厨师"}}), encoding="utf-8")
    if form == "bin":
        torch.save(weights(peft), peft / "adapter_model.bin")
        (peft / "adapter_model.safetensors").rename(tmp_path / "kept.safetensors")
    if form == "zip":
        path = tmp_path / "Chef 2.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in peft.iterdir():
                archive.write(file, f"../../chef/{file.name}")
            archive.writestr("../../chef/evil.py", "raise SystemExit")
    info = bring_in(Wanted(path), tmp_path / "adapters", registry, tiny)
    assert info.name == ("chef-2" if form == "zip" else "chef") and info.title("zh") == "厨师" and info.scale == 2.0
    held = weights(info.folder)
    expected = load_file(tmp_path / "kept.safetensors") if form == "bin" else weights(peft)
    assert held.keys() == expected.keys() and all(torch.equal(held[key], expected[key]) for key in held)
    assert sorted(p.name for p in info.folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "passport.json",
    ]


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('run')",))


def refusals(path: Path, base: Base, peft: Path) -> dict[str, tuple[Wanted, str]]:
    """What -> (import, what the message says)."""
    good = xtuner_keys(weights(peft))
    first, *rest = good
    pth = Wanted(path / "x.pth")
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "whole": ({"llm.model.layers.0.self_attn.q_proj.weight": torch.ones(2, 2)}, "no LoRA"),
        "more": ({**good, "projector.weight": torch.ones(2)}, "projector.weight"),
        "half": ({key: good[key] for key in rest}, "other half"),
        "ranks": ({**good, first: torch.ones(3, 64)}, "several ranks"),
        "layer": ({key.replace("layers.1", "layers.9"): t for key, t in good.items()}, "no layer"),
        "shape": ({**good, first: torch.ones(4, 65)}, "shape"),
        "nan": ({**good, first: good[first] * float("nan")}, "NaN"),
    }
    found = {}
    for name, (state, says) in cases.items():
        file = saved(path / f"{name}.pth", state, CONFIG)
        found[name] = replace(pth, path=file), says
    found["evil"] = replace(pth, path=saved(path / "evil.pth", {**good, "x": _Evil()}, CONFIG)), "exec"
    untold = saved(path / "untold.pth", good)
    found["no alpha"] = replace(pth, path=untold), "--alpha"
    found["alpha"] = replace(pth, path=untold, alpha=-1.0), "--alpha"
    other = path / "other.py"
    other.write_text("lora = dict(r=64, lora_alpha=16)", encoding="utf-8")
    found["other config"] = replace(pth, path=untold, config=other), "r = 64"
    other = path / "none.py"
    other.write_text("not python (", encoding="utf-8")
    found["no config"] = replace(pth, path=untold, config=other), "--alpha"
    broken = path / "broken.pth"
    broken.write_bytes(untold.read_bytes()[:1000])
    found["broken"] = replace(pth, path=broken), "damaged"
    zero = path / "iter_9.pth"
    zero.mkdir()
    (zero / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt").write_bytes(b"")
    found["zero"] = replace(pth, path=zero), "pth_to_hf"
    found["name"] = replace(pth, path=untold, name="../x"), "name of a self"
    found["absent"] = replace(pth, path=path / "absent.pth"), "no such file"
    found["text"] = replace(pth, path=path / "none.py"), "no PEFT folder"
    (path / "bad.zip").write_bytes(b"PK")
    found["zip"] = replace(pth, path=path / "bad.zip"), "zip"
    with zipfile.ZipFile(path / "locked.zip", "w") as archive:
        archive.writestr("adapter_config.json", "{}")
    locked = bytearray((path / "locked.zip").read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + at] |= 1  # the flag of an encrypted entry, in both places
    (path / "locked.zip").write_bytes(locked)
    found["locked"] = replace(pth, path=path / "locked.zip"), "password"
    dora = write_adapter(path, "dora", base, use_dora=True)
    found["dora"] = replace(pth, path=dora), "DoRA"
    elsewhere = write_adapter(path, "other", base)
    (elsewhere / "passport.json").write_text('{"base_fingerprint": "0000"}', encoding="utf-8")
    found["other base"] = replace(pth, path=elsewhere), "another base"
    found["taken"] = replace(pth, path=untold, name="taken", alpha=8.0), "already"
    return found


def test_what_is_no_lora_or_does_not_fit_is_refused_in_both_languages(
    tiny: Base, peft: Path, registry: AdapterRegistry, tmp_path: Path
) -> None:
    root = tmp_path / "adapters"
    write_adapter(root, "taken", tiny)
    for what, (wanted, says) in refusals(tmp_path, tiny, peft).items():
        with pytest.raises(AdapterImportError) as caught:
            bring_in(wanted, root, registry, tiny)
        assert says in caught.value.en, (what, caught.value.en)
        assert any("\u4e00" <= char <= "\u9fff" for char in caught.value.zh)
        assert [p.name for p in root.iterdir()] == ["taken"], what


def test_internlm2_adapters_are_split_exactly() -> None:
    """By what they add to the projections, computed from the fused weights as InternLM2 lays them out."""
    generator = torch.Generator().manual_seed(0)
    heads, groups, size, width, rank = 4, 2, 8, 32, 3
    layer = f"{PREFIX}model.layers.0."
    a = torch.randn(rank, width, generator=generator)
    b = torch.randn((heads + 2 * groups) * size, rank, generator=generator)
    fused = {f"{layer}attention.wqkv.lora_A.weight": a, f"{layer}attention.wqkv.lora_B.weight": b}
    up = {f"{layer}feed_forward.w3.lora_A.weight": a}
    own = in_own_layout({**fused, **up}, heads, groups)
    assert f"{layer}mlp.up_proj.lora_A.weight" in own
    x = torch.randn(width, generator=generator)
    whole = (b @ (a @ x)).reshape(groups, heads // groups + 2, size)
    expected = {"q": whole[:, :-2].reshape(-1), "k": whole[:, -2].reshape(-1), "v": whole[:, -1].reshape(-1)}
    for name, value in expected.items():
        pair = (own[f"{layer}self_attn.{name}_proj.lora_{part}.weight"] for part in "BA")
        first, second = pair
        assert torch.allclose(first @ (second @ x), value)
    assert not torch.allclose(expected["k"], expected["v"])


def test_settings_are_read_and_never_run() -> None:
    assert lora_settings(CONFIG)["lora_alpha"] == 8 and lora_settings(CONFIG)["r"] == 4
    assert lora_settings("lora = {'lora_alpha': 16, 'r': 64}") == {"lora_alpha": 16, "r": 64}
    for source in ("", "x = (", "lora = dict(lora_alpha=f())", "a = dict(lora_alpha=1)\nb = dict(lora_alpha=2)"):
        assert lora_settings(source) == {}


def test_a_tensor_file_of_another_kind_is_no_checkpoint(tiny: Base, registry: AdapterRegistry, tmp_path: Path) -> None:
    save_file({"x": torch.ones(2)}, tmp_path / "x.bin")
    with pytest.raises(AdapterImportError, match="damaged"):
        bring_in(Wanted(tmp_path / "x.bin", alpha=1.0), tmp_path / "adapters", registry, tiny)
