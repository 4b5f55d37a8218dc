"""Labelled questions: read from files, and measured across settings."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rag.embeddings import load_embedder
from rag.errors import CollectionNotFoundError, EmbedderError, QuestionError
from rag.evaluation import Miss, Progress, Row, Setting, UnknownSources, evaluate, f1
from rag.evaluation_view import setting_name
from rag.knowledge_base import KnowledgeBase
from rag.questions import Question, read_questions
from rag.settings import EMBEDDED_EMBEDDER, RagSettings
from rag.types import AnswerEvent, Citation, Done, Refusal, Sources, Token
from tests.rag.bases import write_recipes

ASKED = [
    Question("红烧肉要小火炖多久？", "红烧肉.md", ("60分钟",)),
    Question("鲈鱼上锅蒸几分钟？", "清蒸鲈鱼", ("8分钟",)),
    Question("曲奇烤箱预热到多少度？", "烤曲奇", ("180度",)),
    Question("How long does the batter rest?", "pancakes", ("ten minutes", "10 minutes")),
    Question("谁发明了电话？"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("evaluation")
    settings = RagSettings(folder / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as opened:
        opened.create_collection("菜谱", name="recipes")
        list(opened.ingest([write_recipes(folder / "files")], "recipes"))
        yield opened


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_questions_of_any_spreadsheet(tmp_path: Path, encoding: str, mark: str) -> None:
    path = tmp_path / "问题.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=mark)
        writer.writerow(["编号", "问题", "来源", "答案"])
        writer.writerow(["1", "要炖多久，几分钟？", "红烧肉.md", "60分钟|一小时"])
        writer.writerow(["2", "谁发明了电话？"])
        writer.writerow(["", "", "", ""])
    found = read_questions(path)
    assert found == [Question("要炖多久，几分钟？", "红烧肉.md", ("60分钟", "一小时")), Question("谁发明了电话？")]


@pytest.mark.parametrize(
    "data",
    [b"", b"a,b\n1,2\n", b"question,source\n", b"\xff\xfe\x00\xd8\x00", b"\x80\x81\xff\xff\n", b"question\nWho?\n"],
)
def test_files_that_are_no_questions_say_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(data)
    with pytest.raises(QuestionError) as raised:
        read_questions(path)
    assert raised.value.en and raised.value.zh
    with pytest.raises(QuestionError):
        read_questions(tmp_path / "nowhere.csv")


def test_search_is_measured_for_every_setting(base: KnowledgeBase) -> None:
    settings = [Setting(), Setting("bm25"), Setting("dense"), Setting(chunk_chars=20)]
    events = list(evaluate(base, "菜谱", ASKED, settings, k=3))
    rows = [event for event in events if isinstance(event, Row)]
    assert [row.setting for row in rows] == settings
    assert not [event for event in events if isinstance(event, (UnknownSources, Miss))]
    assert rows[0].recall == rows[0].first == rows[0].mrr == 1.0
    assert all(0 < (row.recall or 0) <= 1 and (row.mrr or 0) >= (row.first or 0) for row in rows)
    assert rows[3].passages > rows[0].passages == rows[1].passages, "shorter passages are more"
    assert rows[0].answered is rows[0].f1 is rows[0].declined is None
    progress = [event for event in events if isinstance(event, Progress)]
    assert [p.done for p in progress] == [n for _ in settings for n in range(len(ASKED) + 1)]
    assert len(base.documents("recipes")) == 6 and base.verify().ok, "the collection itself is as it was"


def test_wrong_labels_are_misses(base: KnowledgeBase) -> None:
    """Negative control: what is measured is the expected document, not that something was found."""
    wrong = [Question(q.question, "无线网络") for q in ASKED[:3]] + [Question("红烧肉要炖多久？", "东坡肉.md")]
    unknown, *events = evaluate(base, "recipes", wrong, [Setting()], k=1)
    assert unknown == UnknownSources(("东坡肉.md",))
    row = events[-1]
    assert isinstance(row, Row) and row.recall == row.first == 0.0 and (row.mrr or 0) < 0.5
    misses = [event for event in events if isinstance(event, Miss)]
    assert [miss.question for miss in misses] == wrong and misses[0].found == ("红烧肉",)


def test_answers_are_measured(base: KnowledgeBase) -> None:
    """Of four: right and cited, right without a citation, wrong with a citation that does not hold, declined."""

    def ask(question: str, adapter: str | None) -> Iterator[AnswerEvent]:
        assert adapter == "chef"
        passages = tuple(base.search(question, "recipes", 1))
        place = next((n for n, asked in enumerate(ASKED) if asked.question == question), 9)
        text = ["要炖60分钟[1]。", "8分钟", "150度[1]。", "", ""][place]
        yield Sources(passages, question)
        yield Token(text)
        if place in (3, 4):
            yield Refusal("model")
        elif place != 1:
            yield Citation(1, 0, 3, 0, 3, "verified" if place == 0 else "unsupported", 1.0)
        yield Done(text, adapter, "stop")

    *_, row = evaluate(base, "recipes", ASKED, [Setting(answers=True, adapter="chef")], 3, ask)
    assert isinstance(row, Row)
    assert (row.answered, row.cited, row.supported) == (0.5, 0.25, 0.5)
    assert (row.declined, row.wrongly_declined) == (1.0, 0.25)
    expected = [f1("要炖60分钟", "60分钟"), 1.0, f1("150度", "180度"), 0.0]
    assert row.f1 == pytest.approx(sum(expected) / 4)


def test_f1_by_hand() -> None:
    assert f1("六十分钟 [1]", "六十分钟") == 1.0
    assert f1("It takes 60 minutes [1].", "60 minutes") == pytest.approx(2 * 2 / (4 + 2))
    assert f1("分钟", "小时") == f1("", "a") == 0.0
    assert f1("１８０度", "180度") == 1.0


def test_what_cannot_be_measured_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(CollectionNotFoundError):
        evaluate(base, "nowhere", ASKED, [Setting()])
    with pytest.raises(ValueError):
        evaluate(base, "recipes", ASKED, [Setting(answers=True)])
    with pytest.raises(ValueError):
        Setting("bm25", answers=True)


def test_another_embedder_is_a_setting_to_compare(base: KnowledgeBase, tmp_path: Path) -> None:
    """A copy to which all tokens are the same."""
    folder = tmp_path / "flat"
    shutil.copytree(EMBEDDED_EMBEDDER, folder)
    table = load_file(folder / "model.safetensors")["embedding.weight"]
    save_file({"embedding.weight": np.ones_like(table)}, folder / "model.safetensors")
    same, other = (Setting("dense", embedder=str(path)) for path in (EMBEDDED_EMBEDDER, folder))
    rows = [e for e in evaluate(base, "recipes", ASKED, [Setting("dense"), same, other], k=1) if isinstance(e, Row)]
    assert rows[0].mrr == rows[1].mrr != rows[2].mrr and rows[2].passages == rows[0].passages
    assert setting_name(other, "en") == "meaning alone · flat"
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(EmbedderError):
        list(evaluate(base, "recipes", ASKED, [other]))


def test_documents_cut_again_are_the_same_documents(base: KnowledgeBase, tmp_path: Path) -> None:
    with base.recut("recipes", 60, tmp_path / "cut") as cut:
        for mine, theirs in zip(base.documents("recipes"), cut.documents("recipes"), strict=True):
            assert (mine.source, mine.title, mine.sha256) == (theirs.source, theirs.title, theirs.sha256)
            assert base.document_text(mine.id) == cut.document_text(theirs.id)
        assert cut.verify().ok
        assert all(len(p.text) <= 2 * 60 * 2.5 for p in cut.search("红烧肉", "recipes", 8))
    with base.recut("recipes", base.settings.chunk_chars, tmp_path / "same") as same:
        assert same.collection("recipes").chunks == base.collection("recipes").chunks
