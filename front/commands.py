"""The command line: `python app.py [COMMAND]`, each command with --help and --json."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front import adapters_command, compare_command, evaluating, teaching_commands
from front.errors import AppError, SettingsError
from front.printing import language, print_json
from front.settings import Settings, load, options
from llm.errors import LlmError
from rag.errors import RagError
from rag.texts import note
from training.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from front.services import Services


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 the call itself was wrong."""
    parser = make_parser()
    given = vars(parser.parse_args(arguments))
    command: Callable[[Settings, dict[str, Any]], int] = given.pop("run")
    config = given.pop("config", None)
    chosen = {name: given.pop(name) for name in options() if name in given}
    try:
        settings = load(chosen, os.environ, config)
        return command(settings, given)
    except (AppError, LlmError, RagError, TrainingError) as error:
        if given.get("json"):
            print_json({"error": {"en": error.en, "zh": error.zh}})
        else:
            print(f"fenshen: {error.message(language())}", file=sys.stderr)
        return 2 if isinstance(error, (SettingsError, ConfigError)) else 1


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    shared = _settings_parser()
    parser = argparse.ArgumentParser(
        prog="app.py",
        parents=[shared],
        description="Fenshen 分身: one base model, many selves.",
    )
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, run: Callable[[Settings, dict[str, Any]], int], about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[shared], help=about, description=about)
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    add("serve", _serve, "serve the page (what happens without a command)")
    ask = add("ask", _ask, "answer one question")
    ask.add_argument("question")
    ask.add_argument("--adapter", default=None, metavar="NAME", help="self that answers (default: the base)")
    where = ask.add_mutually_exclusive_group()
    where.add_argument("--docs", default="recipes", metavar="COLLECTION", help="answer from it (default: recipes)")
    where.add_argument("--no-docs", action="store_true", help="just chat")
    ask.add_argument("--document", action="append", default=[], metavar="NAME", help="only from it (may be repeated)")
    ask.add_argument("--type", action="append", default=[], metavar="TYPE", help="only from pdf, markdown, csv, …")
    ask.add_argument("--since", default="", metavar="DATE", help="only from documents added since (2026-01-31)")
    ask.add_argument("--until", default="", metavar="DATE", help="only from documents added until then")
    compare_command.add_to(add)
    ingest = add("ingest", _ingest, "add files, folders and zip archives to a collection")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.add_argument("--collection", default="documents", metavar="NAME", help="made if new (default: documents)")
    care = add("knowledge", _knowledge, "check, mend, shrink, back up, restore or evaluate the knowledge base")
    care.add_argument("action", choices=("verify", "rebuild", "compact", "backup", "restore", "evaluate"))
    about = "zip to write (backup) or to read (restore), CSV with questions (evaluate)"
    care.add_argument("file", nargs="?", type=Path, metavar="FILE", help=about)
    evaluating.add_to(care)
    adapters_command.add_to(add)
    teaching_commands.add_to(add)
    add("models", _models, "list the base models with a preset")
    add("status", _status, "how the app that runs on the data folder is doing")
    return parser


def _settings_parser() -> argparse.ArgumentParser:
    """Every setting as an option. Absent ones stay absent, so that file and environment can speak."""
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = shared.add_argument_group("settings (also in fenshen.yaml, or FENSHEN_… in the environment)")
    group.add_argument("--config", type=Path, metavar="FILE", help="YAML file with settings")
    for option in options().values():
        if option.kind is bool:
            group.add_argument(option.flag, action=argparse.BooleanOptionalAction, help=option.help)
        else:
            group.add_argument(option.flag, metavar=option.kind.__name__.upper(), help=option.help.replace("%", "%%"))
    return shared


def _serve(settings: Settings, given: dict[str, Any]) -> int:
    from front.server import serve

    serve(settings)
    return 0


