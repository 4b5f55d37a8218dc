"""Log-probabilities of a row of scores."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llm.errors import SamplingError
from llm.logprobs import token_logprob
from llm.requests import MAX_LOGPROBS, GenerationRequest
from llm.settings import EMBEDDED_BASE


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(EMBEDDED_BASE)


def test_the_token_and_the_likeliest(tokenizer: Any) -> None:
    import torch

    ids = tokenizer("红烧肉 a", add_special_tokens=False)["input_ids"]
    scores = torch.full((len(tokenizer),), -100.0)
    scores[ids[0]], scores[ids[-1]], scores[2] = 2.0, 1.0, 0.0
    total = math.exp(2) + math.exp(1) + 1
    before = scores.clone()
    found = token_logprob(scores, 2, 2, tokenizer)
    assert torch.equal(scores, before)
    assert (found.token, found.text) == (2, "<|im_end|>")
    assert found.logprob == pytest.approx(-math.log(total), abs=1e-5)
    assert [(token, text) for token, text, _ in found.top] == [(ids[i], tokenizer.decode([ids[i]])) for i in (0, -1)]
    assert [value for _, _, value in found.top] == pytest.approx([2 - math.log(total), 1 - math.log(total)], abs=1e-5)


def test_half_a_character_and_more_than_there_are(tokenizer: Any) -> None:
    import torch

    half = tokenizer("𠮷", add_special_tokens=False)["input_ids"][0]
    found = token_logprob(torch.zeros(5, dtype=torch.bfloat16), 3, MAX_LOGPROBS, tokenizer)
    assert len(found.top) == 5 and found.logprob == pytest.approx(-math.log(5))
    assert token_logprob(torch.zeros(len(tokenizer)), half, 1, tokenizer).text == "\ufffd"


@pytest.mark.parametrize("count", [-1, MAX_LOGPROBS + 1, 1.5])
def test_how_many_may_be_asked_for(count: Any) -> None:
    with pytest.raises(SamplingError) as caught:
        GenerationRequest((), logprobs=count)
    assert str(MAX_LOGPROBS) in caught.value.en and str(MAX_LOGPROBS) in caught.value.zh
    assert GenerationRequest((), logprobs=MAX_LOGPROBS).logprobs == MAX_LOGPROBS
