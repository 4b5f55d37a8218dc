"""The command about corrections: list, change, remove, teach."""

from __future__ import annotations

from typing import Any

from front.errors import SettingsError
from front.jobs_commands import follow, place_of_base, store_of
from front.printing import language, print_json
from front.settings import Settings


def corrections_command(settings: Settings, given: dict[str, Any]) -> int:
    """Run it; returns the exit status.

    Raises:
        SettingsError: an id is no number, or one is missing.
        TrainingError: as `Corrector` raises it.
    """
    from training.corrections import CorrectionStore
    from training.corrector import Corrector
    from training.shelf import Shelf

    training = settings.training
    shelf = Shelf(training.adapters_dir)
    corrector = Corrector(
        CorrectionStore(training.corrections_file), store_of(settings), shelf, lambda: place_of_base(settings)
    )
    if given["action"] == "teach":
        return _teach(corrector, given)
    if given["action"] == "remove":
        corrector.store.remove(_numbers(given["what"]))
    elif given["action"] == "edit":
        corrector.store.edit(_numbers(given["what"][:1])[0], " ".join(given["what"][1:]))
    _list(corrector, given)
    return 0


def _teach(corrector: Any, given: dict[str, Any]) -> int:
    from training.corrector import Wish
    from training.jobs import as_dict
    from training.worker import Worker

    held = corrector.all()
    states = corrector.states(held)
    ids = _numbers(given["what"]) if given["what"] else []
    names = dict.fromkeys(one.name for one in held if (one.id in ids if ids else states[one.id] == "open"))
    if len(names) > 1:
        told = ", ".join(name or "–" for name in names)
        raise SettingsError(
            en=f"These are several selves' corrections ({told}). Nothing was started; give the numbers of one self's.",
            zh=f"有多个分身的更正（{told}）。训练没有开始；请给出同一个分身的编号。",
        )
    name = next(iter(names), "")
    chosen = ids or [one.id for one in held if one.name == name and states[one.id] == "open"]
    changes = "\n".join(entry.replace("=", ": ", 1) for entry in given["set"])
    view = corrector.teach(Wish(name, tuple(chosen), given["title"], changes))
    worker = Worker(corrector.jobs)
    worker.look()
    if not given["detach"]:
        view = follow(corrector.jobs, worker, view.id, None if given["json"] else language())
    if given["json"]:
        print_json(as_dict(corrector.jobs.get(view.id)))
    elif given["detach"]:
        print(view.id)
    return 1 if view.state == "failed" else 0


def _list(corrector: Any, given: dict[str, Any]) -> None:
    held = corrector.all()
    states = corrector.states(held)
    if given["json"]:
        print_json(
            [
                {
                    "id": one.id,
                    "self": one.name or None,
                    "version": one.version,
                    "state": states[one.id],
                    "question": one.question,
                    "said": one.said,
                    "wanted": one.wanted,
                    "messages": list(one.messages),
                    "documents": list(one.documents),
                    "owner": one.owner,
                }
                for one in held
            ]
        )
        return
    for one in held:
        who = f"{one.name or '–'} {one.version}".strip()
        said, wanted = (" ".join(text.split())[:60] for text in (one.said, one.wanted))
        print(f"{one.id:4} {who:16} {states[one.id]:9} {one.question[:40]}  {said}  →  {wanted}")


def _numbers(given: list[str]) -> list[int]:
    if not given or not all(one.isdigit() for one in given):
        raise SettingsError(
            en="Give the numbers of the corrections; the command corrections lists them. Nothing was done.",
            zh="请给出更正的编号；命令 corrections 可列出全部更正。未作任何操作。",
        )
    return [int(one) for one in given]
