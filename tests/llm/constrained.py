"""Forms to hold answers to, and generation under them with nothing of the engine: the model, token by token."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from llm.detokenise import Detokeniser
from llm.grammar import Constraint
from llm.model import Base
from llm.prompts import prompt_ids
from llm.requests import GenerationRequest


class Knife(BaseModel):
    kind: Literal["knife"]
    blades: int = Field(ge=1, le=9)


class Pan(BaseModel):
    kind: Literal["pan"]
    lid: bool


class Dish(BaseModel):
    name: str = Field(max_length=12)
    minutes: int = Field(ge=0, le=600)
    level: Literal["easy", "困难"]
    tools: list[Annotated[Knife | Pan, Field(discriminator="kind")]] = Field(max_length=2)
    price: Annotated[int, Field(ge=0, le=99)] | None


WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How the weather will be in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"enum": [1, 2, 3]}},
            "required": ["city"],
        },
    },
}
NOW: dict[str, Any] = {"type": "function", "function": {"name": "现在", "description": "What time it is."}}


def generate(
    base: Base, request: GenerationRequest, constraint: Constraint | None, *, seed: int | None = None
) -> tuple[str, bool]:
    """(text, whether it came to its end): greedy, or with a seed at temperature 1."""
    import torch

    draw = None if seed is None else torch.Generator().manual_seed(seed)
    text, past = Detokeniser(base.tokenizer), None
    parts: list[str] = []
    new = prompt_ids(base, request)
    for _ in range(request.sampling.max_tokens):
        with torch.no_grad():
            output: Any = base.model(torch.tensor([new]), past_key_values=past, use_cache=True)
        past, scores = output.past_key_values, output.logits[0, -1].float()
        if constraint:
            constraint.mask(scores)
        token = int(scores.argmax() if draw is None else torch.multinomial(scores.softmax(-1), 1, generator=draw))
        if constraint:
            constraint.accept(token)
        if token in base.stop_ids:
            return "".join(parts) + text.finish(), True
        parts.append(text.push(token))
        if constraint and constraint.finished:
            return "".join(parts) + text.finish(), True
        new = [token]
    return "".join(parts) + text.finish(), False


def babble(constraint: Constraint, tokenizer: Any, *, seed: int, most: int = 400) -> str:
    """Text of tokens drawn evenly from those that may come, stop tokens where they may: the worst model there is."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    tokens: list[int] = []
    while not constraint.finished and len(tokens) < most:
        scores = torch.zeros(len(tokenizer))
        constraint.mask(scores)
        tokens.append(int(torch.multinomial(scores.softmax(-1), 1, generator=draw)))
        constraint.accept(tokens[-1])
    text = Detokeniser(tokenizer)
    return "".join(text.push(token) for token in tokens) + text.finish()


def fits(constraint: Constraint, tokenizer: Any, text: str, *, spelled: bool = False) -> str:
    """As much of `text` as may be written, in the tokenizer's own tokens or letter by letter.

    Where only one text can follow the mask leaves the tokenizer's own tokens alone, so letters only go to `accept`.
    """
    import torch

    pieces = list(text) if spelled else [text]
    tokens = [token for piece in pieces for token in tokenizer(piece, add_special_tokens=False)["input_ids"]]
    for number, token in enumerate(tokens):
        scores = torch.zeros(len(tokenizer))
        constraint.mask(scores)
        if not (spelled or scores[token].isfinite()):
            return tokenizer.decode(tokens[:number])
        try:
            constraint.accept(token)
        except ValueError:
            assert not scores[token].isfinite()
            return tokenizer.decode(tokens[:number])
    return text
