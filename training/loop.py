"""The training itself: cross-entropy on the self's rows, KL to the base on replay rows, best checkpoint by report card.

An own loop rather than transformers' Trainer: the two losses come from two differently shaped batches, the reference
of the KL is the base's hidden states computed once, and the head is applied to trained positions only. Trainer's
`compute_loss` sees one padded batch with full logits.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import checkpoint
from training.answers import BaseAnswers
from training.checkpoint import Checkpoint
from training.config import TrainingConfig
from training.contrast import point_apart
from training.data import Row, chat, encode_rows, length_grouped
from training.depth import remember
from training.errors import ConfigError
from training.events import Corrections, Event, Paused, Phase, Resumed, Sampled, Scored, Started, Step
from training.gradients import Gradients, Held
from training.memory import surely
from training.plan import Clock, Plan, check_steps, rate
from training.report_card import Examiner, ReportCard, chat_with, names_another, trained_hidden

# as many as the report card asks for: what is not practised is forgotten
REPLAY_TOKENS = 12
SAMPLE_TOKENS = 40
SAVE_EVERY_S = 10.0


@dataclass
class Outcome:
    """What a training ends with; the base then carries the best adapter."""

    card: ReportCard
    step: int
    stopped: bool = False
    answers: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What a training has around it.

    Attributes:
        wish: asked after every step: "" go on, "pause", "stop".
        saved: the checkpoint file; None keeps none.
        questions: asked every quarter epoch, for people to watch.
    """

    wish: Callable[[], str] = lambda: ""
    saved: Path | None = None
    questions: tuple[str, ...] = ()


