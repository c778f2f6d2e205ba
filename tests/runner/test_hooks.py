"""The hooks of the scoring runner, run in bash as the runner runs them, with the environment it gives."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.hangs import HANG
from support.needs import reason

KIT = Path(__file__).parents[2] / "runner"
REPO = "rexrank/challenge"
MAIN = "refs/heads/main"


@pytest.fixture
def prefix(tmp_path):
    """An installed kit: hooks next to etc/runner.conf."""
    shutil.copytree(KIT / "hooks", tmp_path / "hooks")
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "etc" / "runner.conf"
    conf.write_text(f"# comment\nREPOSITORY={REPO}\nDEVICE=cuda\n")
    conf.chmod(0o644)
    return tmp_path


def started(prefix, **given):
    """Status and output of the job-started hook; `None` removes a variable."""
    usual = {
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_REF": MAIN,
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_WORKFLOW_REF": f"{REPO}/.github/workflows/score.yml@{MAIN}",
        "PATH": os.environ["PATH"],
    }
    env = {k: v for k, v in (usual | given).items() if v is not None}
    hook = str(prefix / "hooks" / "job-started.sh")
    return subprocess.run(
        ["bash", "-e", hook], env=env, capture_output=True, text=True, timeout=HANG, check=False
    )


def workflow(name, ref=MAIN, repo=REPO):
    return f"{repo}/.github/workflows/{name}@{ref}"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("score.yml", "workflow_dispatch"),
        ("publish.yml", "schedule"),
        ("publish.yml", "push"),
        ("publish.yml", "workflow_dispatch"),
        ("rescore.yml", "schedule"),
        ("rescore.yml", "workflow_dispatch"),
    ],
)
def test_takes_three_workflows_on_main(prefix, name, event):
    result = started(prefix, GITHUB_WORKFLOW_REF=workflow(name), GITHUB_EVENT_NAME=event)
    assert result.returncode == 0, result.stdout
    assert "::error" not in result.stdout


BRANCH = "refs/heads/evil"
MERGE = "refs/pull/7/merge"
REFUSED = {
    "a pull request that edits score.yml": {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": MERGE,
        "GITHUB_WORKFLOW_REF": workflow("score.yml", MERGE),
    },
    "a pull request that says it is main": {"GITHUB_EVENT_NAME": "pull_request"},
    "pull_request_target": {"GITHUB_EVENT_NAME": "pull_request_target"},
    "issue_comment": {"GITHUB_EVENT_NAME": "issue_comment"},
    "workflow_run": {"GITHUB_EVENT_NAME": "workflow_run"},
    "score.yml on a schedule": {"GITHUB_EVENT_NAME": "schedule"},
    "score.yml on a push": {"GITHUB_EVENT_NAME": "push"},
    "publish.yml on a comment": {
        "GITHUB_WORKFLOW_REF": workflow("publish.yml"),
        "GITHUB_EVENT_NAME": "issue_comment",
    },
    "rescore.yml on a push": {
        "GITHUB_WORKFLOW_REF": workflow("rescore.yml"),
        "GITHUB_EVENT_NAME": "push",
    },
    "another workflow on a schedule": {
        "GITHUB_WORKFLOW_REF": workflow("boards.yml"),
        "GITHUB_EVENT_NAME": "schedule",
    },
    "another branch": {"GITHUB_REF": BRANCH, "GITHUB_WORKFLOW_REF": workflow("score.yml", BRANCH)},
    "another branch's workflow under main's ref": {"GITHUB_WORKFLOW_REF": workflow("score.yml", BRANCH)},
    "main's workflow under another ref": {"GITHUB_REF": BRANCH},
    "a tag called main": {
        "GITHUB_REF": "refs/tags/main",
        "GITHUB_WORKFLOW_REF": workflow("score.yml", "refs/tags/main"),
    },
    "a branch called main/x": {"GITHUB_WORKFLOW_REF": workflow("score.yml", f"{MAIN}/x")},
    "another repository": {
        "GITHUB_REPOSITORY": "evil/challenge",
        "GITHUB_WORKFLOW_REF": workflow("score.yml", repo="evil/challenge"),
    },
    "another repository's workflow": {"GITHUB_WORKFLOW_REF": workflow("score.yml", repo="evil/challenge")},
    "another repository with our workflow": {"GITHUB_REPOSITORY": "evil/challenge"},
    "a repository that ends like ours": {"GITHUB_REPOSITORY": f"x{REPO}"},
    "a repository that starts like ours": {"GITHUB_REPOSITORY": f"{REPO}-2"},
    "capitals": {"GITHUB_WORKFLOW_REF": workflow("Score.yml")},
    "score.yaml": {"GITHUB_WORKFLOW_REF": workflow("score.yaml")},
    "score.yml.yml": {"GITHUB_WORKFLOW_REF": workflow("score.yml.yml")},
    "xscore.yml": {"GITHUB_WORKFLOW_REF": workflow("xscore.yml")},
    "a folder below": {"GITHUB_WORKFLOW_REF": workflow("score.yml/score.yml")},
    "a path that goes up": {"GITHUB_WORKFLOW_REF": workflow("../workflows/score.yml")},
    "a Cyrillic letter": {"GITHUB_WORKFLOW_REF": workflow("sсore.yml")},
    "a star": {"GITHUB_WORKFLOW_REF": workflow("*")},
    "a space after": {"GITHUB_WORKFLOW_REF": workflow("score.yml") + " "},
    "a second line": {"GITHUB_WORKFLOW_REF": f"{workflow('score.yml')}\n{workflow('evil.yml')}"},
    "the separator inside": {
        "GITHUB_WORKFLOW_REF": f"{workflow('score.yml')}|workflow_dispatch",
        "GITHUB_EVENT_NAME": "",
    },
    "shell in the ref": {"GITHUB_WORKFLOW_REF": workflow("score.yml", "$(touch pwned)")},
    "validate.yml": {"GITHUB_WORKFLOW_REF": workflow("validate.yml")},
    "ci.yml on a push to main": {"GITHUB_WORKFLOW_REF": workflow("ci.yml"), "GITHUB_EVENT_NAME": "push"},
    "pages.yml": {"GITHUB_WORKFLOW_REF": workflow("pages.yml")},
    "an empty workflow": {"GITHUB_WORKFLOW_REF": ""},
    "an empty event": {"GITHUB_EVENT_NAME": ""},
    "an empty repository": {"GITHUB_REPOSITORY": ""},
    "no workflow": {"GITHUB_WORKFLOW_REF": None},
    "no event": {"GITHUB_EVENT_NAME": None},
    "no repository": {"GITHUB_REPOSITORY": None},
    "no ref": {"GITHUB_REF": None},
    "nothing at all": {
        "GITHUB_WORKFLOW_REF": None,
        "GITHUB_EVENT_NAME": None,
        "GITHUB_REPOSITORY": None,
        "GITHUB_REF": None,
    },
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_refuses_everything_else(prefix, given, monkeypatch):
    monkeypatch.chdir(prefix)
    result = started(prefix, **given)
    assert result.returncode == 1
    assert result.stdout.startswith("::error title=Refused by the scoring runner::")
    assert result.stdout.count("\n") == 1, "one command, nothing of a stranger's"
    assert "evil" not in result.stdout
    assert not (prefix / "pwned").exists()


def test_a_path_that_the_job_brings_is_not_searched(prefix, tmp_path):
    """A `stat` or `sed` of the job's own would decide what the hook sees."""
    fake = tmp_path / "fake"
    fake.mkdir()
    for name in ("stat", "sed", "dirname", "readlink"):
        (fake / name).write_text(f"#!/bin/sh\necho {REPO}\n")
        (fake / name).chmod(0o755)
    result = started(prefix, GITHUB_REPOSITORY="evil/x", PATH=f"{fake}:{os.environ['PATH']}")
    assert result.returncode == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "REPOSITORY=\n",
        f"REPOSITORY={REPO}\nREPOSITORY=evil/x\n",
        "REPOSITORY=*\n",
        "# REPOSITORY=a/b\n",
        " REPOSITORY=a/b\n",
        f"REPOSITORY={REPO}\nJOBS_REPOSITORY=evil/x\nJOBS_REPOSITORY={REPO}\n",
        f"REPOSITORY={REPO}\nJOBS_REPOSITORY=*\n",
    ],
)
def test_refuses_with_a_damaged_configuration(prefix, text):
    (prefix / "etc" / "runner.conf").write_text(text)
    result = started(prefix)
    assert (result.returncode, "exactly one repository" in result.stdout) == (1, True)


