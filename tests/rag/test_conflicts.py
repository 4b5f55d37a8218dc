"""Documents that differ: said with both cited, and only where they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag import conflicts
from rag.answering import answer
from rag.citations import cite
from rag.embeddings import load_embedder
from rag.followup import resolve
from rag.knowledge_base import KnowledgeBase
from rag.sentences import split_sentences
from rag.settings import RagSettings
from rag.types import AnswerOptions, Citation, Done, Passage, Sources
from tests.rag.test_answering import scripted

PAIRS = [  # question, answer, what the first says, what the second says, quoted from the second ("": no conflict)
    ("X200的保修期是多久？", "X200的保修期是2年。", "X200的保修期是2年。", "X200的保修期为3年，自购买之日起。", "3年"),
    ("X200的保修期是多久？", "X200的保修期是2年。", "X200的保修期是2年。", "X200的保修期为24个月或2年。", ""),
    ("X200的保修期是多久？", "X200的保修期是2年。", "X200的保修期是2年。", "X300的保修期为3年。", ""),
    ("X200的保修期是多久？", "X200的保修期是2年。", "X200的保修期是2年。", "X200的电池寿命为3年。", ""),
    ("租房押金是多少？", "押金为500元。", "租房：押金为500元，当天交清。", "租房押金800元，退房时返还。", "800元"),
    ("红烧肉要炖多久？", "小火炖60分钟。", "红烧肉：小火炖60分钟。", "红烧肉小火慢炖1小时。", ""),
    ("红烧肉要炖多久？", "小火炖60分钟。", "红烧肉：小火炖60分钟。", "做红烧肉时小火炖90分钟，再收汁。", "90分钟"),
    ("红烧肉要炖多久？", "小火炖60分钟。", "红烧肉：小火炖60分钟。", "红烧肉要腌90分钟。", ""),
    ("What is the deposit?", "The deposit is $500.", "The deposit is $500.", "A deposit of $650 is due.", "$650"),
    ("What is the deposit?", "The deposit is $500.", "The deposit is $500.", "The rent is $650.", ""),
    ("仓库的电话是多少？", "仓库的电话是88015566。", "仓库的电话是88015566。", "仓库电话：88017788", "88017788"),
]  # fmt: skip


def a_passage(text: str, title: str) -> Passage:
    return Passage(title, "c", f"{title}.md", title, text, 0, len(text))


@pytest.mark.parametrize(("question", "said", "first", "second", "quoted"), PAIRS)
def test_the_same_thing_with_another_amount(question: str, said: str, first: str, second: str, quoted: str) -> None:
    sources = [a_passage(first, "甲")]
    cited = cite(said, sources, question)
    assert cited.supported
    other = conflicts.find(question, cited, sources, [*sources, a_passage(second, "乙")])
    if not quoted:
        assert other is None
        return
    assert other is not None
    told = conflicts.told(cited, other, 2, "zh")
    citation = told.citations[-1]
    assert quoted in told.text[citation.start : citation.end] and told.text.endswith("[2]")
    assert quoted in second[citation.span_start : citation.span_end]


def test_the_samples_do_not_contradict_one_another(knowledge: KnowledgeBase) -> None:
    """Every amount in what is found for every eighth labelled question, taken for the answer."""
    questions = Path(__file__).parents[2] / "benchmarks" / "questions" / "recipes.jsonl"
    looked_at = 0
    for line in questions.read_text(encoding="utf-8").splitlines()[::8]:
        row = json.loads(line)
        history = [(HumanMessage if m["role"] == "user" else AIMessage)(m["content"]) for m in row["history"]]
        query = resolve(row["question"], history)
        found = knowledge.search(query, "recipes", 6)
        for sentence in split_sentences(found[0].text) if found else []:
            cited = cite(found[0].text[sentence.start : sentence.end], found[:1], query)
            looked_at += conflicts.has_amounts(cited)
            assert conflicts.find(query, cited, found[:1], found) is None
    assert looked_at > 50


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("conflicts")
    (folder / "手册.md").write_text("# 手册\n\nX200的保修期是2年，从购买之日算起。\n", encoding="utf-8")
    (folder / "公告.md").write_text("# 公告\n\nX200的保修期改为3年[1]。![x](http://x/y)\n", encoding="utf-8")
    settings = RagSettings(folder / "data")
    with KnowledgeBase(settings, load_embedder(settings)) as opened:
        opened.create_collection("文件", name="papers")
        list(opened.ingest([folder / "手册.md", folder / "公告.md"], "papers"))
        yield opened


@pytest.mark.parametrize("k", [1, 4])
def test_the_answer_shows_both_with_their_citations(base: KnowledgeBase, k: int) -> None:
    found = base.search("X200的保修期是多久？", "papers", k)
    years = "2" if found[0].title == "手册" else "3"
    model = scripted(f"X200的保修期是{years}年。" if years == "2" else "X200的保修期改为3年。")
    events = list(answer("X200的保修期是多久？", [], model, base, AnswerOptions(collection="papers", k=k)))
    done, sources = events[-1], [event for event in events if isinstance(event, Sources)][-1]
    assert isinstance(done, Done) and "不一致" in done.answer and "http" not in done.answer
    cited = [event for event in events if isinstance(event, Citation)]
    titles = {sources.passages[citation.number - 1].title for citation in cited}
    assert titles == {"手册", "公告"} and {citation.status for citation in cited} <= {"verified", "paraphrased"}
    base_order = [passage.title for passage in sources.passages]
    assert len(base_order) == len(set(base_order)) == 2
