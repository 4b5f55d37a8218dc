"""Questions without end as people ask them: a model that learned to ask from people's questions asks about text.

`ask_sample` makes what it learns from; `python -m training.asking` lets it ask and keeps what a reader can answer.
Sources: Alberti et al., "Synthetic QA Corpora Generation with Roundtrip Consistency" (2019); Lewis et al., "PAQ: 65
Million Probably-Asked Questions" (2021).
"""

from training.asking.samples import Asked, ask_prompt, ask_sample, sound, understood

__all__ = ["Asked", "ask_prompt", "ask_sample", "sound", "understood"]