def test_with_two_repositories_the_jobs_repository_counts(prefix):
    (prefix / "etc" / "runner.conf").write_text(f"REPOSITORY={REPO}\nJOBS_REPOSITORY=rexrank/evaluator\n")
    theirs = {
        "GITHUB_REPOSITORY": "rexrank/evaluator",
        "GITHUB_WORKFLOW_REF": workflow("score.yml", repo="rexrank/evaluator"),
    }
    assert started(prefix, **theirs).returncode == 0
    assert started(prefix).returncode == 1


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_refuses_a_configuration_that_others_may_write(prefix, mode):
    (prefix / "etc" / "runner.conf").chmod(mode)
    result = started(prefix)
    assert (result.returncode, "writable by others" in result.stdout) == (1, True)


def test_refuses_without_a_configuration_or_with_a_link(prefix):
    conf = prefix / "etc" / "runner.conf"
    conf.rename(prefix / "elsewhere")
    assert started(prefix).returncode == 1
    conf.symlink_to(prefix / "elsewhere")
    assert started(prefix).returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason=reason("root"))
def test_refuses_a_configuration_of_another_owner(prefix):
    os.chown(prefix / "etc" / "runner.conf", 65534, 65534)
    result = started(prefix)
    assert (result.returncode, "different owners" in result.stdout) == (1, True)


