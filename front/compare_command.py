"""The command that asks several selves the same."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from front.printing import language, print_json
from front.settings import Settings

Command = Callable[[Settings, dict[str, Any]], int]


def add_to(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, run, about)` makes one."""
    parser = add("compare", _compare, "ask the base and several selves the same, and tell what each changes")
    parser.add_argument("question")
    parser.add_argument(
        "--self",
        dest="selves",
        action="append",
        default=[],
        metavar="NAME",
        help="a self, or a mix: chef*0.6+tea*0.4 (give it again for more; default: every self there is)",
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="0 always takes the likeliest word (default)")
    parser.add_argument("--seed", type=int, default=0, help="the same for all of them (default: 0)")
    parser.add_argument("--longest", type=int, default=128, metavar="TOKENS", help="longest answer (default: 128)")


def _compare(settings: Settings, given: dict[str, Any]) -> int:
    from front.services import Services
    from llm.compare import MOST, choice_of, compare
    from llm.compare_view import as_rows, as_text, columns_for, take
    from llm.sampling import Sampling

    services = Services(settings)
    services.load(knowledge=False)
    try:
        engine = services.chat_model.get().engine
        known = {info.name: info.title(language()) for info in services.registry.scan() if info.valid}
        choices = [choice_of(one, known) for one in given["selves"]] or list(known)[:MOST]
        columns = columns_for(choices, known, language())
        sampling = Sampling(given["temperature"], seed=given["seed"], max_tokens=given["longest"])
        for event in compare(engine, given["question"], choices, sampling):
            take(columns, event)
    finally:
        services.close()
    if given["json"]:
        print_json(as_rows(columns))
    else:
        print(as_text(columns, language()))
    return 1 if any(column.error for column in columns) else 0