class Training:
    """One training: iterate `run()` for its events, then read `outcome` (None if it was paused)."""

    def __init__(
        self,
        answers: BaseAnswers,
        rows: Sequence[Row],
        examiner: Examiner,
        config: TrainingConfig,
        around: Surroundings | None = None,
    ) -> None:
        self.answers, self.examiner, self.config = answers, examiner, config
        self.around = around or Surroundings()
        self.base = base = answers.base
        train = [row for row in rows if row.split == "train"]
        self.train = encode_rows(base.tokenizer, train, base.end_ids, config.max_length)
        self.questions = [row for row in rows if row.split == "replay"] if config.replay_batch else []
        self.held: list[Held] = []
        self.outcome: Outcome | None = None
        self.rng = random.Random(config.seed)
        self.best: tuple[float, int, list[Any]] | None = None
        self.clock = Clock()
        self.stopped = False
        self.begun = self.stepping = False
        self.saved_step = 0

    def run(self) -> Iterator[Event]:
        """Train; yields events. The best candidate's weights are on the base at the end.

        Raises:
            BaseModelError: memory ran out with a single row.
        """
        config = self.config
        yield Phase("replay")
        yield from surely(self.base, self._answer_replay)
        self.begun = self.stepping = True
        parameters = [p for p in self.base.model.parameters() if p.requires_grad]
        self.gradients = Gradients(self.base, parameters, config.kl_weight)
        per_epoch = math.ceil(len(self.train) / config.batch)
        steps = max(1, math.ceil(per_epoch * config.epochs))
        self.plan = Plan(steps, per_epoch, check_steps(steps, config.checks))
        count = sum(p.numel() for p in parameters)
        yield Phase("training")
        yield Started(config.name, len(self.train), len(self.held), steps, count, self.base.device)
        if not (yield from self._steps(parameters)) or (self.stopped and self.best is None):
            return
        self.stepping = False
        yield Phase("report")
        assert self.best is not None  # the last step is always a check
        self._restore(parameters, self.best[2])
        card = yield from surely(self.base, self.examiner.card)
        answers: list[dict[str, str]] = []
        if self.around.questions:
            told = yield from surely(self.base, self._sample)
            answers = told
            yield Sampled(self.best[1], round(self.best[1] / per_epoch, 3), answers)
        if self.examiner.corrected.told:
            yield Corrections(self.examiner.corrected.told)
        self.outcome = Outcome(card, self.best[1], self.stopped, answers)
        yield Scored(self.best[1], card.to_dict(), True, final=True)

    def _answer_replay(self) -> None:
        """The base answers the replay questions greedily; its hidden states there are the KL's reference."""
        base = self.base
        if not self.questions:
            if self.config.contrast:
                raise ConfigError(
                    en="The recipe says contrast: true, which compares the rows with replay rows, and there are none. "
                    "Nothing was learned; set contrast to false, or add replay rows.",
                    zh="配方中的 contrast: true 需要与重放数据比较，而现在没有重放数据，没有学到任何内容；"
                    "请把 contrast 设为 false，或加入重放数据。",
                )
            return remember(base, self.train)
        answers = self.answers.ask([row.messages for row in self.questions], REPLAY_TOKENS)
        with base.alone():
            asked = zip(self.questions, answers, strict=True)
            rows = [chat_with(row, answer) for row, answer in asked if answer and not names_another(answer)]
            replay = encode_rows(base.tokenizer, rows, base.end_ids, self.config.max_length)
            remember(base, [*self.train, *replay])
            references = trained_hidden(base, replay)
            self.held = [Held(row, reference) for row, reference in zip(replay, references, strict=True)]
        if self.config.contrast:
            point_apart(base, self.train, replay, self.config.seed)

    def _steps(self, parameters: list[Any]) -> Generator[Event, None, bool]:
        """All steps from the checkpoint on; returns False if it was paused."""
        import torch

        config, plan = self.config, self.plan
        optimiser = torch.optim.AdamW(parameters, lr=config.lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        done, finished = self._resume(parameters, optimiser)
        own = self._batches([len(row.ids) for row in self.train], config.batch)
        replay = self._batches([len(each.row.ids) for each in self.held], config.replay_batch)
        if self.around.saved is not None:
            yield Resumed(done)
        for _ in range(done):
            # the orders come from one generator: what is behind is drawn again
            self._turn(own, replay)
        saved_at = time.monotonic()
        step = done
        while not finished:
            wish = self.around.wish()
            if wish == "pause":
                self._save(parameters, optimiser, step)
                yield Paused(step)
                return False
            self.stopped = wish == "stop"
            if not self.stopped:
                step += 1
                yield from self._step(parameters, optimiser, step, self._turn(own, replay))
            finished = self.stopped or step == plan.steps
            if (step and self.best is None) if self.stopped else step in plan.checks:
                finished = (yield from self._check(parameters, step)) or finished
            if finished or step in plan.checks or time.monotonic() - saved_at > SAVE_EVERY_S:
                self._save(parameters, optimiser, step, finished=finished and not self.stopped)
                saved_at = time.monotonic()
        return True

    def _resume(self, parameters: list[Any], optimiser: Any) -> tuple[int, bool]:
        """Take over the checkpoint, if there is one; returns the steps done, and whether those were all."""
        import torch

        held = checkpoint.load(self.around.saved, self.base.device) if self.around.saved else None
        if held is None:
            return 0, False
        with torch.no_grad():
            for parameter, weight in zip(parameters, held.weights, strict=True):
                parameter.copy_(weight)
        if held.step:
            optimiser.load_state_dict(held.optimiser)
        checkpoint.set_random_state(held.random)
        self.best, self.base.at_once = held.best, held.at_once
        self.saved_step = held.step
        self.clock.start(held.seconds)
        return held.step, held.finished

    def _save(self, parameters: list[Any], optimiser: Any, step: int, *, finished: bool = False) -> None:
        if self.around.saved is None:
            return
        self.saved_step = step
        checkpoint.save(
            Checkpoint(
                step,
                [p.detach() for p in parameters],
                optimiser.state_dict(),
                self.best,
                self.base.at_once,
                checkpoint.random_state(),
                self.clock.seconds,
                finished,
            ),
            self.around.saved,
        )

    def _step(
        self, parameters: list[Any], optimiser: Any, step: int, turn: tuple[list[int], list[int]]
    ) -> Iterator[Event]:
        """One optimiser step over the rows `turn` (own, replay), and the fixed questions where it is their turn."""
        import torch

        config, plan, began = self.config, self.plan, time.monotonic()
        used = config.lr * rate(step - 1, plan.steps, config.warmup)
        for group in optimiser.param_groups:
            group["lr"] = used
        random_state = checkpoint.random_state()

        def added() -> tuple[float, float]:
            # again from the start where memory ran out half-way
            optimiser.zero_grad(set_to_none=True)
            checkpoint.set_random_state(random_state)
            self.base.model.train()
            return self.gradients.add([self.train[i] for i in turn[0]], [self.held[i] for i in turn[1]])

        loss, kl = yield from surely(self.base, added)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        self.clock.took("step", time.monotonic() - began)
        epoch, seconds = round(step / plan.per_epoch, 3), round(self.clock.seconds, 2)
        yield Step(
            step, plan.steps, epoch, round(loss, 4), round(kl, 5), used, seconds, self.clock.remaining(plan, step)
        )
        if self.around.questions and step in plan.samples:
            began = time.monotonic()
            answers = yield from surely(self.base, self._sample)
            self.clock.took("sample", time.monotonic() - began)
            yield Sampled(step, epoch, answers)

    def _check(self, parameters: list[Any], step: int) -> Generator[Event, None, bool]:
        """Draw up a report card; returns whether the training may end early.

        Where there is nothing to choose from (a single check, or a training that is stopped before its first), the
        final card alone judges it.
        """
        if self.plan.checks == {step} or self.stopped:
            self.best = 0.0, step, [p.detach().clone() for p in parameters]
            return True
        began = time.monotonic()
        card = yield from surely(self.base, lambda: self.examiner.card(sampled=True))
        self.clock.took("card", time.monotonic() - began)
        better = self.best is None or card.merit > self.best[0]
        if better:
            self.best = card.merit, step, [p.detach().clone() for p in parameters]
        yield Scored(step, card.to_dict(), better)
        return self.config.early_stop and not card.missed and (card.voice is None or card.voice >= 0.97)

    def _sample(self) -> list[dict[str, str]]:
        """The fixed questions, answered by the base and by the adapter as it is now."""
        asked = [chat(question).messages for question in self.around.questions]
        before = self.answers.ask(asked, SAMPLE_TOKENS)
        after = self.base.generate(asked, SAMPLE_TOKENS)
        answers = zip(self.around.questions, before, after, strict=True)
        return [{"question": q, "before": b, "after": a} for q, b, a in answers]

    def _batches(self, lengths: list[int], batch: int) -> Iterator[list[int]]:
        while lengths:
            yield from length_grouped(lengths, batch, self.rng)

    def _turn(self, own: Iterator[list[int]], replay: Iterator[list[int]]) -> tuple[list[int], list[int]]:
        """The rows of the next step."""
        return next(own), next(replay) if self.held and self.config.kl_weight else []

    @staticmethod
    def _restore(parameters: list[Any], weights: list[Any]) -> None:
        """Put weights back, rounded as they are published (bf16), so that the final card judges what is shipped."""
        import torch

        with torch.no_grad():
            for parameter, weight in zip(parameters, weights, strict=True):
                parameter.copy_(weight.to(torch.bfloat16))
