"""What is done with the corrections: shown, chosen, taught. The Teach tab and the command line use the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from training.config import load_recipe
from training.correcting import ALONE, new_self, next_version
from training.corrections import Correction, CorrectionStore, chosen
from training.entries import changed
from training.errors import CorrectionError, JobError
from training.forms import folder_name
from training.jobs import OVER, JobStore, JobView
from training.lessons import Place
from training.shelf import Shelf
from training.shipped.specs import shipped_names
from training.taught import taught

State = Literal["open", "learning", "taught"]


@dataclass(frozen=True)
class Wish:
    """What is to be taught.

    Attributes:
        name: of the self; "" for the base, of which a new self is made.
        corrections: their ids.
        title: what a new self is to be called.
        changes: to the recipe, one "name: value" a line.
        owner: whose corrections; None for everybody's.
    """

    name: str
    corrections: tuple[int, ...]
    title: str = ""
    changes: str = ""
    owner: str | None = None


@dataclass(frozen=True)
class Corrector:
    """Corrections of one data folder.

    Attributes:
        place: where trainings happen; waits until the base is loaded, and raises a TrainingError where it cannot be.
    """

    store: CorrectionStore
    jobs: JobStore
    shelf: Shelf
    place: Callable[[], Place]

    def all(self, owner: str | None = None) -> list[Correction]:
        """The owner's corrections, or everybody's, oldest first, under the names that their selves have now. Where an
        answer was corrected before and after a rename, the later correction counts.

        Raises:
            CorrectionError: they cannot be read.
        """
        found: dict[tuple[str, ...], Correction] = {}
        for one in sorted(self.store.all(owner), key=lambda one: one.created):
            name = self.shelf.now_called(one.name, one.created)
            found[one.owner, name, json.dumps(one.messages)] = replace(one, name=name)
        return sorted(found.values(), key=lambda one: one.id)

    def states(self, corrections: Iterable[Correction]) -> dict[int, State]:
        """Id -> "open", "learning" while a training has it, "taught" while there is the version that came of it.

        Raises:
            SelfError, JobError: the data folder cannot be read.
        """
        published = {v.passport.get("job") for own in self.shelf.all() for v in own.versions}
        going = {view.id for view in self.jobs.all() if view.state not in OVER}
        return {
            one.id: "taught" if one.job and one.job in published else "learning" if one.job in going else "open"
            for one in corrections
        }

    def teach(self, wish: Wish) -> JobView:
        """Queue the training of a new version with these corrections.

        Raises:
            CorrectionError: there are none, they are another self's, or there is no name for a new self.
            ConfigError: the changes to the recipe cannot be.
            TrainingError: the lesson cannot be made, the base cannot be loaded, or the disk refuses.
        """
        name = wish.name
        picked = chosen(self.all(wish.owner), wish.corrections)
        if any(one.name != name for one in picked):
            raise CorrectionError(
                en="Some of these corrections are another self's. Nothing was started; teach one self at a time.",
                zh="其中有别的分身的更正。训练没有开始；请一次只教一个分身。",
            )
        folder = name or self._new_name(wish.title)
        going = [view for view in self.jobs.all() if view.state not in OVER]
        if any(self.shelf.now_called(view.name, view.created) == folder for view in going):
            raise JobError(
                en=f"“{folder}” is being taught already, and this training would not know what that one teaches. "
                "Nothing was started; wait for its end.",
                zh=f"“{folder}”正在学习中，而这次训练不知道那一次教了什么。没有开始；请等它结束。",
            )
        place = self.place()
        if name:
            before = taught(name, place, self.jobs.folder)
            if before is not None:
                before = replace(before, config=changed(before.config, wish.changes))
            lesson = next_version(name, before, picked, place)
        else:
            recipe = changed(load_recipe("domain").with_values(ALONE), wish.changes)
            lesson = new_self(wish.title.strip(), recipe.with_values({"name": folder}), picked, place)
        view = self.jobs.submit(lesson.job, lesson.rows)
        # in this order: a kill between the two leaves corrections that can be taught again, and loses none
        self.store.given(picked, view.id)
        return view

    def _new_name(self, title: str) -> str:
        if not title.strip():
            raise CorrectionError(
                en="These answers are the base's own, and the base is never changed. Nothing was started; give a name, "
                "and a new self is taught them.",
                zh="这些回答出自基座，而基座从不改动。训练没有开始；请取个名字，教成一个新的分身。",
            )
        name = folder_name(title.strip())
        if name in shipped_names() or any(own.name == name for own in self.shelf.all()):
            raise CorrectionError(
                en=f"There is a self “{name}” already, taught other things. Nothing was started; choose another name, "
                "or correct that self's answers.",
                zh=f"已有分身“{name}”，教的是别的内容。训练没有开始；请换个名字，或更正那个分身的回答。",
            )
        return name
