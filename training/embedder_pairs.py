"""Question-passage pairs for the embedder, made from corpus shards (`reader__*`, `chat__*`, `pretrain__*`).

Every pair says which document its passage is from, so that the held-out split is by document and a
hard negative can be another passage of the same document. Nothing is kept in memory but one row.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.mixture import own_rows

# Chat sources whose first answer stands to the first message as a passage to a question; small talk does not.
CHAT_SOURCES = frozenset(
    {"snakes_en_chat", "classical_translate", "medquad_en", "llamafactory_demo", "chatterbot_zh_en"}
)
# Articles of an encyclopaedia, which several sources ask about: one document, whatever the source.
_ARTICLES = frozenset(
    {"squad1-train-part", "squad2-train-part", "squadshifts-new-wiki", "tydiqa-goldp-en", "qed-dev (natural questions)"}
    | {"cmrc2018-train", "cmrc2018-train-part", "wiki_zh", "zhwiki_sf"}
    | {"enwiki_core", "enwiki_chinapedia", "simplewiki"}
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_SENTENCE = re.compile(r"[^。！？；!?\n]+[。！？；!?]*|[^\n]+")
_SENTENCE_EN = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“])")
_WORD = re.compile(r"[\u3400-\u9fff]+|[A-Za-z0-9][\w'.-]*")
_MEDICAL = re.compile(
    r"^.*?\b(?:of|for|with|to|have|about|is|are|by|causes|prevent)\s+(?:\(are\)\s+)?(.+?)\s*\?*$", re.I
)
_ASK_ZH = (
    "什么",
    "哪一年",
    "多少",
    "谁",
    "哪里",
    "为什么",
    "怎么",
    "哪个",
    "几",
    "多久",
    "何时",
    "哪些",
    "如何",
    "是否",
)
_ASK_EN = (
    "what",
    "when",
    "who",
    "how many",
    "how much",
    "which",
    "where",
    "why",
    "how",
    "what year",
    "how long",
)
_FRAME_ZH = ("{}是什么？", "请问{}", "{}呢？", "介绍一下{}。", "我想知道{}", "{}怎么办？", "关于{}", "{}")
_FRAME_EN = (
    "What is {}?",
    "Tell me about {}.",
    "{}",
    "How does {} work?",
    "I'd like to know about {}",
    "Explain {}",
)


@dataclass(frozen=True)
class Pair:
    """One training example. `document` names the source document, `group` the kind of pair (batches hold one group)."""

    query: str
    passage: str
    document: str
    group: str


def rows(corpus: Path, kind: str) -> Iterator[dict]:
    """Rows of the open tier of one kind, shard after shard; a row without `tier` is share-alike text, so open."""
    for shard in sorted(corpus.glob(f"{kind}__*.jsonl.xz")):
        with lzma.open(shard, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("tier", "open") == "open":
                    yield row


def held_out(document: str, share: float) -> bool:
    """Whether a document belongs to the held-out split: by a hash of its name, so it is the same in every run."""
    return int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) < share * 2**32


def is_chinese(text: str) -> bool:
    return len(_HAN.findall(text[:400])) * 8 > len(text[:400])


def sentences(text: str) -> list[str]:
    if is_chinese(text):
        return [s.strip() for s in _SENTENCE.findall(text) if s.strip()]
    return [s.strip() for line in text.split("\n") for s in _SENTENCE_EN.split(line) if s.strip()]


def sections(text: str) -> Iterator[tuple[str, str]]:
    """(heading, body) of a Markdown-like text; a text without headings is one section with heading ""."""
    heading = ""
    body: list[str] = []
    for line in text.split("\n"):
        match = _HEADING.match(line)
        if match and match.group(1):
            if any(b.strip() for b in body):
                yield heading, "\n".join(body).strip()
            heading, body = match.group(1), []
        else:
            body.append(line)
    if any(b.strip() for b in body):
        yield heading, "\n".join(body).strip()


def chunks(body: str, rng: random.Random) -> Iterator[str]:
    """Whole sentences put together up to a size drawn per chunk: passages in use vary in length."""
    scale = 1 if is_chinese(body) else 3
    size, piece = rng.randint(80, 420) * scale, ""
    for sentence in sentences(body):
        if piece and len(piece) + len(sentence) > size:
            yield piece
            piece, size = "", rng.randint(80, 420) * scale
        piece = (piece + " " + sentence if scale == 3 and piece else piece + sentence)[: 600 * scale]
    if len(piece) >= 25 * scale:
        yield piece


def cloze(sentence: str, rng: random.Random) -> str | None:
    """Something like a question: a window of the sentence, words dropped, one span replaced by a question word."""
    if is_chinese(sentence):
        import rjieba

        words = [w for run in _WORD.findall(sentence) for w in rjieba.cut(run)]
        size, ask, gap = rng.randint(4, 12), rng.choice(_ASK_ZH), ""
    else:
        words = _WORD.findall(sentence)
        size, ask, gap = rng.randint(5, 14), rng.choice(_ASK_EN), " "
    if len(words) < 4:
        return None
    start = rng.randint(0, max(0, len(words) - size))
    window = words[start : start + size]
    hole = rng.randrange(len(window))
    drop = rng.choice((0.0, 0.15, 0.3, 0.45))
    kept = [w for i, w in enumerate(window) if not hole <= i < hole + 2 and rng.random() >= drop]
    if len(kept) < 2:
        return None
    kept.insert(0 if gap else min(hole, len(kept)), ask)
    return gap.join(kept) + rng.choice("？?。 " if not gap else "?? .")


def framed(heading: str, rng: random.Random) -> str:
    return rng.choice(_FRAME_ZH if is_chinese(heading) else _FRAME_EN).format(heading)


def from_text(row: dict, rng: random.Random, most: int) -> Iterator[Pair]:
    """Pairs of a running text: heading -> passage, question made of a sentence -> passage, sentence -> the rest."""
    text, source = row["text"], row["src"]
    title = text.strip().split("\n", 1)[0].lstrip("# ").strip()[:60]
    document = title if source == "factbook_en" else f"{source}/{title}"
    found = [(h, c) for h, body in sections(text) for c in chunks(body, rng)]
    if len(found) > most:
        first = rng.randint(0, len(found) - most)
        found = found[first : first + most]
    for heading, passage in found:
        head = heading if heading and heading != title else ""
        if rng.random() < 0.3 and len(title) < 40:
            passage = f"{title}{' · ' + head if head else ''}\n{passage}"
        elif head and rng.random() < 0.4:
            passage = f"{head}\n{passage}"
        whole = sentences(passage)
        if head and 2 < len(head) < 60 and rng.random() < 0.6:
            query = framed(head if rng.random() < 0.5 else f"{title} {head}", rng)
            yield Pair(query, passage, document, f"heading/{source}")
        for sentence in rng.sample(whole, min(2, len(whole))):
            made = cloze(sentence, rng)
            if made and rng.random() < 0.35 and len(title) < 30:
                made = f"{title}{' ' if not is_chinese(title) else rng.choice(('的', '，', '中'))}{made}"
            if made:
                yield Pair(made, passage, document, f"cloze/{source}")
        if len(whole) > 2 and rng.random() < 0.5:
            at = 0 if rng.random() < 0.3 else rng.randrange(len(whole))
            rest = (" " if not is_chinese(passage) else "").join(whole[:at] + whole[at + 1 :])
            yield Pair(whole[at], rest, document, f"inverse/{source}")


def from_reader(row: dict, rng: random.Random) -> Iterator[Pair]:
    """Question -> the part of the context that answers it; nothing where only the context explains the question."""
    question, answer, source, title = row["question"], row["answer"], row["src"], row.get("title") or ""
    if answer is None or (source == "laws_article_synth_zh" and title not in question and "“" not in question):
        return
    passage = row["context"]
    if source in {"crosswoz_db_synth_zh", "cook_csv_synth_zh"}:
        lines = [line for line in passage.split("\n") if line.startswith(title)]
        passage = lines[0] if lines else passage
    elif source == "docs_section_synth_zh" and rng.random() < 0.6:
        passage = answer if rng.random() < 0.5 else f"{title}\n{answer}"
    elif source == "kdconv_dev_grounded_zh" and title not in question:
        question = f"{title}，{question}"
    document = title if source == "factbook_synth_en" else f"{source}/{title or passage[:60]}"
    if source in _ARTICLES:
        document = f"article/{title or passage[:60]}"
    yield Pair(question, passage[:1500], document, f"reader/{source}")
    if source.startswith("drcd"):  # the only encyclopaedia there is: ask about its other sentences too
        made = cloze(rng.choice(sentences(passage)), rng)
        if made:
            yield Pair(made, passage[:1500], document, f"cloze/{source}")


def own_pairs(seed: int) -> Iterator[Pair]:
    """Pairs of the questions that the project itself asked over encyclopaedias, the same for the same seed.

    They were asked with the passage at hand and often do not name what they are about: then the title is put first,
    and before half of these passages too.
    """
    rng = random.Random(seed)
    for row in own_rows():
        title, named = row["title"], row["title"] in row["question"]
        if row["src"] in _ARTICLES:
            question = row["question"] if named else f"{title}{'，' if row['lang'] == 'zh' else ', '}{row['question']}"
            context = f"{title}\n{row['context']}" if rng.random() < 0.5 else row["context"]
            yield from from_reader({**row, "question": question, "context": context}, rng)


def from_chat(row: dict) -> Iterator[Pair]:
    """First user message -> first answer, for the sources where that is a question and its passage."""
    turns = [m for m in row["messages"] if m["role"] != "system"]
    if row["src"] not in CHAT_SOURCES or len(turns) < 2 or not 3 < len(turns[0]["content"]) < 700:
        return
    query, answer = turns[0]["content"], turns[1]["content"]
    if row["src"] == "classical_translate":
        query = query.split("\n", 1)[-1]
    topic = _MEDICAL.match(query) if row["src"] == "medquad_en" else None
    document = f"{row['src']}/{topic.group(1).lower() if topic else query[:60]}"
    if len(answer) > 20:
        yield Pair(query, answer[:1500], document, f"chat/{row['src']}")


def corpus_pairs(corpus: Path, seed: int, most_per_text: int) -> Iterator[Pair]:
    """All pairs of a corpus folder, in shard order, the same for the same seed."""
    rng = random.Random(seed)
    for row in rows(corpus, "reader"):
        yield from from_reader(row, rng)
    for row in rows(corpus, "chat"):
        yield from from_chat(row)
    for row in rows(corpus, "pretrain"):
        yield from from_text(row, rng, most_per_text)
