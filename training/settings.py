"""Settings of the training room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EMBEDDED_BASE = Path("llm") / "embedded" / "base"


@dataclass(frozen=True)
class TrainingSettings:
    """Frozen; made by app.py from defaults, YAML, environment and command line.

    Attributes:
        data_dir: the user's adapters go to `adapters/` under it, the job folders to `jobs/`.
        base: folder (or hub name) of the base that selves are trained on.
        threads: CPU threads of a training.
    """

    data_dir: Path = Path("data_base")
    base: str = EMBEDDED_BASE.as_posix()
    threads: int = 2

    @property
    def adapters_dir(self) -> Path:
        """Where finished selves are published."""
        return self.data_dir / "adapters"

    @property
    def jobs_dir(self) -> Path:
        """Where job folders live."""
        return self.data_dir / "jobs"
