"""Settings of the training room."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

EMBEDDED_BASE = Path("llm") / "embedded" / "base"
# A step of a small base has no work for more.
MOST_THREADS = 8


@dataclass(frozen=True)
class TrainingSettings:
    """Frozen; made by app.py from defaults, YAML, environment and command line.

    Attributes:
        data_dir: the user's adapters go to `adapters/` under it, the job folders to `jobs/`, corrected
            answers to `corrections.db`.
        training_threads: CPU threads of a training; 0 takes every core (8 at most), after the chat.
    """

    data_dir: Path
    training_threads: int = 0

    @property
    def threads(self) -> int:
        """How many that is on this machine."""
        return self.training_threads or min(MOST_THREADS, os.cpu_count() or 1)

    @property
    def adapters_dir(self) -> Path:
        """Where finished selves are published."""
        return self.data_dir / "adapters"

    @property
    def jobs_dir(self) -> Path:
        """Where job folders live."""
        return self.data_dir / "jobs"

    @property
    def corrections_file(self) -> Path:
        """Where corrected answers are kept."""
        return self.data_dir / "corrections.db"
