"""The collector keeps all problems, lists some, and passes nothing hostile through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import MAX_TEXT, Problems, Severity, pointer, visible


def add(problems, code="RX206", file="f", found="x", severity=Severity.ERROR, line=None):
    problems.add(code, file, found=found, wanted="y", fix="z", severity=severity, line=line)


def test_errors_and_warnings_are_counted_beyond_what_is_listed():
    problems = Problems()
    for _ in range(30):
        add(problems)
        add(problems, code="RX408", severity=Severity.WARNING)
    assert (len(problems), problems.n_errors, problems.n_warnings) == (40, 30, 30)
    assert problems.suppressed == {("RX206", "f"): 10, ("RX408", "f"): 10}
    assert not problems.ok


def test_warnings_refuse_nothing():
    problems = Problems()
    add(problems, severity=Severity.WARNING)
    assert problems.ok


def test_another_collectors_problems_are_kept_with_its_counts():
    problems, other = Problems(), Problems()
    for _ in range(15):
        add(problems)
    for _ in range(30):
        add(other)
        add(other, code="RX408", severity=Severity.WARNING)
    problems.extend(other)
    assert (len(problems), problems.n_errors, problems.n_warnings) == (40, 45, 30)
    assert problems.suppressed == {("RX206", "f"): 25, ("RX408", "f"): 10}


def test_lines_are_looked_up_only_for_listed_problems():
    problems, calls = Problems(), []
    for i in range(30):
        add(problems, line=lambda i=i: calls.append(i) or i + 1)
    assert calls == list(range(20))
    assert [p.line for p in problems] == list(range(1, 21))


@given(st.text(st.characters(), max_size=400))
def test_listed_problems_are_printable_and_short(text):
    problems = Problems()
    add(problems, found=text, file=text)
    (problem,) = problems
    for words in (problem.found, problem.file):
        assert words.isprintable()
        assert len(words) <= 10 * MAX_TEXT
        words.encode("utf-8")


@given(st.lists(st.text(max_size=5), max_size=4))
def test_pointers_can_be_read_back(parts):
    names = [p.replace("~1", "/").replace("~0", "~") for p in pointer(*parts).split("/")[1:]]
    assert names == parts


def test_visible_cuts_and_escapes():
    assert visible("a" * 100) == "a" * 79 + "…"
    assert visible("\x1b[31m\ud83d") == "\\u001b[31m\\ud83d"
