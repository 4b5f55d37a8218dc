"""The command line, in process, on the real base and a real knowledge base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from front.commands import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments, "--data-dir", str(folder)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_ask_prints_answer_sources_usage(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    status, out, _ = run(capsys, folder, "ask", "红烧肉要炖多久？", "--json")
    result = json.loads(out)
    assert status == 0
    assert set(result) == {"answer", "adapter", "sources", "refused", "finish_reason", "usage", "timings"}
    assert result["sources"][0]["document"] == "红烧肉.md"
    assert {"passage", "score", "verified"} <= set(result["sources"][0])


def test_ask_without_documents(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    status, out, _ = run(capsys, folder, "ask", "你好", "--no-docs", "--json")
    assert status == 0 and json.loads(out)["sources"] == []


@pytest.mark.parametrize(
    "arguments", [("ask", "x", "--adapter", "nobody"), ("ask", "x", "--docs", "nowhere"), ("ask", "")]
)
def test_ask_refuses_clearly(capsys: pytest.CaptureFixture[str], folder: Path, arguments: tuple[str, ...]) -> None:
    status, out, err = run(capsys, folder, *arguments)
    assert status == 1 and out == "" and err.startswith("fenshen: ")
    status, out, _ = run(capsys, folder, *arguments, "--json")
    assert status == 1 and set(json.loads(out)["error"]) == {"en", "zh"}


def test_ingest_reports_every_file(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# 值班\n周三由李雷值班，电话 8801。\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing more")
    status, out, _ = run(capsys, folder, "ingest", str(tmp_path), "--collection", "duty", "--json")
    report: dict[str, Any] = json.loads(out)
    results = {Path(row["file"]).name: row["result"] for row in report["files"]}
    assert status == 1  # some failed
    assert results == {"notes.md": "added", "empty.txt": "failed", "broken.pdf": "failed"}
    assert (report["added"], report["failed"]) == (1, 2)
    status, out, _ = run(capsys, folder, "ingest", str(tmp_path / "notes.md"), "--collection", "duty", "--json")
    assert status == 0 and json.loads(out)["skipped"] == 1
    status, out, _ = run(capsys, folder, "ask", "周三谁值班？", "--docs", "duty", "--json")
    assert json.loads(out)["sources"][0]["document"] == "notes.md"


def test_adapters_lists_one_that_does_not_fit(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    bad = folder / "adapters" / "broken"
    bad.mkdir(parents=True)
    (bad / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8, "lora_alpha": 16}', encoding="utf-8")
    (bad / "adapter_model.safetensors").write_bytes(b"not safetensors")
    status, out, _ = run(capsys, folder, "adapters", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    assert rows["broken"]["valid"] is False and rows["broken"]["reason"]["zh"]
    assert all(row["valid"] for name, row in rows.items() if name != "broken")


def test_models_lists_the_presets(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    status, out, _ = run(capsys, folder, "models", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    assert {"embedded", "internlm2-chat-1.8b", "Qwen2-7B-Instruct", "Qwen3-0.6B"} <= set(rows)
    assert rows["embedded"]["present"] is True and rows["Qwen3-8B"]["present"] is False
    assert rows["Qwen3-8B"]["memory_gib"]["nf4"] < rows["Qwen3-8B"]["memory_gib"]["bf16"]


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("serve", "ask", "ingest", "adapters", "models"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        out = capsys.readouterr().out
        assert ended.value.code == 0 and "--json" in out and "--data-dir" in out


def test_a_base_that_is_none(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> None:
    status, _, err = run(capsys, folder, "ask", "x", "--no-docs", "--model", str(tmp_path))
    assert status == 1 and str(tmp_path) in err
