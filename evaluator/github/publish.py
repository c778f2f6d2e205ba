"""One writer of main's leaderboard: takes a checked bundle, commits it, pushes, and looks that it is live."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from evaluator.core.files import write_bytes
from evaluator.core.problems import Problems, RexrankError
from evaluator.github.bundle import ALLOWED, BUNDLE_SCHEMA, check_bundle
from evaluator.github.bundle_rules import HISTORY
from evaluator.github.git_objects import SAFE, SHA, credentials
from evaluator.github.ownership import record_owners
from evaluator.leaderboard.history import sound_bytes
from evaluator.submissions.parsing import parse_yaml
from evaluator.submissions.rules.files import CARD_NAME

TRIES: Final = 5
AUTHOR: Final = ("rexrank-bot", "rexrank-bot@users.noreply.github.com")


def publish(
    root: Path, bundle: Path, url: str, token: str, id_of: Callable[[str], int | None] | None = None
) -> str | None:
    """The commit that is now main's, or `None` when nothing changed.

    Whatever moved main in between is kept: the bundle is laid onto main as it is now, up to five times.
    A bundle of other submissions than main's is not laid at all: what merged them starts a run of its own.
    `id_of` gives the numeric id of a handle, for `leaderboard/owners.json`.
    Raises `RexrankError` when main keeps moving or refuses the push, and for a row that is not of the
    prediction file in the very tree that would be pushed.
    """
    names = check_bundle(bundle)
    before = ""
    for _ in range(TRIES):
        _git(root, "fetch", "-q", "--no-tags", "--depth=1", url, "refs/heads/main")
        head = _git(root, "rev-parse", "FETCH_HEAD").strip()
        if head == before:
            raise RexrankError("main did not move and refused the push: look at the App's rights on it.")
        before = head
        _git(root, "checkout", "-q", "--force", "--detach", "FETCH_HEAD")
        if submissions_of(root) != bundle_of(bundle):
            return None
        _lay(root / "leaderboard", bundle, names, root)
        if id_of is not None:
            record_owners(root, id_of)
        _git(root, "add", "-A", "--", "leaderboard")
        if not _git(root, "status", "--porcelain", "--", "leaderboard"):
            return None
        name, mail = AUTHOR
        author = ("-c", f"user.name={name}", "-c", f"user.email={mail}")
        _git(root, *author, "commit", "-q", "-m", "Leaderboard: records and tables of what main holds")
        _check_commit(root, bundle, names)
        if _push(root, url, token):
            return _git(root, "rev-parse", "HEAD").strip()
    raise RexrankError(f"main moved {TRIES} times while publishing. Run the job again.")


def _check_commit(root: Path, bundle: Path, names: list[str]) -> None:
    """Raises `RexrankError` unless the very tree to be pushed holds the checked bytes beside the submissions they are of."""
    listed = _git(root, "ls-tree", "-r", "-z", "HEAD", "--", "leaderboard/").split("\0")[:-1]
    there = {path: meta.split()[2] for meta, _, path in (line.partition("\t") for line in listed)}
    for name in names:
        data = (bundle / name).read_bytes()
        # Git's own name of these bytes.
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        if there.get(f"leaderboard/{name}") != oid:
            raise RexrankError("the commit holds other bytes than the bundle: look for hooks and attributes.")
    if submissions_of(root) != bundle_of(bundle):
        raise RexrankError("the commit holds other submissions than the bundle was made of.")


def submissions_of(root: Path) -> str:
    """The object id of `submissions/` in the checked-out commit: the same bytes, the same id."""
    return _git(root, "rev-parse", "HEAD:submissions").strip()


def bundle_of(bundle: Path) -> str:
    """The id of the submissions that a bundle was made of; raises `RexrankError` without one."""
    try:
        value = json.loads((bundle / "bundle.json").read_text("utf-8"))
        found = value["submissions"] if value["schema"] == BUNDLE_SCHEMA else ""
    except (OSError, ValueError, KeyError, TypeError):
        found = ""
    if not isinstance(found, str) or not SHA.fullmatch(found):
        raise RexrankError("the bundle does not say which submissions it was made of.")
    return found


def _lay(leaderboard: Path, bundle: Path, names: list[str], root: Path) -> None:
    """Puts the bundle in the place of what the publisher wrote before; refuses a row main has no bytes of."""
    for path in [p for p in leaderboard.rglob("*") if p.is_file()]:
        name = path.relative_to(leaderboard).as_posix()
        if ALLOWED.fullmatch(name) and name != HISTORY:
            path.unlink()
    for name in names:
        if name == HISTORY:
            _append_only(leaderboard / name, bundle / name)
        if not live(root, bundle / name, name):
            raise RexrankError(
                "the bundle has a row that is not of the predictions on main. Run the job again."
            )
        write_bytes(leaderboard / name, (bundle / name).read_bytes())
    for folder in sorted((p for p in leaderboard.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def _append_only(old: Path, new: Path) -> None:
    """Raises `RexrankError` unless the new history only adds to the old one; a torn last line may go."""
    if old.exists() and not new.read_bytes().startswith(sound_bytes(old)):
        raise RexrankError("the bundle's history does not go on from main's. Run the job again.")


def live(root: Path, path: Path, name: str) -> bool:
    """Whether a record is of the predictions and the card that main holds; true for what is no submission's record."""
    if not name.startswith("records/"):
        return True
    record = json.loads(path.read_text("utf-8"))
    if record["kind"] == "null":
        return True
    folder = root / "submissions" / record["team"] / record["model"]
    source, card = folder / f"{record['dataset']}.json", folder / CARD_NAME
    if not source.is_file() or not card.is_file():
        return False
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    said = parse_yaml(CARD_NAME, card.read_text("utf-8"), Problems())
    same = record["card"] == json.loads(json.dumps(said, default=str))
    return same and bool(digest == record["provenance"].get("predictions_sha256"))


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
    environment = {**os.environ, **SAFE, **credentials(token)}
    done = subprocess.run(  # noqa: S603 - an argument list
        ["git", "-C", str(root), "push", "-q", url, "HEAD:refs/heads/main"],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=300,
        env=environment,
    )
    return done.returncode == 0
