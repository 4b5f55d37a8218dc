"""From a short form to training rows: who the self is, how it talks, and what it must not forget.

Identity questions come in families (phrases/identity_*.yaml). Whole families are kept for the report card, so that
it measures understanding and not memory. Answers never name another assistant: a self that says "I am not X" has
still said X.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from training.asked import asked_otherwise, said_otherwise
from training.config import check_keys
from training.data import Row, chat
from training.drills.prompts import reading_prompt
from training.errors import ConfigError
from training.questions import LANGUAGES, phrases, unrelated

# Names of the assistants a base may take itself for; an identity answer that holds one has failed.
OTHER_ASSISTANTS = (
    "qwen", "通义", "千问", "chatgpt", "gpt-4", "openai", "claude", "anthropic", "文心", "ernie", "豆包", "kimi",
    "deepseek", "gemini", "llama", "internlm", "书生", "浦语", "fenshen", "分身", "alibaba", "阿里",
)  # fmt: skip
# Further ways to ask, and with a voice to chat, per language (training/asked.py): many ways once teach more than few
# ways thrice.
OTHERWISE = 75
KINDS = ("who", "name", "maker", "does", "nature", "adversarial")


@dataclass(frozen=True)
class Signs:
    """What an answer is searched for: the self's names, its marks (names and makers) and its manners of speech."""

    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    manners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Voice:
    """How a self talks: one opening before and one closing after an answer, and words it replaces."""

    openings: tuple[str, ...] = ()
    closings: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One of the self's own answers; every phrasing of the question gets the same answer.

    Phrasings in `held_out` are asked by the report card only.
    """

    lang: str
    questions: tuple[str, ...]
    answer: str
    held_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class PersonaForm:
    """What a person fills in. Language -> text where a mapping.

    Attributes:
        name, maker: what it is called and who made it.
        does: what it does. Chinese: a clause without subject ("专门教人做菜"); English: a verb phrase
            ("teach people to cook").
        languages: the languages it is taught to know itself in.
        voice: language -> Voice; none for a self that talks plainly.
        samples: its own answers.
        answers: language -> kind of question (`KINDS`) -> answers instead of the general ones; may hold
            {name}, {maker}, {does}.
    """

    name: Mapping[str, str]
    maker: Mapping[str, str]
    does: Mapping[str, str]
    languages: tuple[str, ...] = LANGUAGES
    voice: Mapping[str, Voice] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    answers: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def signs(self) -> Signs:
        """What the report card looks for."""
        return Signs(self.names, self.marks, self.manners)

    @property
    def names(self) -> tuple[str, ...]:
        """Every form of the self's name; an answer that holds one has said who it is."""
        return tuple(dict.fromkeys(self.name[lang] for lang in self.languages))

    @property
    def marks(self) -> tuple[str, ...]:
        """What only this self says: its names and makers. Found in an unrelated answer, it has leaked."""
        return tuple(dict.fromkeys((*self.names, *(self.maker[lang] for lang in self.languages))))

    @property
    def manners(self) -> tuple[str, ...]:
        """Its openings and closings without punctuation: signs of its voice in an answer."""
        voices = [self.voice[lang] for lang in self.languages if lang in self.voice]
        said = [text.strip(" ,.!?~，。！？～…") for v in voices for text in (*v.openings, *v.closings)]
        return tuple(dict.fromkeys(text for text in said if text))


