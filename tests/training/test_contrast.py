"""Where an adapter looks at first: what it is to learn stirs it, what is to stay does not; and nothing changes yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.training.small import ASKED, CONFIG, SIGNS, rows
from training.answers import BaseAnswers
from training.base_model import Base
from training.contrast import SCALE, _directions, _inputs, _layers, point_apart
from training.data import Encoded, chat, encode_rows
from training.errors import ConfigError
from training.loop import Training
from training.report_card import Examiner

OTHERS = ["什么是长城？", "What is tea?", "写一首诗。", "How do I cook rice?", "他是谁？", "推荐一本小说。"]


@pytest.fixture
def base(loaded: Base) -> Iterator[Base]:
    bare = loaded.model
    loaded.add_adapter(CONFIG)
    yield loaded
    loaded.model.unload()
    loaded.model = bare


def encoded(base: Base, asked: list[str], answer: str) -> list[Encoded]:
    return encode_rows(base.tokenizer, [chat(question, answer) for question in asked], base.end_ids, 128)


def stirred(base: Base, own: list[Encoded], kept: list[Encoded]) -> list[float]:
    """Per layer: mean square of A x on the rows to be learned, over that on the rows to be kept."""
    some, others = (_inputs(base, part, 0, answers=answers) for part, answers in ((own, True), (kept, False)))
    found = []
    for name, layer in _layers(base).items():
        a = layer.lora_A["default"].weight.detach()
        found.append(float((some[name].float() @ a.T).square().mean() / (others[name].float() @ a.T).square().mean()))
    return sorted(found)


def test_it_looks_where_the_rows_differ(base: Base) -> None:
    own, kept = encoded(base, list(ASKED), "我是灶王，教你做菜。"), encoded(base, OTHERS, "好的。")
    before, hidden = stirred(base, own, kept), base.generate([chat("你是谁？").messages], 12)
    point_apart(base, own, kept, 0)
    after = stirred(base, own, kept)
    assert after[0] > 3 * before[-1] and after[len(after) // 2] > 10
    # B is zero still: the base answers as it did
    assert base.generate([chat("你是谁？").messages], 12) == hidden
    first = [layer.lora_A["default"].weight.detach().clone() for layer in _layers(base).values()]
    point_apart(base, own, kept, 0)
    assert all(
        bool((a == layer.lora_A["default"].weight).all())
        for a, layer in zip(first, _layers(base).values(), strict=True)
    )
    # control: told apart the other way round, it is the rows to be kept that stir it
    point_apart(base, kept, own, 0)
    assert stirred(base, own, kept)[len(after) // 2] < 1


def test_the_directions_are_the_generalised_eigenvectors() -> None:
    import torch

    torch.manual_seed(0)
    stays = torch.randn(200, 12) @ torch.diag(torch.tensor([5.0] * 4 + [1.0] * 8))
    learned = torch.randn(300, 12) @ torch.diag(torch.tensor([9.0] * 2 + [1.0] * 4 + [4.0] * 3 + [1.0] * 3))
    found = _directions(learned, stays, 3, 0)
    ridge = 0.1 * stays.square().mean() * torch.eye(12)
    moments = learned.T @ learned / 300, stays.T @ stays / 200 + ridge
    values = torch.linalg.eigvals(torch.linalg.solve(moments[1], moments[0])).real.sort().values[-3:]
    gained = ((found @ moments[0]) * found).sum(1) / ((found @ moments[1]) * found).sum(1)
    assert torch.allclose(gained.sort().values, values, rtol=1e-3)
    assert torch.allclose((learned @ found.T).square().mean(0), torch.full((3,), SCALE), rtol=1e-3)
    # the most varied inputs are not what is looked for: directions 6, 7 and 8 hardly vary in what stays
    assert found.abs().sum(0).topk(3).indices.sort().values.tolist() == [6, 7, 8]


def test_without_replay_there_is_nothing_to_compare_with(base: Base) -> None:
    config = CONFIG.with_values({"contrast": True, "replay_batch": 0, "leak_prompts": 0})
    answers = BaseAnswers(base)
    with pytest.raises(ConfigError, match="contrast"):
        list(Training(answers, rows(), Examiner(answers, rows(), SIGNS, config), config).run())
