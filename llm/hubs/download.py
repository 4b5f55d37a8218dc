"""Fetch the files of a checkpoint over HTTP: resumed after a break, retried, checked, and stoppable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llm.errors import DownloadError
from llm.hubs.connection import Again, Connection
from llm.hubs.files import RemoteFile, is_intact, stop_if

if TYPE_CHECKING:
    import httpx

_REPORT_BYTES = 2**20
_SPARE_BYTES = 64 * 2**20  # left free on the disk beside the download


@dataclass(frozen=True)
class DownloadProgress:
    """Where a download stands.

    Attributes:
        file: the file that is arriving.
        done, total: bytes of the whole download.
        files_done, files_total: files of the whole download.
    """

    file: str
    done: int
    total: int
    files_done: int
    files_total: int


Progress = Callable[[DownloadProgress], None]


class _AddressExpired(Exception):
    """A signed address no longer works; another one may."""


class Fetcher:
    """Downloads a list of files into one folder.

    Args:
        connection: the hub.
        folder: where they go; it must exist.
        progress: called as bytes arrive.
        renew: gives a fresh address for a file whose signed one has run out; None where addresses last.
    """

    def __init__(
        self,
        connection: Connection,
        folder: Path,
        *,
        progress: Progress | None = None,
        renew: Callable[[RemoteFile], RemoteFile] | None = None,
    ) -> None:
        self._connection, self._folder = connection, folder
        self._progress, self._renew = progress, renew
        self._done: dict[str, int] = {}
        self._total = self._files_total = self._files_done = self._reported = 0

    def fetch(self, files: Sequence[RemoteFile]) -> None:
        """Download what is not there yet; a file appears under its name only when it is whole and checked.

        Raises:
            DownloadError: the disk is full, a checksum is wrong, or the hub cannot be reached or refuses.
            DownloadCancelledError: cancelled; parts are kept.
        """
        sized = [file if file.size is not None else self._with_size(file) for file in files]
        self._total, self._files_total = sum(file.size or 0 for file in sized), len(sized)
        missing = []
        for file in sized:
            if is_intact(self._folder / file.name, file, self._connection.cancel):
                self._done[file.name] = file.size or 0
                self._files_done += 1
            else:
                missing.append(file)
                self._done[file.name] = _size(self._folder / file.part_name)
        self._check_disk()
        for file in missing:
            self._fetch_one(file)
            self._files_done += 1
            self._report(file)

    def _check_disk(self) -> None:
        needed = self._total - sum(self._done.values())
        free = shutil.disk_usage(self._folder).free
        if needed > 0 and needed + _SPARE_BYTES > free:
            raise DownloadError(
                en=f"{self._connection.repository} needs {_gib(needed)} more, but the disk of {self._folder} has only "
                f"{_gib(free)} free. Free some space, choose a smaller model, or put the data folder on another disk.",
                zh=f"{self._connection.repository} 还需要 {_gib(needed)}，但 {self._folder} 所在磁盘只剩 {_gib(free)}。"
                "请腾出空间、换较小的模型，或把数据文件夹放到别的磁盘。",
            )

    def _fetch_one(self, file: RemoteFile) -> None:
        target, part = self._folder / file.name, self._folder / file.part_name
        target.parent.mkdir(parents=True, exist_ok=True)
        address, best, renewed_at = file, _size(part), -1

        def attempt() -> None:
            nonlocal address, renewed_at
            try:
                self._receive(address, part, renewable=self._renew is not None and renewed_at != _size(part))
            except _AddressExpired as expired:
                assert self._renew is not None
                renewed_at, address = _size(part), self._renew(file)
                raise Again(str(expired)) from expired

        def advanced() -> bool:
            nonlocal best
            size = _size(part)
            moved, best = size > best, max(size, best)
            return moved

        self._connection.persist(attempt, advanced)
        if not is_intact(part, file, self._connection.cancel):
            part.unlink()
            raise DownloadError(
                en=f"{file.name} of {self._connection.repository} arrived damaged: its checksum or size is not what "
                "the hub announced. The file was removed; try again, or choose another source.",
                zh=f"{self._connection.repository} 的 {file.name} 已损坏：校验和或大小与站点公布的不符。"
                "该文件已删除；请重试，或换一个来源。",
            )
        os.replace(part, target)

    def _receive(self, file: RemoteFile, part: Path, *, renewable: bool) -> None:
        """One request: the bytes after those that `part` holds already."""
        import httpx

        start = _size(part)
        if file.size is not None and start >= file.size:
            if start == file.size and (start or part.exists()):
                return
            part.unlink(missing_ok=True)
            start = 0
        headers = dict(file.headers) | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with self._connection.client.stream("GET", file.url, headers=headers) as response:
                if response.status_code == 416:
                    part.unlink(missing_ok=True)
                    raise Again("the server has no such range")
                if renewable and response.status_code in (401, 403):
                    raise _AddressExpired(f"HTTP {response.status_code}")
                self._connection.check_status(response, file.name)
                if start and not _continues(response, start):
                    start = 0  # the server ignored the range and sends the whole file
                self._write(response, file, part, start)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise self._connection.failure(error, file.url) from error
        if file.size is not None and _size(part) < file.size:
            raise Again("the connection ended early")

    def _write(self, response: httpx.Response, file: RemoteFile, part: Path, start: int) -> None:
        try:
            with part.open("ab" if start else "wb") as stream:
                self._done[file.name] = start
                self._report(file)
                for chunk in response.iter_raw():
                    stop_if(self._connection.cancel)
                    stream.write(chunk)
                    self._done[file.name] += len(chunk)
                    self._report(file, every=_REPORT_BYTES)
                    if file.size is not None and self._done[file.name] > file.size:
                        return
        except OSError as error:
            raise DownloadError(
                en=f"{part} could not be written ({error}). What arrived is kept; free some space or make the folder "
                "writable, then start again.",
                zh=f"无法写入 {part}（{error}）。已下载的部分会保留；请腾出空间或让该文件夹可写，然后重新开始。",
            ) from error

    def _with_size(self, file: RemoteFile) -> RemoteFile:
        """Ask for one byte to learn the size: signed addresses are often valid for GET alone, so HEAD will not do."""
        import httpx

        address, renewed = file, False

        def attempt() -> RemoteFile:
            nonlocal address, renewed
            headers = {**address.headers, "Range": "bytes=0-0"}
            try:
                with self._connection.client.stream("GET", address.url, headers=headers) as response:
                    if response.status_code == 416:
                        return replace(address, size=0)
                    if self._renew and not renewed and response.status_code in (401, 403):
                        renewed, address = True, self._renew(file)
                        raise Again("the address ran out")
                    self._connection.check_status(response, file.name)
                    ranged = response.status_code == 206
                    size = response.headers.get("Content-Range" if ranged else "Content-Length", "").rpartition("/")[2]
                    return replace(address, size=int(size)) if size.isdigit() else address
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise self._connection.failure(error, file.url) from error

        return self._connection.persist(attempt)

    def _report(self, file: RemoteFile, every: int = 0) -> None:
        done = sum(self._done.values())
        if self._progress and abs(done - self._reported) >= every:
            self._reported = done
            self._progress(DownloadProgress(file.name, done, self._total, self._files_done, self._files_total))


def _continues(response: httpx.Response, start: int) -> bool:
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
