"""How the next token is chosen, per request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm.errors import SamplingError

if TYPE_CHECKING:
    import torch

_GREEDY = 1e-5


@dataclass(frozen=True)
class Sampling:
    """Sampling of one request; checked when made.

    Attributes:
        temperature: 0 is greedy (and what is as good as 0: below 1e-5 the scores would overflow); at most 5.
        top_p: nucleus in (0, 1] (Holtzman et al. 2020, arXiv:1904.09751).
        top_k: keep the k likeliest; 0 keeps all.
        repetition_penalty: over tokens already generated, 1 is none (Keskar et al. 2019, arXiv:1909.05858). The prompt
            is left out on purpose: an answer from documents has to repeat them.
        max_tokens: longest answer.
        seed: makes a sampled answer reproducible.
        stop: strings that end the answer; they are not part of it.

    Raises:
        SamplingError: a value is out of range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    max_tokens: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = (
            ("temperature", 0 <= self.temperature <= 5, "0 … 5"),
            ("top_p", 0 < self.top_p <= 1, "0 … 1, not 0"),
            ("top_k", isinstance(self.top_k, int) and self.top_k >= 0, "0, 1, 2, …"),
            ("repetition_penalty", 0.5 <= self.repetition_penalty <= 3, "0.5 … 3"),
            ("max_tokens", isinstance(self.max_tokens, int) and self.max_tokens >= 1, "1, 2, 3, …"),
            ("seed", self.seed is None or (isinstance(self.seed, int) and 0 <= self.seed < 2**63), "0 … 2^63 - 1"),
            ("stop", all(self.stop) and len(self.stop) <= 16, "at most 16 strings, none empty / 至多 16 个非空字符串"),
        )
        for name, good, allowed in checks:
            if not good:
                value = getattr(self, name)
                raise SamplingError(
                    en=f"{name} = {value!r} is out of range ({allowed}). Nothing was generated; choose one in it.",
                    zh=f"采样参数 {name} = {value!r} 超出范围（{allowed}），没有生成任何内容；请改用范围内的值。",
                )


def choose(logits: torch.Tensor, generated: list[int], sampling: Sampling, generator: torch.Generator | None) -> int:
    """The next token id.

    Args:
        logits: [vocabulary], any float type; not changed.
        generated: token ids of this answer so far.
        generator: used when temperature > 0.
    """
    import torch

    if sampling.repetition_penalty != 1.0 and generated:
        logits = logits.float().clone()
        seen = torch.tensor(sorted(set(generated)), device=logits.device)
        scores = logits[seen]
        penalty = sampling.repetition_penalty
        logits[seen] = torch.where(scores > 0, scores / penalty, scores * penalty)
    if sampling.temperature < _GREEDY:
        return int(logits.argmax())
    scores = logits.float() / sampling.temperature
    if 0 < sampling.top_k < scores.numel():
        scores = scores.masked_fill(scores < scores.topk(sampling.top_k).values[-1], float("-inf"))
    probabilities = torch.softmax(scores, -1)
    if sampling.top_p < 1:
        ranked, order = probabilities.sort(descending=True)
        # The token that crosses the threshold stays in, so the nucleus is never empty.
        outside = order[ranked.cumsum(-1) - ranked >= sampling.top_p]
        probabilities = probabilities.index_fill(0, outside, 0.0)
    # Drawn in the vocabulary's order: in that of their ranks, a last bit that depends on who else is in the step would
    # swap two near equals and give the same noise to another token.
    return int(torch.multinomial(probabilities, 1, generator=generator))


def choose_many(
    logits: torch.Tensor, asked: Sequence[tuple[Sampling, list[int], torch.Generator | None]]
) -> torch.Tensor:
    """The next token ids [N] of several requests at once, left on the device so that nothing waits for them.

    As `choose` of each, but for how its noise is used: one uniform number, looked up in the cumulated probabilities.

    Args:
        logits: [N, vocabulary], any float type; not changed.
        asked: (sampling, token ids generated so far, generator) of each.
    """
    import torch

    device, scores = logits.device, logits.float()
    if any(sampling.repetition_penalty != 1.0 and generated for sampling, generated, _ in asked):
        scores = scores.clone()
        for row, (sampling, generated, _) in zip(scores, asked, strict=True):
            seen = torch.tensor(sorted(set(generated)), dtype=torch.long, device=device)
            penalty = sampling.repetition_penalty
            row[seen] = torch.where(row[seen] > 0, row[seen] / penalty, row[seen] * penalty)

    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, device=device)[:, None]

    best = scores.argmax(-1)
    scores = scores / column([max(sampling.temperature, _GREEDY) for sampling, _, _ in asked])
    if most := max(min(sampling.top_k, scores.shape[1]) for sampling, _, _ in asked):
        kept = [min(sampling.top_k, most) or scores.shape[1] for sampling, _, _ in asked]
        least = scores.topk(most).values.gather(1, column([min(k, most) - 1 for k in kept]).long())
        scores = scores.masked_fill((scores < least) & (column(kept) <= most), float("-inf"))
    probabilities = torch.softmax(scores, -1)
    if any(sampling.top_p < 1 for sampling, _, _ in asked):
        ranked, order = probabilities.sort(descending=True)
        outside = ranked.cumsum(-1) - ranked >= column([sampling.top_p for sampling, _, _ in asked])
        # Rounding must not cut off what is asked for in full.
        outside &= column([sampling.top_p for sampling, _, _ in asked]) < 1
        probabilities = probabilities.masked_fill(outside.scatter(1, order, outside), 0.0)
    cumulated = probabilities.cumsum(-1)
    noise = [torch.rand(1, generator=generator, device=device) for _, _, generator in asked]
    total = cumulated[:, -1:]
    # Below the total, or the last token would be drawn even if it is impossible.
    at = torch.minimum(torch.stack(noise) * total, total.nextafter(torch.zeros_like(total)))
    drawn = torch.searchsorted(cumulated, at, right=True)[:, 0].clamp(max=scores.shape[1] - 1)
    return torch.where(column([sampling.temperature < _GREEDY for sampling, _, _ in asked])[:, 0], best, drawn)
