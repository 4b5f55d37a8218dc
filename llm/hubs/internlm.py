"""InternLM and InternLM2 checkpoints in Llama's layout, so that they load without running code of theirs.

Both are Llama with other names: InternLM has biases on its attention projections, InternLM2 keeps query, key and value
of each key/value head in one matrix (`wqkv`, rows ordered head by head: its queries, then key, then value), as read
from modeling_internlm.py and modeling_internlm2.py of the model repositories. Transformers 5 has neither, and their own
Python code calls functions that it has removed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from pickle import UnpicklingError
from threading import Event
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from llm.errors import UnsupportedModelError
from llm.hubs.download import DownloadProgress, Progress
from llm.hubs.files import stop_if
from llm.hubs.spm import save_tokenizer
from llm.memory import read_config
from llm.presets import INTERNLM2_TEMPLATE, INTERNLM_TEMPLATE

if TYPE_CHECKING:
    import torch

_RENAMED = (
    ("tok_embeddings", "embed_tokens"),
    ("attention.wo", "self_attn.o_proj"),
    ("feed_forward.w1", "mlp.gate_proj"),
    ("feed_forward.w2", "mlp.down_proj"),
    ("feed_forward.w3", "mlp.up_proj"),
    ("attention_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
)
# Where the older tokenizer configs leave them out (chat/chat_format.md of InternLM/InternLM).
_INTERNLM2_TOKENS = {
    92538: "<|plugin|>",
    92539: "<|interpreter|>",
    92540: "<|action_end|>",
    92541: "<|action_start|>",
    92542: "<|im_end|>",
    92543: "<|im_start|>",
}
_KEPT = (
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_hidden_layers",
    "vocab_size",
    "rms_norm_eps",
    "hidden_act",
    "max_position_embeddings",
    "tie_word_embeddings",
    "bos_token_id",
    "eos_token_id",
    "initializer_range",
)
_SAFETENSORS_DTYPES = {"torch.bfloat16": "BF16", "torch.float16": "F16", "torch.float32": "F32"}


def is_internlm(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is of a model that `to_llama` converts."""
    architecture = (config.get("architectures") or [""])[0]
    return architecture in ("InternLMForCausalLM", "InternLM2ForCausalLM")


def to_llama(
    source: Path,
    target: Path,
    *,
    remove_weights: bool = False,
    progress: Progress | None = None,
    cancel: Event | None = None,
) -> None:
    """Write `source` to `target` in Llama's layout, file by file; goes on where an earlier call was stopped.

    Needs the memory of one tensor and the disk of one weights file (of all where `remove_weights` is false).

    Args:
        source: folder of an InternLM or InternLM2 checkpoint.
        target: folder for the converted one; made where needed.
        remove_weights: delete each weights file of `source` once its converted form is written.
        progress: called after each file.
        cancel: set to stop between tensors.

    Raises:
        UnsupportedModelError: the checkpoint is not what its config says.
        DownloadCancelledError: cancelled.
    """
    config = read_config(source)
    target.mkdir(parents=True, exist_ok=True)
    shards = _shards(source)
    names = {shard: f"model-{n:05}-of-{len(shards):05}.safetensors" for n, shard in enumerate(shards, 1)}
    sizes = [max(map(_size, (source / shard, target / name))) for shard, name in names.items()]
    weight_map: dict[str, str] = {}
    for number, (shard, name) in enumerate(names.items(), 1):
        if not (target / name).is_file():
            with _open_shard(source / shard) as (keys, load):
                # A wqkv becomes three tensors; an entry of the header takes under 200 bytes.
                _write(target / name, _converted(keys, load, config), 64 + 600 * len(keys), cancel)
        weight_map |= dict.fromkeys(_keys(target / name), name)
        if remove_weights:
            (source / shard).unlink(missing_ok=True)
        if progress:
            progress(DownloadProgress(name, sum(sizes[:number]), sum(sizes), number, len(shards)))
    index = {"metadata": {}, "weight_map": weight_map}
    _write_json(target / "model.safetensors.index.json", index)
    second = "InternLM2" in config["architectures"][0]
    end = "<|im_end|>" if second else "<eoa>"
    ids = save_tokenizer(
        source,
        target,
        renamed=_INTERNLM2_TOKENS if second else {},
        chat_template=INTERNLM2_TEMPLATE if second else INTERNLM_TEMPLATE,
    )
    stops = [ids["</s>"], *([ids[end]] if end in ids else [])]
    _write_json(target / "generation_config.json", {"bos_token_id": 1, "eos_token_id": stops, "pad_token_id": 2})
    _write_json(target / "config.json", _llama_config(config))


