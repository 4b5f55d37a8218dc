"""How likely the tokens of an answer were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm.requests import TokenLogprob

if TYPE_CHECKING:
    import torch


def token_logprob(scores: torch.Tensor, token: int, count: int, tokenizer: Any) -> TokenLogprob:
    """The log-probability of `token` and those of the `count` likeliest tokens.

    Args:
        scores: [vocabulary], as the model gave them, of any float type; not changed.
        count: 1 or more; more than there are tokens gives all.
        tokenizer: a transformers tokenizer.
    """
    import torch

    logprobs = torch.log_softmax(scores.float(), -1)
    best = logprobs.topk(min(count, len(logprobs)))
    ids, values = best.indices.tolist(), best.values.tolist()
    top = tuple((id_, _text(tokenizer, id_), value) for id_, value in zip(ids, values, strict=True))
    return TokenLogprob(token, _text(tokenizer, token), float(logprobs[token]), top)


def _text(tokenizer: Any, token: int) -> str:
    # Unlike in the answer, the token that ends it has its name.
    return tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False)
