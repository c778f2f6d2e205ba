"""A machine with the kit installed, and GitHub's record of approvals."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest
from support.approvals import Approvals, review, run
from support.isolated import FETCHER, KIT, LOOKS, PYTHON, RUNNER, SCORER, SHA, sh


@pytest.fixture(scope="module")
def origin():
    """A public repository whose main holds the stand-in."""
    base = Path(tempfile.mkdtemp(prefix="origin-"))
    base.chmod(0o755)
    repo = base / "rexrank" / "challenge"
    (repo / "evaluator").mkdir(parents=True)
    (repo / "evaluator" / "__init__.py").write_text("")
    (repo / "evaluator" / "cli.py").write_text(LOOKS)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for args in (("init", "-q", "-b", "main"), ("add", "."), (*who, "commit", "-qm", "one")):
        assert sh("git", *args, cwd=repo).returncode == 0
    yield base
    shutil.rmtree(base)


@pytest.fixture
def approvals():
    """GitHub's record: every pull request of these tests was approved at its commit."""
    with Approvals() as api:
        for number in (12, 13, 14, 666):
            api.runs.append(run(number, SHA))
            api.reviews[number] = [review()]
        yield api


@pytest.fixture
def machine(origin, approvals):
    """The folders of a runner, installed by setup.sh; another user owns the repository, as on GitHub."""
    base = Path(tempfile.mkdtemp(prefix="machine-"))
    base.chmod(0o711)
    assert sh("bash", str(KIT / "setup.sh"), "--destdir", str(base)).returncode == 0
    prefix, refs, store = (
        base / "opt/rexrank",
        base / "srv/rexrank/references",
        base / "var/lib/rexrank/store",
    )
    (base / "srv/rexrank/references/a.json").write_text("CANARY-REFERENCE")
    for path in (refs, refs / "a.json"):
        os.chown(path, 0, pwd.getpwnam(SCORER).pw_gid)
    (refs / "a.json").chmod(0o440)
    os.chown(store, pwd.getpwnam(SCORER).pw_uid, pwd.getpwnam(SCORER).pw_gid)
    pairs = {
        "REPOSITORY": "rexrank/challenge", "SERVER_URL": f"file://{origin}", "RUNNER": RUNNER, "FETCHER": FETCHER,
        "SCORER": SCORER, "REFERENCES": refs, "MODELS": base / "srv/rexrank/models", "STORE": store,
        "SCRATCH": base / "var/lib/rexrank/scratch", "LOGS": base / "var/log/rexrank", "HIDE": "/home:/run",
        "PYTHON": PYTHON, "API_URL": approvals.url,
    }  # fmt: skip
    (prefix / "etc/runner.conf").write_text("".join(f"{k}={v}\n" for k, v in pairs.items()))
    # Git refuses file:// of another owner; https has no owner. Fetching as the owner replaces it.
    for path in [origin, *origin.rglob("*")]:
        os.chown(path, pwd.getpwnam(FETCHER).pw_uid, pwd.getpwnam(FETCHER).pw_gid, follow_symlinks=False)
    yield base
    shutil.rmtree(base)
