"""Prints what the embedded base can do, through its 4-bit checkpoint and greedy decoding.

    python -m benchmarks.base llm/embedded/base
    python -m benchmarks.base FOLDER --device cuda --squad zh=cmrc2018_dev.json --squad en=xquad.en.json

Files given with --squad (SQuAD format) are read, never stored. Only held-out drill domains are used; the questions
written by hand are in base_questions.py. Times are not measured here.
"""

from __future__ import annotations

import argparse
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.base_questions import PASSAGES, TALK, Asked
from benchmarks.base_questions_2 import PASSAGES as SECOND
from benchmarks.identity_questions import names_itself, prompts
from training.drills.howto import guide_drill
from training.drills.lookup import lookup, unanswerable
from training.drills.prompts import REFUSAL, Sample, ask_first, reading_prompt
from training.drills.scenes import scene_drill

Messages = list[dict[str, str]]
PARTS = ("hand", "scenes", "drills", "howto", "identity", "talk")


class Model:
    """Greedy answers from a Hugging Face folder, in left-padded batches."""

    def __init__(self, folder: Path, device: str, batch: int, dtype: str = "bfloat16", after: bool = False) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tokenizer.padding_side = "left"
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), device_map=device).eval()
        self.device, self.batch, self.after = device, batch, after

    def quantise(self) -> None:
        """Replaces the layers' weights by their nf4 values: what the stored checkpoint computes with."""
        from training.quantise import fake_quantise

        for name, part in self.model.named_modules():
            if isinstance(part, self.torch.nn.Linear) and "lm_head" not in name:
                part.weight.data = fake_quantise(part.weight.data[None])[0].to(part.weight.dtype)

    def answers(self, prompts: Sequence[Messages], limit: int = 64) -> list[str]:
        """One answer a prompt, in order; over passages the question stands before them too, unless `after`."""
        asked = [p if self.after else ask_first(p, len(p) // 2) for p in prompts]
        texts = [self.tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True) for p in asked]
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = [""] * len(texts)
        for at in range(0, len(order), self.batch):
            chosen = order[at : at + self.batch]
            encoded = self.tokenizer(
                [texts[i] for i in chosen], return_tensors="pt", padding=True, add_special_tokens=False
            ).to(self.device)
            with self.torch.inference_mode():
                done = self.model.generate(
                    input_ids=encoded["input_ids"],
                    attention_mask=encoded["attention_mask"],
                    max_new_tokens=limit,
                    do_sample=False,
                )
            for i, row in zip(chosen, done[:, encoded["input_ids"].shape[1] :], strict=True):
                out[i] = str(self.tokenizer.decode(row, skip_special_tokens=True)).strip()
        return out


def plain(text: str) -> str:
    """For comparing: NFKC, lower case, no citations, no white space or punctuation at the ends."""
    text = re.sub(r"\[\d+\]", "", unicodedata.normalize("NFKC", text)).lower()
    return re.sub(r"\s+", "", text).strip(".。,，;；")


def refused(text: str) -> bool:
    """Whether the answer is a refusal, wherever in it the fixed words stand."""
    return (
        plain(REFUSAL["zh"]) in plain(text) or plain(REFUSAL["en"]) in plain(text) or plain("无法回答") in plain(text)
    )


def cited(text: str) -> int | None:
    """The number of the first citation."""
    found = re.findall(r"\[(\d+)\]", text)
    return int(found[0]) if found else None


def f1(guess: str, truths: Sequence[str], lang: str) -> float:
    """Best token F1: characters in Chinese, words in English (SQuAD's measure)."""

    def parts(text: str) -> list[str]:
        text = re.sub(r"\[\d+\]", "", unicodedata.normalize("NFKC", text)).lower()
        if lang == "zh":
            return [c for c in text if not re.match(r"[\s\W_]", c)]
        text = re.sub(r"[^\w\s]", "", text)
        return [w for w in text.split() if w not in ("a", "an", "the")]

    best = 0.0
    for truth in truths:
        a, b = parts(guess), parts(truth)
        same = sum((Counter(a) & Counter(b)).values())
        if same:
            p, r = same / len(a), same / len(b)
            best = max(best, 2 * p * r / (p + r))
    return best


@dataclass
class Score:
    """A sum over `of` items: a count where each adds 0 or 1, else a mean."""

    right: float = 0
    of: int = 0

    def add(self, value: float) -> None:
        self.right, self.of = self.right + value, self.of + 1

    def __str__(self) -> str:
        return (
            f"{self.right:g} of {self.of} ({100 * self.right / max(1, self.of):.1f}%)"
            if float(self.right).is_integer()
            else f"{self.right / max(1, self.of):.3f} (n={self.of})"
        )


def handwritten(model: Model, asked: Sequence[Asked], count: int, show: bool) -> dict[str, Score]:
    """Hand-written lookups over `count` passages (the right one among others of its language)."""
    rng = Random(5)
    prompts: list[Messages] = []
    keys: list[tuple[str, str, tuple[str, ...] | None, int]] = []
    for lang, title, text, questions in asked:
        others = [(t, x) for la, t, x, _ in asked if la == lang and t != title]
        for question, accepted in questions:
            passages = [(title, text), *rng.sample(others, count - 1)]
            rng.shuffle(passages)
            prompts.append(
                [{"role": "system", "content": reading_prompt(passages, lang)}, {"role": "user", "content": question}]
            )
            keys.append((lang, question, accepted, passages.index((title, text)) + 1))
    scores = {name: Score() for name in ("answered", "declined", "wrongly refused", "citation")}
    for (_lang, question, accepted, number), answer in zip(keys, model.answers(prompts), strict=True):
        if accepted is None:
            good = refused(answer)
            scores["declined"].add(good)
        else:
            good = any(plain(a) in plain(answer) for a in accepted)
            scores["answered"].add(good)
            scores["wrongly refused"].add(refused(answer))
            if good:
                scores["citation"].add(cited(answer) == number)
        if show and not good:
            print(f"    miss: {question} -> {answer!r} (want {accepted})")
    return scores


def _drills(lang: str, kind: str, n: int) -> list[Sample]:
    """Held-out samples: single lookups with 1 passage or 5, or unanswerable ones."""
    rng = Random(hash_seed(lang + kind))
    out: list[Sample] = []
    while len(out) < n:
        if kind == "unanswerable":
            out.append(unanswerable(rng, lang, True))
            continue
        sample = lookup(rng, lang, True, most=1 if kind == "one" else 5)
        passages = len(re.findall(r"^\[\d+\] ", sample.messages[0]["content"], re.M))
        if sample.gold and (passages == 1 if kind == "one" else passages == 5):
            out.append(sample)
    return out


def hash_seed(text: str) -> int:
    """A seed that is the same in every process, unlike `hash`."""
    return sum(ord(c) * 31**i for i, c in enumerate(text)) % 2**31


def _report(name: str, model: Model, samples: Sequence[Sample], show: bool) -> None:
    """Prints how many first questions were answered (short, rightly cited), or refused where they should be."""
    score, short, cite, wrong = Score(), Score(), Score(), Score()
    for sample, answer in zip(samples, model.answers([s.messages[:2] for s in samples]), strict=True):
        if sample.gold is None:
            good = refused(answer)
        else:
            good = plain(sample.gold) in plain(answer)
            short.add(len(plain(answer)) <= 2 * len(plain(sample.gold)) + 12)
            wrong.add(refused(answer))
            if good:
                cite.add(cited(answer) == sample.cite)
        score.add(good)
        if show and not good:
            print(f"    miss: {sample.messages[1]['content']} -> {answer!r} (want {sample.gold})")
    rest = f" | short {short} | citation {cite} | wrongly refused {wrong}" if short.of else ""
    print(f"{name}: {score}{rest}", flush=True)


def drills(model: Model, n: int, show: bool) -> None:
    """Prints the scores over `n` held-out drill samples of each kind and language."""
    for kind, name in (
        ("one", "held-out families, 1 passage"),
        ("many", "held-out families, 5 passages"),
        ("unanswerable", "held-out families, unanswerable"),
    ):
        for lang in ("zh", "en"):
            samples = _drills(lang, kind, n)
            _report(f"{name}, {lang}", model, samples, show)


def scenes(model: Model, n: int, show: bool) -> None:
    """Prints the scores over `n` questions of held-out scenes of each kind and language."""
    for refusals, most, name in ((0.0, 1, "1 passage"), (0.0, 5, "1 to 5 passages"), (1.0, 3, "unanswerable")):
        for lang in ("zh", "en"):
            rng = Random(7)
            samples: list[Sample] = []
            while len(samples) < n:
                sample = scene_drill(rng, lang, True, most=most, refusals=refusals, turns=1)
                if (sample.gold is None) == bool(refusals):
                    samples.append(sample)
            _report(f"held-out scenes, {name}, {lang}", model, samples, show)


def howto(model: Model, n: int, show: bool) -> None:
    """Whole methods: the share of samples with at least 90% of the steps' characters quoted in order."""
    from difflib import SequenceMatcher

    for lang in ("zh", "en"):
        rng = Random(11)
        samples: list[Sample] = []
        while len(samples) < n:
            sample = guide_drill(rng, lang, True, most=3)
            if sample.kind == "howto" and len(sample.messages) == 3:
                samples.append(sample)
        score, cite = Score(), Score()
        for sample, answer in zip(samples, model.answers([s.messages[:2] for s in samples], 320), strict=True):
            gold, got = plain(str(sample.gold)), plain(answer)
            same = SequenceMatcher(None, gold, got, autojunk=False).get_matching_blocks()
            kept = sum(block.size for block in same) / len(gold)
            good = kept >= 0.9 and len(got) < 1.3 * len(gold)
            score.add(good)
            cite.add(cited(answer) == sample.cite)
            if show and not good:
                print(f"    miss: {sample.messages[1]['content']} kept {kept:.2f} -> {answer[:120]!r}")
        print(f"how-to quoted, {lang}: {score} | citation {cite}")


def squad(model: Model, path: Path, lang: str, n: int) -> None:
    """F1 over a SQuAD-format file, and refusals when the passage is another article's."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    rows = [
        (a.get("title", ""), p["context"], q["question"], [x["text"] for x in q["answers"]])
        for a in articles
        for p in a["paragraphs"]
        for q in p["qas"]
    ]
    rng = Random(3)
    rng.shuffle(rows)
    rows = rows[:n]

    def ask(title: str, context: str, question: str) -> Messages:
        return [
            {"role": "system", "content": reading_prompt([(title or "…", context)], lang)},
            {"role": "user", "content": question},
        ]

    score, wrong, right = Score(), Score(), Score()
    for (_, _, _, truths), answer in zip(rows, model.answers([ask(t, c, q) for t, c, q, _ in rows]), strict=True):
        score.add(f1(answer, truths, lang))
        wrong.add(refused(answer))
    strange = [(*rows[i - 7][:2], row[2]) for i, row in enumerate(rows) if rows[i - 7][1] != row[1]]
    for answer in model.answers([ask(*each) for each in strange]):
        right.add(refused(answer))
    mean = score.right / max(1, score.of)
    print(f"{path.name}: F1 {mean:.3f} (n={score.of}) | wrongly refused {wrong} | refused over another article {right}")


def identity(model: Model, show: bool) -> None:
    """Prints how often the model names itself when asked who or what it is, alone and after other talk."""
    for lang in ("zh", "en"):
        asked = prompts(lang)
        for name, part in (("alone", asked[: len(asked) // 2]), ("after other talk", asked[len(asked) // 2 :])):
            score = Score()
            for prompt, answer in zip(part, model.answers(part), strict=True):
                score.add(names_itself(answer))
                if show and not names_itself(answer):
                    print(f"    miss: {prompt[-1]['content']} -> {answer!r}")
            print(f"names itself, {lang}, {name}: {score}")


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bfloat16", help="float32 is faster for unquantised weights on CPU")
    parser.add_argument("--nf4", action="store_true", help="score the nf4 values of an unquantised folder")
    parser.add_argument("--after", action="store_true", help="ask after the passages only, not as the app does")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--samples", type=int, default=60, help="drill samples of each kind and language")
    parser.add_argument("--squad", action="append", default=[], metavar="LANG=FILE")
    parser.add_argument("--squad-samples", type=int, default=150)
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS, help="what to score (talk: to be read)")
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    model = Model(options.folder, options.device, options.batch, options.dtype, options.after)
    if options.nf4:
        model.quantise()
    if "hand" in options.parts:
        for name, asked, count in (
            (name, asked, count) for name, asked in (("first", PASSAGES), ("second", SECOND)) for count in (1, 3)
        ):
            scores = handwritten(model, asked, count, options.misses)
            print(
                f"hand-written lookups, {name} set, {count} passage(s): "
                + " | ".join(f"{what} {score}" for what, score in scores.items()),
                flush=True,
            )
    if "scenes" in options.parts:
        scenes(model, options.samples, options.misses)
    if "drills" in options.parts:
        drills(model, options.samples, options.misses)
    if "howto" in options.parts:
        howto(model, max(8, options.samples // 2), options.misses)
    if "identity" in options.parts:
        identity(model, options.misses)
    for given in options.squad:
        lang, path = given.split("=", 1)
        squad(model, Path(path), lang, options.squad_samples)
    if "talk" in options.parts:
        for question, answer in zip(
            TALK, model.answers([[{"role": "user", "content": q}] for q in TALK], 96), strict=True
        ):
            print(f"{question} -> {answer}")


if __name__ == "__main__":
    main()
