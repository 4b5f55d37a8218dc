"""Presets: their sizes, templates and memory against transformers, bitsandbytes and the files that ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm.errors import UnsupportedModelError
from llm.memory import GIB, RUNTIME_BYTES, Architecture, architecture_of
from llm.presets import PRESETS, Preset, find, memory_needed
from llm.settings import EMBEDDED_BASE

NAMES = [preset.name for preset in PRESETS]
# From the models' own weights: model.safetensors.index.json gives these as its total size over the bytes per value.
KNOWN_PARAMETERS = {
    "internlm2-chat-1.8b": 1_889_110_016,
    "internlm2_5-7b-chat": 7_737_708_544,
    "Qwen2-7B-Instruct": 7_615_616_512,
    "Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen2.5-1.5B-Instruct": 1_543_714_304,
    "Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen3-8B": 8_190_735_360,
}


def preset(name: str) -> Preset:
    found = find(name)
    assert found is not None
    return found


def config_of(architecture: Architecture, name: str) -> Any:
    """The transformers config with the same sizes."""
    from transformers import LlamaConfig, Qwen2Config, Qwen3Config

    kind: Any = Qwen2Config if name.startswith("Qwen2") else LlamaConfig if name.startswith("internlm") else Qwen3Config
    bias = {"attention_bias": architecture.out_bias} if kind is LlamaConfig else {}
    return kind(
        hidden_size=architecture.hidden,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        num_key_value_heads=architecture.kv_heads,
        head_dim=architecture.head_dim,
        intermediate_size=architecture.intermediate,
        vocab_size=architecture.vocab,
        tie_word_embeddings=architecture.tied,
        **bias,
    )


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_real_architecture(name: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    architecture = preset(name).architecture
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(architecture, name))
    assert preset(name).parameters == sum(parameter.numel() for parameter in model.parameters())
    assert preset(name).layers == len(model.model.layers)
    if name in KNOWN_PARAMETERS:
        assert preset(name).parameters == KNOWN_PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_config_file_says_the_same_as_the_preset(name: str) -> None:
    architecture = preset(name).architecture
    config = config_of(architecture, name).to_dict()
    assert architecture_of(config) == architecture
    assert memory_needed(config, "nf4") == memory_needed(preset(name), "nf4")


def test_the_embedded_preset_is_the_base_that_ships() -> None:
    found = preset("embedded")
    config = json.loads((EMBEDDED_BASE / "config.json").read_text(encoding="utf-8"))
    assert architecture_of(config) == found.architecture
    assert config["max_position_embeddings"] == found.context_length
    assert memory_needed(EMBEDDED_BASE, "nf4") == memory_needed(found, "nf4")
    stops = json.loads((EMBEDDED_BASE / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    tokens = json.loads((EMBEDDED_BASE / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    names = {token["id"]: token["content"] for token in tokens}
    assert {names[stop] for stop in stops} == set(found.stop_tokens)


def test_weights_take_what_bitsandbytes_really_uses(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Qwen3Config, Qwen3ForCausalLM

    sizes = Architecture(256, 3, 4, 2, 64, 768, 1000, tied=True, qk_norm=True)
    config = config_of(sizes, "Qwen3")
    assert isinstance(config, Qwen3Config)
    Qwen3ForCausalLM(config).bfloat16().save_pretrained(tmp_path)
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        tmp_path, quantization_config=nf4, dtype=torch.bfloat16, device_map="cpu"
    )
    used = 0
    for parameter in model.parameters():
        used += parameter.nbytes
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            used += state.absmax.nbytes + state.state2.absmax.nbytes
    assert used == pytest.approx(sizes.weight_bytes("nf4"), rel=0.01)
    assert used < 0.6 * sizes.weight_bytes("bf16")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert sum(parameter.nbytes for parameter in plain.parameters()) == sizes.weight_bytes("bf16")


def test_the_cache_takes_what_transformers_really_uses() -> None:
    import torch
    from transformers import Qwen3ForCausalLM

    sizes = Architecture(64, 3, 4, 2, 32, 96, 100, tied=True, qk_norm=True)
    model = Qwen3ForCausalLM(config_of(sizes, "Qwen3")).bfloat16()
    with torch.no_grad():
        cache = model(torch.zeros(1, 50, dtype=torch.long), use_cache=True).past_key_values
    used = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert used == sizes.cache_bytes(50, "bf16") == sizes.cache_bytes(50, "nf4") == sizes.cache_bytes(50, "fp32") / 2


@pytest.mark.parametrize("name", NAMES)
def test_memory_grows_with_precision_and_conversation(name: str) -> None:
    found = preset(name)
    nf4, bf16, fp32 = (memory_needed(found, quantisation) for quantisation in ("nf4", "bf16", "fp32"))
    assert RUNTIME_BYTES < nf4 < bf16 < fp32
    assert memory_needed(found, "nf4", tokens=32768) > nf4
    assert found.weights_gib["nf4"] < found.weights_gib["bf16"] == found.weights_gib["fp32"] / 2
    assert 0 <= found.min_memory_gib - memory_needed(found, "nf4", tokens=2048) / GIB < 0.5


def test_memory_of_configs_from_elsewhere(tmp_path: Path) -> None:
    gpt2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
    assert 0.1e9 < architecture_of(gpt2).parameters < 0.13e9  # GPT-2 small has 124 million
    mixtral = {
        "model_type": "mixtral",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "num_local_experts": 8,
        "vocab_size": 32000,
    }
    assert architecture_of(mixtral).parameters == 46_702_792_704
    assert architecture_of({"model_type": "vision", "text_config": gpt2}) == architecture_of(gpt2)
    with pytest.raises(UnsupportedModelError, match="num_hidden_layers") as caught:
        memory_needed({"hidden_size": 8, "num_attention_heads": 2}, "nf4")
    assert "num_hidden_layers" in caught.value.message("zh")
    with pytest.raises(UnsupportedModelError, match="could not be read"):
        memory_needed(tmp_path, "nf4")
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match="not a JSON object"):
        memory_needed(str(tmp_path), "nf4")
    with pytest.raises(ValueError, match="int3"):
        memory_needed(gpt2, "int3")


def test_every_preset_is_found_under_all_its_names() -> None:
    assert len(set(map(str.casefold, NAMES))) == len(PRESETS)
    for found in PRESETS:
        for name in (found.name, found.name.upper(), *found.hubs.values()):
            assert find(name) is found
            assert find(f"/data/models/{name.rpartition('/')[2]}") is found
            assert find(name.replace("/", "--")) is found
    assert find("D:\\models\\Qwen3-4B") is preset("Qwen3-4B")


@pytest.mark.parametrize("name", ["", "Qwen3", "Qwen3-4B-Base", "someone/Qwen3-4B", "gpt2", "internlm/other"])
def test_other_names_are_no_presets(name: str) -> None:
    assert find(name) is None


def render(found: Preset, messages: list[dict[str, str]]) -> str:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<s>": 1})), bos_token="<s>")
    tokenizer.chat_template = found.chat_template
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


CHAT = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "u1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "u2"},
]


def test_the_templates_that_we_supply() -> None:
    assert render(preset("internlm-chat-7b"), CHAT) == (
        "<s><|System|>:S\n<|User|>:u1\n<|Bot|>:a1<eoa>\n<|User|>:u2\n<|Bot|>:"
    )
    expected = (
        "<s><|im_start|>system\nS<|im_end|>\n<|im_start|>user\nu1<|im_end|>\n"
        "<|im_start|>assistant\na1<|im_end|>\n<|im_start|>user\nu2<|im_end|>\n<|im_start|>assistant\n"
    )
    for name in ("internlm2-chat-1.8b", "internlm2_5-7b-chat"):
        assert render(preset(name), CHAT) == expected


def test_every_preset_has_a_template_from_somewhere_and_something_to_stop_at() -> None:
    for found in PRESETS:
        assert found.ships_chat_template or found.chat_template
        assert found.stop_tokens and found.licence and found.template_note and found.context_length >= 2048
        assert (not found.hubs) == (found.folder is not None)
        for template in filter(None, [found.chat_template]):
            assert any(stop in template for stop in found.stop_tokens)
    assert preset("Qwen3-4B").template_options == {"enable_thinking": False}
