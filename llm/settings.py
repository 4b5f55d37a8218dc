"""Settings of the model room."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

EMBEDDED = Path(__file__).parent / "embedded"
EMBEDDED_BASE = EMBEDDED / "base"
SHIPPED_ADAPTERS = EMBEDDED / "adapters"

QUANTISATIONS = ("auto", "nf4", "bf16", "fp32")
SOURCES = ("", "huggingface", "modelscope", "openxlab")


@dataclass(frozen=True)
class LlmSettings:
    """Frozen; made by app.py from defaults, YAML, environment and command line.

    Attributes:
        data_dir: holds adapters/, models/ (downloads) and chats.db.
        model: "embedded", the name of a preset, a folder, or a hub name "owner/name".
        source: hub to download from: "huggingface", "modelscope" or "openxlab"; "" takes what is there
            already, else the first.
        quantisation: "nf4" (4 bits, double quantisation), "bf16", "fp32", or "auto": as the checkpoint is stored,
            else nf4 where bitsandbytes runs, else bf16.
        device: "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1"…
        threads: CPU threads of torch; 0 leaves torch's own choice.
        trust_remote_code: run Python code that comes with the checkpoint.
        context_length: tokens of prompt and answer together; 0 takes the model's own.
        max_tokens: answer length where the caller names none.
        slots: requests that are answered at the same time; others wait.
        max_queue: requests that may wait; one more is refused at once.
        packed_mb: MiB of plain weights that may be held beside a 4-bit or bf16 base on a CPU, to be faster; 0 computes
            with the weights as they are loaded.
        kv_memory_mb: keys and values of the requests being answered, in MiB; more requests wait.
        prefix_memory_mb: keys and values kept for prompts that begin alike, in MiB.
        adapter_memory_mb: adapters kept in memory, least recently used leave first, in MiB.
        gpu_kernels: on a GPU use the app's own kernels and captured steps; off computes with torch's own operations.
    """

    data_dir: Path
    model: str = "embedded"
    source: str = field(default="", metadata={"choices": SOURCES})
    quantisation: str = field(default="auto", metadata={"choices": QUANTISATIONS})
    device: str = "auto"
    threads: int = 0
    trust_remote_code: bool = False
    context_length: int = 0
    max_tokens: int = 512
    slots: int = 8
    max_queue: int = 64
    packed_mb: int = 1024
    kv_memory_mb: int = 2048
    prefix_memory_mb: int = 256
    adapter_memory_mb: int = 512
    gpu_kernels: bool = True

    @property
    def adapter_dirs(self) -> tuple[Path, ...]:
        """Where selves are looked for: the user's own first, then the shipped ones."""
        return (self.data_dir / "adapters", SHIPPED_ADAPTERS)
