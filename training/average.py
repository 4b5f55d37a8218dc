"""Averages the weights of two models that came out of one another: `python -m training.average A B --out DIR`.

A run that goes on from earlier weights learns new things and loses some of the old; half way between both is often
better than either. Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from training.errors import TrainingError

BESIDE = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def average(first: Path, second: Path, out: Path, share: float = 0.5) -> None:
    """Writes `share` of the second's weights and the rest of the first's into `out`, with the second's other files.

    Both are bfloat16 Hugging Face folders of one `model.safetensors`, as `training.pretrain` writes them.

    Raises:
        TrainingError: they are not of one architecture.
    """
    from safetensors.torch import load_file, save_file

    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in other.items()}:
        raise TrainingError(
            en=f"{first} and {second} have other tensors, so they cannot be averaged. Take two models of one run.",
            zh=f"{first} 与 {second} 的张量不同，无法取平均。请选用同一训练过程中的两个模型。",
        )
    out.mkdir(parents=True, exist_ok=True)
    mixed = {name: one[name].float().lerp(value.float(), share).to(value.dtype) for name, value in other.items()}
    save_file(mixed, out / "model.safetensors", metadata={"format": "pt"})
    for name in BESIDE:
        if (second / name).exists():
            shutil.copyfile(second / name, out / name)


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the second's weights (default %(default)s)")
    given = parser.parse_args()
    average(given.first, given.second, given.out, given.share)


if __name__ == "__main__":
    main()
