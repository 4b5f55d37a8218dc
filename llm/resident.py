"""The adapters in memory: loaded when first asked for, the least recently used leave first."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm.adapters import AdapterInfo, AdapterRegistry
from llm.errors import InvalidAdapterError
from llm.lora import LoraWeights, damaged, load_weights
from llm.requests import AdapterChoice

Parts = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Resident:
    """An adapter or a mix, ready to be used; whoever holds it keeps it in memory.

    Attributes:
        label: its name, or names with weights.
        parts: (version, weight) of each adapter in it.
        ready: in the decoder's own form.
    """

    label: str
    parts: Parts
    ready: Any

    @property
    def version(self) -> str:
        return "+".join(version for version, _ in self.parts)


# The plain base.
NONE = Resident("", (), None)


class ResidentAdapters:
    """A cache over `registry` for one decoder; any thread may use it, and none waits while another one loads.

    Args:
        budget: bytes; the one used last stays even if it is larger.
    """

    def __init__(self, registry: AdapterRegistry, decoder: Any, device: Any, budget: int) -> None:
        self._registry, self._decoder, self._device, self._budget = registry, decoder, device, budget
        self._held: OrderedDict[tuple[Parts, Parts], Resident] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, choice: AdapterChoice) -> Resident:
        """The current version of what was chosen, from memory or from disk.

        Raises:
            AdapterNotFoundError, InvalidAdapterError: it cannot answer.
        """
        names = parts_of(choice)
        if not names:
            return NONE
        infos = [self._registry.get(name) for name, _ in names]
        key = names, tuple((info.version, weight) for info, (_, weight) in zip(infos, names, strict=True))
        with self._lock:
            found = self._held.get(key)
        if found is None:
            loaded = [(self._load(info), weight) for info, (_, weight) in zip(infos, names, strict=True)]
            versions = tuple((weights.version, weight) for weights, weight in loaded)
            key, found = (names, versions), Resident(label_of(choice), versions, self._decoder.adapter(loaded))
        with self._lock:
            # Whoever else loaded it meanwhile was first: one version is one object.
            found = self._held.setdefault(key, found)
            self._held.move_to_end(key)
            while len(self._held) > 1 and sum(held.ready.bytes for held in self._held.values()) > self._budget:
                self._held.popitem(last=False)
        return found

    def listed(self) -> tuple[tuple[str, str, float], ...]:
        """(name, version, MiB) of each."""
        with self._lock:
            return tuple((held.label, held.version, held.ready.bytes / 2**20) for held in self._held.values())

    def _load(self, info: AdapterInfo) -> LoraWeights:
        for _ in range(3):
            weights = load_weights(info, self._device)
            # Else it was replaced after the check: what was read may not fit the base, so check anew.
            if weights.version == info.version:
                return weights
            info = self._registry.get(info.name)
        raise damaged(info.name, "its files keep changing")


def parts_of(choice: AdapterChoice) -> Parts:
    """(name, weight) of each adapter chosen, () for none.

    Raises:
        InvalidAdapterError: a weight is not a finite number.
    """
    if choice is None:
        return ()
    if isinstance(choice, str):
        return ((choice, 1.0),)
    for name, weight in choice.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
            raise InvalidAdapterError(
                en=f"The weight of the self “{name}” is {weight!r}, not a number. Nothing was answered; give one.",
                zh=f"分身“{name}”的权重是 {weight!r}，不是数字，因此没有作答；请给出数值。",
            )
    return tuple(sorted((name, float(weight)) for name, weight in choice.items()))


def label_of(choice: AdapterChoice) -> str:
    """How people read it: "chef", or "chef*0.6 + tea*0.4"."""
    if isinstance(choice, Mapping):
        return " + ".join(f"{name}*{weight:g}" for name, weight in sorted(choice.items()))
    return choice or ""
