"""The forms of the shipped selves, and what they are taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import TrainingConfig, check_keys, load_recipe
from training.data import Row
from training.persona import PersonaRows, Signs, form_from_dict
from training.publish import SelfInfo

FOLDER = Path(__file__).parent


def shipped_names() -> list[str]:
    """Names of the shipped selves."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith("_facts"))


def load_spec(name: str) -> dict[str, Any]:
    """The YAML of a shipped self, with its facts (if it has any) added to the form's samples."""
    import yaml

    spec: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    check_keys(spec, ["recipe", "values", "facts", "title", "description", "examples", "form"], "spec")
    if "facts" in spec:
        facts = yaml.safe_load((FOLDER / spec["facts"]).read_text(encoding="utf-8"))
        for lang, items in facts.items():
            for item in items:
                held = [item["held"]] if "held" in item else []
                spec["form"]["samples"].append(
                    {"lang": lang, "questions": item["q"], "answer": item["a"], "held_out": held}
                )
    return spec


def shipped_lesson(name: str, changes: dict[str, Any]) -> tuple[TrainingConfig, SelfInfo, Signs, list[Row]]:
    """How and what a shipped self is taught; the same rows every time."""
    spec = load_spec(name)
    config = load_recipe(spec["recipe"]).with_values({**(spec.get("values") or {}), **changes, "name": name})
    form = form_from_dict(spec["form"])
    rows = PersonaRows(form, config.seed).build(config.replay_rows, config.leak_prompts)
    return config, SelfInfo(spec["title"], spec["description"], form.languages, spec["examples"]), form.signs, rows
