"""The first live run as the doctor follows it: every step ahead, behind, and gone wrong."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from rehearsal.github_server import fill
from rehearsal.openapi import check_response, document, find_operation, resolve
from typer.testing import CliRunner

from evaluator.cli import app
from evaluator.core.problems import RexrankError
from evaluator.doctor import ask_walk as asking
from evaluator.doctor.answers import Answer
from evaluator.doctor.first_run import EYES, check_walk
from evaluator.github.score_comment import SCORE_MARK
from evaluator.github.validation_comment import VALIDATION_MARK

NAME = "rexrank/challenge"
SHA, MERGE, PROBE = "a" * 40, "b" * 40, "c" * 40
BOT = {"login": "github-actions[bot]"}
LOOK = [code for code, *_ in EYES]
RECORD = {"card": {"name": "Careful"}, "provenance": {"pull_request": 12}}


def step(name, conclusion="success"):
    return {"name": name, "status": "completed", "conclusion": conclusion, "number": 1}


def job(name, steps=(), **values):
    usual = {
        "name": name,
        "status": "completed",
        "conclusion": "success",
        "runner_name": "rexrank-20261126-1",
        "id": 31,
    }
    return {**usual, "steps": [s if isinstance(s, dict) else step(s) for s in steps], **values}


def run(number, **values):
    return {
        "id": number,
        "name": "x",
        "status": "completed",
        "conclusion": "success",
        "display_title": "t",
        **values,
    }


def comment(login, body, association="NONE"):
    return {"user": {"login": login}, "body": body, "author_association": association}


STEPS = (
    "Set up job",
    "Set up runner",
    "Run actions/checkout@3d3c42e",
    "Score",
    "Post Run actions/checkout@3d3c42e",
    "Complete runner",
    "Complete job",
)
# What GitHub holds when all went well; a path of the API below the repository, and its answer.
DONE = {
    "/pulls/12": {
        "number": 12, "state": "closed", "merged": True, "merge_commit_sha": MERGE, "author_association": "NONE", "user": {"login": "second"},
        "head": {"sha": SHA, "repo": {"full_name": "second/challenge"}}, "base": {"repo": {"full_name": NAME}},
    },
    "/pulls/12/files": [{"filename": f"submissions/second/careful/{n}"} for n in ("model.yaml", "sandbox.json")],
    "/issues/12/comments": [
        {**comment("github-actions[bot]", f"{VALIDATION_MARK}\nvalid, commit {SHA}"), "user": BOT},
        comment("second", f"/score {SHA}"),
        comment("one", f"/score {SHA}", "OWNER"),
        {**comment("github-actions[bot]", f"{SCORE_MARK}\nscores"), "user": BOT},
    ],
    f"/commits/{SHA}/statuses": [{"context": "rexrank/score", "state": "success", "creator": BOT}],
    "/actions/workflows/validate.yml/runs": {"total_count": 1, "workflow_runs": [run(1, conclusion="action_required")]},
    "/actions/workflows/score.yml/runs": {"total_count": 2, "workflow_runs": [run(2, display_title=f"score PR #12 @ {SHA}"), run(9, display_title=f"score PR #3 @ {SHA}")]},
    "/actions/runs/2/approvals": [{"state": "approved", "comment": "", "user": {"login": "two"}, "environments": [{"name": "scoring"}]}],
    "/actions/runs/2/jobs": {"total_count": 2, "jobs": [job("Compare the head, check the blobs", runner_name="GitHub Actions 1"), job("Score", STEPS)]},
    "/actions/workflows/publish.yml/runs": {"total_count": 1, "workflow_runs": [run(3)]},
    "/actions/runs/3/jobs": {"total_count": 2, "jobs": [job("Check the files and commit them"), job("Site / Deploy")]},
    "/contents/leaderboard/records/sandbox/findings/second__careful.json": {"type": "file", "encoding": "base64", "content": base64.b64encode(json.dumps(RECORD).encode()).decode()},
    "/commits": [{"sha": "d" * 40, "commit": {"author": {"name": "rexrank-bot"}}}],
    "/pages": {"html_url": "https://rexrank.github.io/challenge/"},
    "/pulls/13": {"head": {"sha": PROBE}},
    "/actions/runs": {"total_count": 2, "workflow_runs": [run(7, name="ci"), run(8, name="probe", conclusion="failure")]},
    "/actions/runs/8/jobs": {"total_count": 1, "jobs": [job("probe", [step("Set up runner", "failure"), step("This step must not run", "skipped")], conclusion="failure", id=41)]},
    "/check-runs/41/annotations": [{"title": "Refused by the scoring runner", "message": "not of main"}],
}  # fmt: skip


@pytest.fixture
def github(monkeypatch):
    """GitHub's answers, to be changed by a test, and the questions that were asked."""
    known = copy.deepcopy(DONE)
    asked = []

    def ask(path, query=None):
        asked.append((path, dict(query or {})))
        return Answer(200, known[path]) if path in known else Answer(404)

    monkeypatch.setattr(asking, "asker", lambda name, token: ask)
    monkeypatch.setattr(asking, "_site", lambda ask: "<td>Careful</td>")
    known["asked"] = asked
    return known


