"""Every choice among values says how it decides a tie: a comment `# tie: …` beside the call."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import evaluator

PACKAGE = Path(evaluator.__file__).parent
MARK = "# tie:"
CHOICES = frozenset(
    [
        "argmax",
        "argmin",
        "nanargmax",
        "nanargmin",
        "topk",
        "kthvalue",
        "argsort",
        "argpartition",
        "lexsort",
        "nlargest",
        "nsmallest",
        "most_common",
        "sort_values",
        "idxmax",
        "idxmin",
        "rank",
        "rankdata",
        "mode",
        "multimode",
        "cummax",
        "cummin",
        "heappop",
        "linear_sum_assignment",
        "extractOne",
    ]
)
"""Calls that return an index, an item or an order, on any object."""
NO_NUMBERS = {"github", "doctor", "sandbox"}
"""Folders that order only names and integer counts, or that train the stand-in weights."""


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _of_tuples(call: ast.Call) -> bool:
    """Whether tuples are compared, in which the next part decides between equal ones."""
    return any(
        isinstance(a, ast.GeneratorExp | ast.ListComp | ast.SetComp) and isinstance(a.elt, ast.Tuple)
        for a in call.args
    )


def _chooses(call: ast.Call, parent: ast.AST | None) -> bool:
    """Whether a call picks or orders items by a value, so that equal values need a rule."""
    name, keywords = _name(call), {k.arg for k in call.keywords}
    if name in CHOICES:
        return True
    if isinstance(call.func, ast.Attribute):
        # A tensor's max over a dimension returns the index as well; an array's takes `axis` and does not.
        with_place = name in {"max", "min", "median", "sort"} and ("dim" in keywords or bool(call.args))
        module = isinstance(call.func.value, ast.Name) and call.func.value.id in {"np", "numpy", "math"}
        return (with_place and not module) or name == "sort"
    if name not in {"max", "min", "sorted"}:
        return False
    picked = (isinstance(parent, ast.Subscript) and parent.value is call) or (
        isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple)
    )
    return "key" in keywords or _of_tuples(call) or picked


EXTREMES = frozenset(["max", "min", "amax", "amin", "nanmax", "nanmin"])


def _equals_an_extreme(node: ast.AST) -> bool:
    """Whether a comparison asks what equals the highest or lowest value, which the last bits of a float decide."""
    if not isinstance(node, ast.Compare) or not any(isinstance(o, ast.Eq | ast.NotEq) for o in node.ops):
        return False
    return any(isinstance(s, ast.Call) and _name(s) in EXTREMES for s in (node.left, *node.comparators))


def unexplained(source: str) -> list[int]:
    """Lines of choices without a rule in their lines, on the line above, or above their statement."""
    lines, numbers = ["", *source.splitlines()], []
    waiting: list[tuple[ast.AST, ast.AST | None, int]] = [(ast.parse(source), None, 1)]
    while waiting:
        node, parent, start = waiting.pop()
        start = node.lineno if isinstance(node, ast.stmt) else start
        waiting += [(child, node, start) for child in ast.iter_child_nodes(node)]
        if (isinstance(node, ast.Call) and _chooses(node, parent)) or _equals_an_extreme(node):
            near = [lines[start - 1], *lines[node.lineno - 1 : (node.end_lineno or node.lineno) + 1]]
            if not any(MARK in line for line in near):
                numbers.append(start if isinstance(node, ast.Compare) else node.lineno)
    return sorted(numbers)


def test_every_choice_has_its_rule() -> None:
    paths = [p for p in sorted(PACKAGE.rglob("*.py")) if not NO_NUMBERS & set(p.relative_to(PACKAGE).parts)]
    places = [f"{p.relative_to(PACKAGE)}:{line}" for p in paths for line in unexplained(p.read_text("utf-8"))]
    assert not places, f"say beside each how equal values are decided, as `{MARK} first index`"


@pytest.mark.parametrize(
    "line",
    [
        "best = scores.argmax(-1)",
        "best = np.argmin(cost)",
        "top = torch.topk(x, k=1)",
        "value, place = x.max(dim=1)",
        "value, place = x.max(1)",
        "order = sorted(rows, key=lambda r: r.mean)",
        "rows.sort(key=lambda r: r.mean)",
        "found.sort()",
        "name = max(means, key=means.get)",
        "name = min((v, k) for k, v in means.items())[1]",
        "name = max(found)[1]",
        "mean, name = max(found)",
        "rows = frame.sort_values('mean')",
        "rows = heapq.nlargest(3, rows)",
        "if f(max(a, key=g)): pass",
        "best = scores == scores.max()",
        "best = np.flatnonzero(scores == max(scores))",
        "values, places = x.cummax(0)",
        "rows, columns = linear_sum_assignment(cost)",
    ],
)
def test_a_choice_without_a_rule_is_found(line: str) -> None:
    assert unexplained(f"x = 1\n{line}\n") == [2]
    assert unexplained(f"x = 1\n{line}  {MARK} first index\n") == []
    assert unexplained(f"{MARK} first index\n{line}\n") == []
    assert unexplained(f"def f():\n    {MARK} first index\n    y = 2\n    {line}\n") == [4]


@pytest.mark.parametrize(
    "line",
    [
        "n = max(1, n)",
        "low = min(values)",
        "names = sorted(names)",
        "best = x.max(axis=1)",
        "best = np.max(x, 1)",
        "best = x.amax(dim=1)",
        "row = rows[min(i, n)]",
    ],
)
def test_a_value_alone_needs_no_rule(line: str) -> None:
    assert unexplained(f"{line}\n") == []
