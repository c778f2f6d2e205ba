"""The maintainers' guides name what exists: every check of the doctor, and real commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from evaluator.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "site" / "maintainers").glob("*.md"))
CODE = re.compile(r"RD\d{3}")
CALL = re.compile(r"(?:^|[\s`/])rexrank ((?:[a-z]+[ \n]?)+[^`\n|;&#]*)", re.MULTILINE)


def test_every_check_stands_in_a_guide():
    source = " ".join(p.read_text("utf-8") for p in (ROOT / "evaluator" / "doctor").rglob("*.py"))
    guides = " ".join(p.read_text("utf-8") for p in PAGES)
    assert set(CODE.findall(source)) == set(CODE.findall(guides))


def calls():
    """Every command line that a guide shows, with its page."""
    for page in PAGES:
        for text in CALL.findall(page.read_text("utf-8").replace("\\\n", " ")):
            yield pytest.param(text.strip(), id=f"{page.stem}: {text.strip()[:40]}")


@pytest.mark.parametrize("text", list(calls()))
def test_commands_of_the_guides_exist(text):
    command = typer.main.get_command(app)
    words = shlex.split(text.replace("…", "").replace("'", ""))
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"there is no rexrank {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {w.partition("=")[0] for w in words if w.startswith("--")} <= known


def test_calls_are_found():
    assert len(list(calls())) > 25
