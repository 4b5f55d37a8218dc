"""What is to be learned, put together: from a form or a file to a job and its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.data import Row
from training.dataset.found import Dataset, Problem
from training.dataset.preparing import (
    TEST_SHARE,
    Lengths,
    fitted,
    lengths,
    split,
    without_duplicates,
    without_placeholders,
)
from training.errors import BaseModelError, DataError
from training.forms import info_of
from training.job import Job
from training.persona import PersonaForm, PersonaRows, Signs
from training.publish import SelfInfo
from training.questions import unrelated

# How many of the fixed questions are asked every quarter epoch: they cost time.
QUESTIONS = 3


@dataclass(frozen=True)
class Place:
    """Where trainings happen; the composition knows.

    Attributes:
        base: the name of the base, as it is published with the adapter.
        folder: where it lies.
        fingerprint: of that base.
        device: "cpu", "cuda", "cuda:1"…
        threads: CPU threads of a training.
        adapters: where selves are published.
        cache: for the base's own answers.
    """

    base: str
    folder: Path
    fingerprint: str
    device: str
    threads: int
    adapters: Path
    cache: Path


@dataclass(frozen=True)
class Lesson:
    """One training as it will be queued; `found` is what its file held, None for a form, and `lengths` how long that
    was."""

    job: Job
    rows: tuple[Row, ...]
    found: Dataset | None = None
    lengths: Lengths | None = None

    def count(self, part: str) -> int:
        """Rows of one split."""
        return sum(row.split == part for row in self.rows)


def persona_lesson(form: PersonaForm, config: TrainingConfig, place: Place, info: SelfInfo | None = None) -> Lesson:
    """Teach who it is and how it talks. The rows can be edited (`with_rows`) before it is queued."""
    rows = PersonaRows(form, config.seed).build(config.replay_rows, config.leak_prompts)
    probes = [row.messages[-1]["content"] for row in rows if row.split == "probe" and len(row.messages) == 1]
    others = [row.messages[-1]["content"] for row in rows if row.split == "unrelated" and len(row.messages) == 1]
    asked = tuple([*probes[:1], *probes[-1:], *others[: QUESTIONS - 2]])
    return Lesson(_job(config, place, info or info_of(form), form.signs, asked), tuple(rows))


def file_lesson(
    found: Dataset, config: TrainingConfig, place: Place, share: float = TEST_SHARE, info: SelfInfo | None = None
) -> Lesson:
    """Teach what a file holds: no row twice, none too long, `share` of them kept back to be judged by.

    Raises:
        DataError: nothing is left to learn from, or it cannot be split.
        BaseModelError: the base's tokenizer cannot be read.
    """
    tokenizer, end_ids = tokens_of(place.folder)
    once = without_placeholders(without_duplicates(found))
    told = lengths(tokenizer, once, end_ids, config.max_length)
    usable = fitted(tokenizer, once, told)
    if not usable.rows:
        raise _no_row(usable, too_long=bool(told.over))
    rows = split(usable, share, config.seed)
    if config.replay_batch and config.replay_rows:
        rows += unrelated("train", "replay", config.replay_rows)
    rows += unrelated("held_out", "unrelated", config.leak_prompts)
    own = [row for row in rows if row.tag == "own" and row.messages[0]["role"] != "text"]
    judged = [row for row in own if row.split == "test" and len(row.messages) == 2] or [
        r for r in own if len(r.messages) == 2
    ]
    asked = tuple(row.messages[0]["content"] for row in judged[:QUESTIONS])
    shown = info or SelfInfo(
        {lang: config.name for lang in ("zh", "en")},
        {"zh": f"由 {len(own)} 条数据训练", "en": f"Taught from {len(own)} rows"},
        examples={lang: list(asked[:2]) for lang in ("zh", "en")},
    )
    return Lesson(_job(config, place, shown, Signs(), asked), tuple(rows), usable, told)


def _no_row(found: Dataset, *, too_long: bool) -> DataError:
    why = next(iter(found.problems), Problem(1, "it is empty", "是空的"))
    return DataError(
        en=f"No row can be learned from (row {why.number}, for one: {why.en}), so nothing was prepared. Mend the rows"
        f"{', or raise max_length under “Advanced”' if too_long else ''}.",
        zh=f"没有一行可以学习（例如第 {why.number} 行：{why.zh}），因此没有准备任何内容。"
        f"请修正数据{'，或在“高级”中调大 max_length' if too_long else ''}。",
    )


def with_rows(lesson: Lesson, rows: tuple[Row, ...]) -> Lesson:
    """The lesson with its rows as the user edited them."""
    return replace(lesson, rows=rows)


def tokens_of(folder: Path) -> tuple[Any, tuple[int, ...]]:
    """(tokenizer, ids that end an answer) of a base.

    Raises:
        BaseModelError: it cannot be read.
    """
    from transformers import AutoTokenizer, GenerationConfig

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ends = (
            GenerationConfig.from_pretrained(folder).eos_token_id
            if (folder / "generation_config.json").exists()
            else None
        )
    except (OSError, ValueError) as error:
        raise BaseModelError(
            en=f"The tokenizer of the base in {folder} cannot be read: {error}. Nothing was started; check the folder.",
            zh=f"无法读取 {folder} 中基座的分词器：{error}。训练没有开始；请检查该文件夹。",
        ) from error
    found = [*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id]
    return tokenizer, tuple(dict.fromkeys(i for i in found if i is not None))


def _job(config: TrainingConfig, place: Place, info: SelfInfo, signs: Signs, questions: tuple[str, ...]) -> Job:
    values = {"base": place.base, "base_fingerprint": place.fingerprint, "threads": place.threads}
    return Job(
        config.with_values(values),
        info,
        place.adapters,
        signs,
        place.cache,
        str(place.folder),
        place.device,
        True,
        tuple(dict.fromkeys(questions)),
    )