def _ask(settings: Settings, given: dict[str, Any]) -> int:
    from front.queries import ask

    collection = None if given["no_docs"] else given["docs"]
    services = _services(settings, knowledge=collection is not None)
    try:
        where = {
            "sources": given["document"],
            "types": given["type"],
            "since": given["since"],
            "until": given["until"],
        }
        result = ask(services, given["question"], given["adapter"], collection, where)
    finally:
        services.close()
    if given["json"]:
        print_json(result)
        return 0
    print(result["answer"])
    for source in result["sources"]:
        if source["cited"]:
            mark = "✓" if source["verified"] else "?"
            how = " (OCR)" if source["recognised"] else ""
            print(f"  [{source['number']}] {mark} {source['document']}{how}", file=sys.stderr)
    return 0


def _ingest(settings: Settings, given: dict[str, Any]) -> int:
    services = _services(settings, model=False)
    reports: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    try:
        knowledge = services.knowledge.get()
        collection = knowledge.create_collection(given["collection"])
        for event in knowledge.ingest(given["paths"], collection.name):
            if event.type == "file_started":
                continue
            if event.type == "ingest_done":
                summary = {
                    "added": event.added,
                    "skipped": event.skipped,
                    "failed": event.failed,
                    "passages": event.chunks,
                }
                continue
            report: dict[str, Any] = {"file": event.source, "result": event.type.removeprefix("file_")}
            if event.type == "file_failed":
                report["error"] = event.error_en
            if event.type == "file_added" and event.document.warnings:
                report["notes"] = [note(warning, language()) for warning in event.document.warnings]
            if event.type == "file_added" and event.moved_from:
                report.update(result="moved", moved_from=event.moved_from)
            reports.append(report)
            if not given["json"]:
                print(f"{report['result']:8} {report['file']}  {report.get('error', '')}".rstrip())
                for line in report.get("notes", ()):
                    print(f"{'note':>8} {line}")
    finally:
        services.close()
    if given["json"]:
        print_json({"collection": collection.name, "files": reports, **summary})
    else:
        print("{added} added, {skipped} unchanged, {failed} failed, {passages} passages".format(**summary))
    return 1 if summary["failed"] else 0


def _knowledge(settings: Settings, given: dict[str, Any]) -> int:
    if given["action"] == "evaluate":
        return evaluating.run(lambda model: _services(settings, model=model), given["file"], given)
    from front.care import as_text, care

    told = care(settings, given["action"], given["file"])
    if given["json"]:
        print_json(told)
    else:
        print(as_text(told))
    return 1 if told["problems"] else 0


def _models(settings: Settings, given: dict[str, Any]) -> int:
    from front.queries import model_rows

    rows = model_rows(settings)
    if given["json"]:
        print_json(rows)
        return 0
    for row in rows:
        memory = " / ".join(f"{row['memory_gib'][q]:.1f}" for q in ("nf4", "bf16", "fp32"))
        flags = "  needs --trust-remote-code" if row["needs_remote_code"] else ""
        print(f"{row['name']:24} {memory:>18} GiB (nf4 / bf16 / fp32)  {row['licence']}{flags}")
    return 0


def _status(settings: Settings, given: dict[str, Any]) -> int:
    from front.status import ask_running
    from llm.engine_view import as_text

    told = ask_running(settings.data_dir)
    if given["json"]:
        print_json(told)
        return 0
    lang = language()
    print(f"Fenshen 分身: {told['url']}  (pid {told['pid']}, {told['state']})")
    for step in told["steps"]:
        if step["state"] != "done":
            print(f"  {step['name']}: {step['state']} {step['detail']} {step['error'][lang]}".rstrip())
    if told["engine"]:
        print(as_text(told["engine"], lang))
    return 0


def _services(settings: Settings, *, model: bool = True, knowledge: bool = True) -> Services:
    """Services loaded in the foreground, for one command."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from front.services import Services

    services = Services(settings)
    services.load(model=model, knowledge=knowledge)
    if services.knowledge.ready:
        services.knowledge.get().settle()  # one command should not be answered by half of the search
    return services
