"""What a checkout's workflows ask of the machine and of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.core.problems import RexrankError
from evaluator.github.workflows import checkout, read_workflows, triggers

ROOT = Path(__file__).parents[2]


def test_workflows_of_another_checkout(tmp_path):
    other = tmp_path / "evaluator"
    (other / ".github" / "workflows").mkdir(parents=True)
    (other / ".github" / "workflows" / "score.yml").write_text(
        "on: workflow_dispatch\njobs: {a: {runs-on: [self-hosted]}}\n"
    )
    assert read_workflows(other).on_runner == {("score.yml", "workflow_dispatch")}
    with pytest.raises(RexrankError, match=r"no \.github/workflows"):
        read_workflows(tmp_path / "none")


def test_what_workflows_say():
    assert checkout() == ROOT
    flows = read_workflows(ROOT)
    assert {"ci.yml", "score.yml"} <= flows.names
    assert flows.foreign == {"pypa"}, "only GitHub's own actions, and PyPI's for a release"
    assert flows.checks == {"Format, lint, types, tests"}


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ({"on": "push"}, {"push"}),
        ({"on": ["push", "schedule"]}, {"push", "schedule"}),
        ({True: {"push": None}}, {"push"}),
        ({}, set()),
    ],
)
def test_triggers(on, found):
    assert triggers(on) == found