def outcome(probe=13):
    found = [f for s in check_walk(asking.ask_walk(NAME, "t", 12, probe)) for f in s.findings]
    return {state: [f.code for f in found if f.state == state] for state in ("good", "bad", "open")}, found


def test_all_went_well(github):
    codes, _ = outcome()
    assert (codes["bad"], codes["open"]) == ([], LOOK)
    assert codes["good"] == [f"RD7{n:02}" for n in range(1, 14)]
    assert ("/actions/workflows/publish.yml/runs", {"head_sha": MERGE, "per_page": "100"}) in github["asked"]


def test_at_the_start_every_step_says_what_to_do(github):
    pull = github["/pulls/12"]
    pull.update(merged=False, state="open")
    for path in list(DONE):
        if path not in {"/pulls/12", "/pulls/12/files"}:
            del github[path]
    codes, found = outcome(probe=None)
    assert (codes["good"], codes["bad"]) == (["RD701"], [])
    assert codes["open"] == [f"RD7{n:02}" for n in range(2, 14)] + LOOK
    ahead = {f.code: f.fix for f in found if f.state == "open"}
    assert f"/score {SHA}" in ahead["RD704"]
    assert "probe.yml" in ahead["RD713"]


def at(*keys, **values):
    def change(known):
        inner = known
        for key in keys:
            inner = inner[key]
        inner.update(values)

    return change


def drop(*paths):
    return lambda known: [known.pop(p) for p in paths]


def forget(path, test):
    """Comments, steps or jobs taken out of a list."""

    def change(known):
        known[path] = [x for x in known[path] if not test(x)]

    return change


