"""Uploads on their way into a collection: kept in the data folder until each is added, so that a pause, a closed page
or a kill loses none of them.

A file waits as `inbox/COLLECTION/NUMBER/NAME` and is deleted when its outcome is known; with an archive among
them, when all of them are done. Going on and going on after a kill are the same: whatever is there is added, and what
was added before is skipped.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rag.database import storage_error
from rag.loaders import ARCHIVES, problems, safe_name
from rag.types import FileStarted, IngestDone, IngestEvent

if TYPE_CHECKING:
    from rag.knowledge_base import KnowledgeBase

_COMING = ".part"  # ends the name of a folder whose file has not come over as a whole


class Inbox:
    """The waiting files of one knowledge base. Thread-safe, as far as one collection is worked on by one thread."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self._folder = base.settings.data_dir / "inbox"

    def put(self, uploads: Iterable[Path], collection: str) -> None:
        """Move uploads here; from the return on they are safe.

        Raises:
            UnsafeFileError: too many; none was taken.
            CollectionNotFoundError, StorageError.
        """
        name, uploads = self._base.collection(collection).name, list(uploads)
        count, limit = len(self.waiting(collection)) + len(uploads), self._base.settings.max_upload_files
        if count > limit:
            raise problems.upload_many(count, limit)
        try:
            for path in uploads:
                place = self._folder / name / uuid.uuid4().hex
                coming = place.with_name(place.name + _COMING)
                coming.mkdir(parents=True)
                shutil.move(path, coming / safe_name(path.name))
                coming.rename(place)
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def waiting(self, collection: str) -> list[Path]:
        """The files that wait, the oldest first.

        Raises:
            CollectionNotFoundError.
        """
        folder = self._folder / self._base.collection(collection).name
        found = [
            (file.stat().st_mtime_ns, file)
            for place in (folder.iterdir() if folder.is_dir() else ())
            if place.suffix != _COMING
            for file in place.iterdir()
        ]
        return [file for _, file in sorted(found)]

    def add(self, collection: str) -> Iterator[IngestEvent]:
        """Add what waits. Closing the iterator leaves the rest waiting.

        Raises:
            CollectionNotFoundError.
        """
        files = self.waiting(collection)
        names = {path: path.name for path in files}
        whole = any(path.suffix.lower() in ARCHIVES for path in files)  # what is in it may be named like another file
        by_name = {} if whole else {path.name: path for path in reversed(files)}
        for event in self._base.ingest(files, collection, names):
            if isinstance(event, IngestDone):
                for path in files:
                    _delete(path)
            elif not isinstance(event, FileStarted) and event.source in by_name:
                _delete(by_name[event.source])
            yield event

    def sweep(self) -> None:
        """Delete what belongs to no collection (any more), and what never came over as a whole."""
        known = {collection.name for collection in self._base.collections()}
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            for place in folder.iterdir():
                if folder.name not in known or place.suffix == _COMING:
                    shutil.rmtree(place, ignore_errors=True)


def _delete(path: Path) -> None:
    shutil.rmtree(path.parent, ignore_errors=True)
