"""Who read the tokens decides what is found: the keys, and the keys and values of a real model under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.prefix import BLOCK, PrefixCache, PrefixKey, prefix_key

ANN, BOB = "a" * 12, "b" * 12
SELVES: list[tuple[tuple[str, float], ...]] = [(), ((ANN, 1.0),), ((ANN, 0.5),), ((ANN, 1.0), (BOB, 0.6))]

# --- the key


def test_a_key_says_base_adapters_and_weights() -> None:
    keys = {prefix_key(base, adapters) for base in ("base", "other") for adapters in SELVES}
    assert len(keys) == 2 * len(SELVES)
    assert prefix_key("base", SELVES[3]) == prefix_key("base", SELVES[3][::-1]) == prefix_key("base", iter(SELVES[3]))
    assert prefix_key("base", [(ANN, 1)]) == prefix_key("base", [(ANN, 1.0)])
    # Two names for the same content: their weights add up, so this is not the one at half.
    assert prefix_key("base", [(ANN, 0.5), (ANN, 0.5)]) != prefix_key("base", [(ANN, 0.5)])


VERSIONS = st.text("0123456789abcdef", min_size=12, max_size=14)
MIXES = st.lists(st.tuples(VERSIONS, st.floats(-2, 2)), max_size=3)


@settings(max_examples=200, deadline=None)
@given(one=st.tuples(st.text("ab01\"[], '", min_size=1, max_size=20), MIXES), data=st.data())
def test_keys_are_equal_only_for_equal_models(one: tuple[str, Any], data: st.DataObject) -> None:
    other = data.draw(st.tuples(st.sampled_from([one[0], one[0] + "0"]), st.permutations(one[1]) | MIXES))
    same = one[0] == other[0] and sorted(map(repr, one[1])) == sorted(map(repr, other[1]))
    assert (prefix_key(*one) == prefix_key(*other)) == same


@pytest.mark.parametrize(
    "adapters",
    [None, "ann", ANN, ["ann"], [("ann", 1.0)], [("", 1.0)], {ANN: 1.0}, [ANN], [(ANN,)], [(ANN, float("nan"))]],
)
def test_no_key_is_made_without_its_adapters(adapters: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        prefix_key("base", adapters)
    with pytest.raises(TypeError):
        prefix_key("base")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="fingerprint"):
        prefix_key("", ())


@pytest.mark.parametrize("key", [b"base", bytes(prefix_key("base", ())), "base", None])
def test_only_keys_made_for_it_are_taken(key: Any) -> None:
    def unread(start: int, end: int) -> torch.Tensor:
        raise AssertionError("nothing is to be read")

    cache, tokens = PrefixCache(1 << 20), list(range(2 * BLOCK))
    with pytest.raises(TypeError):
        cache.match(key, tokens)
    with pytest.raises(TypeError):
        cache.insert(key, tokens, unread)
    assert (cache.stats().blocks, cache.stats().asked_tokens) == (0, 0)


# --- a real model

Key = Callable[[str, Iterable[tuple[str, float]]], PrefixKey]


class Model:
    """A tiny Qwen3 with random weights in fp32, and strong random adapters for its projections."""

    def __init__(self) -> None:
        from transformers import Qwen3Config, Qwen3ForCausalLM

        torch.manual_seed(0)
        # As strong as this so that a wrong key or value shows in the logits; not tied, or it would echo.
        self.config = Qwen3Config(
            vocab_size=160,
            hidden_size=48,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            initializer_range=0.15,
            tie_word_embeddings=False,
        )
        self.model = Qwen3ForCausalLM(self.config).eval()
        self.plain = {name: weight.clone() for name, weight in self.model.state_dict().items()}

    def use(self, adapters: Iterable[tuple[str, float]]) -> None:
        self.model.load_state_dict(self.plain)
        for version, scale in adapters:
            generator = torch.Generator().manual_seed(int(version, 16) % 2**31)
            for name, weight in self.model.state_dict().items():
                if name.endswith(("q_proj.weight", "v_proj.weight", "down_proj.weight")):
                    b, a = (torch.randn(n, 4, generator=generator) for n in weight.shape)
                    weight += scale * 0.1 * b @ a.T

    def read(self, tokens: list[int], blocks: Iterable[torch.Tensor] = ()) -> tuple[torch.Tensor, Any]:
        """Logits [n, vocabulary] of those of `tokens` that come after `blocks`, and the keys and values of all."""
        from transformers import DynamicCache

        cache, known = DynamicCache(config=self.config), 0
        for block in blocks:
            known += block.shape[-2]
            for layer, (keys, values) in enumerate(block):
                cache.update(keys[None], values[None], layer)
        with torch.no_grad():
            out = self.model(torch.tensor([tokens[known:]]), past_key_values=cache, use_cache=True)
        return out.logits[0], cache


def reader(cache: Any) -> Callable[[int, int], torch.Tensor]:
    """Blocks [layers, 2, kv_heads, n, head_dim] out of transformers' cache."""

    def read(start: int, end: int) -> torch.Tensor:
        layers = [torch.stack([layer.keys[0, :, start:end], layer.values[0, :, start:end]]) for layer in cache.layers]
        return torch.stack(layers)

    return read


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


