"""Memory that runs out: half the rows at a time, the same adapter, and it is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.small import CONFIG, SIGNS, rows
from training.answers import BaseAnswers
from training.base_model import Base
from training.depth import through
from training.errors import BaseModelError
from training.events import Halved, Step
from training.loop import Training
from training.memory import ran_out, surely
from training.report_card import Examiner

# so that the whole batch goes through at once, without the card's own questions in the way
SHORT = CONFIG.with_values({"batch": 4, "epochs": 3, "checks": 1, "leak_prompts": 4, "base_fingerprint": ""})


@pytest.fixture
def base(loaded: Base) -> Iterator[Base]:
    bare = loaded.model
    yield loaded
    loaded.model.unload()
    loaded.model, loaded.at_once = bare, 32


def teach(base: Base, most: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    """Events and weights of a training on a machine that takes `most` rows at a time."""
    import torch

    base.add_adapter(SHORT)

    def limited(base: Base, part: list[Any]) -> Any:
        if len(part) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return through(base, part)

    monkeypatch.setattr("training.gradients.through", limited)
    answers = BaseAnswers(base)
    training = Training(answers, rows(), Examiner(answers, rows(), SIGNS, SHORT), SHORT)
    events = list(training.run())
    monkeypatch.undo()
    return events, [p.detach().clone() for p in base.model.parameters() if p.requires_grad]


@pytest.mark.slow
def test_half_the_rows_teach_the_same(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    whole, expected = teach(base, 32, monkeypatch)
    base.model = base.model.unload()
    halved, weights = teach(base, 1, monkeypatch)
    assert not [e for e in whole if isinstance(e, Halved)]
    assert [e.rows for e in halved if isinstance(e, Halved)] == [16, 8, 4, 2, 1]
    losses = [[e.loss for e in events if isinstance(e, Step)] for events in (whole, halved)]
    assert len(losses[0]) == len(losses[1]) == 3 and losses[0] == pytest.approx(losses[1], rel=0.05)
    moved = sum(float(w.abs().sum()) for w in expected)
    apart = sum(float((a - b).abs().sum()) for a, b in zip(expected, weights, strict=True))
    assert apart < 0.1 * moved
    # control: another order of the rows ends further away
    base.model, base.at_once = base.model.unload(), 32
    monkeypatch.setattr("tests.training.test_memory.SHORT", SHORT.with_values({"seed": 5}))
    _, other = teach(base, 32, monkeypatch)
    assert sum(float((a - b).abs().sum()) for a, b in zip(expected, other, strict=True)) > 2 * apart
    assert not torch.equal(weights[0], other[0])


def test_a_single_row_that_does_not_fit_ends_it(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BaseModelError) as caught:
        teach(base, 0, monkeypatch)
    assert "max_length" in caught.value.en and "max_length" in caught.value.zh


def test_only_memory_is_tried_again(base: Base) -> None:
    base.add_adapter(SHORT)
    assert ran_out(MemoryError()) and ran_out(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not ran_out(RuntimeError("shapes differ"))

    def wrong() -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        list(surely(base, wrong))
    assert base.at_once == 32
