"""The rehearsal itself, on small workflows: it must refuse what GitHub refuses."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from github import Auth, Github, GithubException
from rehearsal.commands import parse_commands, read_file_command
from rehearsal.expressions import ExpressionError, Expressions
from rehearsal.git import git
from rehearsal.machines import Runner
from rehearsal.objects import API
from rehearsal.seed import bare_repository, commit_tree
from rehearsal.state import REPOSITORY, Token
from rehearsal.workflow import matches_any, permissions_of
from rehearsal.world import World

PIN = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"

VALIDATE = f"""
name: validate
on: {{pull_request: {{branches: [main]}}}}
permissions: {{}}
jobs:
  look:
    runs-on: ubuntu-24.04
    permissions: {{contents: read, pull-requests: write}}
    outputs: {{word: "${{{{ steps.one.outputs.word }}}}"}}
    steps:
      - uses: {PIN}
        with: {{ref: "${{{{ github.event.pull_request.base.sha }}}}", persist-credentials: false}}
      - id: one
        env: {{TITLE: "${{{{ github.event.pull_request.title }}}}", TOKEN: "${{{{ github.token }}}}"}}
        run: |
          cat marker
          echo "word=seen" >> "$GITHUB_OUTPUT"
          {sys.executable} -I -S - <<'END'
          import os, urllib.error, urllib.request
          address = "{{GITHUB_API_URL}}/repos/{{GITHUB_REPOSITORY}}/issues/1/comments".format_map(os.environ)
          who = {{"Authorization": "Bearer " + os.environ["TOKEN"]}}
          try:
              print("wrote", urllib.request.urlopen(urllib.request.Request(address, b'{{"body": "x"}}', who)).status)
          except urllib.error.HTTPError as error:
              print("wrote", error.code)
          END
          echo "secrets: $TOKEN"
      - if: failure()
        run: echo never
      - run: "! false"
  after:
    needs: look
    if: needs.look.outputs.word == 'seen'
    runs-on: ubuntu-24.04
    steps: [{{run: "echo after; exit 3"}}]
  not-after:
    needs: after
    runs-on: ubuntu-24.04
    steps: [{{run: "echo not reached"}}]
  always:
    needs: [look, after]
    if: always() && needs.after.result == 'failure'
    runs-on: ubuntu-24.04
    steps: [{{run: "echo reached"}}]
"""
COMMENT = f"""
name: comment
on: {{workflow_run: {{workflows: [validate], types: [completed]}}}}
permissions: {{}}
jobs:
  unsafe:
    runs-on: ubuntu-24.04
    steps: [{{uses: {PIN}, with: {{ref: "${{{{ github.event.workflow_run.head_sha }}}}"}}}}]
"""
SCORE = """
name: score
run-name: "score ${{ inputs.sha }}"
on: {workflow_dispatch: {inputs: {sha: {required: true, type: string}}}}
permissions: {}
concurrency: {group: gpu, cancel-in-progress: false}
jobs:
  gpu:
    runs-on: [self-hosted, gpu]
    environment: scoring
    steps: [{run: 'echo "references at $REXRANK_REFERENCES"'}]
  hosted:
    runs-on: ubuntu-24.04
    steps: [{run: 'echo "none at ${REXRANK_REFERENCES-unset}"'}]
  pages:
    needs: gpu
    uses: ./.github/workflows/called.yml
    permissions: {contents: read}
    with: {word: hello}
"""
CALLED = """
name: called
on: {workflow_call: {inputs: {word: {required: true, type: string}}}}
permissions: {}
jobs:
  inner:
    runs-on: ubuntu-24.04
    permissions: {contents: write}
    steps: [{env: {WORD: "${{ inputs.word }}"}, run: 'echo "inner $WORD"'}]
