"""Builds the rooms' services, in the background, and joins them into the way of a question."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front.corrections import version_name
from front.errors import AppError, LoadError
from front.settings import SAMPLES, Settings
from front.startup import Part, Startup, Step, elapsed
from llm.adapters import AdapterRegistry
from llm.chat_runs import Turn
from llm.errors import LlmError
from llm.settings import SHIPPED_ADAPTERS
from rag.errors import RagError
from training.corrections import CorrectionStore
from training.jobs import JobStore
from training.lessons import Place
from training.shelf import Shelf
from training.worker import Worker

if TYPE_CHECKING:
    from llm.chat_model import AdapterChatModel
    from llm.engine import Engine
    from llm.hubs import DownloadProgress
    from llm.model import Base
    from rag.knowledge_base import KnowledgeBase

log = logging.getLogger(__name__)

# Folders of data_base/knowledge/ and the names they are shown under.
SAMPLE_TITLES = {"recipes": "菜谱 Recipes", "handbook": "使用手册 Handbook"}

_STEPS = (
    Step("libraries", "loading libraries", "加载程序库"),
    Step("model", "loading base model", "加载基座模型"),
    Step("embedder", "loading embedder", "加载嵌入模型"),
    Step("knowledge", "opening knowledge base", "打开知识库"),
    Step("samples", "indexing sample documents", "索引示例资料"),
)

_CANCELLED: dict[str, Any] = {
    "type": "done",
    "answer": "",
    "adapter": None,
    "finish_reason": "cancelled",
    "usage": {},
    "timings": {},
}


class Services:
    """Everything behind the page and the commands. Nothing is loaded until `start` or `load`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.startup = Startup(_STEPS)
        self.registry = AdapterRegistry(settings.llm.adapter_dirs, (SHIPPED_ADAPTERS,))
        self.chat_model: Part[AdapterChatModel] = Part()
        self.knowledge: Part[KnowledgeBase] = Part()
        self.jobs = JobStore(settings.training.jobs_dir)
        self.worker = Worker(self.jobs)
        self.shelf = Shelf(settings.training.adapters_dir, self.answers_now)
        self.corrections = CorrectionStore(settings.training.corrections_file)
        self._engine: Engine | None = None
        self._closing = threading.Event()

    def start(self) -> None:
        """Load in a background thread; the state is in `startup`."""
        threading.Thread(target=self.load, name="startup", daemon=True).start()
        if not any(view.alive for view in self.jobs.all()):
            self.shelf.sweep()
        self.worker.start()

    def load(self, *, model: bool = True, knowledge: bool = True) -> None:
        """Load here and now. Failures are kept in the parts and in `startup`; nothing is raised."""
        if model:
            self._load_model()
        if knowledge:
            self._load_knowledge()

    def close(self) -> None:
        """End downloads and answers, and let go of the data folder."""
        self._closing.set()
        self.worker.close()
        if self._engine:
            self._engine.shutdown()
        if self.knowledge.ready:
            self.knowledge.get().close()

    def answer(self, turn: Turn, cancel: threading.Event) -> Iterator[dict[str, Any]]:
        """The way of a question, as JSON-serialisable events; waits for what is still loading and says so."""
        options = turn.options
        parts: list[Part[Any]] = [self.chat_model, *([self.knowledge] if options.get("collection") else [])]
        for part in parts:
            for step in part.waiting(self.startup, cancel.is_set):
                total = len(self.startup.steps())
                yield {"type": "waiting", "en": step.en, "zh": step.zh, "done": self.startup.done + 1, "total": total}
        if cancel.is_set():
            yield {
                "type": "done",
                "answer": "",
                "adapter": None,
                "finish_reason": "cancelled",
                "usage": {},
                "timings": {},
            }
            return
        from langchain_core.messages import AIMessage, HumanMessage

        from rag.answering import answer
        from rag.filters import parse
        from rag.types import AnswerOptions

        history = [
            HumanMessage(m["content"])
            if m["role"] == "user"
            else AIMessage(m["content"], additional_kwargs={"sources": m.get("sources", [])})
            for m in turn.history
        ]
        chosen = AnswerOptions(
            adapter=options.get("adapter"),
            collection=options.get("collection"),
            system_prompt=options.get("system_prompt", ""),
            k=options.get("k") or self.passages,
            where=parse(options.get("where")),
            sampling={**options.get("sampling", {}), "session": turn.owner},
        )
        knowledge = self.knowledge.get() if chosen.collection else None
        if knowledge is not None and chosen.collection is not None:
            knowledge.documents(chosen.collection)  # an unknown collection is an error also for a greeting
        version = self._version(chosen.adapter)
        for event in answer(turn.question, history, self.chat_model.get(), knowledge, chosen, cancel):
            yield asdict(event) | ({"version": version} if version and event.type == "done" else {})

    def _version(self, adapter: str | None) -> str:
        """Which version of a self would answer now; "" for the base, and for one that cannot."""
        if adapter is None:
            return ""
        try:
            info = self.registry.get(adapter)
        except LlmError:
            # the engine says so to whoever asked
            return ""
        return version_name(info.folder.name, info.version)

    def collections(self) -> list[tuple[str, str]]:
        """(title, slug) of every collection; the samples' while the knowledge base is still loading."""
        if self.knowledge.ready:
            return [(c.title, c.name) for c in self.knowledge.get().collections()]
        return [(title, name) for name, title in SAMPLE_TITLES.items()]

    def documents(self, collection: str) -> list[tuple[str, str]]:
        """(title, source name) of a collection's documents; [] while the knowledge base is loading, or without it."""
        if not collection or not self.knowledge.ready:
            return []
        return [(d.title, d.source) for d in self.knowledge.get().documents(collection)]

    @property
    def passages(self) -> int:
        """How many passages an answer is made from where the question does not say."""
        # The embedded base mixes passages up; the right one comes first for 93 of 94 labelled questions.
        return self.settings.rag.k or (1 if self.settings.llm.model == "embedded" else 4)

    @property
    def engine(self) -> Engine | None:
        """None while it is loading, and where it could not be loaded."""
        return self.chat_model.get().engine if self.chat_model.ready else None

    def base_fingerprint(self) -> str:
        return self.chat_model.get().engine.base.fingerprint

    def answers_now(self, name: str) -> bool:
        """Whether the self `name` is answering, or about to."""
        return self.engine is not None and name in self.engine.answering()

    def place(self) -> Place:
        """Where trainings happen: on the base that answers; waits until it is loaded.

        Raises:
            LlmError, LoadError: it could not be.
        """
        base = self.chat_model.get().engine.base
        return place_of(self.settings, base.folder, base.fingerprint, str(base.device))

    # --- loading

    def _load_model(self) -> None:
        with self._stage(self.chat_model, ("libraries", "model")) as step:
            step("libraries")
            import torch  # noqa: F401
            import transformers

            from llm.chat_model import AdapterChatModel
            from llm.engine import Engine

            transformers.utils.logging.disable_progress_bar()
            step("model")
            self._engine = Engine(self._base(), self.registry, self.settings.llm)
            self.chat_model.fulfil(AdapterChatModel(engine=self._engine, max_tokens=self.settings.llm.max_tokens))

    def _load_knowledge(self) -> None:
        with self._stage(self.knowledge, ("embedder", "knowledge", "samples")) as step:
            step("embedder")
            from rag.embeddings import load_embedder
            from rag.knowledge_base import KnowledgeBase
            from rag.rerank import load_reranker

            embedder, reranker = load_embedder(self.settings.rag), load_reranker(self.settings.rag)
            step("knowledge")
            knowledge = KnowledgeBase(self.settings.rag, embedder, reranker)
            step("samples")
            self._add_samples(knowledge)
            self.knowledge.fulfil(knowledge)

    @contextmanager
    def _stage(self, part: Part[Any], keys: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
        """Load `part` through the steps `keys`. What goes wrong is kept in the part and shown on the page."""
        current, start = "", 0.0

        def finish() -> None:
            if current:
                self.startup.set(current, state="done", detail=elapsed(start))

        def step(key: str) -> None:
            nonlocal current, start
            finish()
            current, start = key, time.perf_counter()
            self.startup.set(key, state="running")

        error: AppError | LlmError | RagError
        try:
            yield step
            finish()
            return
        except (LlmError, RagError) as known:
            error = known
        except ImportError as missing:
            log.exception("loading %s", current)
            error = LoadError(
                en=f"A library is missing ({missing}). Run make setup or pip install -r requirements.txt, restart.",
                zh=f"缺少程序库（{missing}）。请运行 make setup 或 pip install -r requirements.txt，然后重新启动。",
            )
        except Exception as unknown:
            # The last line of defence of the start-up thread: messages that wait for this part must hear of it.
            log.exception("loading %s", current)
            error = LoadError(
                en=f"Loading failed unexpectedly ({type(unknown).__name__}: {unknown}). The log has the details; "
                "start again, and report it if it comes back.",
                zh=f"加载时发生意外错误（{type(unknown).__name__}：{unknown}）。详情见日志；请重新启动，若再次出现请反馈。",
            )
        log.error("%s: %s", current, error.en)
        part.fail(error)
        for key in keys[keys.index(current) :]:
            self.startup.set(key, state="failed", error=(error.en, error.zh) if key == current else ("", ""))

    def _base(self) -> Base:
        from llm.model import load_base

        settings = self.settings.llm
        from llm.hubs import HubOptions, resolve
        from llm.presets import find

        folder = resolve(
            settings.model,
            cache_dir=self.settings.data_dir / "models",
            source=settings.source or None,
            progress=self._progress,
            cancel=self._closing,
            options=HubOptions(trust_remote_code=settings.trust_remote_code),
        )
        return load_base(folder, settings, find(settings.model))

    def _progress(self, event: DownloadProgress) -> None:
        self.startup.set("model", detail=f"{event.file} {event.done / 2**20:.0f}/{event.total / 2**20:.0f} MiB")

    def _add_samples(self, knowledge: KnowledgeBase) -> None:
        """Index the shipped documents once; what the user deletes stays deleted, what an update changes comes in."""
        marker = self.settings.data_dir / "samples.json"
        seen = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else {}
        for name, title in SAMPLE_TITLES.items():
            folder = SAMPLES / name
            stamp = _content_hash(folder)
            if seen.get(name) == stamp:
                continue
            knowledge.create_collection(title, name)
            for event in knowledge.ingest([folder], name):
                if event.type == "file_started":
                    self.startup.set("samples", detail=f"{event.index}/{event.total}")
                elif event.type == "file_failed":
                    log.error("sample %s: %s", event.source, event.error_en)
            seen[name] = stamp
            marker.write_text(json.dumps(seen), encoding="utf-8")


def place_of(settings: Settings, folder: Path, fingerprint: str, device: str) -> Place:
    """Where a training on the base in `folder` happens."""
    training = settings.training
    return Place(
        # what is published should not tell where things lie on this machine
        base=folder.name if Path(settings.llm.model).is_dir() else settings.llm.model,
        folder=folder,
        fingerprint=fingerprint,
        # one name for one device: trainings on it wait for one another
        device="cuda:0" if device == "cuda" else device,
        threads=training.threads,
        adapters=training.adapters_dir,
        cache=training.jobs_dir / ".cache",
    )


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