JOBS = "/actions/runs/2/jobs"
WRONG = [
    ("a branch of the repository", at("/pulls/12", "head", repo={"full_name": NAME}), "RD701", "this repository"),
    ("an author with rights", at("/pulls/12", author_association="MEMBER"), "RD701", "may write"),
    ("a comment on another commit", at("/issues/12/comments", 0, body=f"{VALIDATION_MARK}\nvalid"), "RD703", "another commit"),
    ("an outsider that starts a run", lambda k: k["/actions/workflows/score.yml/runs"]["workflow_runs"].append(run(5, display_title=f"score PR #12 @ {SHA}")), "RD704", "1 runs"),
    ("nobody was asked", lambda k: k.update({"/actions/runs/2/approvals": []}), "RD706", "nobody was asked"),
    ("one person for two", at("/actions/runs/2/approvals", 0, user={"login": "one"}), "RD706", "one asked and approved"),
    ("another runner", at(JOBS, "jobs", 1, runner_name="old-box"), "RD707", "old-box"),
    ("no hook", lambda k: k[JOBS]["jobs"][1].update(steps=[step(s) for s in STEPS if s != "Set up runner"]), "RD707", "Set up runner"),
    ("a step that fails", at(JOBS, "jobs", 1, "steps", 4, conclusion="failure"), "RD707", "Post Run"),
    ("no post step", lambda k: k[JOBS]["jobs"][1].update(steps=[step(s) for s in STEPS if not s.startswith("Post")]), "RD707", "no post step"),
    ("no success", at(f"/commits/{SHA}/statuses", 0, state="failure"), "RD708", "failure"),
    ("a status of somebody's", at(f"/commits/{SHA}/statuses", 0, creator={"login": "mallory"}), "RD708", "mallory"),
    ("a publication that fails", at("/actions/runs/3/jobs", "jobs", 1, conclusion="failure"), "RD710", "Site / Deploy: failure"),
    ("a commit of somebody's", at("/commits", 0, "commit", author={"name": "one"}), "RD711", "one's"),
    ("a row of another pull request", lambda k: k["/contents/leaderboard/records/sandbox/findings/second__careful.json"].update(content=base64.b64encode(json.dumps({**RECORD, "provenance": {}}).encode()).decode()), "RD711", "None"),
    ("a probe that runs", at("/actions/runs/8/jobs", "jobs", 0, "steps", 1, conclusion="success"), "RD713", "it ran: This step must not run"),
    ("a probe that succeeds", at("/actions/runs/8/jobs", "jobs", 0, conclusion="success"), "RD713", "success"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_goes_wrong_is_found_and_nothing_else(github, change, code, word):
    change(github)
    codes, found = outcome()
    assert (codes["bad"], codes["open"]) == ([code], LOOK)
    finding = next(f for f in found if f.state == "bad")
    assert word in finding.found
    assert finding.wanted
    assert finding.fix


def test_a_site_that_does_not_name_it(github, monkeypatch):
    monkeypatch.setattr(asking, "_site", lambda ask: "<td>Others</td>")
    assert outcome()[0]["bad"] == ["RD712"]


AHEAD = [
    ("validate ran at once", at("/actions/workflows/validate.yml/runs", "workflow_runs", 0, conclusion="success"), ["RD702"]),
    ("nobody asked yet", lambda k: (forget("/issues/12/comments", lambda c: c["author_association"] == "OWNER")(k), drop("/actions/workflows/score.yml/runs")(k)), ["RD705", "RD706", "RD707"]),
    ("it waits for the reviewer", lambda k: (k.update({"/actions/runs/2/approvals": []}), at(JOBS, "jobs", 1, status="waiting", conclusion=None)(k)), ["RD706", "RD707"]),
    ("the status is pending", at(f"/commits/{SHA}/statuses", 0, state="pending"), ["RD708"]),
    ("it publishes", at("/actions/workflows/publish.yml/runs", "workflow_runs", 0, status="in_progress"), ["RD710"]),
    ("no row yet", drop("/contents/leaderboard/records/sandbox/findings/second__careful.json"), ["RD711", "RD712"]),
    ("the probe waits", at("/actions/runs/8/jobs", "jobs", 0, status="queued", conclusion=None), ["RD713"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "codes"), [a[1:] for a in AHEAD], ids=[a[0] for a in AHEAD])
def test_what_is_ahead_is_open(github, change, codes):
    change(github)
    found, _ = outcome()
    assert (found["bad"], found["open"]) == ([], codes + LOOK)


def test_a_pull_request_that_is_not_there(github):
    with pytest.raises(RexrankError, match="404 for pull request 99"):
        asking.ask_walk(NAME, "t", 99, None)


@pytest.mark.parametrize("path", DONE)
def test_the_answers_are_as_github_describes_them(path):
    """Names of fields, and their values where the description lists them: a double that lies would prove nothing."""
    operation = find_operation("GET", f"/repos/{NAME}{path}")
    assert operation is not None
    responses = document()["paths"][operation.path]["get"]["responses"]
    schema = resolve(resolve(responses["200"])["content"]["application/json"]["schema"])
    # What a path of contents is, comes in four forms; a file is the second.
    known = resolve(schema["oneOf"][1]) if "/contents/" in path else schema
    assert check_response(operation, 200, fill(known, DONE[path])) == []
    assert not list(unknown(known, DONE[path]))


def unknown(schema, value):
    """Names of fields that the description does not have."""
    schema = resolve(schema)
    if isinstance(value, list):
        for item in value:
            yield from unknown(schema["items"], item)
    elif isinstance(value, dict):
        parts = [resolve(p) for p in schema.get("oneOf", schema.get("anyOf", schema.get("allOf", [schema])))]
        names = {n: s for part in [schema, *parts] for n, s in part.get("properties", {}).items()}
        yield from set(value) - set(names)
        for name, inner in value.items():
            yield from unknown(names.get(name, {}), inner)


def test_the_site_is_read_over_https_only():
    assert asking._site(lambda path: Answer(200, {"html_url": "http://example.org/"})) is None
    assert asking._site(lambda path: Answer(404)) is None


def test_the_command(github, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "t")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    done = CliRunner().invoke(app, ["doctor", "--first-run", "12", "--probe", "13", "--repository", NAME])
    assert done.exit_code == 0, done.output
    assert (
        "✓ RD713  a workflow that dresses up as score.yml is refused: failure, no step of it ran; the hook said why"
        in done.output
    )


def test_the_probe_dresses_up_as_what_the_hook_reads(tmp_path):
    """All it claims would let it in; what GitHub itself sets does not."""
    root = Path(__file__).parents[2]
    raw = yaml.safe_load((root / "runner" / "probe.yml").read_text())
    hook = (root / "runner" / "hooks" / "job-started.sh").read_text()
    read = {
        n
        for n in ("GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_EVENT_NAME", "GITHUB_WORKFLOW_REF")
        if f"{{{n}-}}" in hook
    }
    assert read < set(raw["env"])
    claimed = {k: v.replace("${{ github.repository }}", NAME) for k, v in raw["env"].items() if k in read}
    (tmp_path / "hooks").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "hooks" / "job-started.sh").write_text(hook)
    (tmp_path / "etc" / "runner.conf").write_text(f"REPOSITORY={NAME}\n")
    usual = {"PATH": "/usr/bin:/bin"}
    true = {
        **claimed,
        "GITHUB_REF": "refs/pull/13/merge",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_WORKFLOW_REF": f"{NAME}/.github/workflows/probe.yml@refs/pull/13/merge",
    }
    for env, status in ((claimed, 0), (true, 1)):
        done = subprocess.run(
            ["bash", "-e", str(tmp_path / "hooks" / "job-started.sh")],
            env=usual | env,
            capture_output=True,
            check=False,
        )
        assert done.returncode == status
    assert raw["jobs"]["probe"]["steps"][1]["if"] == "always()"
    assert set(raw["jobs"]["probe"]["runs-on"]) == {"self-hosted", "gpu", "rexrank-scoring"}
    assert all("must not run" in s["name"] for s in raw["jobs"]["probe"]["steps"])
