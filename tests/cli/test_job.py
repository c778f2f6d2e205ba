"""What the jobs of a workflow pass to each other, read in one place."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from evaluator.cli.job import Job, read_job, text_of
from evaluator.core.problems import InputError, RexrankError

ROOT = Path(__file__).parents[2]
SHA = "0123456789abcdef0123456789abcdef01234567"
NAMES = {f.name.upper() for f in fields(Job)}


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_missing_variables_are_empty():
    assert read_job() == Job()


def test_every_variable_has_its_field(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "true" if name == "RENEW" else f"the {name}")
    job = read_job()
    assert {f.name: getattr(job, f.name) for f in fields(Job)} == {
        n.lower(): True if n == "RENEW" else f"the {n}" for n in NAMES
    }


@pytest.mark.parametrize(
    ("pr", "sha"),
    [("", SHA), ("7", ""), ("7", SHA[:12]), ("7", SHA.upper()), ("seven", SHA), ("-7", SHA), ("7\n", SHA)],
)
def test_an_incomplete_pull_request_is_refused(pr, sha):
    with pytest.raises(InputError):
        Job(pr=pr, sha=sha).pull()


def test_only_an_answer_may_omit_the_commit():
    assert Job(pr="7", sha=SHA, first=SHA[::-1]).pull() == (7, SHA)
    assert Job(pr="7", first=SHA[::-1]).first_commit() == SHA[::-1]
    assert Job(pr="7").number() == 7
    for job in (Job(pr="7"), Job(pr="7", first="main")):
        with pytest.raises(InputError):
            job.first_commit()


@pytest.mark.parametrize(("text", "wanted"), [("", set()), ("7", {7}), ("7 12", {7, 12})])
def test_accounts_are_numbers(text, wanted):
    assert Job(accounts=text).account_ids() == wanted


@pytest.mark.parametrize("text", [" ", "7 ", "7,8", "07", "-7", "x", "7\n", "9" * 19, "7  8"])
def test_anything_else_is_not_an_account(text):
    with pytest.raises(InputError):
        Job(accounts=text).account_ids()


def test_grants_name_datasets_and_digests():
    assert Job().granted() == {}
    assert Job(grant=f"one:{'a' * 64} two:{'b' * 64}").granted() == {"one": "a" * 64, "two": "b" * 64}
    for text in (
        "one",
        f"one:{'A' * 64}",
        f"One:{'a' * 64}",
        f"one:{'a' * 64} ",
        f"one:{'a' * 64}\n",
        f"../x:{'a' * 64}",
    ):
        with pytest.raises(InputError):
            Job(grant=text).granted()


@pytest.mark.parametrize("value", ["", '""', "null", "3", '["a"]'])
def test_an_empty_text_is_not_a_comment(value):
    with pytest.raises(RexrankError, match="there is no comment to write"):
        text_of(value)


def test_texts_are_passed_as_json():
    assert text_of('"one\\ntwo"') == "one\ntwo"


def handed_over():
    """Upper-case variables that a workflow's step sets from another job, a step or an input."""
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
            for step in job.get("steps", []):
                if "rexrank pr " in str(step.get("run", "")):
                    for name, value in step.get("env", {}).items():
                        if any(f"{{{{ {source}." in str(value) for source in ("needs", "steps", "inputs")):
                            yield path.name, name


def test_workflows_pass_exactly_the_variables_that_are_read():
    names = {name for _, name in handed_over()}
    assert names
    assert names <= NAMES


def test_nothing_else_reads_these_variables():
    reading = re.compile(r"os\.(?:environ\.get\(|environ\[|getenv\()\s*[\"']([A-Z_]+)[\"']")
    for path in sorted((ROOT / "evaluator").rglob("*.py")):
        names = set(reading.findall(path.read_text("utf-8")))
        assert not names & NAMES, path
