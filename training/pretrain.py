"""Pretraining and supervised fine-tuning of the embedded base on packed rows, on one or several GPUs, or on CPU.

    python -m training.pretrain training/recipes/pretrain.yaml training/recipes/sft-base.yaml --data DIR --out DIR
    torchrun --nproc-per-node 4 -m training.pretrain ...

The recipes' stages run one after the other with one optimiser. A run can be stopped and started again: it goes on
from `out/state.pt`. Each stage ends with a Hugging Face folder `out/<stage>` in bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import threading
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from training.decoder import Decoder, boundaries, document_mask
from training.optim import MuonAdamW
from training.quantise import fake_quantise, write_config
from training.shards import Rows
from training.stages import Recipe, Stage, read_recipes


class Feeder:
    """Builds micro-batches in a thread, `share()` of each from the samples."""

    def __init__(self, rows: Rows, count: int, share: list[float], device: torch.device) -> None:
        self.queue: queue.Queue[tuple[Tensor, ...]] = queue.Queue(8)
        self.share, self.count, self.device = share, count, device
        self.sources = (rows.text(), rows.samples())
        self.rng = Random(rows.seed * 7 + rows.rank)
        self.error: BaseException | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                rows = [next(self.sources[self.rng.random() < self.share[0]]) for _ in range(self.count)]
                batch = tuple(torch.from_numpy(np.stack(x).astype(np.int64)) for x in zip(*rows, strict=True))
                batch = (*batch, boundaries(batch[2]) if self.device.type == "cuda" else document_mask(batch[2]))
                self.queue.put(tuple(t.pin_memory() for t in batch) if self.device.type == "cuda" else batch)
        except BaseException as error:  # handed to the training thread, which raises it
            self.error = error
            raise

    def next(self) -> tuple[Tensor, ...]:
        """The next micro-batch on the device: tokens, roles, positions (rows, T) int64, and the mask."""
        while True:
            try:
                return tuple(t.to(self.device, non_blocking=True) for t in self.queue.get(timeout=5))
            except queue.Empty:
                if self.error is not None:
                    raise RuntimeError("the data thread failed") from self.error


class Healer:
    """Keeps full-precision masters of the matrices while the model computes with their nf4 values."""

    def __init__(self, groups: list[list[Tensor]]) -> None:
        self.groups = groups
        self.masters: list[Tensor] | None = None

    @torch.no_grad()
    def to_masters(self) -> None:
        """Puts the full-precision values back into the model (nothing to do before the first `to_quantised`)."""
        if self.masters is not None:
            for group, master in zip(self.groups, self.masters, strict=True):
                torch._foreach_copy_(group, list(master.unbind(0)))

    @torch.no_grad()
    def to_quantised(self) -> None:
        """Keeps the model's values as masters and puts their nf4 values into it."""
        self.masters = [torch.stack(list(group)) for group in self.groups]
        for group, master in zip(self.groups, self.masters, strict=True):
            torch._foreach_copy_(group, list(fake_quantise(master).unbind(0)))


