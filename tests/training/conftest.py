"""The embedded base, loaded once for a file of tests."""

from __future__ import annotations

import pytest

from tests.training.small import ROOT
from training.base_model import Base, load_base
from training.settings import EMBEDDED_BASE


@pytest.fixture(scope="module")
def loaded() -> Base:
    return load_base(str(ROOT / EMBEDDED_BASE), threads=1, device="cpu")
