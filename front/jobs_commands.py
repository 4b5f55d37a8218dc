"""The commands about what is taught already: recipes, jobs, selves."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from front.errors import NotRunningError
from front.printing import language, print_json
from front.settings import Settings
from training.errors import JobError

LOOK_S = 0.3


def store_of(settings: Settings) -> Any:
    from training.jobs import JobStore

    return JobStore(settings.training.jobs_dir)


def place_of_base(settings: Settings) -> Any:
    """Where trainings happen, without loading the base."""
    import torch

    from front.services import place_of
    from llm.fingerprint import base_fingerprint
    from llm.hubs import HubOptions, resolve

    wanted = settings.llm
    options = HubOptions(trust_remote_code=wanted.trust_remote_code)
    folder = resolve(
        wanted.model, cache_dir=settings.data_dir / "models", source=wanted.source or None, options=options
    )
    device = wanted.device if wanted.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    return place_of(settings, folder, base_fingerprint(folder), device)


def follow(store: Any, worker: Any, identity: str, lang: str | None) -> Any:
    """Wait for the end of a training, printing what it tells in `lang` (None prints nothing). Ctrl+C stops waiting, not
    the training."""
    from training.jobs import OVER
    from training.telling import lines

    offset = 0
    try:
        while True:
            view = store.get(identity)
            for after, event in store.events(identity, offset):
                offset = after
                for line in lines(event, lang) if lang else ():
                    print(line, flush=True)
            if view.state in (*OVER, "paused"):
                return view
            worker.look()
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        if lang:
            goes = "训练仍在后台继续" if lang == "zh" else "the training goes on in the background"
            print(f"\n{goes}: {identity}")
        return store.get(identity)


def recipes_command(settings: Settings, given: dict[str, Any]) -> int:
    from training.recipe_book import copy_recipe, recipes

    if given["action"] == "copy":
        path = copy_recipe(given["name"], given["to"])
        if given["json"]:
            print_json({"path": str(path)})
        else:
            print(path)
        return 0
    if given["json"]:
        print_json([{"name": r.name, "about": r.about, "config": r.config.to_dict()} for r in recipes()])
        return 0
    for recipe in recipes():
        shown = recipe.config
        print(f"{recipe.name:18} r={shown.r:<3} alpha={shown.alpha:<3} lr={shown.lr:<7g} {recipe.about[language()]}")
    return 0


def jobs_command(settings: Settings, given: dict[str, Any]) -> int:
    from training.jobs import as_dict
    from training.worker import Worker

    store = store_of(settings)
    action = given["action"]
    if action is None:
        views = store.all()
    else:
        view = store.get(_identity(store, given["id"]))
        if action == "follow":
            view = follow(store, Worker(store), view.id, None if given["json"] else language())
        elif action == "remove":
            store.remove(view.id)
        else:
            view = getattr(store, action)(view.id)
            # where no app runs nobody else would start it
            Worker(store).look()
        views = [] if action == "remove" else [store.get(view.id)]
    if given["json"]:
        print_json([as_dict(view) for view in views])
        return 0
    for view in views:
        told = as_dict(view)
        error = f"  {view.error[1 if language() == 'zh' else 0]}" if view.error[0] else ""
        draft = "  (draft)" if view.draft else ""
        print(f"{view.id:44} {view.state:9} {told['step']}/{told['steps']}  {view.path}{draft}{error}".rstrip())
    return 0


def _identity(store: Any, wanted: str) -> str:
    """The id that `wanted` is enough of; the newest for "".

    Raises:
        JobError: it is enough of none, or of several.
    """
    found = [view.id for view in store.all() if wanted in view.id]
    if (wanted and wanted not in found and len(found) != 1) or not found:
        some = ", ".join(found) or "–"
        raise JobError(
            en=f"“{wanted}” names {len(found)} trainings ({some}). Nothing was done; the command jobs lists their ids.",
            zh=f"“{wanted}”对应 {len(found)} 个训练任务（{some}），未作任何操作；命令 jobs 可列出编号。",
        )
    return wanted if wanted in found else found[-1]


def selves_command(settings: Settings, given: dict[str, Any]) -> int:
    from training.shelf import Shelf

    shelf = Shelf(settings.training.adapters_dir, lambda name: name in _answering(settings))
    action, name, value = given["action"], given["name"], given["value"]
    if action == "use":
        shelf.use(name, value)
    elif action == "rename":
        shelf.rename(name, value)
    elif action == "delete":
        shelf.delete(name)
    elif action == "export":
        path = shelf.export(name, Path(value or f"{name}.zip"))
        print(json.dumps({"path": str(path)}) if given["json"] else path)
        return 0
    rows = [{"name": s.name, "current": s.now.name, "versions": [v.name for v in s.versions]} for s in shelf.all()]
    if given["json"]:
        print_json(rows)
        return 0
    for row in rows:
        shown = (f"*{v}" if v == row["current"] else v for v in row["versions"])
        print(f"{row['name']:24} {' '.join(shown)}")
    return 0


def _answering(settings: Settings) -> list[str]:
    """Names of the selves that the running app's answers use; none where no app runs."""
    from front.status import ask_running

    try:
        return list(ask_running(settings.data_dir).get("answering", ()))
    except NotRunningError:
        return []
