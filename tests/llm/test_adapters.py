"""The registry: what is offered, what is refused, and that a refusal says why in both languages."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from llm.adapters import AdapterInfo, AdapterRegistry
from llm.errors import AdapterNotFoundError, InvalidAdapterError
from llm.model import Base
from llm.settings import SHIPPED_ADAPTERS, LlmSettings
from tests.llm.tiny import write_adapter


def _scan(root: Path, base: Base) -> dict[str, AdapterInfo]:
    registry = AdapterRegistry((root,))
    registry.bind(base.fingerprint, base.linears)
    return {info.name: info for info in registry.scan()}


def _only(root: Path, base: Base) -> AdapterInfo:
    (info,) = _scan(root, base).values()
    return info


def test_a_fitting_adapter_is_valid(tiny: Base, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path, "chef", tiny, rank=4, lora_alpha=16)
    passport = {
        "title": {"zh": "厨师", "en": "Chef"},
        "description": {"zh": "会做菜", "en": "Cooks"},
        "examples": {"zh": ["怎么做鱼？"], "en": ["How to cook fish?", 3]},
        "base_fingerprint": tiny.fingerprint,
    }
    (folder / "passport.json").write_text(json.dumps(passport), encoding="utf-8")
    info = _only(tmp_path, tiny)
    assert (info.valid, info.reason, info.rank, info.scale) == (True, ("", ""), 4, 4.0)
    assert info.bytes == (folder / "adapter_model.safetensors").stat().st_size
    assert (info.title("zh-CN"), info.title("en"), info.title("fr")) == ("厨师", "Chef", "Chef")
    assert (info.description("zh"), info.examples("zh"), info.examples("en")) == (
        "会做菜",
        ["怎么做鱼？"],
        ["How to cook fish?"],
    )
    assert not info.shipped


def test_the_scale_of_rslora_divides_by_the_root_of_the_rank(tiny: Base, tmp_path: Path) -> None:
    write_adapter(tmp_path, "stable", tiny, rank=4, lora_alpha=16, use_rslora=True)
    assert _only(tmp_path, tiny).scale == 8.0


def test_before_a_base_is_known_nothing_is_refused_for_not_fitting_it(tiny: Base, tmp_path: Path) -> None:
    write_adapter(tmp_path, "chef", tiny)
    registry = AdapterRegistry((tmp_path,))
    assert registry.get("chef").valid
    registry.bind("other", {})
    assert registry.get("chef").valid
    registry.bind("other", {"some.layer": (3, 3)})
    with pytest.raises(InvalidAdapterError):
        registry.get("chef")


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "bias=all"),
        ({"bias": "lora_only"}, "bias=lora_only"),
        ({"lora_bias": True}, "lora_bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"alpha_pattern": {"q_proj": 2}}, "alpha_pattern"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"target_parameters": ["experts"]}, "target_parameters"),
        ({"alora_invocation_tokens": [1, 2]}, "aLoRA"),
        ({"kasa_config": {"beta": 1}}, "KaSA"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"init_lora_weights": "pissa_niter_16"}, "pissa_niter_16"),
        ({"init_lora_weights": "olora"}, "olora"),
        ({"init_lora_weights": "lora_ga"}, "lora_ga"),
        ({"peft_type": "IA3"}, "IA3"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    tiny: Base, tmp_path: Path, option: dict[str, Any], named: str
) -> None:
    write_adapter(tmp_path, "odd", tiny, **option)
    info = _only(tmp_path, tiny)
    assert not info.valid
    assert all(named in reason for reason in info.reason)
    assert "supported" in info.reason[0]
    assert "支持" in info.reason[1]


@pytest.mark.parametrize("value", [{}, {"modules_to_save": []}, {"rank_pattern": {}}, {"init_lora_weights": "eva"}])
def test_options_that_change_nothing_are_fine(tiny: Base, tmp_path: Path, value: dict[str, Any]) -> None:
    write_adapter(tmp_path, "fine", tiny, **value)
    assert _only(tmp_path, tiny).valid


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"r": "eight"}, "r = 'eight'"),
        ({"r": [8]}, "r = [8]"),
        ({"lora_alpha": float("nan")}, "lora_alpha = nan"),
        ({"lora_alpha": "NaN"}, "lora_alpha"),
        ({"r": True}, "r = True"),
    ],
)
def test_numbers_that_are_none_are_refused(tiny: Base, tmp_path: Path, numbers: dict[str, Any], named: str) -> None:
    write_adapter(tmp_path, "good", tiny)
    write_adapter(tmp_path, "odd", tiny, **numbers)
    found = _scan(tmp_path, tiny)
    assert found["good"].valid, "one bad adapter must not hide the others"
    assert not found["odd"].valid
    assert all(named in reason for reason in found["odd"].reason)


def _truncate(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def _add_tensor(folder: Path) -> None:
    _rewrite(
        folder, lambda tensors: tensors | {"base_model.model.lm_head.weight": next(iter(tensors.values())).clone()}
    )


def _half(folder: Path) -> None:
    _rewrite(folder, lambda tensors: dict(list(tensors.items())[1:]))


def _empty(folder: Path) -> None:
    _rewrite(folder, lambda tensors: {})


def _transpose(folder: Path) -> None:
    _rewrite(folder, lambda tensors: {key: t.T.contiguous() for key, t in tensors.items()})


def _elsewhere(folder: Path) -> None:
    _rewrite(folder, lambda tensors: {key.replace("layers.1", "layers.7"): t for key, t in tensors.items()})


def _rewrite(folder: Path, change: Any) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "adapter_model.safetensors"
    save_file(change(load_file(weights)), weights)


def _without(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def _holding(name: str, data: bytes) -> Any:
    return lambda folder: (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "en", "zh"),
    [
        (_without("adapter_model.safetensors"), "adapter_model.safetensors is missing", "缺少"),
        (_without("adapter_config.json"), "adapter_config.json is missing", "缺少"),
        (_holding("adapter_model.safetensors", b""), "is damaged", "已损坏"),
        (_holding("adapter_model.safetensors", b"\xff" * 64), "is damaged", "已损坏"),
        (_truncate, "is damaged", "已损坏"),
        (_holding("adapter_config.json", b"{"), "adapter_config.json cannot be read", "无法读取"),
        (_holding("adapter_config.json", b"[1]"), "not a JSON object", "不是 JSON 对象"),
        (_holding("passport.json", b"\xff\xfe"), "passport.json cannot be read", "无法读取"),
        (_empty, "no LoRA weights", "没有 LoRA 权重"),
        (_half, "lacks its other half", "缺少另一半"),
        (_add_tensor, "unexpected tensor base_model.model.lm_head.weight", "意外的张量"),
        (_transpose, "has shape (96, 4), the base needs (4, 96)", "应为 (4, 96)"),
        (_elsewhere, "the base has no layer model.layers.7", "没有 model.layers.7"),
    ],
)
def test_what_is_damaged_or_does_not_fit_is_listed_with_its_reason(
    tiny: Base, tmp_path: Path, damage: Any, en: str, zh: str
) -> None:
    write_adapter(tmp_path, "good", tiny)
    damage(write_adapter(tmp_path, "odd", tiny, rank=4))
    found = _scan(tmp_path, tiny)
    assert found["good"].valid
    assert not found["odd"].valid
    assert en in found["odd"].reason[0]
    assert zh in found["odd"].reason[1]


def test_an_adapter_of_another_base_is_refused(tiny: Base, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path, "alien", tiny)
    (folder / "passport.json").write_text('{"base_fingerprint": "abcdef0123456789"}', encoding="utf-8")
    registry = AdapterRegistry((tmp_path,))
    registry.bind(tiny.fingerprint, tiny.linears)
    with pytest.raises(InvalidAdapterError) as caught:
        registry.get("alien")
    for message in (caught.value.en, caught.value.zh):
        assert "alien" in message
        assert "abcdef012345…" in message
        assert tiny.fingerprint[:12] in message


def test_an_unknown_name_lists_the_known(tiny: Base, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapters", "chef", tiny)
    write_adapter(tmp_path, "outside", tiny)
    registry = AdapterRegistry((tmp_path / "adapters",))
    for name in ("cook", "", "../outside", ".", "chef/"):
        with pytest.raises(AdapterNotFoundError) as caught:
            registry.get(name)
        assert "chef" in caught.value.en
        assert "chef" in caught.value.zh


def test_the_users_adapter_wins_over_the_shipped_one(tiny: Base, tmp_path: Path) -> None:
    mine, shipped = tmp_path / "mine", tmp_path / "shipped"
    write_adapter(shipped, "chef", tiny, seed=1)
    write_adapter(shipped, "pirate", tiny, seed=2)
    write_adapter(mine, "chef", tiny, seed=3)
    registry = AdapterRegistry((mine, shipped), (shipped,))
    assert [(i.name, i.folder.parent, i.shipped) for i in registry.scan()] == [
        ("chef", mine, False),
        ("pirate", shipped, True),
    ]
    assert LlmSettings(tmp_path).adapter_dirs == (tmp_path / "adapters", SHIPPED_ADAPTERS)


def test_hidden_folders_and_files_are_no_adapters(tiny: Base, tmp_path: Path) -> None:
    write_adapter(tmp_path, ".chef.partial", tiny)
    (tmp_path / "readme.md").write_text("hello", encoding="utf-8")
    assert _scan(tmp_path, tiny) == {}
    assert AdapterRegistry((tmp_path / "nowhere",)).scan() == []


def test_the_version_is_the_content(tiny: Base, tmp_path: Path) -> None:
    first = _only(tmp_path, tiny) if write_adapter(tmp_path, "chef", tiny, seed=1) else None
    registry = AdapterRegistry((tmp_path,))
    assert first is not None
    assert registry.get("chef").version == first.version
    assert len(first.version) == 12
    write_adapter(tmp_path, "chef", tiny, seed=2)
    second = registry.get("chef").version
    write_adapter(tmp_path, "chef", tiny, seed=2, lora_alpha=1)
    third = registry.get("chef").version
    write_adapter(tmp_path, "chef", tiny, seed=1)
    assert len({first.version, second, third}) == 3
    assert registry.get("chef").version == first.version


def test_a_replaced_file_of_the_same_size_and_time_is_noticed(tiny: Base, tmp_path: Path) -> None:
    weights = write_adapter(tmp_path, "chef", tiny, seed=1) / "adapter_model.safetensors"
    registry = AdapterRegistry((tmp_path,))
    before, stamp = registry.get("chef").version, weights.stat()
    write_adapter(tmp_path, "chef", tiny, seed=2)
    os.utime(weights, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert weights.stat().st_size == stamp.st_size
    assert registry.get("chef").version != before


@pytest.mark.parametrize("passport", [{"title": "Chef", "examples": "x"}, {"title": {}, "examples": {"en": 5}}, {}])
def test_a_passport_of_any_form_can_be_shown(tiny: Base, tmp_path: Path, passport: dict[str, Any]) -> None:
    folder = write_adapter(tmp_path, "chef", tiny)
    (folder / "passport.json").write_text(json.dumps(passport), encoding="utf-8")
    info = _only(tmp_path, tiny)
    assert info.title("en") in ("Chef", "chef")
    assert info.examples("en") == info.examples("zh") == []
    assert info.description("zh") == ""


def test_the_current_version_answers(tiny: Base, tmp_path: Path) -> None:
    root = tmp_path / "adapters"
    for n in (1, 2):
        write_adapter(root / "chef", f"v{n}", tiny, seed=n)
    registry = AdapterRegistry((root,))
    registry.bind(tiny.fingerprint, tiny.linears)
    assert not registry.scan()[0].valid  # several versions, and none is named
    found = []
    for version in ("v1", "v2", "v1"):
        (root / "chef" / "current").write_text(version + "\n", encoding="utf-8")
        info = registry.get("chef")
        assert (info.name, info.folder.name, info.title()) == ("chef", version, "chef")
        found.append(info.version)
    assert found[0] == found[2] != found[1]
    for wrong in ("../other", "v0", "v3", ""):
        (root / "chef" / "current").write_text(wrong, encoding="utf-8")
        assert not registry.scan()[0].valid


def test_a_draft_is_shown_as_one(tiny: Base, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path, "chef", tiny)
    for draft, titles in ((True, ("Chef (draft)", "Chef（草稿）")), (False, ("Chef", "Chef"))):
        (folder / "passport.json").write_text(json.dumps({"title": "Chef", "draft": draft}), encoding="utf-8")
        info = _only(tmp_path, tiny)
        assert (info.title("en"), info.title("zh")) == titles
