"""The user's own selves: their versions, and what is done with them after training."""

from __future__ import annotations

import os
import shutil
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.config import NAME
from training.errors import SelfError
from training.versions import PLAIN, Version, add_former, current, now_called, point, versions

FILES = ("adapter_config.json", "adapter_model.safetensors", "passport.json", "README.md")


@dataclass(frozen=True)
class OwnSelf:
    """One self of the user, with its versions, oldest first."""

    name: str
    versions: tuple[Version, ...]

    @property
    def now(self) -> Version:
        """The version that answers."""
        return next((v for v in self.versions if v.current), self.versions[-1])


class Shelf:
    """The adapters folder `root`.

    Args:
        in_use: whether a self of this name is answering now; the composition knows.
    """

    def __init__(self, root: Path, in_use: Callable[[str], bool] = lambda name: False) -> None:
        self.root, self._in_use = root, in_use

    def all(self) -> list[OwnSelf]:
        """Every self that has a whole version, by name."""
        folders = sorted(self.root.iterdir()) if self.root.is_dir() else []
        found = [(p.name, versions(p)) for p in folders if p.is_dir() and not p.name.startswith(".")]
        return [OwnSelf(name, tuple(held)) for name, held in found if held]

    def get(self, name: str) -> OwnSelf:
        """One self.

        Raises:
            SelfError: there is none of this name.
        """
        held = versions(self._folder(name))
        if not held:
            raise _none(name)
        return OwnSelf(name, tuple(held))

    def now_called(self, name: str, since: float) -> str:
        """What the self that was called `name` at the time `since` is called now; `name` where it has kept it."""
        return now_called(self.root, name, since)

    def of_training(self, job: str) -> OwnSelf | None:
        """The self with the version that came of the training `job`; None where it is gone."""
        return next((own for own in self.all() if any(v.passport.get("job") == job for v in own.versions)), None)

    def use(self, name: str, version: str) -> OwnSelf:
        """Let an earlier or later version answer from the next message on. Answers that are being given end with the
        version that they began with.

        Raises:
            SelfError: there is no such self or version, or the disk refuses.
        """
        folder = self._folder(name)
        if not versions(folder):
            raise _none(name)
        try:
            point(folder, version)
        except OSError as error:
            raise _refused(name, error) from error
        return self.get(name)

    def rename(self, name: str, new: str) -> OwnSelf:
        """Give a self another name, by one rename. What knows it by the old one still finds it (`now_called`).

        Raises:
            SelfError: there is no such self, the new name is taken or cannot be used, or it is answering.
        """
        self.get(name)
        if not NAME.fullmatch(new):
            raise SelfError(
                en=f'The name "{new}" cannot be used. Nothing was renamed; use up to 48 lower-case letters, digits, - '
                "or _.",
                zh=f"名称“{new}”不可用，没有改名；请用不超过 48 个小写字母、数字、- 或 _。",
            )
        if (self.root / new).exists():
            raise SelfError(
                en=f"There is a self called “{new}” already. Nothing was renamed; choose another name.",
                zh=f"已有名为“{new}”的分身，没有改名；请换一个名称。",
            )
        self._must_rest(name)
        try:
            add_former(self.root / name)
            os.rename(self.root / name, self.root / new)
        except OSError as error:
            raise _refused(name, error) from error
        return self.get(new)

    def delete(self, name: str) -> None:
        """Delete a self with all its versions: gone with one rename, then cleared away.

        Raises:
            SelfError: there is no such self, it is answering, or the disk refuses.
        """
        self.get(name)
        self._must_rest(name)
        gone = self.root / f".{name}.{uuid.uuid4().hex[:8]}"
        try:
            os.rename(self.root / name, gone)
        except OSError as error:
            raise _refused(name, error) from error
        shutil.rmtree(gone, ignore_errors=True)

    def export(self, name: str, target: Path, version: str = "") -> Path:
        """Write a version (the current one) as a zip file that any PEFT program can use, whole or not at all.

        Raises:
            SelfError: there is no such self or version, or the file cannot be written.
        """
        held = self.get(name)
        folder = self.root / name
        wanted = version or current(folder)
        chosen = next((v for v in held.versions if v.name == wanted), None)
        if chosen is None:
            raise SelfError(
                en=f"“{name}” has no version {wanted}. Nothing was exported.",
                zh=f"“{name}”没有版本 {wanted}，没有导出任何内容。",
            )
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        try:
            with zipfile.ZipFile(temporary, "w") as archive:
                for file in FILES:
                    if (chosen.folder / file).is_file():
                        # weights do not shrink
                        kind = zipfile.ZIP_STORED if file.endswith(".safetensors") else zipfile.ZIP_DEFLATED
                        archive.write(chosen.folder / file, f"{name}/{file}", kind)
            os.replace(temporary, target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _refused(name, error) from error
        return target

    def sweep(self) -> int:
        """Clear away what was left by a training or a deletion that was killed; returns how many folders. Only while no
        training runs: it may be publishing."""
        left = [p for p in self.root.glob(".*.????????") if p.is_dir()] if self.root.is_dir() else []
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def _folder(self, name: str) -> Path:
        if not name or Path(name).name != name or name.startswith("."):
            raise _none(name)
        return self.root / name

    def _must_rest(self, name: str) -> None:
        if self._in_use(name):
            raise SelfError(
                en=f"“{name}” is answering right now. Nothing was changed; try again when it has finished.",
                zh=f"“{name}”正在回答，因此未作改动；请等它答完后再试。",
            )


def version_label(version: Version, lang: str = "en") -> str:
    """How a version is shown: "v3", or for what lies in the folder itself "as it was put there"."""
    if version.name != PLAIN:
        return version.name
    return "最初放入的" if lang.startswith("zh") else "as it was put there"


def _none(name: str) -> SelfError:
    return SelfError(
        en=f"You have no self called “{name}” in the adapters folder. Nothing was done.",
        zh=f"适配器文件夹中没有名为“{name}”的分身，未作任何操作。",
    )


def _refused(name: str, error: OSError) -> SelfError:
    return SelfError(
        en=f"The disk refused to change “{name}” ({error}). Free some space or check its rights, and try again.",
        zh=f"磁盘拒绝改动“{name}”（{error}）。请腾出空间或检查权限后重试。",
    )
