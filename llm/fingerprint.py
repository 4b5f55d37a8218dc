"""What makes two copies of a base the same base."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

_SAMPLE = 1024


def base_fingerprint(folder: Path) -> str:
    """SHA-256 (hex) over every tensor's name, type, shape and first 1,024 bytes, in name order.

    The same for every sharding of one checkpoint, and quick for large ones (7B in nf4: about 10 MB are read).
    Checkpoints without safetensors are told apart by the names, sizes and first MiB of their files.

    Raises:
        OSError: the folder cannot be read.
        ValueError: a safetensors header is damaged.
    """
    digest = hashlib.sha256()
    shards = sorted(folder.glob("*.safetensors"))
    tensors: list[tuple[str, str, Path, int, int]] = []
    for shard in shards:
        tensors += _tensors(shard)
    for name, kind, shard, start, end in sorted(tensors):
        with shard.open("rb") as stream:
            stream.seek(start)
            digest.update(f"{name}|{kind}|".encode() + stream.read(min(_SAMPLE, end - start)))
    if not shards:
        for path in sorted([*folder.glob("*.bin"), *folder.glob("*.pth")]):
            with path.open("rb") as stream:
                digest.update(f"{path.name}|{path.stat().st_size}|".encode() + stream.read(1 << 20))
    return digest.hexdigest()


def _tensors(shard: Path) -> list[tuple[str, str, Path, int, int]]:
    """Names and byte ranges out of a safetensors header (huggingface/safetensors, "Format")."""
    with shard.open("rb") as stream:
        head = stream.read(8)
        size = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if not 0 < size <= shard.stat().st_size - 8:
            raise ValueError(f"{shard.name}: header shorter or longer than the file allows")
        header = json.loads(stream.read(size))
    header.pop("__metadata__", None)
    data = 8 + size
    return [
        (name, f"{entry['dtype']}{entry['shape']}", shard, *(data + offset for offset in entry["data_offsets"]))
        for name, entry in header.items()
    ]
