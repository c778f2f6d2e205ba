"""The guide for researchers does what it prints: its Python as doctests, its commands as commands."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.cli import main

PAGE = (Path(__file__).parents[2] / "site/metrics/research.md").read_text("utf-8")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.fixture(scope="module")
def names():
    """The names defined by running the page's Python."""
    pytest.importorskip("rouge_score", reason=reason("score"))
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    parsed = doctest.DocTestParser().get_doctest("\n".join(blocks), names, "research", None, 0)
    assert len(parsed.examples) > 10
    assert doctest.DocTestRunner(optionflags=FLAGS).run(parsed, clear_globs=False).failed == 0
    return parsed.globs


def test_its_commands_print_what_it_shows(names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names["frame"].to_csv("pairs.csv", index=False)
    console = "".join(re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)
    assert len(commands) >= 2
    for command, wanted in commands:
        monkeypatch.setattr(sys, "argv", command.split())
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        assert capsys.readouterr().out.split() == wanted.split()
