"""A real bare repository with main and pull requests, written with git's plumbing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluator.datasets.report import dump_predictions
from evaluator.datasets.sandbox.generate import predictions

CARD = """\
name: {name}
institution: A university
contact: [{contact}]
year: 2026
description: Looks at frontal views.
links: {{}}
license: MIT
parameters: 7M
inputs: {{views: frontal, context: none}}
training_data: [synthetic]
uses_external_llm: false
deterministic: true
status: {status}
"""


def card(name="Careful", contact="stranger", status="active"):
    return CARD.format(name=name, contact=contact, status=status).encode()


def reports(writer="paraphrase", seed=7):
    return dump_predictions(predictions(writer, seed)).encode()


def files(team="strangers", model="careful", **of_card):
    folder = f"submissions/{team}/{model}"
    return {f"{folder}/model.yaml": card(**of_card), f"{folder}/sandbox.json": reports()}


class Repo:
    """A bare repository at DIR/owner/name, as the workflows find it under a file:// server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "owner" / "name"
        self.path.mkdir(parents=True)
        self.run("init", "-q", "--bare", "-b", "main")
        for key in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            self.run("config", key, "true")
        empty = self.run("hash-object", "-w", "-t", "tree", "--stdin", data=b"")
        self.run("update-ref", "refs/heads/main", self.run("commit-tree", empty, "-m", "start"))

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def run(self, *args, data=None) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_INDEX_FILE": str(self.root / "index"),
            **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        process = subprocess.run(
            ["git", f"--git-dir={self.path}", *args],
            input=data,
            capture_output=True,
            check=True,
            env=environment,
        )
        return process.stdout.decode().strip()

    def commit(self, changes, parent="main") -> str:
        """A commit with these paths changed: bytes, None for removal, or (mode, bytes or object id)."""
        self.run("read-tree", parent)
        lines = []
        for path, change in changes.items():
            name = os.fsencode(path)
            if change is None:
                lines.append(b"0 " + b"0" * 40 + b"\t" + name)
                continue
            mode, content = change if isinstance(change, tuple) else ("100644", change)
            blob = (
                content
                if isinstance(content, str)
                else self.run("hash-object", "-w", "--stdin", data=content)
            )
            lines.append(f"{mode} {blob}\t".encode() + name)
        self.run("update-index", "-z", "--index-info", data=b"".join(line + b"\0" for line in lines))
        tree = self.run("write-tree", "--missing-ok")
        return self.run("commit-tree", tree, "-p", parent, "-m", "change")

    def merge(self, changes) -> str:
        sha = self.commit(changes)
        self.run("update-ref", "refs/heads/main", sha)
        return sha

    def pull(self, changes, number=1) -> str:
        sha = self.commit(changes)
        self.run("update-ref", f"refs/pull/{number}/head", sha)
        return sha


@pytest.fixture
def repo(tmp_path, monkeypatch):
    for name in ("GITHUB_TOKEN", "REXRANK_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_SERVER_URL", f"file://{tmp_path / 'server'}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    return Repo(tmp_path / "server")


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory):
    """A real bundle: main with two submissions, scored and ranked as on the runner; read-only."""
    from evaluator.core.workspace import Workspace
    from evaluator.github.refresh import refresh

    folder = tmp_path_factory.mktemp("refreshed")
    repo = Repo(folder / "server")
    more = {
        "submissions/strangers/second/model.yaml": card(name="Second"),
        "submissions/strangers/second/sandbox.json": reports("near-copy", 3),
    }
    repo.merge({**files(), **more})
    root = folder / "clone"
    subprocess.run(["git", "clone", "-q", repo.url, str(root)], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REXRANK_STORE", str(folder / "store"))
        for name in ("REXRANK_REFERENCES", "REXRANK_MODELS", "REXRANK_JUDGE_URL", "REXRANK_DEVICE"):
            patch.delenv(name, raising=False)
        workspace = Workspace(
            folder / "store", leaderboard=root / "leaderboard", submissions=root / "submissions"
        )
        refresh(workspace, folder / "bundle")
    return folder / "bundle"


@pytest.fixture
def bundle(refreshed, tmp_path):
    """A copy of the real bundle, for tests to break."""
    shutil.copytree(refreshed, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def submission_files():
    return files


@pytest.fixture
def card_bytes():
    return card


@pytest.fixture
def report_bytes():
    return reports


@pytest.fixture
def place(repo, tmp_path, submission_files, card_bytes, report_bytes, bundle):
    """Main with the bundle's submissions, a clone of it, and the bundle."""
    second = {
        "submissions/strangers/second/model.yaml": card_bytes(name="Second"),
        "submissions/strangers/second/sandbox.json": report_bytes("near-copy", 3),
    }
    repo.merge({**submission_files(), **second, "leaderboard/reported/x.csv": b"kept"})
    root = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", repo.url, str(root)], check=True)
    assert json.loads((bundle / "bundle.json").read_text())["submissions"] == repo.run(
        "rev-parse", "main:submissions"
    )
    return repo, root, bundle
