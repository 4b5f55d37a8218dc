"""Generated practice for small language models: reading, looking things up, refusing, talking, calling tools.

`draw` gives one sample of the whole mixture; every sample is a `Sample` (messages, what is practised, the
value asked for, the passage that holds it). Domains in `grammar.HELD_OUT` never appear unless asked for.
"""

from __future__ import annotations

from random import Random

from training.drills.desk import Material
from training.drills.howto import guide_drill
from training.drills.lookup import check, follow_up, lookup, reverse, several, unanswerable
from training.drills.prompts import REFUSAL, Sample, cited, reading_prompt
from training.drills.talk import talk
from training.drills.tools import tool_call

__all__ = ["REFUSAL", "Material", "Sample", "cited", "draw", "reading_prompt"]
_FACTS = ((lookup, 38), (unanswerable, 12), (follow_up, 13), (guide_drill, 20), (several, 5), (reverse, 4), (check, 4))


def draw(rng: Random, lang: str, held: bool = False, material: Material | None = None, talking: float = 0.14) -> Sample:
    """A drill in `lang` ("zh" or "en"); `talking` is the share of conversation and tool calls."""
    roll = rng.random()
    if roll < talking:
        return talk(rng, lang) if roll < talking * 0.62 else tool_call(rng, lang)
    make = rng.choices([f for f, _ in _FACTS], [w for _, w in _FACTS])[0]
    return make(rng, lang, held, material)
