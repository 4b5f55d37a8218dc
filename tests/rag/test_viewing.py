"""A passage in its document: marked on its page, in its row, in its text; and what the file of a document costs."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag.embeddings import Embedder, load_embedder
from rag.errors import DocumentNotFoundError
from rag.knowledge_base import KnowledgeBase
from rag.originals import pack
from rag.reader import Refused
from rag.readers import Readers
from rag.settings import RagSettings
from rag.types import FileAdded, FileSkipped
from rag.views import Look, PageView, PassageView, TableView, TextView
from tests.rag.bases import outcomes
from tests.rag.files import make_pdf, make_xlsx, write

PAGES = ["封面\n红烧肉的做法", "五花肉500克切块\n大火烧开\n小火炖60分钟后收汁\n大火烧开再装盘"]
PRICES = {
    "价目": [["菜名", "价格"], ["红烧肉", 38], [], ["清蒸鲈鱼", 58]],
    "电话": [["姓名", "号码"], ["李雷", 8801]],
}


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(RagSettings(Path("unused")))


@pytest.fixture
def base(tmp_path: Path, embedder: Embedder):
    with KnowledgeBase(RagSettings(tmp_path / "data"), embedder) as opened:
        opened.create_collection("x", name="x")
        yield opened


def added(base: KnowledgeBase, folder: Path, name: str, data: bytes | str) -> str:
    (event,) = outcomes(base, write(folder, name, data), collection="x")
    assert isinstance(event, FileAdded)
    return event.document.id


def view(base: KnowledgeBase, question: str, *words: str, nth: int = 0) -> PassageView:
    """The best passage for a question, with these words of it marked (where they come up again, the nth)."""
    passage = base.search(question, "x", k=1)[0]
    starts = [passage.text.find(word) for word in words]
    for _ in range(nth):
        starts = [passage.text.find(word, start + 1) for word, start in zip(words, starts, strict=True)]
    assert min(starts, default=0) >= 0
    return base.viewer.view(passage, [(start, start + len(word)) for start, word in zip(starts, words, strict=True)])


def points(shown: PageView) -> list[tuple[int, int, int, int]]:
    """The boxes of an A4 page in points from its lower left corner."""
    return [
        (round(595 * b.left), round(842 * (1 - b.bottom)), round(595 * b.right), round(842 * (1 - b.top)))
        for b in shown.boxes
    ]


def test_words_are_marked_where_they_stand_on_their_page(base: KnowledgeBase, tmp_path: Path) -> None:
    """`make_pdf` sets 12 point type at 72 points from the left, the first line at 720 and the next 14 below each."""
    added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    found = view(base, "炖60分钟", "炖60分钟")
    assert isinstance(found.shown, PageView) and (found.page, found.note) == (2, "")
    assert (found.shown.page, found.shown.pages) == (2, 2) and found.shown.image[8:12] == b"WEBP"
    ((left, bottom, right, top),) = points(found.shown)
    assert (left, right) == (72 + 2 * 12, 72 + 7 * 12) and bottom <= 692 <= top < 706
    for nth, line in ((0, 706), (1, 678)):
        again = view(base, "炖60分钟", "大火烧开", nth=nth).shown
        assert isinstance(again, PageView)
        ((_, bottom, _, top),) = points(again)
        assert bottom <= line <= top, "the one that is meant"
    both = view(base, "炖60分钟", "500克切块\n大火").shown
    assert isinstance(both, PageView) and len(both.boxes) == 2, "a box for each line"


def test_a_turned_and_cropped_page_is_marked_as_it_is_seen(base: KnowledgeBase, tmp_path: Path) -> None:
    import pypdf
    from pypdf.generic import RectangleObject

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(PAGES)))
    for page in writer.pages:
        page.cropbox = RectangleObject((0, 421, 595, 842))
        page.rotate(90)
    out = io.BytesIO()
    writer.write(out)
    added(base, tmp_path, "菜.pdf", out.getvalue())
    shown = view(base, "炖60分钟", "炖60分钟").shown
    assert isinstance(shown, PageView) and shown.height > shown.width, "half an A4 page, turned"
    (box,) = shown.boxes
    assert (round(595 * box.top), round(595 * box.bottom)) == (96, 156), "what was to the right is below"
    assert 421 + 421 * box.left <= 692 <= 421 + 421 * box.right, "and what was above is to the right"


def test_words_that_are_read_otherwise_are_found_in_pieces_or_not_marked(base: KnowledgeBase, tmp_path: Path) -> None:
    document = added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    passage = base.search("炖60分钟", "x", k=1)[0]

    def altered(before: str, after: str) -> PassageView:
        with closing(sqlite3.connect(base.settings.data_dir / "knowledge.db")) as db, db:
            db.execute("UPDATE documents SET text = replace(text, ?, ?) WHERE id = ?", (before, after, document))
        start = passage.text.find("五花肉")
        return base.viewer.view(passage, [(start, start + 10)])

    shown = altered("五花肉500克切块", "五花肉5OO克切块").shown
    assert (isinstance(shown, PageView) and len(shown.boxes) == 0) or shown.boxes[0].left > 0  # type: ignore[union-attr]
    lost = altered("五花肉5OO克切块", "从来没有这样的十个")
    assert isinstance(lost.shown, PageView) and lost.shown.boxes == () and lost.note == "not_marked"


def test_a_row_is_shown_with_its_header(base: KnowledgeBase, tmp_path: Path) -> None:
    added(base, tmp_path, "价.xlsx", make_xlsx(PRICES))
    shown = view(base, "清蒸鲈鱼的价格", "58").shown
    assert isinstance(shown, TableView) and (shown.sheet, shown.header) == ("价目", ("菜名", "价格"))
    assert [(row.number, row.cells, row.marked) for row in shown.rows] == [
        (2, ("红烧肉", "38"), False), (4, ("清蒸鲈鱼", "58"), True),
    ]  # fmt: skip
    phones = view(base, "李雷的号码", "8801").shown
    assert isinstance(phones, TableView) and phones.header == ("姓名", "号码") and len(phones.rows) == 1
    csv = "dish;price\n" + "".join(f"soup {n};{n}\n" for n in range(500))
    added(base, tmp_path, "menu.csv", csv)
    shown = view(base, "price of soup 321", "dish: soup 321; price: 321").shown
    assert isinstance(shown, TableView) and shown.sheet == ""
    assert [row.number for row in shown.rows if row.marked] == [323] and len(shown.rows) < 60


def test_other_documents_are_shown_as_text_around_the_passage(base: KnowledgeBase, tmp_path: Path) -> None:
    filler = "".join(f"第{n}行说的是别的事情。\n" for n in range(200))
    document = added(base, tmp_path, "a.md", f"# 茶\n\n{filler}\n乌龙茶要泡四分钟。\n\n{filler}")
    found = view(base, "乌龙茶要泡几分钟", "泡四分钟")
    assert isinstance(found.shown, TextView) and found.note == ""
    ((start, end),) = found.shown.marks
    assert found.shown.text[start:end] == "泡四分钟" and 500 < len(found.shown.text) < 3000
    assert all(line.endswith("。") for line in found.shown.text.split("\n") if line), "whole lines"
    passage = base.search("乌龙茶", "x", k=1)[0]
    base.delete_document(document)
    with pytest.raises(DocumentNotFoundError):
        base.viewer.view(passage, [])


# --- the files that are kept


def kept(base: KnowledgeBase) -> list[bytes]:
    with closing(sqlite3.connect(base.settings.data_dir / "knowledge.db")) as db:
        return [row[0] for row in db.execute("SELECT data FROM originals")]


def on_disk(base: KnowledgeBase, part: bytes) -> bool:
    return any(part in path.read_bytes() for path in base.settings.data_dir.rglob("*") if path.is_file())


def test_a_file_goes_with_the_last_document_made_from_it(base: KnowledgeBase, tmp_path: Path) -> None:
    first = added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    added(base, tmp_path, "a.md", "# 茶\n\n泡四分钟。")
    (packed,) = kept(base)
    parts = [packed[at : at + 32] for at in range(0, len(packed) - 32, 400)]
    base.create_collection("y", name="y")
    outcomes(base, tmp_path / "菜.pdf", collection="y")
    assert len(kept(base)) == 1 and base.verify().ok
    assert any(on_disk(base, part) for part in parts), "the control: it is there to be found"
    base.delete_document(first)
    assert kept(base) == [packed], "another collection still has it"
    base.delete_collection("y")
    assert kept(base) == [] and base.verify().ok
    assert not any(on_disk(base, part) for part in parts), "nor is anything left of it"


def test_a_changed_file_takes_the_place_of_the_old_one(base: KnowledgeBase, tmp_path: Path) -> None:
    added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    (packed,) = kept(base)
    added(base, tmp_path, "菜.pdf", make_pdf(["清蒸鲈鱼蒸8分钟"]))
    assert len(kept(base)) == 1 and kept(base) != [packed]
    assert isinstance(view(base, "蒸几分钟", "8分钟").shown, PageView)


def test_backups_bring_files_back_and_damage_is_found(base: KnowledgeBase, tmp_path: Path) -> None:
    document = added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    base.backup(tmp_path / "one.zip")
    base.delete_document(document)
    base.restore(tmp_path / "one.zip")
    assert isinstance(view(base, "炖60分钟", "60分钟").shown, PageView) and base.verify().ok
    with closing(sqlite3.connect(base.settings.data_dir / "knowledge.db")) as db, db:
        db.execute("UPDATE originals SET data = ?", (pack(b"%PDF-1.7 another one"),))
    assert "菜.pdf: the file that is kept is not what was added" in base.verify().problems
    found = view(base, "炖60分钟", "60分钟")
    assert isinstance(found.shown, TextView) and found.note == "not_shown"


def test_documents_of_earlier_versions_are_shown_as_text_until_they_are_added_again(
    tmp_path: Path, embedder: Embedder
) -> None:
    settings = RagSettings(tmp_path / "data")
    with KnowledgeBase(settings, embedder) as base:
        base.create_collection("x", name="x")
        added(base, tmp_path, "菜.pdf", make_pdf(PAGES))
    with closing(sqlite3.connect(settings.data_dir / "knowledge.db")) as db, db:
        for thing in ("TRIGGER originals_go_with_documents", "INDEX documents_by_original", "TABLE originals"):
            db.execute(f"DROP {thing}")
        db.execute("DROP TABLE questions")
        db.execute("DROP TABLE recognised")
        db.execute("PRAGMA user_version=1")
    from rag.backup import backup

    backup(settings.data_dir, tmp_path / "old.zip")
    with KnowledgeBase(settings, embedder) as base:
        found = view(base, "炖60分钟", "60分钟")
        assert isinstance(found.shown, TextView) and found.note == "no_original" and base.verify().ok
        base.restore(tmp_path / "old.zip")
        assert view(base, "炖60分钟", "60分钟").note == "no_original"
        (again,) = outcomes(base, tmp_path / "菜.pdf", collection="x")
        assert isinstance(again, FileSkipped)
        assert isinstance(view(base, "炖60分钟", "60分钟").shown, PageView) and base.verify().ok


# --- hostile files


def look(data: bytes, page: int = 1) -> Look:
    return Look("x.pdf", "pdf", pack(data), len(data), page, 0, 1, ((0, 1),), ("甲",), (0,))


def test_a_hostile_page_costs_itself_alone(tmp_path: Path) -> None:
    honest = make_pdf(["甲页"])
    begin, _, rest = honest.partition(b"[0 0 595 842]")
    vast = begin + b"[0 0 9e6 9e6]" + rest
    drawn = b"q 1 0 0 1 0 0 cm " + b"0 0 m 590 800 l 10 700 l 580 20 l f* " * 400_000 + b" Q"
    import pypdf
    from pypdf.generic import DecodedStreamObject, NameObject

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(honest))
    stream = DecodedStreamObject()
    stream.set_data(drawn)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    out = io.BytesIO()
    writer.write(out)
    patient, brief = (Readers(RagSettings(tmp_path / "data", readers=1, read_seconds=s)) for s in (60, 1))
    try:
        wide = patient.look_up(look(vast)).result()
        assert isinstance(wide, PageView) and wide.width * wide.height <= 4_100_000
        for bad in (b"%PDF-1.7 nothing more", honest[: len(honest) // 2]):
            assert isinstance(patient.look_up(look(bad)).result(), Refused)
        assert isinstance(patient.look_up(look(honest, page=2)).result(), Refused)
        late = brief.look_up(look(out.getvalue())).result()
        assert isinstance(late, Refused) and "1 s" in late.en
        assert isinstance(patient.look_up(look(honest)).result(), PageView), "the next one is shown"
    finally:
        patient.close()
        brief.close()
