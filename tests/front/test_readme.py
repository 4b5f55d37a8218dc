"""The README says what is so: its settings table, its commands, its pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from front.commands import make_parser
from front.settings import markdown_table

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh.md")


def test_the_settings_table_is_current() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert markdown_table() in text, "put front.settings.markdown_table() between the settings marks of README.md"


@pytest.mark.parametrize("name", READMES)
def test_commands_parse(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = re.findall(r"^python app\.py ?([^#\n]*)", text, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        make_parser().parse_args(words)


@pytest.mark.parametrize("name", READMES)
def test_links_and_pictures_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing
