"""Imports point one way, files stay small, and the light commands stay light."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evaluator"
ROOMS = {
    "core": (),
    "statistics": (),
    "datasets": ("core",),
    "submissions": ("datasets", "core"),
    "models": ("datasets", "core"),
    "metrics": ("models", "datasets", "core"),
    "scoring": ("metrics", "models", "submissions", "datasets", "statistics", "core"),
    "leaderboard": ("scoring", "metrics", "models", "submissions", "datasets", "statistics", "core"),
}
ROOMS["site"] = ROOMS["github"] = ("leaderboard", *ROOMS["leaderboard"])
ROOMS["doctor"] = ("github", *ROOMS["github"])
ROOMS["hosting"] = ("doctor", *ROOMS["doctor"])
ROOMS["cli"] = ("hosting", "site", *ROOMS["hosting"])
ROOMS["__main__"] = ("cli",)
"""What each room may import besides itself; `schemas` holds data only, `__main__` is the door of `python -m`."""
HEAVY = {"torch", "transformers", "bert_score", "tokenizers", "safetensors", "openai", "huggingface_hub"}


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
            yield from (f"{node.module}.{a.name}" for a in node.names)


def room(module):
    return [*module.split("."), "", ""][1]


@pytest.mark.parametrize(("path", "module"), list(modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_imports_point_one_way(path, module):
    """Over every import, including those inside functions."""
    here = room(module)
    for name in imports(path, top_only=False):
        if (
            here
            and name.startswith("evaluator.")
            and room(name) not in {here, "schemas", "__version__", "Scorer", "score_pairs"}
        ):
            assert room(name) in ROOMS[here], f"{module} imports {name}"


def test_every_room_is_in_the_table():
    assert {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()} == {*ROOMS, "schemas"} - {
        "__main__"
    }
    assert {p.name for p in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def dependencies(*, of):
    """What each module (or, by `of`, each folder) imports, over every import; a folder and one inside it are one."""
    known = {module: path for path, module in modules()}
    graph = {}
    for path, module in modules():
        names = {n for n in imports(path, top_only=False) if n in known and n != module}
        if module != "evaluator":
            graph.setdefault(of(module, path), set()).update(
                of(n, known[n]) for n in names if n != "evaluator"
            )
    return {key: {v for v in values if key not in v and v not in key} for key, values in graph.items()}


def test_no_module_imports_itself_in_a_circle():
    TopologicalSorter(dependencies(of=lambda module, _: f"{module}/")).prepare()


def test_no_folder_imports_itself_in_a_circle():
    TopologicalSorter(dependencies(of=lambda _, path: f"{path.parent}/")).prepare()


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


def raised(node):
    """The classes of the errors that a body raises itself, without those that it catches."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise):
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            yield getattr(error, "attr", getattr(error, "id", ""))
        elif isinstance(child, ast.Try):
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from raised(part)
        elif not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from raised(child)


def test_docstrings_name_the_errors_that_are_raised():
    """Public functions only; the docstrings of commands are their help, and say what a user does."""
    silent = []
    for path, module in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                words = ast.get_docstring(node) or ""
                errors = {e for e in raised(node) if e[:1].isupper()} - {"Exit", "BadParameter"}
                silent += [f"{module}.{node.name}: {e}" for e in errors if words and e not in words]
    assert not silent


def test_no_test_reads_a_stopwatch():
    """Tests assert amounts of work, which are the same on a busy machine: `support.work` counts them."""
    clocks = {"monotonic", "perf_counter", "process_time", "thread_time", "clock"}
    clocks |= {f"{c}_ns" for c in clocks} | {"time_ns", "timeit"}
    places = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            if name in clocks:
                places.append(f"{path.name}:{node.lineno}")
    assert not places


TESTS = Path(__file__).parent
OTHER_ROOMS = {"browser", "data", "fuzz", "pipeline", "runner", "support", "tools", "workflows"}
"""Test rooms that do not correspond to one room of the package."""
THEMES = {
    "cli/test_adding_a_task",
    "cli/test_every_command",
    "scoring/integrity/test_every_rule",
    "doctor/test_guides",
    "github/test_push",
    "leaderboard/test_corpus_columns",
    "metrics/test_judged_metrics",
    "metrics/test_properties",
    "metrics/test_radgraph_rewards",
    "metrics/test_radgraph_xl",
    "models/judges/test_engine",
    "models/judges/test_obedient_judge",
    "models/judges/test_vllm",
    "site/test_prose",
    "site/test_research_guide",
    "site/test_zensical",
    "statistics/test_moerad",
    "submissions/convert/test_property",
    "submissions/rules/test_chat_reports",
    "submissions/test_guide_codes",
    "submissions/test_hostile_input",
    "test_hosted_requirements",
    "test_additions",
    "test_architecture",
    "test_extensions",
    "test_import_names",
    "test_run",
    "test_speed_claims",
    "test_wheel",
    "test_images",
    "test_statements",
    "test_tie_rules",
    "test_types_held",
}
"""Tests of one theme across several modules of their room."""


def test_tests_mirror_the_package():
    """A module's tests are found by its path: evaluator/scoring/quota.py in tests/scoring/test_quota.py."""
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS).with_suffix("")
        if place.parts[0] not in OTHER_ROOMS and place.as_posix() not in THEMES:
            module = PACKAGE / place.parent / f"{place.name.removeprefix('test_')}.py"
            assert module.is_file(), f"{place} mirrors no module"
    for theme in THEMES:
        assert (TESTS / f"{theme}.py").is_file(), f"{theme} is gone: take it off the list"
