"""Scenes: realistic short documents as templates, with questions as people ask them (zh/*.txt.xz, en/*.txt.xz)."""

from training.drills.scenes.drill import scene_drill
from training.drills.scenes.grammar import Scene, scenes

__all__ = ["Scene", "scene_drill", "scenes"]