def test_a_refusal_needs_no_status_of_bash(prefix):
    """The runner may fall back to `sh -e`; the hook then fails, which ends the job too."""
    env = {"GITHUB_REPOSITORY": "evil/x", "PATH": os.environ["PATH"]}
    hook = str(prefix / "hooks" / "job-started.sh")
    assert subprocess.run(
        ["sh", "-e", hook], env=env, capture_output=True, timeout=HANG, check=False
    ).returncode


def completed(prefix, **env):
    hook = str(prefix / "hooks" / "job-completed.sh")
    process = subprocess.run(
        ["bash", "-e", hook],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "_work"
    for name in ("challenge/challenge/.git", "_temp/_runner_file_commands"):
        (folder / name).mkdir(parents=True)
    (folder / "challenge/challenge/.git/config").write_text("x")
    (folder / "challenge/challenge/.hidden").write_text("x")
    (folder / "_temp/answer").write_text("x")
    (folder / "_temp/_runner_file_commands/output").write_text("x")
    return folder


def test_cleans_workspace_and_temporary_folder(prefix, work):
    output = completed(
        prefix, RUNNER_TEMP=str(work / "_temp"), GITHUB_WORKSPACE=str(work / "challenge/challenge")
    )
    assert "empty" in output
    assert list((work / "challenge/challenge").iterdir()) == []
    assert [p.name for p in (work / "_temp").iterdir()] == ["_runner_file_commands"]
    assert (work / "_temp/_runner_file_commands/output").exists()


def test_cleans_nothing_outside_the_work_folder(prefix, work, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("x")
    (work / "link").symlink_to(outside)
    for place in (outside, work / "link", work, tmp_path):
        output = completed(prefix, RUNNER_TEMP=str(work / "_temp"), GITHUB_WORKSPACE=str(place))
        assert "::warning::" in output
    assert (outside / "file").exists()
    assert (work / "challenge/challenge/.git/config").exists()


def test_a_link_in_the_workspace_is_removed_and_not_followed(prefix, work, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("x")
    (work / "challenge/challenge/link").symlink_to(outside)
    completed(prefix, RUNNER_TEMP=str(work / "_temp"), GITHUB_WORKSPACE=str(work / "challenge/challenge"))
    assert not (work / "challenge/challenge/link").is_symlink()
    assert (outside / "file").exists()


def test_without_the_variables_nothing_is_touched(prefix):
    assert "::warning::" in completed(prefix)


def worker(folder, name, hook, **env):
    """A process called `name` that runs the hook and would continue whatever its status, as the runner's does."""
    program = folder / name
    shutil.copy("/bin/bash", program)
    return subprocess.Popen(
        [str(program), "-c", f"bash -e {hook}; echo 'always() runs'"],
        env={"PATH": os.environ["PATH"], "GITHUB_REPOSITORY": "evil/x", **env},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_refusal_ends_the_worker_so_that_no_later_step_runs(prefix):
    hook = prefix / "hooks" / "job-started.sh"
    for folder in ("by-name", "by-variable", "by-hand"):
        (prefix / folder).mkdir()
    by_name = worker(prefix / "by-name", "Runner.Worker", hook)
    other = worker(prefix / "by-variable", "Worker2", hook, ACTIONS_RUNNER_HOOK_JOB_STARTED=str(hook))
    by_hand = worker(prefix / "by-hand", "shell", hook)
    for process in (by_name, other):
        output, _ = process.communicate(timeout=HANG)
        assert process.returncode == -9
        assert output.count("\n") == 1
        assert output.startswith("::error")
    output, _ = by_hand.communicate(timeout=HANG)
    assert output.endswith("always() runs\n"), "a maintainer who tries the hook loses no shell"


def test_a_job_that_is_taken_keeps_its_worker(prefix):
    hook = prefix / "hooks" / "job-started.sh"
    env = {
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_REF": MAIN,
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_WORKFLOW_REF": workflow("score.yml"),
    }
    process = worker(prefix, "Runner.Worker", hook, **env)
    output, _ = process.communicate(timeout=HANG)
    assert (process.returncode, output.endswith("always() runs\n")) == (0, True)
