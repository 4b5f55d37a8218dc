"""Reading samples from real text: windows of a document, questions over them, other passages around.

Nothing is invented: passage and answer are quoted from the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from training.drills.desk import OWN, frame
from training.drills.prompts import REFUSAL, Sample, cited, reading_prompt
from training.drills.questions import items, sentences

Passage = tuple[str, str]  # title, text


def windows(text: str, lang: str, rng: Random) -> list[list[str]]:
    """Runs of consecutive sentences, each about the size of a retrieved chunk."""
    out: list[list[str]] = []
    run: list[str] = []
    size, goal = 0, rng.randint(100, 380) if lang == "zh" else rng.randint(300, 900)
    for sentence in sentences(text, lang):
        run.append(sentence)
        size += len(sentence)
        if size >= goal:
            out.append(run)
            run, size = [], 0
            goal = rng.randint(100, 380) if lang == "zh" else rng.randint(300, 900)
    if size > 40:
        out.append(run)
    return out


def join(run: Sequence[str], lang: str) -> str:
    """Sentences as running text."""
    return ("" if lang == "zh" else " ").join(run)


def over(
    rng: Random,
    asked: Sequence[tuple[str, str | None]],
    gold: Passage | None,
    others: Sequence[Passage],
    lang: str,
    family: str,
) -> Sample:
    """A sample from a gold passage (title, text) among others.

    `asked` holds (question, answer) pairs over the gold passage; the first is what the sample is about. An answer of
    None, or no gold passage, must be refused.
    """
    passages = list(others) + ([gold] if gold else [])
    rng.shuffle(passages)
    own = rng.choice(OWN[lang]) if rng.random() < 0.05 else ""
    place = passages.index(gold) + 1 if gold else None
    answer = asked[0][1]
    number = place if answer is not None else None
    messages = [{"role": "system", "content": reading_prompt(passages, lang, own)}]
    for question, value in asked:
        typed = frame(rng, question.rstrip("？?。. "), lang)
        if lang == "en":
            typed = typed[:1].upper() + typed[1:]
        reply = REFUSAL[lang] if value is None or place is None else cited(value, place, lang)
        messages += [{"role": "user", "content": typed}, {"role": "assistant", "content": reply}]
    return Sample(
        messages,
        lang,
        family,
        "unanswerable" if number is None else "lookup",
        None if number is None else answer,
        number,
    )


def from_document(
    rng: Random, title: str, text: str, lang: str, noise: Sequence[Passage], refusals: float = 0.07
) -> list[Sample]:
    """Samples from one document: distractors are other windows of it and passages of other documents."""
    runs = windows(text[:12000], lang, rng)
    out: list[Sample] = []
    title = title[:30] if lang == "zh" else title[:70]
    for i, run in enumerate(runs):
        made = [item for sentence in run for item in items(sentence, lang, rng)]
        if not made:
            continue
        rng.shuffle(made)
        for item, rest in zip(made[:2], (made[2::2], made[3::2]), strict=False):
            gold = (title, join(run, lang))
            others = [
                (title, join(other, lang))
                for j, other in enumerate(runs)
                if j != i and item.answer not in join(other, lang)
            ]
            chosen = rng.sample(others, min(len(others), rng.choice((0, 0, 0, 1, 1))))
            chosen += [
                p for p in rng.sample(list(noise), min(len(noise), rng.choice((0, 0, 1, 2)))) if item.answer not in p[1]
            ]
            if rng.random() < refusals and chosen:
                out.append(over(rng, [(item.question, None)], None, chosen, lang, "rule"))
            else:
                more = rest[: rng.randint(0, 4)]
                asked = [(each.question, each.answer) for each in (item, *more)]
                out.append(over(rng, asked, gold, chosen, lang, "rule"))
    return out


def without(text: str, answer: str, lang: str) -> str | None:
    """`text` without the sentences that hold the answer; None where too little is left."""
    parts = _parts(text, lang)
    rest = "".join(part for part in parts if answer not in part).strip()
    return rest if len(rest) > (60 if lang == "zh" else 150) and answer not in rest else None


def _parts(text: str, lang: str) -> list[str]:
    return re.findall(r"[^。！？\n]+[。！？\n]*|\n+" if lang == "zh" else r"[^.!?\n]+[.!?\n]*\s*|\n+", text)


def trim(rng: Random, context: str, answer: str | None, lang: str) -> str:
    """A sentence-bounded window of `context` that holds the answer."""
    limit = rng.randint(200, 600) if lang == "zh" else rng.randint(600, 1500)
    if len(context) <= limit:
        return context
    parts = _parts(context, lang)
    at = context.find(answer) if answer else rng.randrange(len(context))
    spans, pos = [], 0
    for part in parts:
        spans.append((pos, pos + len(part)))
        pos += len(part)
    end_at = at + len(answer or "")
    first = next((i for i, (a, b) in enumerate(spans) if a <= at < b), 0)
    last = next((i for i, (a, b) in enumerate(spans) if a < end_at <= b), first)
    while spans[last][1] - spans[first][0] < limit and (first > 0 or last < len(spans) - 1):
        if first > 0 and (rng.random() < 0.5 or last == len(spans) - 1):
            first -= 1
        else:
            last += 1
    return "".join(parts[first : last + 1]).strip()
