"""One writer of main's leaderboard: takes a checked bundle, commits it, pushes, and looks that it is live."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from evaluator.files import write_bytes
from evaluator.github.refresh import ALLOWED, check_bundle
from evaluator.problems import RexrankError

TRIES: Final = 5
AUTHOR: Final = ("rexrank-bot", "rexrank-bot@users.noreply.github.com")


def publish(root: Path, bundle: Path, url: str, token: str) -> str | None:
    """The commit that is now main's, or `None` when nothing changed.

    Whatever moved main in between is kept: the bundle is laid onto main as it is now, up to five times.
    Raises `RexrankError` when main keeps moving or a row is not of the bytes that main holds.
    """
    names = check_bundle(bundle)
    for _ in range(TRIES):
        _git(root, "fetch", "-q", "--no-tags", "--depth=1", url, "refs/heads/main")
        _git(root, "checkout", "-q", "--force", "--detach", "FETCH_HEAD")
        _lay(root / "leaderboard", bundle, names, root)
        _git(root, "add", "-A", "--", "leaderboard")
        if not _git(root, "status", "--porcelain", "--", "leaderboard"):
            return None
        name, mail = AUTHOR
        author = ("-c", f"user.name={name}", "-c", f"user.email={mail}")
        _git(root, *author, "commit", "-q", "-m", "Leaderboard: records and tables of what main holds")
        if _push(root, url, token):
            return _git(root, "rev-parse", "HEAD").strip()
    raise RexrankError(f"main moved {TRIES} times while publishing. Run the job again.")


def _lay(leaderboard: Path, bundle: Path, names: list[str], root: Path) -> None:
    """Puts the bundle in the place of what the publisher wrote before; leaves out rows main has no bytes of."""
    for path in [p for p in leaderboard.rglob("*") if p.is_file()]:
        if ALLOWED.fullmatch(path.relative_to(leaderboard).as_posix()):
            path.unlink()
    for name in names:
        if live(root, bundle / name, name):
            write_bytes(leaderboard / name, (bundle / name).read_bytes())
    for folder in sorted((p for p in leaderboard.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def live(root: Path, path: Path, name: str) -> bool:
    """Whether a record is of the prediction file that main holds; true for what is no submission's record."""
    if not name.startswith("records/"):
        return True
    record = json.loads(path.read_text("utf-8"))
    if record["kind"] == "null":
        return True
    source = root / "submissions" / record["team"] / record["model"] / f"{record['dataset']}.json"
    if not source.is_file():
        return False
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return bool(digest == record["provenance"].get("predictions_sha256"))


def _git(root: Path, *args: str) -> str:
    done = subprocess.run(  # noqa: S603 - an argument list
        ["git", "-C", str(root), *args],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RexrankError(f"git {args[0]} failed with status {done.returncode}. Run the job again.")
    return done.stdout


def _push(root: Path, url: str, token: str) -> bool:
    """Whether the push was taken; the token travels in git's environment, not in the command or the address."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }
    done = subprocess.run(  # noqa: S603 - an argument list
        ["git", "-C", str(root), "push", "-q", url, "HEAD:refs/heads/main"],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=300,
        env=environment,
    )
    return done.returncode == 0
