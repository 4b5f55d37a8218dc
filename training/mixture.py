"""What the base learns from besides running text: reading real passages, drills, scenes, talk, in one mixture."""

from __future__ import annotations

import itertools
import json
import lzma
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from training.drills.asides import chatty
from training.drills.prompts import Sample, ask_first
from training.drills.swaps import Swaps

Row = dict[str, Any]  # a line of the corpus; its keys are in `load_sources`
_CHAT = {
    "self_dialogue_en": 0.3,
    "sgd_en": 0.4,
    "snakes_en_chat": 0.8,
    "smilechat": 0.12,
    "cpsycound_zh": 0.4,
    "medquad_en": 0.3,
    "classical_translate": 0.1,
    "chatterbot_zh_en": 0.2,
    "llamafactory_demo": 1.0,
    "kdconv_dev_zh": 1.0,
    "crosswoz_val_zh": 1.0,
}
_TABLES = Path(__file__).parent / "drills" / "tables"
OWN = (_TABLES / "wiki_zh.jsonl.xz", _TABLES / "asked.jsonl.xz")
_PEOPLE = " people"  # reading rows whose question a person asked; those of other rows come from templates
_READER = ("zh", "en", "zh people", "en people")


def read_rows(paths: Iterable[Path]) -> Iterator[Row]:
    """The JSON lines of .jsonl or .jsonl.xz files.

    Raises:
        ValueError: a line is no JSON, as at the end of a file that was cut off; names the file and the line.
    """
    for path in paths:
        with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error


def own_rows() -> Iterator[Row]:
    """The project's own questions, as reading rows, asked by hand over passages of Chinese Wikipedia, and of English
    Wikipedia, recipes, textbooks, health pages and manuals; a fifth of the latter are near misses without an answer.
    """
    for passage in read_rows(OWN):
        text = {"lang": "zh", "src": "wiki_zh"} | {k: v for k, v in passage.items() if k != "asked"}
        yield from ({**text, "question": question, "answer": answer} for question, answer in passage["asked"])


@dataclass
class Sources:
    """What a worker holds in memory: real documents, reading rows and conversations."""

    documents: dict[str, list[Row]] = field(default_factory=lambda: {"zh": [], "en": []})
    reader: dict[str, list[Row]] = field(default_factory=lambda: {k: [] for k in _READER})
    chats: list[list[dict[str, str]]] = field(default_factory=list)
    siblings: dict[str, list[Row]] = field(default_factory=dict)  # rows by the start of their context
    swaps: Swaps | None = None


def load_sources(corpus: Path, part: int, parts: int, seed: int) -> Sources:
    """Every `parts`-th document, from `part` on, and the reading rows and chats that suit a small model.

    `corpus` holds JSON lines: pretrain* {"text", "lang", "src"}, reader* {"context", "question", "answer" or null,
    "lang", "title", "src"} and chat* or smile* {"messages", "src"}; "lang" is "zh" or "en", "src" the source's name.
    """
    rng = Random(seed + part)
    out = Sources()
    files = sorted(p for p in corpus.iterdir() if ".jsonl" in p.name)
    for row in _share([p for p in files if p.name.startswith("pretrain")], part, parts):
        out.documents[row["lang"]].append(row)
    for row in itertools.chain(own_rows(), read_rows(p for p in files if p.name.startswith("reader"))):
        if row["answer"] is None or len(row["answer"]) < (420 if row["lang"] == "zh" else 900):
            people = "_synth_" not in row["src"]
            key = row["lang"] + _PEOPLE if people else row["lang"]
            if people or rng.random() < 0.5:
                out.reader[key].append(row)
                out.siblings.setdefault(row["context"][:80], []).append(row)
    natural = [row for name, rows in out.reader.items() if name.endswith(_PEOPLE) for row in rows if row["answer"]]
    out.swaps = Swaps((row["question"], row["answer"], row["lang"]) for row in natural)
    for row in read_rows(p for p in files if p.name.startswith(("chat", "smile"))):
        messages = row["messages"]
        text = "".join(m["content"] for m in messages)
        if (
            rng.random() < _CHAT.get(row["src"], 0.0) * 0.5
            and len(text) < 2400
            and "{{" not in text
            and messages[-1]["role"] == "assistant"
        ):
            out.chats.append([{"role": m["role"], "content": m["content"]} for m in messages])
    return out


def _share(files: list[Path], part: int, parts: int) -> Iterator[Row]:
    """The rows of one worker of `parts`: files are dealt out, and workers with the same file take turns."""
    if len(files) > parts:
        yield from read_rows(files[part::parts])
    elif files:
        mine, turn = part % len(files), part // len(files)
        sharing = len(range(mine, parts, len(files)))
        for i, row in enumerate(read_rows([files[mine]])):
            if i % sharing == turn:
                yield row


