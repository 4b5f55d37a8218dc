"""What travels through the knowledge room: documents, chunks, passages and events.

All are frozen dataclasses without behaviour, so that they can be logged, stored and rendered
anywhere. Offsets count Unicode characters (Python string indices), never bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Section:
    """A stretch of a loaded document under one heading or on one page.

    Attributes:
        start, end: half-open character range in `LoadedDocument.text`.
        heading: heading path, outermost first, joined by " > "; "" where there is none.
        page: 1-based page number (PDF), sheet row ranges and the like have None.
        recognised: whether its text was read from an image, by text recognition (OCR).
    """

    start: int
    end: int
    heading: str = ""
    page: int | None = None
    recognised: bool = False


@dataclass(frozen=True)
class LoadedDocument:
    """Plain text of one file. `sections` are in order, do not overlap, and cover the text."""

    text: str
    title: str
    loader: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """A piece of a document to be indexed; `text == document.text[start:end]`."""

    text: str
    start: int
    end: int
    heading: str = ""
    page: int | None = None


@dataclass(frozen=True)
class Collection:
    """A named set of documents. `name` is an ASCII slug (its id), `title` is shown to people."""

    name: str
    title: str
    documents: int
    chunks: int


@dataclass(frozen=True)
class Document:
    """One ingested file. `added_at` is seconds since the epoch, `size` is in bytes of the source file."""

    id: str
    collection: str
    source: str
    title: str
    loader: str
    size: int
    chunks: int
    sha256: str
    added_at: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filter:
    """Which documents of a collection to search; an empty field lets every document through.

    Attributes:
        sources: names of documents, as `Document.source` or `title` has them; one that ends in "/" takes a folder.
        types: `Document.loader` of those wanted ("pdf", "markdown", …).
        since, until: when they were added, in seconds since the epoch; `until` itself is left out.
    """

    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None


Method = Literal["hybrid", "bm25", "dense"]
"""How passages are found: by words and by meaning, or by one of the two alone."""


@dataclass(frozen=True)
class Passage:
    """A retrieved piece of text and how it was found.

    `text == document text[start:end]`. Ranks are 1-based, None where that search did not return it.
    `dense_score` is a cosine in [-1, 1], `bm25_score` is unbounded, `score` is the two fused, in
    [0, 1] (`fusion.fuse`). `recognised`: some of it was read from an image, by text recognition (OCR), and may hold
    mistakes.
    """

    document_id: str
    collection: str
    source: str
    title: str
    text: str
    start: int
    end: int
    heading: str = ""
    page: int | None = None
    score: float = 0.0
    dense_rank: int | None = None
    dense_score: float | None = None
    bm25_rank: int | None = None
    bm25_score: float | None = None
    recognised: bool = False


# --- ingest events: one FileStarted and exactly one of the other three per file, then one IngestDone


@dataclass(frozen=True)
class FileStarted:
    source: str
    index: int
    total: int
    type: Literal["file_started"] = "file_started"


@dataclass(frozen=True)
class FileAdded:
    """Acknowledged: the document is on disk and searchable, a kill from here on cannot lose it.

    `moved_from`: the name under which the same content was known until now, "" if there was none.
    """

    source: str
    document: Document
    seconds: float
    moved_from: str = ""
    type: Literal["file_added"] = "file_added"


@dataclass(frozen=True)
class FileSkipped:
    """Same content already in the collection; nothing changed."""

    source: str
    document: Document
    type: Literal["file_skipped"] = "file_skipped"


@dataclass(frozen=True)
class FileFailed:
    """Nothing of this file was kept. `error_en` and `error_zh` are for the user."""

    source: str
    error_en: str
    error_zh: str
    type: Literal["file_failed"] = "file_failed"


@dataclass(frozen=True)
class IngestDone:
    added: int
    skipped: int
    failed: int
    chunks: int
    seconds: float
    type: Literal["ingest_done"] = "ingest_done"


IngestEvent = FileStarted | FileAdded | FileSkipped | FileFailed | IngestDone


# --- answer events: [Sources] Token* [Sources] [Refusal] Citation* Done


@dataclass(frozen=True)
class Trace:
    """How one passage was found; fields as in `Passage`. `words`: what of the question stands in it, longest first."""

    title: str
    score: float
    dense_rank: int | None
    dense_score: float | None
    bm25_rank: int | None
    bm25_score: float | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """Why these passages, and why they were, or were not, near enough to be asked about.

    Attributes:
        query: what was searched for.
        passages: the nearest, best first.
        cosine: the best dense score, None where no passage was found by meaning.
        needed: the cosine from which passages count although they do not name what the question is about.
        subject: share of what the question is about that the best passage names, None where it names nothing.
        subject_needed: the share from which they count.
    """

    query: str
    passages: tuple[Trace, ...]
    cosine: float | None
    needed: float
    subject: float | None
    subject_needed: float


@dataclass(frozen=True)
class Sources:
    """The passages that were given to the model, in the order of their citation numbers (1-based).

    It comes once more where a passage was added that contradicts the answer.
    """

    passages: tuple[Passage, ...]
    query: str
    why: Why | None = field(default=None, compare=False)
    type: Literal["sources"] = "sources"


@dataclass(frozen=True)
class Token:
    """A piece of the answer as the model writes it."""

    text: str
    type: Literal["token"] = "token"


@dataclass(frozen=True)
class Citation:
    """A sentence of the final answer and the passage that supports it.

    Attributes:
        number: citation number, 1-based index into `Sources.passages`.
        start, end: the sentence in `Done.answer` (without the marker).
        span_start, span_end: the supporting span in that passage's `text`.
        status: "verified" (stands there), "paraphrased" (close), "unsupported" (nothing there supports it, though the
            model cited it or states an amount).
        score: alignment score in [0, 1].
    """

    number: int
    start: int
    end: int
    span_start: int
    span_end: int
    status: Literal["verified", "paraphrased", "unsupported"]
    score: float
    type: Literal["citation"] = "citation"


@dataclass(frozen=True)
class Refusal:
    """The documents do not hold the answer.

    `reason`: "no_passages" (nothing near enough was found; `why` tells what was) or "model" (the model says so).
    """

    reason: Literal["no_passages", "model"]
    why: Why | None = field(default=None, compare=False)
    type: Literal["refusal"] = "refusal"


@dataclass(frozen=True)
class Done:
    """The end of an answer; always the last event.

    `answer` is the final text with its [n] markers and replaces the streamed tokens. `usage` has input_tokens,
    output_tokens, total_tokens. `timings` has search_s, ttft_s (from the call to the first token), total_s and
    tokens_per_second.
    """

    answer: str
    adapter: str | None
    finish_reason: str
    usage: dict[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    type: Literal["done"] = "done"


AnswerEvent = Sources | Token | Citation | Refusal | Done


@dataclass(frozen=True)
class AnswerOptions:
    """How to answer.

    Attributes:
        adapter: name of the self, None for the plain base.
        collection: slug of the collection to answer from, None for plain chat.
        system_prompt: the user's own, "" for none.
        k: passages given to the model.
        where: which documents of the collection to answer from, None for all.
        sampling: keyword arguments passed on to `model.stream` (max_tokens, temperature, top_p, top_k,
            repetition_penalty, seed, stop, and session: who takes turns with others).
    """

    adapter: str | None = None
    collection: str | None = None
    system_prompt: str = ""
    k: int = 3
    where: Filter | None = None
    sampling: dict[str, object] = field(default_factory=dict)
