"""Training files as people have them: read, told apart, checked, converted and written again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from training.data import Row, chat, load_rows, save_rows
from training.dataset.formats import detect
from training.dataset.found import Dataset
from training.dataset.reading import look_at_table, read_dataset
from training.dataset.tables import Columns
from training.dataset.writing import SUFFIX, write_dataset
from training.errors import DataError

TALK = [
    chat("红烧肉要炖多久？", "一个半小时。"),
    chat("What is tea?", "A drink,\nfrom leaves.", system="Be brief."),
    chat("Hi", "Hello!", "How are you?", "=fine()"),
]
RECORDS: dict[str, Any] = {
    "messages": {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
    "xtuner": {"conversation": [{"system": "S", "input": "Q", "output": "A"}, {"input": "Q2", "output": "A2"}]},
    "alpaca": {"instruction": "Do", "input": "this", "output": "A", "history": [["q", "a"]]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "system": "S"},
}


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def said(rows: Sequence[Row]) -> list[list[tuple[str, str]]]:
    return [[(m["role"], m["content"]) for m in row.messages] for row in rows]


def workbook(path: Path, rows: list[list[Any]], title: str = "Data") -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("kind", RECORDS)
def test_formats_are_told_apart_and_read(kind: str, tmp_path: Path) -> None:
    assert detect(RECORDS[kind]) == kind and detect({"text": "x"}) is None
    found = read_dataset(write(tmp_path / "a.json", [RECORDS[kind]]))
    assert found.format == kind and found.numbers == (1,) and not found.problems
    expected = {
        "messages": [("user", "Q"), ("assistant", "A")],
        "xtuner": [("system", "S"), ("user", "Q"), ("assistant", "A"), ("user", "Q2"), ("assistant", "A2")],
        "alpaca": [("user", "q"), ("assistant", "a"), ("user", "Do\nthis"), ("assistant", "A")],
        "sharegpt": [("system", "S"), ("user", "Q"), ("assistant", "A")],
    }
    assert said(found.rows) == [expected[kind]]


@pytest.mark.parametrize("kind", ["messages", "xtuner", "alpaca", "sharegpt"])
def test_what_is_written_is_read_again(kind: str, tmp_path: Path) -> None:
    path = write_dataset(TALK, tmp_path / f"a{SUFFIX[kind]}", kind)
    found = read_dataset(path)
    assert found.format == kind and said(found.rows) == said(TALK)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_tables_are_written_and_read_again(kind: str, tmp_path: Path) -> None:
    rows = [chat("红烧肉要炖多久？", "一个半小时。"), chat("sum", '=1+1, "quoted"\nand more')]
    found = read_dataset(write_dataset(rows, tmp_path / f"a{SUFFIX[kind]}", kind))
    assert found.format == kind and said(found.rows) == said(rows) and found.numbers == (2, 3)
    with pytest.raises(DataError, match="Rows 3 cannot"):
        write_dataset(TALK, tmp_path / "b", kind)
    assert not (tmp_path / "b").exists()


def test_text_is_read_by_paragraphs_and_kept_as_xtuner(tmp_path: Path) -> None:
    found = read_dataset(write(tmp_path / "a.txt", "One.\nTwo.\n\n\nThree.\n"))
    assert found.format == "text" and found.numbers == (1, 5)
    assert said(found.rows) == [[("text", "One.\nTwo.")], [("text", "Three.")]]
    again = read_dataset(write_dataset(found.rows, tmp_path / "b.json", "xtuner"))
    assert said(again.rows) == said(found.rows)
    with pytest.raises(DataError, match="Rows 1, 2"):
        write_dataset(found.rows, tmp_path / "c.json", "alpaca")


def test_rows_that_cannot_be_learned_from_are_named(tmp_path: Path) -> None:
    bad = [
        '{"messages": [{"role": "user", "content": "Q"}]}',
        "",
        "{torn",
        '{"messages": [{"role": "wizard", "content": "Q"}]}',
        '{"messages": [{"role": "assistant", "content": "A"}]}',
        '{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "A"}]}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": ""}]}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": 5}]}',
        '{"messages": "none"}',
        '{"other": 1}',
        '{"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, '
        '{"role": "assistant", "content": "A"}]}',
    ]
    found = read_dataset(write(tmp_path / "a.jsonl", "\n".join(bad)))
    assert [p.number for p in found.problems] == [1, 3, 4, 5, 6, 7, 9, 10]
    assert found.numbers == (8, 11) and found.rows[0].messages[1]["content"] == "5"
    assert all(p.en and p.zh for p in found.problems)
    with pytest.raises(DataError) as caught:
        read_dataset(write(tmp_path / "b.jsonl", bad[0]))
    assert "rows 1" in caught.value.en and "第 1 行" in caught.value.zh


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.json", "[1, 2", "not valid JSON (line 1, character 6)"),
        ("a.json", "[" * 100_000, "not valid JSON"),
        ("a.json", "[1, 2]", "none of the known formats"),
        ("a.exe", "x", "type is not known"),
        ("a.txt", " \n ", "it is empty"),
        ("a.csv", "", "it is empty"),
        ("a.csv", "\n , \n", "it is empty"),
        ("a.csv", "question,answer\n", "it is empty"),
        ("a.csv", "question,answer\n,yes\n", "its question is empty"),
        ("a.csv", "one\ntwo\n", "no column “answer”"),
        ("a.csv", 'a,b\n"x', "a quotation mark is never closed"),
        ("a.xlsx", "x", "no Excel workbook"),
    ],
)
def test_files_of_no_use_say_why_and_what_to_do(name: str, text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(write(tmp_path / name, text))
    assert name in caught.value.en and name in caught.value.zh and why in caught.value.en
    meant, told = caught.value.en.rsplit(". ", 1)[1].split("; ")
    assert meant == "Nothing was read" and len(told) > 5 and "没有读入任何数据；" in caught.value.zh
    with pytest.raises(DataError):
        read_dataset(tmp_path / "none.json")


HEAD: list[Any] = ["Question", "Drug", "Type", "Answer"]
BODY: list[list[Any]] = [
    ["what is x?", "x", "info", "a drug"],
    ["how much y", "y", "dose", "two"],
    ["no answer", "z", "dose", None],
]


@pytest.mark.parametrize(("ask", "tell"), [("A", "D"), ("a", "d"), ("1", "4"), ("Question", "answer"), ("", "")])
def test_columns_are_chosen_by_letter_number_or_header(ask: str, tell: str, tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [HEAD, *BODY])
    found = read_dataset(path, Columns(ask, tell, "Data", system="Be exact."))
    assert said(found.rows)[0] == [("system", "Be exact."), ("user", "what is x?"), ("assistant", "a drug")]
    assert found.numbers == (2, 3) and [p.number for p in found.problems] == [4]
    # the sheet with rows is found too
    assert read_dataset(path, Columns(ask, tell)).numbers == (2, 3)
    assert look_at_table(path).sheets == ("Notes", "Data")


def test_a_table_without_header_keeps_its_first_row(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", BODY[:2])
    assert read_dataset(path, Columns("A", "D")).numbers == (1, 2)
    assert read_dataset(path, Columns("A", "D", header=True)).numbers == (2,)
    headed = workbook(tmp_path / "b.xlsx", [HEAD, *BODY])
    assert read_dataset(headed, Columns("A", "D", header=False)).numbers == (1, 2, 3)


def test_the_columns_are_named_below_a_title(tmp_path: Path) -> None:
    rows = [["FAQ 2024", None, None], [None], ["编号", "问题", "答案"], [1, "茶是什么？", "一种饮料。"]]
    found = read_dataset(workbook(tmp_path / "a.xlsx", rows))
    assert said(found.rows) == [[("user", "茶是什么？"), ("assistant", "一种饮料。")]] and found.numbers == (4,)
    # control: rows that differ in length are no title
    talk = read_dataset(workbook(tmp_path / "b.xlsx", [["What is tea?"], ["What is rum?", "A drink."]]))
    assert talk.numbers == (2,) and talk.problems[0].number == 1


def test_a_line_separator_within_a_text_ends_no_record(tmp_path: Path) -> None:
    row = chat("Tea?", "Yes.\u2028And\x85more.")
    found = read_dataset(write(tmp_path / "a.jsonl", json.dumps({"messages": row.messages}, ensure_ascii=False)))
    assert found.rows == (row,) and not found.problems
    save_rows([row], tmp_path / "rows.jsonl")
    assert load_rows(tmp_path / "rows.jsonl") == [row]


@pytest.mark.parametrize(
    "columns", [Columns("Z", "D"), Columns("A", "5"), Columns("A", "A"), Columns("Reply", "D"), Columns("A", "D", "No")]
)
def test_a_wrong_column_or_sheet_is_named(columns: Columns, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(workbook(tmp_path / "a.xlsx", [HEAD, *BODY]), columns)
    assert "a.xlsx" in caught.value.en and caught.value.zh != caught.value.en


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_of_any_separator_and_encoding(separator: str, encoding: str, tmp_path: Path) -> None:
    lines = [
        separator.join(row) for row in (["问题", "回答"], ["泡绿茶用多少度的水？", "八十度的水。"], ["你好", "您好"])
    ]
    (tmp_path / "a.csv").write_bytes("\r\n".join(lines).encode(encoding))
    found: Dataset = read_dataset(tmp_path / "a.csv")
    assert said(found.rows)[0] == [("user", "泡绿茶用多少度的水？"), ("assistant", "八十度的水。")]
    assert found.numbers == (2, 3)