def reader_sample(rng: Random, sources: Sources, lang: str, refusals: float = 0.1) -> Sample:
    """A question that a person or a template asked of a real passage, among passages of its own kind.

    Half of the answers that can be are replaced by another of their kind, in the passage too. About `refusals` of the
    questions lose their answer: its sentence is taken out, or the passage is.
    """
    from training.drills.reading import over, trim, without

    people = sources.reader[lang + _PEOPLE]
    pool = people if people and (rng.random() < 0.8 or not sources.reader[lang]) else sources.reader[lang]
    row = rng.choice(pool)
    answer = row["answer"] if row["answer"] and row["answer"] in row["context"] else None
    if row["answer"] and answer is None and row["src"] != "kdconv_dev_grounded_zh":
        return reader_sample(rng, sources, lang, refusals)
    title, context, old = (row.get("title") or row["context"][:12])[:40], row["context"], answer
    if answer and pool is people and sources.swaps and rng.random() < 0.6 and answer not in title:
        context, answer = sources.swaps.swap(rng, context, row["question"], answer, lang) or (context, answer)
    gold = (title, trim(rng, context, answer, lang))
    others = []
    for other in rng.sample(pool, min(len(pool), rng.choice((0, 0, 0, 1, 2, 2, 3)))):
        text = trim(rng, other["context"], None, lang)[: 500 if lang == "zh" else 1200]
        if other["context"] != row["context"] and (answer is None or answer not in text):
            others.append(((other.get("title") or text[:12])[:40], text))
    asked: list[tuple[str, str | None]] = [(row["question"], answer or row["answer"])]
    if answer is not None and rng.random() < refusals:
        rest = without(gold[1], answer, lang) if pool is people and rng.random() < 0.6 else None
        if rest:
            return over(rng, [(row["question"], None)], (title, rest), others, lang, row["src"])
        if others and (pool is people or title in row["question"]):
            return over(rng, [(row["question"], None)], None, others, lang, row["src"])
    same = [
        other
        for other in sources.siblings.get(row["context"][:80], [])
        if other is not row
        and (other["answer"] or "") in gold[1]
        and (old == answer or str(old) not in other["question"] + (other["answer"] or ""))
    ]
    asked += [(other["question"], other["answer"]) for other in rng.sample(same, min(len(same), rng.randint(0, 6)))]
    return over(rng, asked, gold, others, lang, row["src"])


class _Queue:
    """Samples that a maker gets out of whole documents, handed out one by one in either language."""

    def __init__(self, maker: Callable[..., list[Sample]], refusals: float) -> None:
        self.maker, self.refusals = maker, refusals
        self.ready: dict[str, list[Sample]] = {"zh": [], "en": []}

    def take(self, rng: Random, sources: Sources, noise: dict[str, list[tuple[str, str]]], lang: str) -> Sample | None:
        """A sample in `lang`; None where sixty documents give none."""
        ready, documents = self.ready[lang], sources.documents[lang]
        for _ in range(60):
            if ready or not documents:
                break
            row = rng.choice(documents)
            if row["src"] == "laws_zh" and rng.random() < 0.7:
                continue
            ready += self.maker(rng, _title(row), row["text"], lang, noise[lang][:200], self.refusals * 0.6)[:12]
        return ready.pop(rng.randrange(len(ready))) if ready else None


SHARES = {
    "scene": 26.0,
    "list": 10.0,
    "drill": 15.0,
    "reader": 16.0,
    "rule": 7.0,
    "cloze": 15.0,
    "talk": 16.0,
    "chat": 5.0,
}


@dataclass(frozen=True)
class Mix:
    """What the samples are drawn from.

    Attributes:
        shares: weighs scenes, lists, other drills, questions of people and templates over real text ("reader"), those
            that rules make over it ("rule", "cloze"), generated conversation and tool calls ("talk") and real
            conversation ("chat"); those not named have the weights of `SHARES`.
        refusals: share of questions over passages that they do not answer; among scenes and lists, whose questions
            miss more narrowly, 1.7 times that.
        first: share of conversations over passages whose last question stands before the passages too, as the app
            asks; the others practise many questions over one reading.
        asides: share of the questions over passages with small talk around them; half as many have a slip of the
            finger.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    refusals: float = 0.11
    first: float = 0.6
    asides: float = 0.15


def samples(sources: Sources, rng: Random, mix: Mix | None = None) -> Iterator[list[dict[str, str]]]:
    """An endless mixture of conversations."""
    mix = mix or Mix()
    for drawn in _drawn(sources, rng, mix):
        messages = chatty(rng, drawn, mix.asides)
        yield ask_first(messages, rng.choice((1, 1, 2, 3, 4))) if rng.random() < mix.first else messages


def _drawn(sources: Sources, rng: Random, mix: Mix) -> Iterator[list[dict[str, str]]]:
    from training.drills import Material, draw
    from training.drills.cloze import cloze_samples
    from training.drills.lists import list_drill
    from training.drills.reading import from_document, join, windows
    from training.drills.scenes import scene_drill

    material = Material({"zh": [], "en": []}, {"zh": [], "en": []})
    every = [row for rows in sources.documents.values() for row in rows]
    for row in rng.sample(every, min(len(every), 400)):
        for run in windows(row["text"][:4000], row["lang"], rng)[:2]:
            material.passages[row["lang"]].append((_title(row), join(run, row["lang"])))
            material.sentences[row["lang"]] += [s for s in run if len(s) < (40 if row["lang"] == "zh" else 90)]
    refusals = mix.refusals
    made = {name: _Queue(maker, refusals) for name, maker in (("rule", from_document), ("cloze", cloze_samples))}
    weights = {**SHARES, **mix.shares}
    while True:
        lang = "zh" if rng.random() < 0.46 else "en"  # English reads worse
        kind = rng.choices(list(weights), list(weights.values()))[0]
        if kind == "chat" and sources.chats:
            yield rng.choice(sources.chats)
        elif kind == "reader" and (sources.reader[lang] or sources.reader[lang + _PEOPLE]):
            yield reader_sample(rng, sources, lang, refusals).messages
        elif kind in made:
            sample = made[kind].take(rng, sources, material.passages, lang)
            if sample:
                yield sample.messages
        elif kind == "scene":
            yield scene_drill(rng, lang, material=material, refusals=1.7 * refusals).messages
        elif kind == "list":
            yield list_drill(rng, lang, material=material, refusals=1.7 * refusals).messages
        else:
            yield draw(rng, lang, material=material, talking=float(kind == "talk")).messages


def _title(row: Row) -> str:
    first = row["text"].lstrip("#* \n").split("\n", 1)[0].strip("# *_")
    return (first[:24] if row["lang"] == "zh" else first[:60]) or "…"