"""


@pytest.fixture
def world(tmp_path: Path, expressions: Expressions, workspaces: Path, warm: Path) -> Iterator[World]:
    bare = bare_repository(tmp_path / "github")
    tree = tmp_path / "tree"
    folder = tree / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in {"validate": VALIDATE, "comment": COMMENT, "score": SCORE, "called": CALLED}.items():
        (folder / f"{name}.yml").write_text(text)
    (tree / "marker").write_text("the code of main\n")
    commit_tree(bare, tree, "Begin")
    with World(tmp_path / "github", expressions, workspaces, warm) as made:
        made.executor.reviewed = {"scoring"}
        made.executor.runner = Runner(
            tmp_path / "runner", {"REXRANK_REFERENCES": "/srv/references"}, door=False
        )
        yield made
        assert made.state.violations == []


def client(world: World, **permissions: str) -> Github:
    token = world.state.mint(
        Token("github-actions[bot]", {k.replace("_", "-"): v for k, v in permissions.items()})
    )
    return Github(
        auth=Auth.Token(token),
        base_url=world.state.base_url + API,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        per_page=100,
    )


def test_jobs_steps_and_tokens_follow_github_rules(world: World) -> None:
    p = world.open_pull({"marker": b"the code of the fork\n"}, title="$(touch pwned)")
    run = world.last("validate")
    assert run.jobs["look"].result == "success"
    assert "the code of main" in run.log
    assert "the code of the fork" not in run.log
    # A fork's token never writes, whatever the file asks for, and never shows in a log.
    assert run.jobs["look"].permissions == {"contents": "read", "pull-requests": "read"}
    assert "wrote 403" in run.log
    assert "secrets: ***" in run.log
    assert [run.jobs[n].result for n in ("after", "not-after", "always")] == ["failure", "skipped", "success"]
    assert "never" not in run.jobs["look"].log.replace("run: echo never", "")
    assert run.conclusion == "failure"
    # The checkout of the fork's commit in a privileged event is refused.
    assert "Refusing to check out" in world.last("comment").log
    assert world.bot_comments(p) == []


def test_the_pull_requests_own_workflow_runs(world: World) -> None:
    forged = VALIDATE.replace("cat marker", "echo FORGED")
    world.open_pull({".github/workflows/validate.yml": forged.encode()})
    assert "FORGED" in world.last("validate").log
    assert world.last("comment").workflow.raw == yaml.safe_load(COMMENT)


def test_environments_wait_and_only_self_hosted_jobs_see_references(world: World) -> None:
    world.dispatch("score", {"sha": "a" * 40})
    run = world.last("score")
    assert run.waiting == ["scoring"]
    assert run.conclusion is None
    assert run.title == f"score {'a' * 40}"
    assert run.concurrency == {"group": "gpu", "cancel-in-progress": False}
    assert "none at unset" in run.jobs["hosted"].log
    assert "pages" not in run.jobs
    world.approve(run)
    assert run.conclusion == "success"
    assert "references at /srv/references" in run.jobs["gpu"].log
    assert "inner hello" in run.jobs["pages / inner"].log
    # A called workflow never holds more than its caller gave.
    assert run.jobs["pages / inner"].permissions == {"contents": "read"}


def test_the_server_enforces_permissions_and_limits(world: World) -> None:
    p = world.open_pull({"a": b"1"})
    readonly = client(world, pull_requests="read").get_repo(REPOSITORY)
    with pytest.raises(GithubException) as failure:
        readonly.get_pull(p.number).create_issue_comment("no")
    assert failure.value.status == 403
    assert "Resource not accessible by integration" in str(failure.value)
    repo = client(world, pull_requests="write", statuses="write", actions="write", contents="read").get_repo(
        REPOSITORY
    )
    pull = repo.get_pull(p.number)
    with pytest.raises(GithubException, match="too long"):
        pull.create_issue_comment("x" * 65_537)
    for number in range(130):
        pull.create_issue_comment(f"comment {number}")
    assert [c.body for c in pull.get_issue_comments()] == [f"comment {n}" for n in range(130)]
    assert [f.filename for f in pull.get_files()] == ["a"]
    pull.add_to_labels("valid")
    assert [x.name for x in pull.get_labels()] == ["valid"]
    repo.get_commit(p.head_sha).create_status("success", context="rexrank/score", description="ok")
    assert repo.get_commit(p.head_sha).get_combined_status().state == "success"
    assert repo.get_collaborator_permission("stranger") == "read"
    assert repo.get_collaborator_permission("maintainer") == "write"
    assert repo.get_workflow("score.yml").create_dispatch("main", {"sha": p.head_sha})
    assert world.settle()[0].title == f"score {p.head_sha}"


def test_violations_are_recorded_in_both_directions(world: World) -> None:
    p = world.open_pull({"a": b"1"})
    token = world.state.mint(Token("github-actions[bot]", {"statuses": "write", "pull-requests": "write"}))
    url = f"{world.state.base_url}{API}/repos/{REPOSITORY}"
    for path, body in ((f"/statuses/{p.head_sha}", {"state": "banana"}), ("/nowhere", {})):
        request = urllib.request.Request(
            url + path, json.dumps(body).encode(), {"Authorization": f"Bearer {token}"}, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request)
    assert "banana" in world.state.violations[0]
    assert "/nowhere" in world.state.violations[1]
    from rehearsal import openapi

    operation = openapi.find_operation("get", f"/repos/{REPOSITORY}/pulls/1")
    assert operation is not None
    assert openapi.check_response(operation, 200, {"number": "one"})
    assert openapi.check_webhook("issue-comment-created", {"action": "created"})
    world.state.violations.clear()


def test_faults(world: World) -> None:
    p = world.open_pull({"a": b"1"})
    pull = client(world, pull_requests="write").get_repo(REPOSITORY).get_pull(p.number)
    world.fault("lost", "POST", "/comments$")
    with pytest.raises(GithubException) as lost:
        pull.create_issue_comment("stored all the same")
    assert lost.value.status == 502
    assert [c.body for c in world.bot_comments(p)] == ["stored all the same"]
    world.fault("rate", "GET", "/comments")
    with pytest.raises(GithubException) as limited:
        list(pull.get_issue_comments())
    assert limited.value.status == 403
    world.fault("down", "*", ".*", times=1)
    with pytest.raises(GithubException) as down:
        list(pull.get_issue_comments())
    assert down.value.status == 503
    assert len(list(pull.get_issue_comments())) == 1


@pytest.mark.parametrize(
    ("token", "pushed"),
    [
        (Token("github-actions[bot]", {"contents": "write"}), False),
        (Token("rexrank-bot[bot]", {"contents": "read"}, "app"), False),
        (Token("rexrank-bot[bot]", {"contents": "write"}, "app"), True),
    ],
)
def test_only_the_app_pushes(world: World, tmp_path: Path, token: Token, *, pushed: bool) -> None:
    clone, text = tmp_path / "clone", world.state.mint(token)
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"{world.state.base_url}/{REPOSITORY}", str(clone))
    (clone / "table").write_text("1" * 3_000_000)
    git(clone, "add", "table")
    git(clone, "commit", "-q", "-m", "Tables")
    import base64

    header = base64.b64encode(f"x-access-token:{text}".encode()).decode()
    arguments = ("-c", f"http.extraheader=Authorization: basic {header}", "push", "-q", "origin", "HEAD:main")
    if pushed:
        git(clone, *arguments)
        assert world.file("table") == b"1" * 3_000_000
        assert world.state.events[-1][0] == "push"
    else:
        with pytest.raises(RuntimeError):
            git(clone, *arguments)
        assert world.file("table") is None


def test_expressions_are_githubs_own(expressions: Expressions) -> None:
    contexts = {"github": {"event": {"title": "a'}} ${{ b"}}, "needs": {"x": {"result": "failure"}}}
    good, bad = ({"success": g, "failure": not g, "always": True} for g in (True, False))
    assert expressions.render("v-${{ github.event.title }}", contexts) == "v-a'}} ${{ b"
    assert expressions.render("${{ github.event.absent }}", contexts) is None
    assert expressions.render("${{ fromJSON('[1]') }}", contexts) == [1]
    assert expressions.condition("needs.x.result == 'FAILURE'", contexts, good)
    assert not expressions.condition("needs.x.result == 'failure'", contexts, bad)
    assert expressions.condition("!success() && needs.x.result == 'failure'", contexts, bad)
    with pytest.raises(ExpressionError):
        expressions.render("${{ nothing.here }}", contexts)


def test_workflow_commands() -> None:
    log = "::set-output name=ok::true\nplain ::error::no\n::stop-commands::x1\n::add-mask::secret\n::x1::\n::error file=a,line=2::bad"
    assert [(c.name, c.parameters, c.message) for c in parse_commands(log)] == [
        ("set-output", {"name": "ok"}, "true"),
        ("stop-commands", {}, "x1"),
        ("error", {"file": "a", "line": "2"}, "bad"),
    ]
    assert read_file_command("a=1=2\nb<<E\nx\ny\nE\n") == {"a": "1=2", "b": "x\ny"}
    for broken in ("no equals", "a<<E\nnever ends"):
        with pytest.raises(ValueError, match="Invalid"):
            read_file_command(broken)


@pytest.mark.parametrize(
    ("text", "patterns", "wanted"),
    [
        ("submissions/a/b/x.json", ["submissions/**"], True),
        ("leaderboard/x", ["submissions/**"], False),
        ("docs/a/b.md", ["docs/*.md"], False),
        ("a/b.md", ["**/*.md", "!a/**"], False),
        ("b.md", ["**/*.md"], True),
        ("main", ["main"], True),
    ],
)
def test_filter_patterns(text: str, patterns: list[str], *, wanted: bool) -> None:
    assert matches_any(text, patterns) is wanted


def test_permissions() -> None:
    assert permissions_of({}, None, fork=False) == {}
    assert permissions_of(None, None, fork=False) == {"contents": "read", "packages": "read"}
    assert permissions_of("write-all", None, fork=True)["contents"] == "read"
    assert permissions_of({"contents": "write"}, {"contents": "read"}, fork=False) == {"contents": "read"}
    assert permissions_of({"pages": "write"}, {}, fork=False) == {}
