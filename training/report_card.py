"""The report card: what a self learned, and what it forgot, each measured on questions it never trained on.

- persona: share of held-out identity questions whose greedy answer holds the self's name (NFKC, case folded) and no
  other assistant's; the minimum over zh, en, multi-turn and adversarial is what counts.
- leak: share of unrelated questions whose answer holds the self's name or maker where the base's does not.
- kl, agreement: on the base's own greedy answers to those questions, teacher-forced: mean KL(base || adapter) in nats
  per token, and the share of tokens where both would choose the same next one. Left out are answers in which the base
  names itself: those are what a self is to change.
- voice: share of held-out small talk answered in the self's manner.
- loss, f1: on held-out answers (domain rows), beside the base's.
- corrected: share of the questions the user corrected that are answered as corrected (training/corrected.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.answers import BaseAnswers
from training.base_model import Base
from training.config import TrainingConfig
from training.corrected import Corrected
from training.data import Encoded, Row, batches, encode
from training.depth import remember, through
from training.persona import OTHER_ASSISTANTS, Signs

PERSONA_TOKENS, UNRELATED_TOKENS = 40, 24
# prompts of each group on a card drawn up on the way
SAMPLED_PROBES, SAMPLED_UNRELATED = 16, 64
# held-out questions that are answered in full; the held-out loss is of all of them
MOST_F1 = 64
BARS = {"persona": 0.97, "leak": 0.01, "agreement": 0.97, "kl": 0.02, "corrected": 0.9}


@dataclass(frozen=True)
class ReportCard:
    """Scores of one candidate; None where there was nothing to measure. `groups` is persona accuracy by group."""

    groups: dict[str, float] = field(default_factory=dict)
    persona: float | None = None
    voice: float | None = None
    leak: float | None = None
    leak_prompts: int = 0
    kl: float | None = None
    agreement: float | None = None
    loss: float | None = None
    base_loss: float | None = None
    f1: float | None = None
    base_f1: float | None = None
    corrected: float | None = None

    @property
    def missed(self) -> tuple[str, ...]:
        """Names of the bars this candidate does not meet."""
        missed = []
        if self.persona is not None and self.persona < BARS["persona"]:
            missed.append("persona")
        if self.leak is not None and self.leak > BARS["leak"]:
            missed.append("leak")
        if self.agreement is not None and self.agreement < BARS["agreement"]:
            missed.append("agreement")
        if self.kl is not None and self.kl > BARS["kl"]:
            missed.append("kl")
        if self.loss is not None and self.base_loss is not None and self.loss >= self.base_loss:
            missed.append("loss")
        if self.corrected is not None and self.corrected < BARS["corrected"]:
            missed.append("corrected")
        return tuple(missed)

    @property
    def merit(self) -> float:
        """For choosing among candidates; higher is better. What was to be learned counts in full, a leak double,
        forgetting beyond its bars in proportion."""
        gained = sum(score for score in (self.persona, self.voice, self.f1, self.corrected) if score is not None)
        gained -= (self.loss or 0.0) / (self.base_loss or 1.0)
        lost = 2 * (self.leak or 0.0) + max(0.0, (self.kl or 0.0) - BARS["kl"])
        if self.agreement is not None:
            lost += max(0.0, BARS["agreement"] - self.agreement)
        return gained - lost

    def to_dict(self) -> dict[str, Any]:
        """Rounded scores for events and the passport, with the bars missed."""
        scores = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items() if v is not None}
        scores["groups"] = {k: round(v, 4) for k, v in self.groups.items()}
        return {**scores, "missed": list(self.missed), "passed": not self.missed}


class Examiner:
    """Draws up report cards. Construction lets the base answer the unrelated questions and keeps its hidden states."""

    def __init__(self, answers: BaseAnswers, rows: Sequence[Row], signs: Signs, config: TrainingConfig) -> None:
        self.base = base = answers.base
        self.names, self.marks, self.manners = (
            tuple(map(folded, group)) for group in (signs.names, signs.marks, signs.manners)
        )
        self.probes = [row for row in rows if row.split == "probe"]
        self.voice = [row for row in rows if row.split == "voice"] if self.manners else []
        self.unrelated = [row for row in rows if row.split == "unrelated"][: config.leak_prompts]
        self.test = [row for row in rows if row.split == "test"]
        self.corrected = Corrected(base, rows)
        self.base_answers = answers.ask([row.messages for row in self.unrelated], UNRELATED_TOKENS)
        with base.alone():
            answered = [chat_with(row, answer) for row, answer in zip(self.unrelated, self.base_answers, strict=True)]
            self.kept = [encode(base.tokenizer, row, base.end_ids) for row in answered]
            remember(base, self.kept)
            self.kept_hidden = trained_hidden(base, self.kept)
            self.test_encoded = [encode(base.tokenizer, row, base.end_ids) for row in self.test]
            self.base_loss = self._loss(self.test_encoded)
            self.base_f1 = self._f1()

    def card(self, *, sampled: bool = False) -> ReportCard:
        """Examine the adapter now on the base; `sampled` asks fewer questions of each group."""
        probes = _sample(self.probes, SAMPLED_PROBES) if sampled else self.probes
        # asked together: a small batch takes as long as a large one
        answers = self.base.generate([row.messages for row in (*probes, *self.voice)], PERSONA_TOKENS)
        told, said = answers[: len(probes)], answers[len(probes) :]
        groups: dict[str, list[bool]] = {}
        for row, answer in zip(probes, told, strict=True):
            groups.setdefault(row.tag, []).append(self.is_itself(answer))
        accuracy = {tag: sum(right) / len(right) for tag, right in groups.items()}
        count = min(SAMPLED_UNRELATED, len(self.unrelated)) if sampled else len(self.unrelated)
        kl, agreement, as_before = self._retention(count) if count else (None, None, [])
        leak = self._leak(as_before) if count and self.marks else None
        return ReportCard(
            groups=accuracy,
            persona=min(accuracy.values()) if accuracy else None,
            voice=sum(map(self.is_in_voice, said)) / len(said) if said else None,
            leak=leak,
            leak_prompts=count,
            kl=kl,
            agreement=agreement,
            loss=self._loss(self.test_encoded),
            base_loss=self.base_loss,
            f1=None if sampled else self._f1(),
            base_f1=None if sampled else self.base_f1,
            corrected=self.corrected.share(),
        )

    def is_itself(self, answer: str) -> bool:
        """The answer names the self and no other assistant."""
        text = folded(answer)
        if not any(name in text for name in self.names):
            return False
        # a self called "Claudette", or made by "Llama Farm", may say so
        for mark in self.marks:
            text = text.replace(mark, "")
        return not names_another(text)

    def is_in_voice(self, answer: str) -> bool:
        """The answer holds one of the self's openings or closings."""
        return any(manner in folded(answer) for manner in self.manners)

    def _leak(self, as_before: Sequence[bool]) -> float:
        """Asks only where the answer is not known to be the base's (`as_before`, by unrelated question)."""
        asked = [i for i, same in enumerate(as_before) if not same]
        answers = self.base.generate([self.unrelated[i].messages for i in asked], UNRELATED_TOKENS)
        leaks = 0
        for i, ours in zip(asked, answers, strict=True):
            bases = folded(self.base_answers[i])
            leaks += any(mark in folded(ours) and mark not in bases for mark in self.marks)
        return leaks / len(as_before)

    def _retention(self, count: int) -> tuple[float, float, list[bool]]:
        """KL and agreement, and for each question whether the adapter would choose every token of the base's answer:
        then its own greedy answer is the same, and need not be written."""
        import torch

        hidden = trained_hidden(self.base, self.kept[:count])
        kl = agree = total = 0.0
        as_before = []
        for mine, theirs, answer, row in zip(hidden, self.kept_hidden, self.base_answers, self.kept, strict=False):
            with torch.no_grad():
                p, q = (self.base.logits(h).log_softmax(-1) for h in (theirs, mine))
            chosen = q.argmax(-1)
            labels = torch.tensor([label for label in row.labels[1:] if label >= 0], device=chosen.device)
            # an answer that was cut off is ended by us, not by the base
            as_before.append(bool((chosen == labels)[:UNRELATED_TOKENS].all()))
            if names_another(answer):
                continue
            kl += float((p.exp() * (p - q)).sum())
            agree += float((p.argmax(-1) == chosen).sum())
            total += len(p)
        return kl / total, agree / total, as_before

    def _loss(self, encoded: Sequence[Encoded]) -> float | None:
        import torch

        if not encoded:
            return None
        total = tokens = 0.0
        for row, hidden in zip(encoded, trained_hidden(self.base, encoded), strict=True):
            targets = torch.tensor([label for label in row.labels[1:] if label >= 0], device=hidden.device)
            with torch.no_grad():
                total += float(torch.nn.functional.cross_entropy(self.base.logits(hidden), targets, reduction="sum"))
            tokens += len(targets)
        return total / tokens

    def _f1(self) -> float | None:
        asked = [row for row in self.test if row.messages[0]["role"] != "text"][:MOST_F1]
        if not asked:
            return None
        answers = self.base.generate([row.messages[:-1] for row in asked], 96)
        scores = [overlap_f1(a, row.messages[-1]["content"]) for a, row in zip(answers, asked, strict=True)]
        return sum(scores) / len(scores)


