"""Every command has an example, and each example is one that the command accepts."""

from __future__ import annotations

import shlex

import pytest

from evaluator.cli.app import app
from evaluator.cli.usage import EXAMPLES, SPEAKING, commands, furnished, ordered

COMMANDS = dict(commands(furnished(app)))


def test_every_command_has_an_example_and_no_example_is_left_over():
    assert set(EXAMPLES) == set(COMMANDS)
    assert set(COMMANDS) >= SPEAKING


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_read_by_its_command(name):
    program, *words = shlex.split(EXAMPLES[name])
    path = name.split()
    assert (program, words[: len(path)]) == ("rexrank", path)
    # Raises for an option, a value or a number of arguments that the command does not take.
    COMMANDS[name].make_context(name, words[len(path) :])


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("--quiet metrics", "metrics --quiet"),
        ("-q --format=json data check refs", "data check refs -q --format=json"),
        ("--format json metric bleu_2 -- x", "metric bleu_2 --format json -- x"),
        ("metrics --quiet", "metrics --quiet"),
        ("--format", "--format"),
        ("--version", "--version"),
    ],
)
def test_shared_options_may_come_before_the_command(typed, read):
    assert ordered(typed.split()) == read.split()
