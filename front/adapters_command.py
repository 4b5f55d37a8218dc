"""The command about all selves: which there are, and bringing in one that was trained elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front.errors import SettingsError
from front.printing import language, print_json
from front.settings import Settings

if TYPE_CHECKING:
    from front.services import Services

Command = Callable[[Settings, dict[str, Any]], int]


def add_to(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, run, about)` makes one."""
    parser = add("adapters", _adapters, "list the selves and whether they fit the base, or import one: import FILE")
    parser.add_argument("action", nargs="?", choices=("import",))
    parser.add_argument("path", nargs="?", type=Path, metavar="FILE", help="PEFT folder or .zip, or XTuner's .pth")
    parser.add_argument("--as", dest="name", default="", metavar="NAME", help="name of the self (default: the file's)")
    parser.add_argument("--alpha", type=float, default=None, help="lora_alpha of a .pth that does not tell it")
    parser.add_argument(
        "--xtuner-config",
        type=Path,
        default=None,
        metavar="FILE.py",
        help="configuration of its training, to read lora_alpha of (it is never run)",
    )


def _adapters(settings: Settings, given: dict[str, Any]) -> int:
    from front.queries import adapter_rows
    from front.services import Services

    if (given["action"] is None) != (given["path"] is None):
        raise SettingsError(
            en="Say what to import: adapters import FILE. Nothing was imported.",
            zh="请说明导入什么：adapters import FILE。没有导入任何内容。",
        )
    services = Services(settings)
    services.load(knowledge=False)
    try:
        services.chat_model.get()
        imported = _import(services, given) if given["action"] else None
        rows = [row for row in adapter_rows(services) if imported in (None, row["name"])]
    finally:
        services.close()
    if given["json"]:
        print_json(rows[0] if imported else rows)
        return 0
    for row in rows:
        state = "ok" if row["valid"] else f"cannot be used: {row['reason'][language()]}"
        title = row["title"][language()]
        print(f"{row['name']:16} {title:24} r={row['rank']:<3} {row['bytes'] / 2**20:5.1f} MiB  {state}")
    return 0


def _import(services: Services, given: dict[str, Any]) -> str:
    from front.importing import bring_in
    from llm.imports import Wanted

    return bring_in(services, Wanted(given["path"], given["name"], given["alpha"], given["xtuner_config"])).name
