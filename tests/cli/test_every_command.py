"""What every command has: help with an example, JSON, a quiet form, completion, and a line in the docs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import COMMANDS, COPY, FAILING

from evaluator.core.problems import ExitCode
from evaluator.core.version import __version__

ROOT = Path(__file__).parents[2]


OWN_FORMAT = {("validate",), ("metric",), ("metrics",)}
"""Commands whose JSON has a form of its own."""


GROUPS = sorted({c[:-1] for c in COMMANDS})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_exits_1_for_an_option_that_does_not_exist(run, command):
    status, _, errors = run(*command, "--no-such-option")
    assert (status, "No such option: --no-such-option" in errors) == (ExitCode.INPUT, True)


@pytest.mark.parametrize("command", [*GROUPS, *COMMANDS], ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_exits_0_for_help_with_an_example(run, command, option):
    status, text, _ = run(*command, option)
    assert (status, "Example: rexrank " in text) == (ExitCode.DONE, True)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_prints_json_and_keeps_quiet(run, command):
    """Also where it fails: one object on standard output, with the status that the process has."""
    if command not in OWN_FORMAT:
        status, text, errors = run(*command, *FAILING.get(command, ()), "--format", "json")
        value = json.loads(text)
        assert (value["exit_code"], value["command"]) == (status, " ".join(command))
        assert status == 0 or value["errors"] or value["output"], text
        assert "Traceback" not in errors
    assert "No such option: -q" not in run(*command, *FAILING.get(command, ()), "-q")[2]


def test_a_quiet_command_says_nothing_but_what_went_wrong(run):
    assert run("new", "acme", "m1", "--quiet") == (ExitCode.DONE, "", "")
    status, text, errors = run("new", "acme", "m1", "-q")
    assert (status, text, "is there already" in errors) == (ExitCode.INPUT, "", True)
    assert "Valid" in run("validate", COPY, "-q")[1]


def test_json_holds_what_was_made(run):
    value = json.loads(run("new", "acme", "m1", "--format", "json")[1])
    assert value["result"] == {"file": "submissions/acme/m1/model.yaml"}
    assert value["output"][0] == "wrote submissions/acme/m1/model.yaml"


def test_the_version_and_the_module(run, repository):
    assert run("--version") == (0, f"rexrank {__version__}\n", "")
    process = subprocess.run(
        [sys.executable, "-m", "evaluator", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout) == (0, f"rexrank {__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_and_options(shell):
    def complete(**words):
        process = subprocess.run(
            [sys.executable, "-m", "evaluator"],
            cwd=ROOT,
            env={**os.environ, "_REXRANK_COMPLETE": f"complete_{shell}", **words},
            capture_output=True,
            text=True,
            check=False,
        )
        return process.stdout

    assert "submit" in complete(
        COMP_WORDS="rexrank sub",
        COMP_CWORD="1",
        _TYPER_COMPLETE_ARGS="rexrank sub",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )


def test_no_colour_is_printed_where_none_is_wanted(run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for args in (("--help",), ("validate", COPY), ("metrics",), ("vaildate",)):
        _, output, errors = run(*args)
        assert "\x1b" not in output + errors


def test_the_docs_list_the_exit_codes_and_every_command():
    page = (ROOT / "site/commands.md").read_text("utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in page
    named = {f"`rexrank {' '.join(c)}`" for c in COMMANDS if c[0] != "dev"}
    assert {name for name in named if name not in page} == set()
