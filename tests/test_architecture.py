"""Imports point one way, files stay small, and the light commands stay light."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evaluator"
LAYERS = (
    ("problems", "__init__"),
    ("files",),
    ("tree", "jsonio", "schemas", "datasets", "submission"),
    ("protocol",),
    ("metrics.base", "metrics.registry", "metrics", "encoders", "judges"),
    ("checks", "statistics"),
    ("store", "progress", "provenance", "convert", "template", "rendering"),
    ("scoring",),
    ("records", "reported"),
    ("cases", "nulls"),
    ("diagnostics", "uncertainty"),
    ("entrants", "groups", "ladder", "pairwise", "quota"),
    ("comparison", "tables", "runs", "ranking"),
    ("baselines", "history", "shards", "sandbox"),
    ("pages", "github.blobs", "github.intake", "github.api", "github.messages", "github"),
    ("commands.board", "commands.scoring", "commands.submit", "commands.machine"),
    ("github.preview", "github.refresh", "github.publish"),
    ("doctor",),
    ("commands",),
    ("demo",),
    ("cli_machine", "cli_pr"),
    ("cli",),
)
HEAVY = {"torch", "transformers", "bert_score", "tokenizers", "safetensors", "openai", "huggingface_hub"}


def level(module: str) -> int:
    name = module.removeprefix("evaluator").lstrip(".") or "__init__"
    fitting = [
        (len(p), i) for i, layer in enumerate(LAYERS) for p in layer if name == p or name.startswith(f"{p}.")
    ]
    assert fitting, f"{module} stands in no layer"
    return max(fitting)[1]


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield path, ".".join(p for p in parts if p != "__init__")


def imports(path, *, top_only):
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(("path", "module"), list(modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_imports_point_one_way(path, module):
    here = level(module)
    for name in imports(path, top_only=True):
        if name.startswith("evaluator.") and name.split(".")[1] != [*module.split("."), ""][1]:
            assert level(name) <= here, f"{module} imports {name}"


@pytest.mark.parametrize(("path", "module"), list(modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_heavy_packages_are_imported_where_they_are_used(path, module):
    assert not HEAVY & {n.split(".")[0] for n in imports(path, top_only=True)}


def test_files_and_functions_stay_small():
    for path, module in modules():
        text = path.read_text("utf-8")
        assert text.count("\n") <= 400, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno <= 62, f"{module}.{node.name}"


def test_everything_public_is_documented():
    for path, module in modules():
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree), module


def test_no_test_reads_a_stopwatch():
    """Tests assert work, which is the same on a busy machine: `support.work` counts it."""
    clocks = {"monotonic", "perf_counter", "process_time", "thread_time", "clock"}
    clocks |= {f"{c}_ns" for c in clocks} | {"time_ns", "timeit"}
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            if name in clocks:
                found.append(f"{path.name}:{node.lineno}")
    assert not found
