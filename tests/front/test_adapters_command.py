"""A checkpoint from elsewhere is imported by command, on the real base, and listed as fitting it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from front.commands import main
from llm.settings import SHIPPED_ADAPTERS

pytestmark = pytest.mark.slow


def test_a_checkpoint_is_imported_and_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    held = load_file(SHIPPED_ADAPTERS / "chef" / "adapter_model.safetensors")
    state = {"llm." + key.replace(".weight", ".default.weight"): tensor for key, tensor in held.items()}
    path = tmp_path / "iter_10.pth"
    torch.save({"meta": {"cfg": ""}, "state_dict": state}, path)
    import_it = ("adapters", "import", str(path), "--as", "mine", "--data-dir", str(tmp_path), "--json")
    assert main([*import_it, "--alpha", "8"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["name"], row["valid"], row["rank"], row["shipped"]) == ("mine", True, 4, False)
    assert main(["adapters", "import", "--data-dir", str(tmp_path)]) == 2
    assert "adapters import FILE" in capsys.readouterr().err
