"""No test is a stopwatch: a process of a test is given the one limit that means it hangs."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
STARTERS = {"run", "communicate", "wait", "check_output", "check_call", "call"}


def limits(source):
    """Lines that give a process, or the end of one, a number of seconds of their own."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in STARTERS:
            waits = call.args[:1] if call.func.attr == "wait" else []
            values = [*waits, *(k.value for k in call.keywords if k.arg == "timeout")]
            yield from (call.lineno for v in values if isinstance(v, ast.Constant) and v.value)


def test_a_number_of_seconds_is_found():
    assert list(
        limits("a.communicate(timeout=30)\nb.run(x, timeout=HANG)\nJudge(timeout=0.1)\nc.wait(60)\nc.wait()")
    ) == [1, 4]


def test_processes_of_tests_have_one_limit():
    named = {p.relative_to(TESTS).as_posix(): list(limits(p.read_text("utf-8"))) for p in TESTS.rglob("*.py")}
    assert not {name: lines for name, lines in named.items() if lines}
