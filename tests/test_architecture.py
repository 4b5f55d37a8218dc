"""The house keeps its shape: who may import whom, what may be imported where, how large things may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("llm", "rag", "training")
OURS = (*ROOMS, "front")
HEAVY = {
    "torch", "transformers", "peft", "sentence_transformers", "chromadb", "bitsandbytes", "accelerate",
    "bm25s", "rjieba", "pypdf", "pypdfium2", "docx", "openpyxl", "lxml", "datasets", "pandas",
}  # fmt: skip
# What only the training process loads.
TRAINER = {"run", "loop", "pretrain", "decoder", "optim", "quantise"}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[tuple[str, int]]:
    """(module, line) of every import; with `top_level_only` those that run when the module is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stack: list[ast.AST] = [tree]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if isinstance(child, ast.Import):
                yield from ((alias.name, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                yield child.module, child.lineno
            elif not (top_level_only and _runs_later(child)):
                stack.append(child)


def _runs_later(node: ast.AST) -> bool:
    """A function's body, or a block for type checkers alone."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.dump(node.test)
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_never_import_one_another(room: str) -> None:
    forbidden = {*OURS, "app"} - {room}
    wrong = [
        f"{label(path)}:{line} imports {module}"
        for path in sources(room)
        for module, line in imports(path)
        if module.split(".")[0] in forbidden
    ]
    assert not wrong


def test_only_tabs_and_the_page_import_gradio() -> None:
    wrong = [
        label(path)
        for path in sources(*OURS)
        if any(module.split(".")[0] == "gradio" for module, _ in imports(path))
        and not (path.stem == "tab" or "_tab" in path.stem or label(path) == "front/page.py")
    ]
    assert not wrong


def test_heavy_libraries_are_imported_inside_functions() -> None:
    wrong = [
        f"{label(path)}:{line} imports {module}"
        for path in [*sources(*OURS), ROOT / "app.py"]
        for module, line in imports(path, top_level_only=True)
        if module.split(".")[0] in HEAVY and not (path.parent.name == "training" and path.stem in TRAINER)
    ]
    assert not wrong


def test_one_file_names_chromadb() -> None:
    assert len([p for p in sources(*OURS) if any(m.split(".")[0] == "chromadb" for m, _ in imports(p))]) == 1


def test_data_base_holds_no_code() -> None:
    assert not list((ROOT / "data_base").rglob("*.py"))


def test_files_and_functions_stay_small() -> None:
    wrong = []
    for path in [*sources(*OURS), ROOT / "app.py"]:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 350:
            wrong.append(f"{label(path)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                # A kernel's parameters are flat: Triton takes no objects.
                if any("triton.jit" in ast.unparse(decorator) for decorator in node.decorator_list):
                    continue
                arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len([a for a in arguments if a not in ("self", "cls")]) > 7:
                    wrong.append(f"{label(path)}:{node.lineno} {node.name} takes {len(arguments)} parameters")
    assert not wrong


def test_tracked_files_stay_small_and_name_no_machine() -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    if not files:
        pytest.skip("not a git checkout")
    sizes = {path: path.stat().st_size for path in files}
    assert max(sizes.values()) < 16 * 2**20
    assert sum(sizes.values()) < 48 * 2**20


def test_the_import_walk_sees_what_it_must(tmp_path: Path) -> None:
    """Negative control: the rules above can fail."""
    file = tmp_path / "x.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
        "class A:\n    import peft\n    def f(self):\n        import chromadb\n",
        encoding="utf-8",
    )
    assert {m for m, _ in imports(file)} == {"typing", "torch", "peft", "chromadb"}
    assert {m for m, _ in imports(file, top_level_only=True)} == {"typing", "peft"}