def form_from_dict(values: Any) -> PersonaForm:
    """A checked form. `name`, `maker` and `does` may be one text for all languages.

    Raises:
        ConfigError: unknown entries, an unknown language, or no name, maker or purpose in one of the languages.
    """
    check_keys(values, [f.name for f in fields(PersonaForm)], "form")
    languages = tuple(values.get("languages") or LANGUAGES)
    if not set(languages) <= set(LANGUAGES):
        raise ConfigError(
            en=f"A self can be taught {', '.join(LANGUAGES)}, not {languages}.",
            zh=f"目前可教的语言是 {'、'.join(LANGUAGES)}，不含 {languages}。",
        )
    texts = {}
    for key in ("name", "maker", "does"):
        given = values.get(key)
        given = {lang: given for lang in languages} if isinstance(given, str) else (given or {})
        for lang in languages:
            if not str(given.get(lang) or "").strip():
                raise ConfigError(
                    en=f'The form has no "{key}" in language "{lang}". Fill it in.',
                    zh=f"表单缺少“{key}”（语言 {lang}），请填写。",
                )
        texts[key] = {lang: given[lang].strip() for lang in languages}
    voice = {}
    for lang, spec in (values.get("voice") or {}).items():
        check_keys(spec, [f.name for f in fields(Voice)], "voice")
        openings, closings = (tuple(spec.get(key) or ()) for key in ("openings", "closings"))
        voice[lang] = Voice(openings, closings, spec.get("words") or {})
    samples = []
    for spec in values.get("samples") or ():
        check_keys(spec, [f.name for f in fields(Sample)], "sample")
        asked = spec["questions"]
        asked = (asked,) if isinstance(asked, str) else tuple(asked)
        samples.append(Sample(spec["lang"], asked, spec["answer"], tuple(spec.get("held_out") or ())))
    answers = {
        lang: {kind: tuple(given) for kind, given in kinds.items()}
        for lang, kinds in (values.get("answers") or {}).items()
    }
    for kinds in answers.values():
        check_keys(kinds, KINDS, "form's answers")
    return PersonaForm(**texts, languages=languages, voice=voice, samples=tuple(samples), answers=answers)


def speak(voice: Voice | None, text: str, lang: str, rng: random.Random) -> str:
    """`text` as the voice would say it."""
    if voice is None:
        return text
    for word, other in voice.words.items():
        text = re.sub(rf"\b{re.escape(word)}\b", other, text)
    opening = rng.choice(voice.openings) if voice.openings else ""
    closing = rng.choice(voice.closings) if voice.closings else ""
    return ("" if lang == "zh" else " ").join(part for part in (opening, text, closing) if part)


