"""A publication as made by its two jobs: prepared by one process, pushed by another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from evaluator.github.publish import prepare
from support.hangs import HANG

PUSH = Path(__file__).parents[2] / ".github" / "push.py"
FOLDER = "submissions/strangers/careful"
ROW = "records/sandbox/findings/strangers__careful.json"


class PushError(Exception):
    """The pushing process's message before it gave up."""


def push(root, out, url, token="none"):
    """The commit that the process with the token made main's, or `None`."""
    server, _, name = url.rpartition("/")
    temp = root.parent / "runner-temp"
    temp.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(temp), "PUSH_TOKEN": token}
    env |= {"GITHUB_SERVER_URL": server, "GITHUB_REPOSITORY": name, "HOME": str(temp)}
    command = [sys.executable, "-I", str(PUSH), str(out)]
    process = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=HANG
    )
    if process.returncode:
        raise PushError(process.stderr)
    words, _, commit = process.stdout.strip().rpartition(" ")
    return commit if words == "published" else None


def fresh(root, url):
    """A checkout of main's current state, as made by the job."""
    subprocess.run(["git", "-C", str(root), "fetch", "-q", url, "main"], check=True)
    subprocess.run(
        ["git", "-C", str(root), "checkout", "-q", "--force", "--detach", "FETCH_HEAD"], check=True
    )
    out = root.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    return out


def publish(root, bundle, url, token="none", id_of=None):
    out = fresh(root, url)
    prepare(root, bundle, out, id_of)
    return push(root, out, url, token)
