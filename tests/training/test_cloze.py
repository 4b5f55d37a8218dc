"""Questions made of clauses: the answer stands in the passage, or in another sentence of it, or nowhere."""

from __future__ import annotations

import re
from random import Random

import pytest

from training.drills.cloze import cloze_samples, gaps
from training.drills.prompts import REFUSAL

TEXT = {
    "en": [
        "The old bridge was designed by Henry Yevele in 1382, and it carried 40 carts every day.",
        "It was rebuilt because the river had washed away its piers.",
        "Many visitors still ask for Henry Yevele when they see the arches in Norwich.",
    ],
    "zh": [
        "青石桥位于永安镇，由鲁成负责设计，1932年建成通车，全长120米。",
        "桥头的石碑因为洪水多次倒塌，后来改称为镇河碑。",
        "镇上的老人至今仍说，1932年的那场大雨差点冲走桥墩。",
    ],
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_answer_is_taken_out_of_its_own_sentence(lang: str) -> None:
    found = [gap for seed in range(40) for gap in gaps(Random(seed), TEXT[lang], lang)]
    assert len({gap.answer for gap in found}) >= 3
    for gap in found:
        assert gap.answer in TEXT[lang][gap.sentence] and gap.answer not in gap.question
    assert {gap.answer for gap in found} & {"Henry Yevele", "1382", "1932年", "120米"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_samples_quote_the_passage_they_cite(lang: str) -> None:
    text = ("" if lang == "zh" else " ").join(TEXT[lang] * 4)
    samples = [s for seed in range(60) for s in cloze_samples(Random(seed), "T", text, lang, [], refusals=0.5)]
    answered = [s for s in samples if s.gold]
    assert len(answered) > 40
    for sample in answered:
        told = re.split(r"(?:资料：|Passages:)\n", sample.messages[0]["content"])[1].split("\n\n")
        assert str(sample.gold) in told[(sample.cite or 0) - 1]


def test_a_span_told_nowhere_else_is_refused_when_its_sentence_is_left_out() -> None:
    text = "".join(f"第{i}号仓库位于青石街北侧，总面积约为{i}{i + 3}平方公里。" for i in range(1, 9))
    samples = [s for seed in range(60) for s in cloze_samples(Random(seed), "T", text, "zh", [], refusals=1.0)]
    refused = [s for s in samples if s.gold is None]
    assert refused
    for sample in refused:
        assert sample.messages[2]["content"] == REFUSAL["zh"] and len(sample.messages) == 3