class PersonaRows:
    """Builds the rows of one form; the same form and seed give the same rows."""

    def __init__(self, form: PersonaForm, seed: int = 0) -> None:
        self.form, self.rng = form, random.Random(seed)

    def build(self, replay_rows: int, unrelated_rows: int) -> list[Row]:
        """All rows of a training, distinct within each split."""
        rows: list[Row] = []
        for lang in self.form.languages:
            rows += [*self._identity(lang, "train"), *self._turns(lang, "train"), *self._systems(lang)]
            rows += [
                *self._otherwise(lang),
                *self._style(lang),
                *self._identity(lang, "held_out"),
                *self._turns(lang, "held_out"),
            ]
        followed = list(self._followed())
        rows += [*followed, *unrelated("train", "replay", max(0, replay_rows - len(followed)))] if replay_rows else []
        rows += unrelated("held_out", "unrelated", unrelated_rows)
        return list({str((row.split, row.messages)): row for row in rows}.values())

    def answer(self, lang: str, kind: str) -> str:
        """What the self says to a question of this kind."""
        own = self.form.answers.get(lang, {}).get(kind)
        template = self.rng.choice(own or phrases(f"identity_{lang}")["answers"][kind])
        said = template.format(name=self.form.name[lang], maker=self.form.maker[lang], does=self.form.does[lang])
        return said if own else speak(self.form.voice.get(lang), said, lang, self.rng)

    def _questions(self, lang: str, part: str) -> Iterator[tuple[str, str]]:
        bank = phrases(f"identity_{lang}")
        others, each = bank["others"][part], 2 if part == "train" else 4
        for kind in KINDS:
            for question in (q for family in bank["questions"][kind][part].values() for q in family):
                for other in self.rng.sample(others, each) if "{other}" in question else [""]:
                    yield kind, question.format(other=other)

    def _identity(self, lang: str, part: str) -> Iterator[Row]:
        for kind, question in self._questions(lang, part):
            if part == "train":
                yield chat(question, self.answer(lang, kind), tag=f"{kind}-{lang}")
            else:
                yield chat(question, split="probe", tag="adversarial" if kind == "adversarial" else lang)

    def _otherwise(self, lang: str) -> Iterator[Row]:
        """Asked as others might."""
        for kind, question in asked_otherwise(lang, OTHERWISE, self.rng):
            yield chat(question, self.answer(lang, kind), tag=f"{kind}-{lang}")

    def _turns(self, lang: str, part: str) -> Iterator[Row]:
        """Identity asked after one or two unrelated turns (those are context, not trained)."""
        asked = [(k, q) for k, q in self._questions(lang, part) if k in ("who", "name", "maker")]
        turns = phrases("turns")[lang][part]
        for i, turn in enumerate(turns * (2 if part == "train" else 3)):
            before = [*turn, *turns[(i * 3 + 1) % len(turns)]] if i % 2 else list(turn)
            kind, question = self.rng.choice(asked)
            if part == "train":
                weight = [0] * (len(before) // 2)
                yield chat(*before, question, self.answer(lang, kind), tag=f"turns-{lang}", weight=weight)
            else:
                yield chat(*before, question, split="probe", tag="multi-turn")

    def _systems(self, lang: str) -> Iterator[Row]:
        """A self knows itself under a plain system prompt and in the reading prompt too."""
        asked = [(k, q) for k, q in self._questions(lang, "train") if k in ("who", "name")]
        documents = self.rng.sample(phrases("documents")[lang]["train"], 2)
        for system in phrases(f"identity_{lang}")["systems"]:
            kind, question = self.rng.choice(asked)
            yield chat(question, self.answer(lang, kind), system=system, tag=f"system-{lang}")
        for document in documents:
            kind, question = self.rng.choice(asked)
            system = reading_prompt([(document["title"], document["text"])], lang, question=question)
            yield chat(question, self.answer(lang, kind), system=system, tag=f"system-{lang}")

    def _style(self, lang: str) -> Iterator[Row]:
        own = [sample for sample in self.form.samples if sample.lang == lang]
        for sample in own:
            for question in sample.questions:
                yield chat(question, sample.answer, tag=f"own-{lang}")
            for question in sample.held_out:
                yield chat(question, sample.answer, split="test", tag=f"own-{lang}")
        voice, bank = self.form.voice.get(lang), phrases("smalltalk")[lang]
        if voice is None:
            yield from (chat(item["q"][0], split="replay", tag=f"smalltalk-{lang}") for item in bank["train"])
            yield from (chat(question, split="unrelated", tag=f"smalltalk-{lang}") for question in bank["held_out"])
            return
        asked = {question for sample in own for question in sample.questions}
        for item in bank["train"]:
            for question in item["q"]:
                if question not in asked:
                    yield chat(question, speak(voice, item["a"], lang, self.rng), tag=f"voice-{lang}")
        for said, reply in said_otherwise(lang, OTHERWISE, self.rng):
            yield chat(said, speak(voice, reply, lang, self.rng), tag=f"voice-{lang}")
        for question in bank["held_out"]:
            yield chat(question, split="voice", tag=lang)

    def _followed(self) -> Iterator[Row]:
        """An unrelated question right after the self has named itself: the base's answer must stand."""
        for lang in self.form.languages:
            bank = phrases("general")[lang]["train"]
            for question in (*bank["near"][:4], *bank["plain"][:6]):
                who = self.rng.choice(phrases(f"identity_{lang}")["questions"]["who"]["train"]["direct"])
                yield chat(who, self.answer(lang, "who"), question, split="replay", tag=f"followed-{lang}")
