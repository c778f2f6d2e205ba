"""What every command has: help with an example, JSON, a quiet form, completion, and a line in the docs."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from support.commands import COMMANDS, COPY, FAILING

from evaluator.cli.app import app
from evaluator.core.problems import ExitCode
from evaluator.core.version import __version__

ROOT = Path(__file__).parents[2]


OWN_FORMAT = {("validate",), ("metric",), ("metrics",)}
"""Commands whose JSON has its own form."""


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
    """Also on failure: one object on standard output, with the status of the process."""
    if command not in OWN_FORMAT:
        status, text, errors = run(*command, *FAILING.get(command, ()), "--format", "json")
        value = json.loads(text)
        assert (value["exit_code"], value["command"]) == (status, " ".join(command))
        assert status == 0 or value["errors"] or value["output"], text
        assert "Traceback" not in errors
    assert "No such option: -q" not in run(*command, *FAILING.get(command, ()), "-q")[2]


def functions(module):
    """The functions of a module by name, commands' own names included."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def called(node):
    return {c.func.id for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)}


def keeps_a_result(module, name, seen):
    """Whether a function, or one that it calls in its own or the commands' modules, keeps a result."""
    node = functions(module).get(name)
    if node is None or (module, name) in seen:
        return False
    seen.add((module, name))
    names = called(node)
    if names & {"result", "add_results"}:
        return True
    imports = [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("evaluator.cli.")
    ]
    further = {(n.module, a.name) for n in imports for a in n.names} | {(module, n) for n in names}
    return any(keeps_a_result(m, n, seen) for m, n in sorted(further))


def callback(command):
    """The module and the name of a command's function."""
    inner = typer.main.get_command(app)
    for word in command:
        inner = inner.commands[word]
    function = inspect.unwrap(inner.callback)
    return function.__module__, function.__name__


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_keeps_its_result_for_json(command):
    assert (command in OWN_FORMAT) != keeps_a_result(*callback(command), set())


KIT = {
    "code": "RD100", "state": "bad", "what": "runner kit", "found": "none does not exist",
    "wanted": "the kit, installed by setup.sh", "fix": "run sudo runner/setup.sh in root's checkout of main",
}  # fmt: skip
OTHER = "submissions/rexrank-sandbox/template"
SCORED = ("--dataset", "sandbox", "--metrics", "bleu_2")
RECORD = "leaderboard/records/sandbox/{}/rexrank-sandbox__near-copy.json"


def test_results_of_a_whole_run(run):
    """Commands one after the other on the sandbox, each with what its JSON keeps."""

    def kept(*args):
        value = json.loads(run(*args, "--format", "json")[1])
        return value["exit_code"], value["result"]

    assert kept("doctor", "--prefix", "none") == (1, [{"title": "The kit", "findings": [KIT]}])
    assert kept("quota", "grant", "acme", "rexgradient", "0" * 64)[1] == {
        "team": "acme",
        "dataset": "rexgradient",
        "granted": True,
    }
    records = [RECORD.format(track) for track in ("report", "findings")]
    status, shards = kept("score", COPY, *SCORED, "--shard", "1/1")
    assert (status, len(shards)) == (0, 2)
    status, paths = kept("merge", COPY, "--dataset", "sandbox")
    assert (status, sorted(paths)) == (0, sorted(records))
    assert sorted(kept("score", COPY, *SCORED)[1]) == sorted(records)
    assert kept("score", OTHER, *SCORED)[0] == 0
    status, rows = kept(
        "compare", "rexrank-sandbox/near-copy", "rexrank-sandbox/template", "--dataset", "sandbox"
    )
    assert (status, rows[0]["metric"], rows[0]["group"], rows[0]["better"]) == (0, "bleu_2", "all", "a")
    status, files = kept("dev", "schemas", "--out", "schemas")
    assert (status, "schemas/table-v2.schema.json" in files) == (0, True)


def test_a_quiet_command_says_nothing_but_what_went_wrong(run):
    assert run("new", "acme", "m1", "--quiet") == (ExitCode.DONE, "", "")
    status, text, errors = run("new", "acme", "m1", "-q")
    assert (status, text, "already exists" in errors) == (ExitCode.INPUT, "", True)
    assert "Valid" in run("validate", COPY, "-q")[1]


def test_json_contains_the_results(run):
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


def test_no_colour_is_printed_if_it_is_not_wanted(run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for args in (("--help",), ("validate", COPY), ("metrics",), ("vaildate",)):
        _, output, errors = run(*args)
        assert "\x1b" not in output + errors


def test_the_docs_list_the_exit_codes_and_every_command():
    page = (ROOT / "site/commands.md").read_text("utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in page
    names = {f"`rexrank {' '.join(c)}`" for c in COMMANDS if c[0] != "dev"}
    assert {name for name in names if name not in page} == set()
