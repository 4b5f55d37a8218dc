"""Whether a whole method is quoted: every sample recipe's steps, asked for as people do, through the app's prompt.

The invented guides of `benchmarks.base` have no list of ingredients; these recipes have. A step counts when nine tenths
of its characters stand in the answer in their order; greedy, the recipe as the one passage.

    python -m benchmarks.methods [--model llm/embedded/base] [--every 3]
"""

from __future__ import annotations

import argparse
import re
from difflib import SequenceMatcher
from pathlib import Path

from benchmarks.report import hardware

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "data_base" / "knowledge" / "recipes"
ASKED = {"zh": "{}怎么做？", "en": "How do I make {}?"}


def methods(text: str) -> list[str]:
    """The numbered steps of a recipe."""
    return [match.group(1).strip() for match in re.finditer(r"^\d+\. (.+)$", text, re.MULTILINE)]


def share(step: str, answer: str) -> float:
    """How much of a step stands in the answer, in order."""
    blocks = SequenceMatcher(None, step, answer, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 1) / len(step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "llm" / "embedded" / "base")
    parser.add_argument("--every", type=int, default=3, help="take every n-th recipe")
    given = parser.parse_args()
    from llm.adapters import AdapterRegistry
    from llm.engine import Engine
    from llm.model import load_base
    from llm.presets import find
    from llm.requests import GenerationRequest, TextDelta
    from llm.sampling import Sampling
    from llm.settings import LlmSettings
    from rag.prompts import build_messages
    from rag.types import Passage

    settings = LlmSettings(ROOT)
    engine = Engine(load_base(given.model, settings, find("embedded")), AdapterRegistry((), ()), settings)
    roles = {"system": "system", "human": "user", "ai": "assistant"}
    print(f"{hardware()}\n\n| language | recipes | whole | steps quoted | refused |\n|---|---|---|---|---|")
    for lang in ASKED:
        whole = quoted = steps = refused = 0
        files = [p for p in sorted(RECIPES.glob("*.md")) if (lang == "en") == p.stem.isascii()]
        chosen = [p for p in files if len(methods(p.read_text(encoding="utf-8"))) > 2][:: given.every]
        for path in chosen:
            text = path.read_text(encoding="utf-8")
            passage = Passage(path.stem, "recipes", path.name, path.stem, text, 0, len(text))
            messages = build_messages(ASKED[lang].format(path.stem), passages=[passage])
            asked = tuple({"role": roles[m.type], "content": str(m.content)} for m in messages)
            events = engine.submit(GenerationRequest(asked, None, Sampling(0.0, max_tokens=400)))
            said = "".join(event.text for event in events if isinstance(event, TextDelta))
            told = [share(step, said) >= 0.9 for step in methods(text)]
            whole, quoted, steps = whole + all(told), quoted + sum(told), steps + len(told)
            refused += not re.search(r"^1\.", said)
        print(f"| {lang} | {len(chosen)} | {whole} | {quoted} of {steps} | {refused} |", flush=True)
    engine.shutdown()


if __name__ == "__main__":
    main()
