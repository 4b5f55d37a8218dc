"""The training itself: cross-entropy on the self's rows, KL to the base on replay rows, best checkpoint by report card.

An own loop rather than transformers' Trainer: the two losses come from two differently shaped batches, the reference
of the KL is the base's hidden states computed once, and the head is applied to trained positions only. Trainer's
`compute_loss` sees one padded batch with full logits.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.answers import BaseAnswers
from training.config import TrainingConfig
from training.data import Encoded, Row, collate, encode_rows, length_grouped
from training.events import Event, Phase, Scored, Started, Step
from training.report_card import Examiner, ReportCard, chat_with, names_another, trained_hidden

# a self leaks with its first words, so many short answers hold more than few long ones
REPLAY_TOKENS = 12


@dataclass
class Outcome:
    """What a training ends with; the base then carries the best adapter."""

    card: ReportCard
    step: int


class Training:
    """One training: iterate `run()` for its events, then read `outcome`."""

    def __init__(self, answers: BaseAnswers, rows: Sequence[Row], examiner: Examiner, config: TrainingConfig) -> None:
        self.answers, self.examiner, self.config = answers, examiner, config
        self.base = base = answers.base
        train = [row for row in rows if row.split == "train"]
        self.train = encode_rows(base.tokenizer, train, base.end_ids, config.max_length)
        self.questions = [row for row in rows if row.split == "replay"] if config.replay_batch else []
        self.replay: list[Encoded] = []
        self.reference: list[Any] = []
        self.outcome: Outcome | None = None
        self.rng = random.Random(config.seed)

    def run(self) -> Iterator[Event]:
        """Train; yields events. The best candidate's weights are on the base at the end."""
        config = self.config
        yield Phase("replay")
        self._answer_replay()
        yield Phase("training")
        parameters = [p for p in self.base.model.parameters() if p.requires_grad]
        per_epoch = math.ceil(len(self.train) / config.batch)
        steps = max(1, math.ceil(per_epoch * config.epochs))
        count = sum(p.numel() for p in parameters)
        yield Started(config.name, len(self.train), len(self.replay), steps, count, self.base.device)
        best: tuple[float, int, list[Any]] | None = None
        for step, event in self._steps(parameters, steps, per_epoch):
            yield event
            if step in check_steps(steps, config.checks):
                card = self.examiner.card(sampled=True)
                better = best is None or card.merit > best[0]
                if better:
                    best = card.merit, step, [p.detach().clone() for p in parameters]
                yield Scored(step, card.to_dict(), better)
                if config.early_stop and not card.missed and (card.voice is None or card.voice >= 0.97):
                    break
        yield Phase("report")
        assert best is not None  # the last step is always a check
        self._restore(parameters, best[2])
        card = self.examiner.card()
        self.outcome = Outcome(card, best[1])
        yield Scored(best[1], card.to_dict(), True, final=True)

    def _answer_replay(self) -> None:
        """The base answers the replay questions greedily; its hidden states there are the KL's reference."""
        if not self.questions:
            return
        base = self.base
        answers = self.answers.ask([row.messages for row in self.questions], REPLAY_TOKENS)
        with base.alone():
            asked = zip(self.questions, answers, strict=True)
            rows = [chat_with(row, answer) for row, answer in asked if answer and not names_another(answer)]
            self.replay = encode_rows(base.tokenizer, rows, base.end_ids, self.config.max_length)
            self.reference = trained_hidden(base, self.replay, self.config.batch)

    def _steps(self, parameters: list[Any], steps: int, per_epoch: int) -> Iterator[tuple[int, Event]]:
        import torch

        config = self.config
        optimiser = torch.optim.AdamW(parameters, lr=config.lr, betas=(0.9, 0.98), weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: rate(at, steps, config.warmup))
        own = self._batches([len(row.ids) for row in self.train], config.batch)
        replay = self._batches([len(row.ids) for row in self.replay], config.replay_batch) if self.replay else None
        began = time.monotonic()
        for step in range(1, steps + 1):
            self.base.model.train()
            loss = self._own_loss(next(own))
            loss.backward()
            kl = torch.zeros(())
            if replay is not None and config.kl_weight:
                kl = self._replay_loss(next(replay))
                (config.kl_weight * kl).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            used = float(schedule.get_last_lr()[0])
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            yield (
                step,
                Step(
                    step,
                    steps,
                    round(step / per_epoch, 3),
                    round(loss.item(), 4),
                    round(kl.item(), 5),
                    used,
                    round(time.monotonic() - began, 2),
                ),
            )

    def _batches(self, lengths: list[int], batch: int) -> Iterator[list[int]]:
        while True:
            yield from length_grouped(lengths, batch, self.rng)

    def _hidden(self, rows: list[Encoded]) -> tuple[Any, Any]:
        tensors = {k: v.to(self.base.device) for k, v in collate(rows, self.base.pad_id).items()}
        hidden = self.base.hidden(tensors["input_ids"], tensors["attention_mask"])[:, :-1]
        labels = tensors["labels"][:, 1:]
        trained = labels >= 0
        return hidden[trained], labels[trained]

    def _own_loss(self, batch: list[int]) -> Any:
        import torch

        hidden, labels = self._hidden([self.train[i] for i in batch])
        return torch.nn.functional.cross_entropy(self.base.logits(hidden), labels)

    def _replay_loss(self, batch: list[int]) -> Any:
        """Mean KL(base || adapter) per token, nats."""
        import torch

        hidden, _ = self._hidden([self.replay[i] for i in batch])
        with torch.no_grad():
            p = self.base.logits(torch.cat([self.reference[i] for i in batch])).log_softmax(-1)
        q = self.base.logits(hidden).log_softmax(-1)
        return torch.nn.functional.kl_div(q, p, reduction="batchmean", log_target=True)

    @staticmethod
    def _restore(parameters: list[Any], weights: list[Any]) -> None:
        """Put weights back, rounded as they are published (bf16), so that the final card judges what is shipped."""
        import torch

        with torch.no_grad():
            for parameter, weight in zip(parameters, weights, strict=True):
                parameter.copy_(weight.to(torch.bfloat16))


def check_steps(steps: int, checks: int) -> set[int]:
    """Steps after which a report card is drawn up: evenly spread, the last one always among them."""
    return {math.ceil(steps * n / checks) for n in range(1, checks + 1)}


def rate(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate at a 0-based step: linear rise, then cosine decay to zero."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))