class Trainer:
    """Runs the stages; see the module's docstring."""

    def __init__(self, recipe: Recipe, data: Path, out: Path, init: Path | None = None) -> None:
        self.recipe, self.out = recipe, out
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.device = (
            torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            if torch.cuda.is_available()
            else torch.device("cpu")
        )
        torch.manual_seed(recipe.seed)
        self.model = Decoder(recipe.model, torch.bfloat16 if self.device.type == "cuda" else torch.float32).to(
            self.device
        )
        if init is not None:
            self._start_from(init)
        named = dict(self.model.named_parameters())
        matrices = [p for n, p in named.items() if p.ndim == 2 and "embed" not in n]
        others = [p for n, p in named.items() if p.ndim != 2 or "embed" in n]
        self.optimiser = MuonAdamW(matrices, others, decay=recipe.decay)
        self.healer = Healer(self.optimiser.groups)
        self.parameters = [*matrices, *others]
        if self.device.type == "cuda":
            self.model.compile_parts()
        self.stage, self.elapsed, self.done, self.total, self.steps = 0, 0.0, 0, 0, 0
        self.share = [0.0]
        if (out / "state.pt").exists():
            self._resume()
        self.compiled = self.steps + 3
        micro = min(recipe.micro_rows, max(1, recipe.batch_rows // self.world))
        self.accumulate = max(1, recipe.batch_rows // (self.world * micro))
        self.share[0] = self._current.drill[0]
        self.rows = Rows(data, self.rank, self.world, recipe.seed + self.steps, self._current.samples)
        self.feeder = Feeder(self.rows, micro, self.share, self.device)

    @property
    def _current(self) -> Stage:
        return self.recipe.stages[min(self.stage, len(self.recipe.stages) - 1)]

    def _start_from(self, folder: Path) -> None:
        """Takes the weights of a Hugging Face folder as `export` writes it: continued pretraining or fine-tuning."""
        from safetensors.torch import load_file

        found = load_file(folder / "model.safetensors")
        self.model.load_state_dict({name: value.float() for name, value in found.items()})

    def _resume(self) -> None:
        state = torch.load(self.out / "state.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.stage, self.elapsed, self.done, self.total, self.steps = state["clock"]

    def save_state(self) -> None:
        """Writes everything needed to go on (masters, not quantised values)."""
        if self.rank == 0:
            self.out.mkdir(parents=True, exist_ok=True)
            self.healer.to_masters()
            clock = [self.stage, self.elapsed, self.done, self.total, self.steps]
            torch.save(
                {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "clock": clock},
                self.out / "state.part",
            )
            os.replace(self.out / "state.part", self.out / "state.pt")
            if self.healer.masters is not None:
                self.healer.to_quantised()

    def export(self, folder: Path) -> None:
        """The model as a bfloat16 Hugging Face folder (without tokenizer)."""
        if self.rank == 0:
            from safetensors.torch import save_file

            folder.mkdir(parents=True, exist_ok=True)
            self.healer.to_masters()
            weights = {
                name: value.to(torch.bfloat16).cpu().contiguous() for name, value in self.model.state_dict().items()
            }
            save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
            write_config(folder, self.recipe.model.to_hugging_face())
            if self.healer.masters is not None:
                self.healer.to_quantised()

    def log(self, **what: object) -> None:
        """One line to the console and to log.jsonl, from rank 0 only."""
        if self.rank == 0:
            line = json.dumps(what)
            print(line, flush=True)
            with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def run(self) -> None:
        """All stages that are left; a folder and a saved state after each."""
        self.out.mkdir(parents=True, exist_ok=True)
        self.log(
            parameters=sum(p.numel() for p in self.parameters),
            world=self.world,
            accumulate=self.accumulate,
            device=str(self.device),
        )
        while self.stage < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage]
            self._run_stage(stage)
            self.export(self.out / stage.name)
            self.stage, self.elapsed, self.done = self.stage + 1, 0.0, 0
            self.save_state()

    def _progress(self, stage: Stage, began: float) -> float:
        """How far the stage is, 0 to 1; rank 0's clock counts."""
        now = self.elapsed + time.time() - began
        part = max(now / stage.seconds if stage.seconds else 0.0, self.done / stage.tokens if stage.tokens else 0.0)
        if self.world > 1:
            shared = torch.tensor([part], device=self.device, dtype=torch.float64)
            dist.broadcast(shared, 0)
            part = float(shared)
        return min(1.0, part)

    def _run_stage(self, stage: Stage) -> None:
        weights = torch.tensor([0.0, stage.context, 1.0, 1.0], device=self.device)
        self.model.set_dropout(stage.dropout)
        self.rows.folder = stage.samples
        if stage.quantise and self.healer.masters is None:
            self.healer.to_quantised()
        began = mark = time.time()
        seen, sums = 0, torch.zeros(2, 4, device=self.device)
        while True:
            if self.steps <= self.compiled:
                began = time.time()  # compiling, and waiting for the first samples, is not training
            part = self._progress(stage, began)
            if part >= 1.0:
                break
            self.share[0] = stage.drill[0] + (stage.drill[1] - stage.drill[0]) * part
            lr = (stage.lr[0] + (stage.lr[1] - stage.lr[0]) * part) * min(
                1.0, (self.steps + 1) / max(1, self.recipe.warmup)
            )
            stats = self._step(weights, lr)
            sums += stats
            tokens = self.recipe.batch_rows * 2048 if self.device.type == "cuda" else int(stats[1].sum())
            seen, self.done, self.total, self.steps = (
                seen + tokens,
                self.done + tokens,
                self.total + tokens,
                self.steps + 1,
            )
            if self.steps % 50 == 0 or self.device.type == "cpu":
                means = (sums[0] / sums[1].clamp_min(1)).tolist()
                if not all(m == m for m in means):
                    raise FloatingPointError(f"the loss is not a number at step {self.steps}")
                self.log(
                    stage=stage.name,
                    step=self.steps,
                    part=round(part, 4),
                    tokens=self.total,
                    lr=lr,
                    context=round(means[1], 4),
                    answer=round(means[2], 4),
                    text=round(means[3], 4),
                    per_second=round(seen / (time.time() - mark)),
                )
                seen, mark, sums = 0, time.time(), torch.zeros_like(sums)
        self.elapsed += time.time() - began

    def _step(self, weights: Tensor, lr: float) -> Tensor:
        """One update over the global batch; gives (2, 4): loss sums and counts by role on this rank."""
        stats = torch.zeros(2, 4, device=self.device)
        for p in self.parameters:
            p.grad = None
        for _ in range(self.accumulate):
            tokens, roles, positions, mask = self.feeder.next()
            found = self.model(tokens, positions, roles, mask)
            (found[0] * weights).sum().backward()
            stats += found.detach()
        norm = (stats[1] * weights).sum()
        grads = [p.grad for p in self.parameters if p.grad is not None]  # every parameter has one
        if self.world > 1:
            flat = torch.cat([g.reshape(-1) for g in grads] + [norm.reshape(1)])
            dist.all_reduce(flat)
            norm = flat[-1]
            torch._foreach_copy_(
                grads, [x.view_as(g) for x, g in zip(flat[:-1].split([g.numel() for g in grads]), grads, strict=True)]
            )
        torch._foreach_mul_(grads, 1.0 / norm.clamp_min(1.0))
        self.healer.to_masters()
        self.optimiser.step(lr)
        if self.healer.masters is not None:
            self.healer.to_quantised()
        return stats


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="a folder of an earlier run to go on from, with its architecture")
    options = parser.parse_args()
    if "RANK" in os.environ:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    torch.set_float32_matmul_precision("high")
    Trainer(read_recipes(options.recipes), options.data, options.out, options.init).run()
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
