"""`python app.py knowledge evaluate FILE.csv`: how well labelled questions are answered, setting by setting."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front.errors import AppError, SettingsError
from front.printing import language, print_json
from llm.errors import LlmError

if TYPE_CHECKING:
    from front.services import Services
    from rag.evaluation import Ask, Row, Setting
    from rag.types import AnswerEvent

ANSWER_TOKENS = 320


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options of `knowledge evaluate`."""
    group = parser.add_argument_group("evaluate")
    group.add_argument("--collection", default="recipes", metavar="NAME", help="asked about (default: recipes)")
    group.add_argument("--among", type=int, default=5, metavar="N", help="passages the right one is sought in (5)")
    group.add_argument("--cut", type=int, nargs="*", default=[], metavar="CHARS", help="also with other chunk lengths")
    group.add_argument("--embedders", nargs="*", default=[], metavar="NAME", help="also with these: folders, hub names")
    group.add_argument("--answers", action="store_true", help="also have the model answer each question (slow)")
    group.add_argument(
        "--adapter", nargs="*", default=[], metavar="NAME", help="selves that answer (default: the base)"
    )


def run(services: Callable[[bool], Services], file: Path | None, given: dict[str, Any]) -> int:
    """Print a table, or JSON; `services(model)` loads the knowledge base, and the model if asked to.

    Raises:
        SettingsError: no file, or numbers that make no sense.
        RagError, LlmError: as the rooms raise them.
    """
    from rag.evaluation import evaluate
    from rag.evaluation_view import as_text
    from rag.questions import read_questions

    if file is None or given["among"] < 1 or any(cut < 20 for cut in given["cut"]):
        raise SettingsError(
            en="knowledge evaluate needs a CSV file (question, source, answer), --among of at least 1 and --cut of at "
            "least 20: python app.py knowledge evaluate FILE.csv",
            zh="knowledge evaluate 需要 CSV 文件（问题、来源、答案），--among 至少为 1，--cut 至少为 20："
            "python app.py knowledge evaluate FILE.csv",
        )
    questions = read_questions(file)
    loaded = services(given["answers"])
    try:
        ask = asking(loaded, given["collection"]) if given["answers"] else None
        events = evaluate(loaded.knowledge.get(), given["collection"], questions, _settings(given), given["among"], ask)
        told = list(_watched(events, quiet=given["json"]))
    finally:
        loaded.close()
    if given["json"]:
        print_json([asdict(event) for event in told])
    else:
        print(as_text(told, given["among"], language()))
    return 0


def asking(services: Services, collection: str) -> Ask:
    """Answers questions from a collection as the chat does, greedily."""
    from rag.answering import answer
    from rag.errors import QuestionError
    from rag.types import AnswerOptions

    def ask(question: str, adapter: str | None) -> Iterator[AnswerEvent]:
        sampling: dict[str, object] = {"max_tokens": ANSWER_TOKENS, "temperature": 0.0}
        options = AnswerOptions(adapter=adapter, collection=collection, k=services.passages, sampling=sampling)
        try:
            model = services.chat_model.get()
            yield from answer(question, [], model, services.knowledge.get(), options)
        except (AppError, LlmError) as error:  # told in the words of the room that measures
            raise QuestionError(en=error.en, zh=error.zh) from error

    return ask


def _settings(given: dict[str, Any]) -> Sequence[Setting]:
    from rag.evaluation import Setting

    selves = given["adapter"] or [None]
    asked = [Setting(answers=True, adapter=name) for name in selves] if given["answers"] else [Setting()]
    others = [Setting(method, embedder=name) for name in given["embedders"] for method in ("hybrid", "dense")]
    return [*asked, Setting("bm25"), Setting("dense"), *(Setting(chunk_chars=cut) for cut in given["cut"]), *others]


def _watched(events: Iterator[Any], *, quiet: bool) -> Iterator[Row]:
    """The events without progress, which goes to the terminal's error line."""
    for event in events:
        if event.type != "progress":
            yield event
        elif not quiet and sys.stderr.isatty():
            print(f"\r{event.done}/{event.total} ", end="", file=sys.stderr, flush=True)
