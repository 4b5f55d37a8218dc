"""InternLM and InternLM2 checkpoints in Llama's layout: same logits, same tokens, without their code."""

from __future__ import annotations

import json
import random
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llm.errors import DownloadCancelledError, UnsupportedModelError
from llm.hubs import DownloadProgress, HubOptions, installed, resolve
from llm.hubs.internlm import is_internlm, to_llama
from llm.hubs.spm import build_tokenizer
from tests.llm.checkpoints import files_of, logits
from tests.llm.fake_hub import REPOSITORY, isolate
from tests.llm.fake_hub_formats import HUBS

VOCABULARY, HIDDEN, LAYERS, HEADS, GROUPS, WIDTH = 400, 32, 2, 4, 2, 48
HEAD = HIDDEN // HEADS
CONFIG: dict[str, Any] = {
    "architectures": ["InternLM2ForCausalLM"],
    "auto_map": {"AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM"},
    "model_type": "internlm2",
    "bias": False,
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "intermediate_size": WIDTH,
    "max_position_embeddings": 64,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": GROUPS,
    "rms_norm_eps": 1e-5,
    "rope_scaling": {"factor": 2.0, "type": "dynamic"},
    "rope_theta": 1000000,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": VOCABULARY,
}
# Pieces in the order of their merges, after the 256 bytes.
PIECES = ["▁", "你", "好", "a", "b", "c", "ab", "abc", "▁a", "▁ab", "bc", "你好", "aa", "▁▁", "ca", "bb", "好a"]


def save_spm(folder: Path, *, prefix: bool = False) -> Path:
    """A tokenizer.model written out by hand, with byte fallback and one user-defined piece."""
    from transformers.convert_slow_tokenizer import import_protobuf

    model = import_protobuf().ModelProto()
    model.trainer_spec.model_type, model.trainer_spec.byte_fallback = 2, True
    model.normalizer_spec.add_dummy_prefix = prefix
    model.normalizer_spec.remove_extra_whitespaces = False
    special = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("<eoa>", 4)]
    bytes_ = [(f"<0x{number:02X}>", 6) for number in range(256)]
    for number, (piece, kind) in enumerate([*special, *bytes_, *[(piece, 1) for piece in PIECES]]):
        model.pieces.add(piece=piece, type=kind, score=-float(number) if kind == 1 else 0.0)
    path = folder / "tokenizer.model"
    path.write_bytes(model.SerializeToString())
    return path


