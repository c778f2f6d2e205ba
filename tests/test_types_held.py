"""How much still passes as a mapping of anything, or is read by a string: these numbers may only fall.

A signature counts once when a parameter or its result is `dict[str, Any]`, `Mapping[str, Any]`, the same of
`object`, or a bare `dict`, under whatever name. A subscript counts when a row, table, record or part of one is
read by a string, as in `row["metrics"]`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evaluator"
CEILINGS = {
    "": (59, 79),
    "leaderboard": (0, 8),
    "site": (9, 1),
    "scoring": (6, 13),
    "cli": (0, 0),
}
"""Signatures and subscripts by room; the empty name is the whole package."""
LOOSE = {
    f"{kind}[str, {value}]" for kind in ("dict", "Mapping", "MutableMapping") for value in ("Any", "object")
}
FLOWING = {
    *(
        "table",
        "tables",
        "row",
        "rows",
        "record",
        "records",
        "entry",
        "entries",
        "column",
        "metric",
        "pair",
        "board",
    ),
    *("event", "card", "cell", "numbers", "provenance", "before", "after", "found", "first", "full", "kept"),
    *("account", "answer", "lists", "secret_list"),
    *("r", "t", "m", "e", "p"),
}
"""Names of variables for rows, tables, records and their parts."""


def trees() -> dict[Path, ast.Module]:
    """Every module of the package, parsed."""
    return {p: ast.parse(p.read_text("utf-8")) for p in sorted(PACKAGE.rglob("*.py"))}


def own_aliases(tree: ast.Module) -> set[str]:
    """Names that a module gives a loose mapping, such as `Record = Mapping[str, Any]`."""
    known: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in LOOSE:
            known |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        if isinstance(node, ast.AnnAssign) and node.value is not None and ast.unparse(node.value) in LOOSE:
            known.add(ast.unparse(node.target))
    return known


def aliases(tree: ast.Module, modules: Mapping[Path, ast.Module]) -> set[str]:
    """A module's names for loose mappings, its own and those that it imports."""
    known = own_aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            source = modules.get(PACKAGE.parent / f"{node.module.replace('.', '/')}.py")
            own = own_aliases(source) if source else set()
            known |= {a.asname or a.name for a in node.names if a.name in own}
    return known


def is_loose(annotation: ast.expr, names: set[str]) -> bool:
    """Whether an annotation contains a mapping of anything."""
    nodes = list(ast.walk(annotation))
    whole = {id(n.value) for n in nodes if isinstance(n, ast.Subscript)}
    return any(
        (isinstance(n, ast.Subscript) and ast.unparse(n) in LOOSE)
        or (isinstance(n, ast.Name) and (n.id in names or (n.id == "dict" and id(n) not in whole)))
        for n in nodes
    )


def signatures(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """Functions with a loose parameter or result."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        notes = [n for n in (*(a.annotation for a in arguments), node.returns) if n is not None]
        if any(is_loose(n, names) for n in notes):
            yield node.name


def subscripts(tree: ast.Module) -> Iterator[str]:
    """Places where a row, table, record or part of one is read by a string."""
    for node in ast.walk(tree):
        by_text = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        if not by_text or not isinstance(node.slice.value, str):
            continue
        base: ast.expr = node
        while isinstance(base, ast.Subscript | ast.Attribute | ast.Call):
            base = base.func if isinstance(base, ast.Call) else base.value
        if isinstance(base, ast.Name) and base.id in FLOWING:
            yield ast.unparse(node)


@pytest.mark.parametrize("room", CEILINGS)
def test_loose_types_only_grow_fewer(room):
    modules = trees()
    here = {p: tree for p, tree in modules.items() if p.is_relative_to(PACKAGE / room)}
    loose = [
        f"{p.relative_to(PACKAGE)}: {s}"
        for p, tree in here.items()
        for s in signatures(tree, aliases(tree, modules))
    ]
    places = [f"{p.relative_to(PACKAGE)}: {s}" for p, tree in here.items() for s in subscripts(tree)]
    assert len(loose) <= CEILINGS[room][0], loose
    assert len(places) <= CEILINGS[room][1], places


def test_the_count_sees_through_names():
    tree = ast.parse(
        "Row = Mapping[str, Any]\n"
        "def a(row: Row) -> int: return row['metrics'][key]['mean']\n"
        "def b(x: list[dict[str, Any]] | None): return e.record['n']\n"
        "def c(x: dict) -> None: ...\n"
        "def d(x: dict[str, int], y: Table) -> None: y.rows[0].metrics['bleu_2']; frame['patient']\n"
    )
    names = aliases(tree, {})
    assert list(signatures(tree, names)) == ["a", "b", "c"]
    assert sorted(subscripts(tree)) == ["e.record['n']", "row['metrics']", "row['metrics'][key]['mean']"]
