"""Checks scene files: `python -m training.drills.scenes --check FILE [--show N]`."""

from __future__ import annotations

import argparse
from pathlib import Path
from random import Random

from training.drills.scenes.grammar import Scene, SceneError, read
from training.drills.scenes.play import fill, play

_YES_NO = ("可以", "不", "有", "没", "是", "能", "要", "会", "无", "yes", "no", "只", "需", "免")


def problems(scene: Scene) -> list[str]:
    """What is wrong with a scene: bad slots, answers that the text does not hold, repeated questions, too few."""
    rng = Random(1)
    try:
        fill(rng, scene)
    except ValueError as error:
        return [str(error)]
    out = []
    for fact in scene.facts:
        for question in fact.questions:
            for wording in fact.wordings:
                found = any(a.casefold() in wording.casefold() for a in question.answers)
                if not found and not question.answers[0].casefold().startswith(_YES_NO):
                    out.append(f"answer {question.answers} is not in {wording!r}")
            if len(question.wordings) < 2:
                out.append(f"only one wording: {question.wordings[0]!r}")
    asked = [w for fact in scene.facts for q in fact.questions for w in q.wordings] + list(scene.missing)
    out += [f"asked twice: {w!r}" for w in sorted({w for w in asked if asked.count(w) > 1})]
    if not scene.missing:
        out.append("no '!' line")
    return out


def main() -> None:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=Path, nargs="+", required=True)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N samples of each file")
    options = parser.parse_args()
    bad = 0
    for path in options.check:
        lang = path.resolve().parent.name
        try:
            found = list(read(path, lang))
        except SceneError as error:
            print(f"ERROR {error}")
            bad += 1
            continue
        names = [scene.name for scene in found]
        for scene in found:
            for text in problems(scene) + ["name used twice"] * (names.count(scene.name) > 1):
                print(f"{path.name}: {scene.name}: {text}")
                bad += 1
        questions = sum(len(q.wordings) for s in found for f in s.facts for q in f.questions)
        print(f"{path.name}: {len(found)} scenes, {questions} wordings, {bad} problems")
        rng = Random()
        for scene in rng.sample(found, min(options.show, len(found))):
            shown = play(rng, scene, 0.8)
            print(f"\n[{shown.title}]\n{shown.text}")
            for asked in (*shown.asked, *shown.absent):
                print("  ", " | ".join(asked.wordings), "=>", asked.answer)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