def save_internlm2(folder: Path, **changes: Any) -> dict[str, Any]:
    """A random InternLM2 checkpoint in two files; returns its tensors."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(1)

    def random_matrix(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator) * 0.3

    tensors = {"model.tok_embeddings.weight": random_matrix(VOCABULARY, HIDDEN)}
    for layer in range(LAYERS):
        base = f"model.layers.{layer}."
        tensors |= {
            f"{base}attention.wqkv.weight": random_matrix((HEADS + 2 * GROUPS) * HEAD, HIDDEN),
            f"{base}attention.wo.weight": random_matrix(HIDDEN, HIDDEN),
            f"{base}feed_forward.w1.weight": random_matrix(WIDTH, HIDDEN),
            f"{base}feed_forward.w3.weight": random_matrix(WIDTH, HIDDEN),
            f"{base}feed_forward.w2.weight": random_matrix(HIDDEN, WIDTH),
            f"{base}attention_norm.weight": random_matrix(HIDDEN) + 1,
            f"{base}ffn_norm.weight": random_matrix(HIDDEN) + 1,
        }
    tensors |= {"model.norm.weight": random_matrix(HIDDEN) + 1, "output.weight": random_matrix(VOCABULARY, HIDDEN)}
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    folder.mkdir(parents=True, exist_ok=True)
    for shard, keys in shards.items():
        save_file({key: tensors[key] for key in keys}, folder / shard)
    index = {"weight_map": {key: shard for shard, keys in shards.items() for key in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}), encoding="utf-8")
    save_spm(folder)
    return tensors


def internlm2_logits(tensors: dict[str, Any], *, swap: bool = False) -> Any:
    """The forward pass as modeling_internlm2.py describes it, head group by head group.

    `swap` reads keys and values the wrong way round: the control.
    """
    import torch
    from torch.nn.functional import silu, softmax

    def norm(x: Any, weight: Any) -> Any:
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * weight

    def rotated(x: Any) -> Any:  # [positions, HEAD]
        frequencies = 1000000 ** (-torch.arange(0, HEAD, 2) / HEAD)
        angles = torch.arange(len(x)).unsqueeze(1) * frequencies
        left, right = x.split(HEAD // 2, dim=1)
        return torch.cat(
            (left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()), dim=1
        )

    x = tensors["model.tok_embeddings.weight"][3:15]
    unseen = torch.full((len(x), len(x)), -torch.inf).triu(1)
    for layer in range(LAYERS):
        w = {name: tensors[f"model.layers.{layer}.{name}.weight"] for name in (
            "attention.wqkv", "attention.wo", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3",
            "attention_norm", "ffn_norm",
        )}  # fmt: skip
        mixed = norm(x, w["attention_norm"]) @ w["attention.wqkv"].T
        heads = []
        for group in range(GROUPS):
            rows = mixed[:, group * (HEADS // GROUPS + 2) * HEAD :]
            *queries, key, value = rows.split(HEAD, dim=1)[: HEADS // GROUPS + 2]
            key, value = (value, key) if swap else (key, value)
            for query in queries:
                scores = rotated(query) @ rotated(key).T / HEAD**0.5 + unseen
                heads.append(softmax(scores, dim=-1) @ value)
        x = x + torch.cat(heads, dim=1) @ w["attention.wo"].T
        y = norm(x, w["ffn_norm"])
        x = x + (silu(y @ w["feed_forward.w1"].T) * (y @ w["feed_forward.w3"].T)) @ w["feed_forward.w2"].T
    return norm(x, tensors["model.norm.weight"]) @ tensors["output.weight"].T


def test_internlm2_from_a_hub_gives_the_same_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    tensors = save_internlm2(tmp_path / "original")
    with HUBS["modelscope"](files_of(tmp_path / "original")) as hub:
        options = HubOptions(endpoints={"modelscope": hub.endpoint})
        folder = resolve(REPOSITORY, cache_dir=tmp_path, source="modelscope", options=options)
        asked = len(hub.requests)
        assert resolve(REPOSITORY, cache_dir=tmp_path, source="modelscope", options=options) == folder
        assert len(hub.requests) == asked
    ours = logits(folder)[0]
    theirs = internlm2_logits(tensors)
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
    assert (ours - internlm2_logits(tensors, swap=True)).abs().max() > 0.1 * theirs.abs().max()
    original = tmp_path / "modelscope" / "someone--tiny-model"
    assert not list(original.glob("*.safetensors"))  # the disk holds the weights once
    assert not list(tmp_path.rglob("*.py"))
    (entry,) = installed(tmp_path)
    assert entry.folder == original and entry.size > 1000


def test_the_converted_folder_is_complete(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    save_internlm2(tmp_path / "mine")
    before = files_of(tmp_path / "mine")
    folder = resolve(str(tmp_path / "mine"), cache_dir=tmp_path / "cache")
    assert folder.is_relative_to(tmp_path / "cache" / "converted") and folder.name == "mine"
    assert files_of(tmp_path / "mine") == before
    assert resolve(str(tmp_path / "mine"), cache_dir=tmp_path / "cache") == folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "你好"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<s><|im_start|>system\nS<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer("abc").input_ids == [1, tokenizer.convert_tokens_to_ids("abc")]
    assert GenerationConfig.from_pretrained(folder).eos_token_id == [2]


def test_a_conversion_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    source, target, cancel = tmp_path / "original", tmp_path / "llama", threading.Event()
    tensors = save_internlm2(source)
    with pytest.raises(DownloadCancelledError):
        to_llama(source, target, remove_weights=True, progress=lambda event: cancel.set(), cancel=cancel)
    assert not (source / "model-00001-of-00002.safetensors").exists()
    assert (source / "model-00002-of-00002.safetensors").exists() and not (target / "config.json").exists()
    seen: list[DownloadProgress] = []
    to_llama(source, target, remove_weights=True, progress=seen.append)
    assert [event.files_done for event in seen] == [1, 2]
    assert 0 < seen[0].done < seen[1].done == seen[1].total > 10_000  # bytes
    assert (logits(target)[0] - internlm2_logits(tensors)).abs().max() < 1e-3
    assert not list(target.glob("*.part"))


def test_internlm_with_pickled_weights_gives_the_same_logits(tmp_path: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {key: CONFIG[key] for key in ("hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")}
    torch.manual_seed(3)
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_hidden_layers=2, attention_bias=True, rms_norm_eps=1e-6))
    state = {name: tensor.clone().normal_(0, 0.3) for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    torch.save(state | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}, tmp_path / "pytorch_model.bin")
    config = {**CONFIG, **sizes, "architectures": ["InternLMForCausalLM"], "model_type": "internlm", "bias": True}
    del config["num_key_value_heads"], config["rope_scaling"], config["rope_theta"]
    config |= {"rms_norm_eps": 1e-6, "max_position_embeddings": 2048}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_spm(tmp_path)
    to_llama(tmp_path, tmp_path / "llama")
    with torch.no_grad():
        expected = model(torch.arange(3, 15).unsqueeze(0)).logits
    assert (logits(tmp_path / "llama") - expected).abs().max() < 1e-4
    written = json.loads((tmp_path / "llama" / "config.json").read_text(encoding="utf-8"))
    assert written["rope_parameters"] == {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 1.0}
    stops = json.loads((tmp_path / "llama" / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    assert stops == [2, 3]  # </s> and <eoa>


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    import torch

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model.norm.weight": Trap()}, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    save_spm(tmp_path)
    with pytest.raises(UnsupportedModelError, match="code"):
        to_llama(tmp_path, tmp_path / "llama")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("lost", ["model-00002-of-00002.safetensors", "tokenizer.model"])
def test_an_incomplete_checkpoint_says_so(tmp_path: Path, lost: str) -> None:
    save_internlm2(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(UnsupportedModelError, match=lost):
        to_llama(tmp_path, tmp_path / "llama")


def test_what_counts_as_internlm() -> None:
    assert is_internlm(CONFIG)
    assert not is_internlm({"architectures": ["InternLM3ForCausalLM"]}) and not is_internlm({})


@pytest.mark.parametrize("prefix", [False, True])
def test_tokens_are_those_that_merging_by_score_gives(tmp_path: Path, prefix: bool) -> None:
    tokenizer = build_tokenizer(save_spm(tmp_path, prefix=prefix), {})
    ids = tokenizer.get_vocab()

    def reference(text: str) -> list[int]:
        symbols = list((" " if prefix else "").join(["", text]).replace(" ", "▁"))
        while True:
            pairs = [(ids[a + b], at) for at, (a, b) in enumerate(pairwise(symbols)) if a + b in ids]
            if not pairs:
                break
            _, at = min(pairs)
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
        parts = [[s] if s in ids else [f"<0x{byte:02X}>" for byte in s.encode()] for s in symbols]
        return [ids[token] for part in parts for token in part]

    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choices("abc 你好é😀\n", k=rng.randint(1, 12)))
        encoded = tokenizer.encode(text, add_special_tokens=False).ids
        assert encoded == reference(text), text
        assert tokenizer.decode(encoded) == text
    assert tokenizer.encode("a<eoa>", add_special_tokens=False).ids[-1] == 3
