"""Serving the page: one app for one data folder."""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path

from front.errors import AppError, DataFolderError, StartError
from front.settings import Settings


def serve(settings: Settings) -> None:
    """Lock the data folder, open the page, load in the background, and stay until interrupted.

    Raises:
        DataFolderError: another app uses this data folder, or it cannot be written.
        StartError: the port is taken or the address cannot be used.
    """
    start = time.perf_counter()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # must be set before gradio is imported
    lock = hold(settings.data_dir)
    try:
        _run(settings, start)
    finally:
        lock.release()


def hold(data_dir: Path):  # type: ignore[no-untyped-def]
    """The lock that makes this process the one app of `data_dir` (a filelock.FileLock; release it at the end)."""
    from filelock import FileLock, Timeout

    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / "app.lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DataFolderError(
            en=f"Another Fenshen is running on {data_dir}. This one was not started, so that neither harms the other's "
            "data. Use the running one, stop it, or give this one its own folder with --data-dir.",
            zh=f"已有一个 Fenshen 在使用 {data_dir}。为免互相损坏数据，没有再启动一个。"
            "请使用正在运行的那个、将其停止，或用 --data-dir 另指定文件夹。",
        ) from error
    except OSError as error:
        raise DataFolderError(
            en=f"The data folder {data_dir} cannot be written ({error}). Give another one with --data-dir.",
            zh=f"数据文件夹 {data_dir} 无法写入（{error}）。应用没有启动；请用 --data-dir 指定其他文件夹。",
        ) from error
    return lock


def _run(settings: Settings, start: float) -> None:
    from starlette.middleware import Middleware

    from front.page import build
    from front.services import Services
    from front.status import StatusRoute, describe, leave_note, local_url
    from front.visitors import VisitorCookie
    from llm.chat_runs import ChatRuns
    from llm.conversations import ConversationStore
    from llm.errors import LlmError
    from rag.errors import RagError

    services = Services(settings)
    store = ConversationStore(settings.data_dir / "chats.db")
    runs = ChatRuns(store, services.answer, (AppError, LlmError, RagError))
    page, options = build(services, runs)
    server = settings.server
    user, _, password = server.auth.partition(":")
    token = secrets.token_urlsafe(32)
    status = Middleware(StatusRoute, token=token, answer=lambda: describe(services))
    try:
        _, url, _ = page.queue(default_concurrency_limit=32).launch(
            server_name=server.host,
            server_port=server.port,
            app_kwargs={"middleware": [status, Middleware(VisitorCookie)]},
            root_path=server.root_path or None,
            auth=(user, password) if user else None,
            prevent_thread_lock=True,
            quiet=True,
            show_error=True,
            ssr_mode=False,
            # an archive, or a backup, may be larger than a document, whose own limit holds when it is read
            max_file_size=max(settings.rag.max_file_mb, settings.rag.max_archive_mb) * 2**20,
            **options,
        )
    except OSError as error:
        raise StartError(
            en=f"Port {server.port} on {server.host} cannot be used ({error}). Nothing was started; stop its user or "
            "choose another with --port.",
            zh=f"无法使用 {server.host} 的端口 {server.port}（{error}）。应用没有启动；"
            "请停止占用它的程序，或用 --port 换一个。",
        ) from error
    note = leave_note(settings.data_dir, local_url(server.host, page.server_port), token)
    print(f"Fenshen 分身: {url}  (page ready in {time.perf_counter() - start:.1f} s; Ctrl+C stops)", flush=True)
    services.start()
    try:
        page.block_thread()
    except KeyboardInterrupt:
        print("stopping…", file=sys.stderr)
    finally:
        note.unlink(missing_ok=True)
        runs.wait()
        page.close()
        services.close()
        store.close()
