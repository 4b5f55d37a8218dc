"""The base's own greedy answers, kept on disk: every training on one base asks it the same unrelated questions.

Those of the base that comes with the app lie in shipped/ (`python -m training.shipped` writes them), so that the first
training need not ask them either.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.base_model import Base
from training.data import render

SHIPPED = Path(__file__).parent / "shipped"


class BaseAnswers:
    """Answers of one base. A cache only: deleting its file costs time, nothing else.

    Args:
        folder: where `<fingerprint>.json` is kept; None keeps nothing.
        fingerprint: of the base; without one nothing is kept.
    """

    def __init__(self, base: Base, folder: Path | None = None, fingerprint: str = "") -> None:
        self.base = base
        name = f"answers-{fingerprint[:16]}.json"
        self.path = folder / name if folder and fingerprint else None
        self.known: dict[str, str] = {}
        for path in (SHIPPED / name, self.path) if self.path else ():
            with contextlib.suppress(FileNotFoundError, ValueError):
                # torn by a crash of an older version or edited by hand; it is only a cache
                self.known.update(json.loads(path.read_text(encoding="utf-8")))

    def ask(self, conversations: Sequence[Any], max_new_tokens: int) -> list[str]:
        """Greedy answers of the base alone to conversations, in their order."""
        keys = [self._key(messages, max_new_tokens) for messages in conversations]
        missing = list(dict.fromkeys(key for key in keys if key not in self.known))
        if missing:
            by_key = dict(zip(keys, conversations, strict=True))
            with self.base.alone():
                answers = self.base.generate([by_key[key] for key in missing], max_new_tokens)
            self.known.update(zip(missing, answers, strict=True))
            self._save()
        return [self.known[key] for key in keys]

    def _key(self, messages: Any, max_new_tokens: int) -> str:
        text = f"{max_new_tokens}\n{render(self.base.tokenizer, messages, prompt=True)}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _save(self) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(self.known, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, self.path)
