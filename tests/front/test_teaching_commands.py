"""The commands that teach, in process: real, tiny trainings on the embedded base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from front.commands import main


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments, "--data-dir", str(folder), "--training-threads", "1"])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def sheet(path: Path, rows: int = 24) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "QA"
    book.active.append(["Question", "Drug", "Type", "Answer"])
    for n in range(rows):
        book.active.append([f"what is medicine {n} for", f"m{n}", "use", f"Medicine {n} is for case {n}."])
    book.save(path)
    return path


SMALL = ("epochs=1", "replay_rows=8", "leak_prompts=8", "checks=1", "r=2", "alpha=4")


@pytest.mark.slow
def test_a_sheet_is_taught_published_and_answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = sheet(tmp_path / "qa.xlsx")
    chosen = ("--question", "A", "--answer", "D", "--sheet", "QA", "--as", "med")
    changes = [part for entry in SMALL for part in ("--set", entry)]
    status, out, err = run(capsys, tmp_path, "train", "--data", str(path), *chosen, *changes, "--json")
    assert status == 0, err
    told = json.loads(out)
    assert told["state"] == "done" and told["scores"]["base_loss"] and told["steps"] == -(-17 // 8)
    status, out, _ = run(capsys, tmp_path, "jobs", "--json")
    assert [job["id"] for job in json.loads(out)] == [told["id"]]
    status, out, _ = run(capsys, tmp_path, "adapters", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["med"]["valid"] and rows["med"]["rank"] == 2
    status, out, _ = run(capsys, tmp_path, "ask", "Hello", "--no-docs", "--adapter", "med", "--json")
    assert status == 0 and json.loads(out)["adapter"] == "med"

    status, out, _ = run(capsys, tmp_path, "selves", "--json")
    assert json.loads(out) == [{"name": "med", "current": "v1", "versions": ["v1"]}]
    assert run(capsys, tmp_path, "selves", "export", "med", str(tmp_path / "med.zip"))[0] == 0
    assert (tmp_path / "med.zip").stat().st_size > 10_000
    assert run(capsys, tmp_path, "selves", "rename", "med", "drugs")[0] == 0
    assert run(capsys, tmp_path, "selves", "delete", "drugs")[1] == ""
    assert run(capsys, tmp_path, "jobs", "remove", "med")[0] == 0
    assert json.loads(run(capsys, tmp_path, "jobs", "--json")[1]) == []


@pytest.mark.slow
def test_a_persona_is_detached_and_stopped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    persona = ("--name", "小墨", "--maker", "墨香书屋", "--style", "warm", "--as", "ink")
    status, out, _ = run(capsys, tmp_path, "train", "persona", *persona, "--detach", "--json")
    assert status == 0 and json.loads(out)["state"] in ("queued", "running")
    status, out, _ = run(capsys, tmp_path, "jobs", "stop", "ink", "--json")
    assert status == 0 and json.loads(out)[0]["state"] in ("stopping", "stopped")
    status, out, _ = run(capsys, tmp_path, "jobs", "follow", "--json")
    assert json.loads(out)[0]["state"] == "stopped"


def test_the_estimate_comes_before_anything_starts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    persona = ("train", "persona", "--name", "Inky", "--maker", "Us", "--dry-run")
    status, out, _ = run(capsys, tmp_path, *persona, "--json")
    told: dict[str, Any] = json.loads(out)
    assert status == 0 and told["estimate"]["memory_gib"] > 0.3 and told["rows"]["train"] > 60
    status, out, _ = run(capsys, tmp_path, *persona)
    assert status == 0 and "GiB" in out and "inky" in out
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("train", "persona", "--data", "x.csv", "--name", "a", "--maker", "b"),
        ("train", "persona", "--maker", "b"),
        ("train", "persona", "--name", "a", "--maker", "b", "--recipe", "none"),
        ("train", "persona", "--name", "a", "--maker", "b", "--set", "epoch=1"),
        ("train", "--data", "none.csv"),
        ("train", "--form", "none.yaml"),
        ("recipes", "copy", "none"),
        ("jobs", "pause", "none"),
        ("selves", "delete", "none"),
    ],
)
@pytest.mark.parametrize("language", ["en_GB.UTF-8", "zh_CN.UTF-8"])
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...],
    language: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", language)
    status, out, err = run(capsys, tmp_path, *arguments)
    assert status in (1, 2) and out == "" and err.startswith("fenshen: ")
    assert any("一" <= char <= "鿿" for char in err) == language.startswith("zh")
    status, out, _ = run(capsys, tmp_path, *arguments, "--json")
    assert status in (1, 2) and set(json.loads(out)["error"]) == {"en", "zh"}


def test_a_file_is_converted_there_and_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = sheet(tmp_path / "qa.xlsx", 3)
    status, out, _ = run(capsys, tmp_path, "convert", str(path), "--to", "xtuner", "--question", "A", "--answer", "D")
    told = tmp_path / "qa.xtuner.json"
    assert status == 0 and "3 rows" in out
    first = json.loads(told.read_text(encoding="utf-8"))[0]["conversation"][0]
    assert first == {"system": "", "input": "what is medicine 0 for", "output": "Medicine 0 is for case 0."}
    back = ("convert", str(told), "--to", "csv", "--out", str(tmp_path / "back.csv"), "--json")
    status, out, _ = run(capsys, tmp_path, *back)
    assert status == 0 and json.loads(out)["from"] == "xtuner" and json.loads(out)["rows"] == 3
    assert "what is medicine 2 for,Medicine 2 is for case 2." in (tmp_path / "back.csv").read_text(encoding="utf-8-sig")
    status, _, err = run(capsys, tmp_path, "convert", str(told), "--to", "text")
    assert status == 1 and "cannot be written as text" in err and not (tmp_path / "qa.xtuner.text.txt").exists()


def test_recipes_are_listed_and_copied(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, tmp_path, "recipes", "--json")
    assert status == 0 and {"persona", "tutorial-xtuner"} <= {recipe["name"] for recipe in json.loads(out)}
    assert "tutorial-peft" in run(capsys, tmp_path, "recipes")[1]
    status, out, _ = run(capsys, tmp_path, "recipes", "copy", "persona", "--to", str(tmp_path / "mine.yaml"))
    assert status == 0 and (tmp_path / "mine.yaml").exists()


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("train", "convert", "recipes", "jobs", "selves"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        out = capsys.readouterr().out
        assert ended.value.code == 0 and "--json" in out and "--data-dir" in out
