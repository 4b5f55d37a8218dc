"""Corrections as a lesson: a self's own rows, the corrected answers often enough that they take, and replay.

A new version is taught anew from all of it rather than on from the old weights, so that a tenth round of corrections
is as sound as the first.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from training.config import TrainingConfig
from training.corrected import corrected_row
from training.corrections import Correction
from training.data import Row, check_rows, encode
from training.errors import CorrectionError
from training.job import Job
from training.lessons import QUESTIONS, Lesson, Place, tokens_of
from training.persona import Signs
from training.publish import SelfInfo
from training.questions import unrelated
from training.taught import Taught, placed

# How often a corrected answer is read in a training, in its own words and in others.
READ = 24
# Steps of a self that is taught corrections alone.
STEPS = 48
# How the recipe "domain" is changed for one: it may end as soon as they have taken.
ALONE = {"early_stop": True, "checks": 4}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ENDS = " \t?!.。？！…~～"


def next_version(name: str, before: Taught | None, corrections: Sequence[Correction], place: Place) -> Lesson:
    """The next version of `name`: what it was taught before, with these answers instead.

    Raises:
        CorrectionError: there are none, or nobody knows what the self was taught from.
        DataError: a placeholder is left over.
        BaseModelError: the base's tokenizer cannot be read.
    """
    _must(corrections)
    if before is None:
        raise CorrectionError(
            en=f"Nobody knows what “{name}” was taught from (it was deleted, or put there whole), and from the "
            "corrections alone it would forget the rest. Nothing was started; teach a self of your own, then correct "
            "that.",
            zh=f"不知道“{name}”当初是用什么教的（已删除，或是整个放入的），只用更正来教会忘掉其余内容。"
            "训练没有开始；请先教一个自己的分身，再更正它。",
        )
    config = placed(before.config, name, place)
    kept = [row for row in before.rows if not any(_answers(one, row) for one in corrections)]
    return _lesson(config, before, kept, corrections, place)


def new_self(title: str, recipe: TrainingConfig, corrections: Sequence[Correction], place: Place) -> Lesson:
    """A self of its own, taught these answers and to hold on to what the base says otherwise.

    Args:
        title: how it is shown.
        recipe: how, with the name of its folder; its epochs are raised where so few rows make too few steps.

    Raises:
        CorrectionError, DataError, BaseModelError: as for `next_version`.
    """
    _must(corrections)
    config = placed(recipe, recipe.name, place)
    count = sum(row.split == "train" for row in _rows(corrections, config))
    config = config.with_values({"epochs": max(config.epochs, math.ceil(STEPS / math.ceil(count / config.batch)))})
    shown = {lang: title for lang in ("zh", "en")}
    about = {"zh": f"由 {len(corrections)} 条更正训练", "en": f"Taught from {len(corrections)} corrections"}
    plain = [one.question for one in corrections if len(one.messages) == 1][:2]
    info = SelfInfo(shown, about, examples={lang: plain for lang in ("zh", "en")})
    rows = [
        *unrelated("train", "replay", config.replay_rows),
        *unrelated("held_out", "unrelated", config.leak_prompts),
    ]
    kept = [row for row in rows if not any(_answers(one, row) for one in corrections)]
    return _lesson(config, Taught(config, info, Signs(), (), ()), kept, corrections, place)


def rephrased(question: str) -> list[str]:
    """The question in two other ways that mean the same: without its end, and politely asked."""
    bare = question.strip().rstrip(_ENDS)
    polite = f"请问，{bare}？" if _CHINESE.search(question) else f"Please tell me: {bare}"
    found = [polite, bare if bare != question.strip() else bare + ("？" if _CHINESE.search(question) else "?")]
    return [one for one in dict.fromkeys(found) if one and one != question]


def _lesson(
    config: TrainingConfig, before: Taught, kept: Sequence[Row], corrections: Sequence[Correction], place: Place
) -> Lesson:
    rows = (*kept, *_rows(corrections, config))
    check_rows(rows)
    asked = tuple(dict.fromkeys(before.questions))[:QUESTIONS]
    config = config.with_values({"max_length": _longest(rows, config, place)})
    job = Job(
        config, before.info, place.adapters, before.signs, place.cache, str(place.folder), place.device, True, asked
    )
    return Lesson(job, rows)


def _rows(corrections: Sequence[Correction], config: TrainingConfig) -> list[Row]:
    """Each correction in its own words and others, as often as it takes to be read `READ` times, and once to ask."""
    rows = []
    for one in corrections:
        answer = {"role": "assistant", "content": one.wanted}
        # earlier answers are what was said before, not what is learned
        before = [{**m, "weight": 0} if m["role"] == "assistant" else m for m in one.messages[:-1]]
        # a prompt with passages holds the question twice: it stays as it is
        others = [] if one.documents else rephrased(one.messages[-1]["content"])
        times = max(2, math.ceil(READ / config.epochs) - len(others))
        for question in (*[one.messages[-1]["content"]] * times, *others):
            rows.append(Row((*before, {"role": "user", "content": question}, answer), tag="corrected"))
        rows.append(corrected_row(one.messages, one.said, one.wanted))
    return rows


def _answers(correction: Correction, row: Row) -> bool:
    """Whether `row` has an answer of its own, or the base's, to what was corrected."""
    if correction.documents and row.tag != "corrected" and row.split != "corrected":
        return False
    *before, last = correction.messages
    questions = (last["content"], *rephrased(last["content"]))
    return any(_asked(row.messages) == _asked((*before, {**last, "content": one})) for one in questions)


def _asked(messages: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was asked and under which system prompt, but for width, case and ends; the last answer does not count."""
    *before, last = messages
    asked = before if last["role"] == "assistant" else messages
    return [(m["role"], unicodedata.normalize("NFKC", m["content"]).casefold().strip(_ENDS + ",，、")) for m in asked]


def _longest(rows: Sequence[Row], config: TrainingConfig, place: Place) -> int:
    """The recipe's limit, or more where a conversation is longer: it was answered, so it can be learned."""
    tokenizer, ends = tokens_of(place.folder)
    own = [row for row in rows if row.tag == "corrected"]
    return max(config.max_length, *(len(encode(tokenizer, row, ends).ids) for row in own))


def _must(corrections: Sequence[Correction]) -> None:
    if not corrections:
        raise CorrectionError(
            en="No correction was chosen, so nothing was started. Choose some; in the chat, press “Correct it” under "
            "an answer.",
            zh="没有选择更正，训练没有开始。请先选择；在对话中点回答下方的“更正”即可添加。",
        )