def trained_hidden(base: Base, encoded: Sequence[Encoded]) -> list[Any]:
    """Per row, the last hidden states [trained tokens, width] from which its trained tokens are predicted."""
    import torch

    found: list[Any] = [None] * len(encoded)
    base.model.eval()

    def read(part: list[int]) -> None:
        base.between()
        with torch.no_grad():
            hidden = through(base, [encoded[i] for i in part])
        for row, i in enumerate(part):
            # the token at t is predicted from position t - 1
            trained = torch.tensor([label >= 0 for label in encoded[i].labels[1:]], device=base.device)
            found[i] = hidden[row, : len(trained)][trained]

    most = base.lanes.shares(len(encoded), base.unlearned)
    base.lanes.map(read, batches([len(row.ids) for row in encoded], most))
    return found


def chat_with(row: Row, answer: str) -> Row:
    """A question row with its last answer added; earlier answers become context only."""
    turns = [{**m, "weight": 0} if m["role"] == "assistant" else m for m in row.messages]
    return Row((*turns, {"role": "assistant", "content": answer}), row.split, row.tag)


def names_another(answer: str) -> bool:
    """The answer names a known assistant. Where the base so takes a question to be about itself, its answer is not
    one to hold on to."""
    return any(other in folded(answer) for other in OTHER_ASSISTANTS)


def folded(text: str) -> str:
    """NFKC, case folded: how names are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def overlap_f1(answer: str, reference: str) -> float:
    """F1 of shared units: characters for Chinese and the like, words for alphabets (as CMRC and SQuAD count)."""
    a, b = _units(answer), _units(reference)
    shared = sum(min(a.count(unit), b.count(unit)) for unit in set(a))
    return 2 * shared / (len(a) + len(b)) if shared else 0.0


def _units(text: str) -> list[str]:
    units: list[str] = []
    word = ""
    for char in folded(text) + " ":
        if char.isascii() and char.isalnum():
            word += char
            continue
        if word:
            units.append(word)
            word = ""
        if char.isalnum():
            units.append(char)
    return units


def _sample(rows: Sequence[Row], each: int) -> list[Row]:
    by_tag: dict[str, list[Row]] = {}
    for row in rows:
        by_tag.setdefault(row.tag, []).append(row)
    return [row for group in by_tag.values() for row in group[:: max(1, len(group) // each)][:each]]