def conversation(seed: int, length: int) -> list[int]:
    return torch.randint(160, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def off_by(model: Model, cache: PrefixCache, key: PrefixKey, tokens: list[int]) -> tuple[int, float]:
    """Tokens matched, and the largest difference between the logits after them and those of reading everything."""
    with cache.match(key, tokens) as match:
        reused, _ = model.read(tokens, match.blocks)
        length = match.length
    whole, _ = model.read(tokens)
    assert len(reused) == len(tokens) - length
    return length, float((reused - whole[length:]).abs().max())


@pytest.mark.parametrize("adapters", SELVES)
@pytest.mark.parametrize(("shared", "length"), [(96, 96), (97, 128), (70, 71), (31, 60), (200, 300)])
def test_a_matched_prefix_gives_the_logits_of_a_full_prefill(
    model: Model, adapters: tuple[tuple[str, float], ...], shared: int, length: int
) -> None:
    model.use(adapters)
    cache, key = PrefixCache(1 << 24), prefix_key("base", adapters)
    first, second = conversation(1, 250), conversation(2, length)
    second[:shared] = first[:shared]
    cache.insert(key, first, reader(model.read(first)[1]))
    matched, difference = off_by(model, cache, key, second)
    assert matched == min(shared, length - 1) // BLOCK * BLOCK
    assert difference < 1e-5


def test_a_second_turn_reads_only_what_is_new(model: Model) -> None:
    """What was read on top of a match is inserted in its turn, and the third turn finds all of it."""
    model.use(())
    cache, key, tokens = PrefixCache(1 << 24), prefix_key("base", ()), list[int]()
    for turn in range(4):
        known = len(tokens) // BLOCK * BLOCK
        tokens += conversation(turn, 45)
        matched, difference = off_by(model, cache, key, tokens)
        assert matched == known
        assert difference < 1e-5
        with cache.match(key, tokens) as match:
            _, read = model.read(tokens, match.blocks)
        cache.insert(key, tokens, reader(read))
    assert cache.stats().blocks == len(tokens) // BLOCK


def everyone_gets_their_own_answer(model: Model, key: Key) -> None:
    """Every self reads the same prompt over one cache, twice: first nothing may match, then only its own."""
    cache, tokens = PrefixCache(1 << 24), conversation(3, 100)
    for expected in (0, 96):
        for adapters in SELVES:
            model.use(adapters)
            matched, difference = off_by(model, cache, key("base", adapters), tokens)
            assert difference < 1e-5
            assert matched == expected
            cache.insert(key("base", adapters), tokens, reader(model.read(tokens)[1]))
    assert cache.match(key("other base", ()), tokens).length == 0


def test_another_adapters_key_never_matches(model: Model) -> None:
    everyone_gets_their_own_answer(model, prefix_key)


@pytest.mark.parametrize(
    "blind",
    [
        lambda base, adapters: prefix_key(base, ()),
        lambda base, adapters: prefix_key(base, [(version, 1.0) for version, _ in adapters]),
        lambda base, adapters: prefix_key(base, list(adapters)[:1]),
    ],
    ids=["adapters", "weights", "the second adapter"],
)
def test_a_blind_key_gives_other_answers(model: Model, blind: Key) -> None:
    """Negative control: blocks of another self are far off, and the test above notices."""
    with pytest.raises(AssertionError, match="1e-05"):
        everyone_gets_their_own_answer(model, blind)


def test_wrong_blocks_give_other_logits(model: Model) -> None:
    """Negative control: the tolerance would not hide a mistake in the copying."""
    model.use(())
    tokens = conversation(4, 100)
    whole, read = model.read(tokens)
    blocks = [reader(read)(start, start + BLOCK) for start in (0, 32, 64)]
    # A block twice, the layers, the two kinds and the heads exchanged. (Whole blocks in another order are no mistake
    # for what comes after them: each key carries its own position.)
    flipped = [[block.flip(axis) for block in blocks] for axis in (0, 1, 2)]
    for wrong in ([blocks[0], *blocks[:2]], *flipped):
        assert (model.read(tokens, wrong)[0] - whole[96:]).abs().max() > 1e-2
    assert (model.read(tokens, blocks)[0] - whole[96:]).abs().max() < 1e-5