def _llama_config(config: Mapping[str, Any]) -> dict[str, Any]:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": config.get("rope_theta", 10000.0)}
    # InternLM calls it "rotary" and stretches by default; InternLM2 calls it "rope_scaling".
    scaling = config.get("rope_scaling")
    if "InternLM2" not in config["architectures"][0]:
        rotary = config.get("rotary") or {"base": 10000, "type": "dynamic"}
        rope["rope_theta"] = float(rotary.get("base", 10000))
        scaling = rotary if rotary.get("type") == "dynamic" else None
    if scaling:
        rope |= {"rope_type": scaling["type"], "factor": float(scaling.get("factor", scaling.get("scaling_factor", 1)))}
    return {name: config[name] for name in _KEPT if name in config} | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": bool(config.get("bias", False)),
        "num_key_value_heads": config.get("num_key_value_heads", config["num_attention_heads"]),
        "pad_token_id": 2,
        "rope_parameters": rope,
        "dtype": config.get("torch_dtype", config.get("dtype", "bfloat16")),
    }


def _shards(source: Path) -> list[str]:
    for index, single in (
        ("model.safetensors.index.json", "model.safetensors"),
        ("pytorch_model.bin.index.json", "pytorch_model.bin"),
    ):
        if (source / index).is_file():
            weight_map = json.loads((source / index).read_text(encoding="utf-8"))["weight_map"]
            names = sorted(set(weight_map.values()))
            if all(name == Path(name).name for name in names):
                return names
        if (source / single).is_file():
            return [single]
    raise _damaged(source, "no weights")


def _damaged(source: Path, what: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        en=f"{source} is not a complete InternLM checkpoint ({what}). Delete the folder and download the model again.",
        zh=f"{source} 不是完整的 InternLM 模型（{what}）。请删除该文件夹并重新下载模型。",
    )


class _open_shard:
    """The tensors of one weights file, read one at a time (memory-mapped)."""

    def __init__(self, path: Path) -> None:
        self._path, self._open = path, ExitStack()

    def __enter__(self) -> tuple[list[str], Callable[[str], torch.Tensor]]:
        if not self._path.is_file():
            raise _damaged(self._path.parent, f"{self._path.name} is missing")
        if self._path.suffix == ".safetensors":
            from safetensors import safe_open

            file = self._open.enter_context(safe_open(self._path, framework="pt"))
            return list(file.keys()), file.get_tensor
        import torch

        try:
            # weights_only: a pickled file may otherwise run code while it is read.
            tensors = torch.load(self._path, map_location="cpu", mmap=is_zipfile(self._path), weights_only=True)
        except UnpicklingError as error:
            raise _damaged(self._path.parent, f"{self._path.name} is broken or would run code when read") from error
        return list(tensors), tensors.__getitem__

    def __exit__(self, *error: object) -> None:
        self._open.close()


def _converted(
    keys: list[str], load: Callable[[str], torch.Tensor], config: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    heads = config["num_attention_heads"]
    groups = config.get("num_key_value_heads", heads)
    for key in sorted(keys):
        tensor = load(key)
        if "rotary_emb" in key:
            continue  # recomputed from the config
        if "attention.wqkv" in key:
            for name, part in unfused(tensor, heads, groups).items():
                yield key.replace("attention.wqkv", f"self_attn.{name}"), part
            continue
        key = renamed(key)
        yield "lm_head.weight" if key == "output.weight" else key, tensor


def renamed(key: str) -> str:
    """InternLM2's name of a layer (but for `wqkv`) as Llama's."""
    for old, new in _RENAMED:
        key = key.replace(old, new)
    return key


def unfused(wqkv: torch.Tensor, heads: int, groups: int) -> dict[str, torch.Tensor]:
    """The rows of a `wqkv` [(heads + 2 * groups) * h, …] by projection.

    Query has [heads * h, …] of them, key and value [groups * h, …].

    Args:
        heads, groups: query heads, and key/value heads.
    """
    grouped = wqkv.reshape(groups, heads // groups + 2, -1, *wqkv.shape[1:])
    parts = {"q_proj": grouped[:, :-2], "k_proj": grouped[:, -2], "v_proj": grouped[:, -1]}
    return {name: part.reshape(-1, *wqkv.shape[1:]) for name, part in parts.items()}


def _write(path: Path, tensors: Iterator[tuple[str, torch.Tensor]], room: int, cancel: Event | None) -> None:
    """Write a safetensors file without holding more than one tensor.

    The header comes first in the file but is known last, so `room` bytes are left for it and filled up with spaces,
    which the format allows.
    """
    import torch

    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    part, offset = path.with_suffix(".part"), 0
    with part.open("wb") as stream:
        stream.write(bytes(8 + room))
        for name, tensor in tensors:
            stop_if(cancel)
            dtype = _SAFETENSORS_DTYPES.get(str(tensor.dtype))
            if dtype is None:
                raise _damaged(path.parent, f"{name} has dtype {tensor.dtype}")
            raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
            stream.write(raw.data)
            end = offset + raw.nbytes
            header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, end]}
            offset = end
        stream.seek(0)
        stream.write(room.to_bytes(8, "little") + json.dumps(header).encode().ljust(room))
    os.replace(part, path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _keys(path: Path) -> list[str]:
    with path.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return [name for name in header if name != "__metadata__"]


def _write_json(path: Path, value: Any) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=2), encoding="utf-8")
    os.replace(part, path)
