"""Answers held to a form: JSON of a schema, tool calls, on the real tokenizer and the real base."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from llm.errors import ConstraintError
from llm.grammar import KEPT, Grammar, closed
from llm.model import Base
from llm.settings import EMBEDDED_BASE
from tests.llm.constrained import Dish, babble, fits, generate
from tests.llm.tiny import request

STOP = (0, 2)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(EMBEDDED_BASE)


@pytest.fixture(scope="module")
def grammar(tokenizer: Any) -> Grammar:
    return Grammar(tokenizer, STOP)


@pytest.mark.parametrize("seed", range(20))
def test_even_random_tokens_make_a_value_of_the_schema(grammar: Grammar, tokenizer: Any, seed: int) -> None:
    constraint = grammar.schema(Dish.model_json_schema())
    text = babble(constraint, tokenizer, seed=seed)
    assert constraint.finished
    dish = Dish.model_validate_json(text)
    assert json.loads(text).keys() == Dish.model_fields.keys()
    assert "\n" not in text and dish.level in ("easy", "困难")


@pytest.mark.slow
def test_the_real_base_writes_the_schema_and_would_not_by_itself(base: Base) -> None:
    grammar = Grammar(base.tokenizer, base.stop_ids)
    asked = request("红烧肉怎么做？", max_tokens=120)
    free, _ = generate(base, asked, None)
    with pytest.raises(ValueError):
        Dish.model_validate_json(free)
    seen = set()
    for seed in (None, 1, 2):
        text, ended = generate(base, asked, grammar.schema(Dish.model_json_schema()), seed=seed)
        assert ended
        Dish.model_validate_json(text)
        seen.add(text)
    assert len(seen) == 3, "it is the model that writes, not the grammar"


def test_what_does_not_fit_is_refused_where_it_begins(grammar: Grammar, tokenizer: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 10}}, "required": ["n"]}
    for text, good in [
        ('{"n": 10}', '{"n": 10}'),
        ('{"n": 11}', '{"n": 1'),
        ('{"m": 1}', '{"'),
        ('{"n": 1, "m": 2}', '{"n": 1'),
        ("Sure!", ""),
    ]:
        assert fits(grammar.schema(schema), tokenizer, text, spelled=True) == good


def test_a_whole_value_is_finished_and_only_a_stop_token_may_follow(grammar: Grammar, tokenizer: Any) -> None:
    import torch

    constraint = grammar.schema({"enum": ["red", "green"]})
    assert fits(constraint, tokenizer, '"red"') == '"red"' and constraint.finished
    scores = torch.zeros(len(tokenizer))
    constraint.mask(scores)
    assert set(scores.isfinite().nonzero().flatten().tolist()) == set(STOP)
    constraint.accept(2)
    with pytest.raises(ValueError):
        constraint.accept(50)


def test_a_stop_token_ends_what_may_end(grammar: Grammar, tokenizer: Any) -> None:
    constraint = grammar.schema({"type": "integer"})
    with pytest.raises(ValueError):
        constraint.accept(2)
    assert fits(constraint, tokenizer, "1") == "1" and not constraint.finished, "more digits may follow"
    constraint.accept(2)
    assert constraint.finished


def test_what_the_mask_leaves_is_accepted(grammar: Grammar, tokenizer: Any) -> None:
    import torch

    for before in ("", '{"name": "', '{"name": "a", "minutes": 1'):
        start = grammar.schema(Dish.model_json_schema())
        fits(start, tokenizer, before)
        scores = torch.zeros(len(tokenizer))
        start.mask(scores)
        allowed = scores.isfinite().nonzero().flatten().tolist()
        assert 0 < len(allowed) < len(tokenizer)
        for token in allowed[:: 1 + len(allowed) // 40]:
            constraint = grammar.schema(Dish.model_json_schema())
            fits(constraint, tokenizer, before)
            constraint.accept(token)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_mask_is_in_place_and_keeps_the_other_scores(grammar: Grammar, tokenizer: Any, dtype: str) -> None:
    import torch

    # Models have more rows than their tokenizer has tokens.
    scores = torch.randn(len(tokenizer) + 70, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype))
    before = scores.clone()
    grammar.schema({"type": "boolean"}).mask(scores)
    left = scores.isfinite()
    assert torch.equal(scores[left], before[left]) and not left[len(tokenizer) :].any()
    starts = {tokenizer.decode([token]) for token in left.nonzero().flatten().tolist()}
    assert starts and all("true".startswith(text) or "false".startswith(text) for text in starts)


def test_each_answer_has_a_state_of_its_own(grammar: Grammar, tokenizer: Any) -> None:
    first, second = (grammar.schema({"enum": ["red", "green"]}) for _ in range(2))
    assert fits(first, tokenizer, '"red"') == '"red"'
    assert fits(second, tokenizer, '"green"') == '"green"'


def test_made_in_one_thread_and_used_in_others(grammar: Grammar, tokenizer: Any) -> None:
    made = [grammar.schema(Dish.model_json_schema()) for _ in range(6)]
    texts: dict[int, str] = {}

    def write(number: int) -> None:
        texts[number] = babble(made[number], tokenizer, seed=number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = [babble(grammar.schema(Dish.model_json_schema()), tokenizer, seed=number) for number in range(6)]
    assert [texts[number] for number in range(6)] == alone


def test_compiled_forms_are_kept_but_not_all_for_ever(tokenizer: Any) -> None:
    grammar = Grammar(tokenizer, STOP)
    for number in range(KEPT + 5):
        grammar.schema({"const": number})
        grammar.schema({"const": "always"})
    assert len(grammar._compiled) == KEPT
    assert any("always" in form for form in grammar._compiled)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "strin"}, "strin"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"$ref": "#/nowhere"}, "nowhere"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "nsatisfiable"),
        ({"type": "string", "pattern": "("}, "group"),
        ({"const": object()}, "serializable"),
        ([1], "object"),
    ],
)
def test_a_schema_that_cannot_be_promised_is_refused_with_the_reason(grammar: Grammar, schema: Any, says: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        grammar.schema(schema)
    assert says in caught.value.en and "schema" in caught.value.zh
    with pytest.raises(ConstraintError):
        grammar.tools([{"type": "function", "function": {"name": "f", "parameters": schema}}])


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        eos_token_id = 2

    with pytest.raises(ConstraintError) as caught:
        Grammar(Slow()).schema({"type": "integer"})
    assert "tokenizer.json" in caught.value.en and "tokenizer.json" in caught.value.zh


def test_objects_are_closed_unless_they_say_otherwise() -> None:
    part = {"type": "object", "properties": {"a": {"type": "string"}}}
    shut = {**part, "additionalProperties": False}
    assert closed(part) == shut
    assert closed({"items": part, "anyOf": [part]}) == {"items": shut, "anyOf": [shut]}
    assert closed({"$defs": {"properties": part}}) == {"$defs": {"properties": shut}}
    # Names of properties are no keywords, and examples no schemas.
    odd = {"properties": {"properties": {"type": "string"}, "items": part}, "default": part, "enum": [part]}
    assert closed(odd) == {
        **odd,
        "properties": {"properties": {"type": "string"}, "items": shut},
        "additionalProperties": False,
    }
    for untouched in (
        {**part, "additionalProperties": True},
        {**part, "patternProperties": {"^x": {}}},
        {"allOf": [part, part]},
        {"type": "string"},
        True,
    ):
        assert closed(untouched) == untouched
