"""The command that teaches, and the parsers of those about what is taught already."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from front import rows_command
from front.corrections_command import corrections_command
from front.errors import SettingsError
from front.jobs_commands import follow, jobs_command, place_of_base, recipes_command, selves_command, store_of
from front.printing import language, print_json
from front.settings import Settings
from training.config import TrainingConfig, load_recipe

Command = Callable[[Settings, dict[str, Any]], int]


def add_to(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """Add the commands; `add(name, run, about)` makes one."""
    train = add("train", _train, "teach a self: who it is (train persona), or what a file holds (--data)")
    train.add_argument("kind", nargs="?", choices=("persona",), help="teach who it is and how it talks")
    train.add_argument(
        "--as", dest="folder", default="", metavar="NAME", help="folder of the adapter (default: from --name)"
    )
    train.add_argument("--recipe", default="", metavar="FILE", help="recipe: its name, or a .yaml file")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change an entry of the recipe")
    train.add_argument("--dry-run", action="store_true", help="tell memory and time, and train nothing")
    train.add_argument("--detach", action="store_true", help="do not wait: the command jobs tells how it goes")
    form = train.add_argument_group("persona")
    form.add_argument("--name", default="", help="what it is called")
    form.add_argument("--maker", default="", help="who made it")
    form.add_argument("--does", default="", help="what it does (English: a verb phrase)")
    form.add_argument("--style", default="plain", help="how it talks: a style, or an opening of its own like “Arr!”")
    form.add_argument("--languages", default="zh,en", help="languages it knows itself in (default: zh,en)")
    form.add_argument("--form", type=Path, default=None, metavar="FILE", help="all of this and more as YAML")
    data = train.add_argument_group("data")
    data.add_argument("--data", type=Path, default=None, metavar="FILE", help="json, jsonl, csv, xlsx, txt or md")
    rows_command.add_columns(data)
    data.add_argument("--test-share", type=float, default=0.3, metavar="SHARE", help="kept back to judge by (0.3)")

    rows_command.add_to(add)

    book = add("recipes", recipes_command, "list the recipes, or copy one to change it: recipes copy NAME")
    book.add_argument("action", nargs="?", choices=("copy",))
    book.add_argument("name", nargs="?", default="")
    book.add_argument("--to", type=Path, default=Path(), metavar="FILE", help="file or folder (default: here)")

    jobs = add("jobs", jobs_command, "list the trainings; pause, resume, stop, remove or follow one")
    jobs.add_argument("action", nargs="?", choices=("pause", "resume", "stop", "remove", "follow"))
    jobs.add_argument("id", nargs="?", default="", help="id, or enough of it; none takes the newest")

    selves = add("selves", selves_command, "your own selves: versions, use, rename, delete, export")
    selves.add_argument("action", nargs="?", choices=("use", "rename", "delete", "export"))
    selves.add_argument("name", nargs="?", default="")
    selves.add_argument("value", nargs="?", default="", help="version (use), new name (rename), file (export)")

    about = "answers corrected in the chat: list them, edit ID ANSWER, remove ID…, or teach them"
    corrections = add("corrections", corrections_command, about)
    corrections.add_argument("action", nargs="?", choices=("teach", "edit", "remove"))
    corrections.add_argument("what", nargs="*", metavar="ID", help="numbers from the list (teach: all that are open)")
    corrections.add_argument("--as", dest="title", default="", metavar="NAME", help="new self for the base's answers")
    corrections.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    corrections.add_argument("--detach", action="store_true", help="do not wait: the command jobs tells how it goes")


def _train(settings: Settings, given: dict[str, Any]) -> int:
    from training.estimate import as_dict as estimated
    from training.estimate import estimate
    from training.jobs import as_dict
    from training.worker import Worker

    quiet = given["json"]
    lesson = _lesson(settings, given)
    told = estimate(lesson)
    if given["dry_run"] and quiet:
        print_json({"estimate": estimated(told), "rows": {s: lesson.count(s) for s in ("train", "test", "replay")}})
    elif not quiet:
        _tell_lesson(lesson, told)
    if given["dry_run"]:
        return 0
    store = store_of(settings)
    view = store.submit(lesson.job, lesson.rows)
    worker = Worker(store)
    worker.look()
    if not given["detach"]:
        view = follow(store, worker, view.id, None if quiet else language())
    if quiet:
        print_json(as_dict(store.get(view.id)))
    elif given["detach"]:
        print(view.id)
    return 1 if view.state == "failed" else 0


def _lesson(settings: Settings, given: dict[str, Any]) -> Any:
    """What the command asks for, put together.

    Raises:
        SettingsError: it asks for nothing, or for two things.
        TrainingError, LlmError: form, file, recipe or base cannot be used.
    """
    from training.dataset.reading import read_dataset
    from training.lessons import file_lesson, persona_lesson

    persona = given["kind"] == "persona" or given["form"] is not None
    if persona == (given["data"] is not None):
        raise SettingsError(
            en="Say what to teach: “train persona --name … --maker …”, or “train --data FILE”. Nothing was started.",
            zh="请说明教什么：“train persona --name … --maker …”，或“train --data FILE”。训练没有开始。",
        )
    config = _config(given, "persona" if persona else "domain")
    if persona:
        form = _form(given)
        return persona_lesson(form, _named(config, given, *form.name.values()), place_of_base(settings))
    found = read_dataset(given["data"], rows_command.columns_of(given))
    config = _named(config, given, given["name"] or given["data"].stem)
    return file_lesson(found, config, place_of_base(settings), given["test_share"])


def _config(given: dict[str, Any], default: str) -> TrainingConfig:
    import yaml

    changes = {}
    for entry in given["set"]:
        key, _, value = entry.partition("=")
        changes[key.strip()] = yaml.safe_load(value)
    return load_recipe(given["recipe"] or default).with_values(changes)


def _named(config: TrainingConfig, given: dict[str, Any], *names: str) -> TrainingConfig:
    from training.forms import folder_name

    english_first = sorted(names, key=lambda name: not name.isascii())
    own = config.name if config.name != TrainingConfig().name else ""
    return config.with_values({"name": given["folder"] or own or folder_name(*english_first)})


def _form(given: dict[str, Any]) -> Any:
    import yaml

    from training.errors import ConfigError
    from training.forms import quick_form
    from training.persona import form_from_dict

    if given["form"] is None:
        languages = [part.strip() for part in given["languages"].split(",") if part.strip()]
        return quick_form(given["name"], given["maker"], given["does"], given["style"], languages)
    try:
        return form_from_dict(yaml.safe_load(given["form"].read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            en=f"The form {given['form']} cannot be read: {error}. Nothing was started; mend it or give --name and "
            "--maker.",
            zh=f"无法读取表单 {given['form']}：{error}。训练没有开始；请修正，或改用 --name、--maker。",
        ) from error


def _tell_lesson(lesson: Any, told: Any) -> None:
    from training.dataset.found import listed

    zh = language() == "zh"
    config, found = lesson.job.config, lesson.found
    known = told.seconds is not None and told.least is not None
    minutes = f"{told.least / 60:.1f}–{told.seconds / 60:.1f}" if known else "?"
    counts = f"{lesson.count('train')} + {lesson.count('test')}"
    if zh:
        print(f"{config.name}：{counts} 行（训练 + 测试），{told.steps} 步；")
        print(f"  内存约 {told.memory / 2**30:.1f} GiB，约 {minutes} 分钟（机器空闲时–像现在这样忙时）")
    else:
        print(f"{config.name}: {counts} rows (to learn + kept back), {told.steps} steps;")
        print(f"  about {told.memory / 2**30:.1f} GiB of memory, {minutes} minutes (machine quiet, or as busy as now)")
    if found is not None and (found.duplicates or found.problems):
        rows = listed([problem.number for problem in found.problems])
        if zh:
            print(f"  未采用：重复 {found.duplicates} 行，另有 {len(found.problems)} 行无法使用（{rows or '–'}）")
        else:
            print(f"  left out: {found.duplicates} said twice, {len(found.problems)} of no use (rows {rows or '–'})")
