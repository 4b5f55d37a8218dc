"""How the measurements are printed: a Markdown table with ratios, and the hardware they were taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One figure beside its rival's; `better` says which direction is good. `rival_value` None: a figure alone."""

    what: str
    value: float
    rival: str
    rival_value: float | None
    better: Literal["higher", "lower"]

    @property
    def ratio(self) -> float | None:
        """How many times better than the rival."""
        if self.rival_value is None:
            return None
        return self.value / self.rival_value if self.better == "higher" else self.rival_value / self.value


def table(rows: Sequence[Row]) -> str:
    lines = ["| measured | here | rival | rival's | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        theirs = "" if row.rival_value is None else f"{row.rival_value:.3g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        lines.append(f"| {row.what} | {row.value:.3g} | {row.rival} | {theirs} | {ratio} |")
    return "\n".join(lines)


def hardware() -> str:
    """Processor, cores, Python and torch, in one line."""
    import torch

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
