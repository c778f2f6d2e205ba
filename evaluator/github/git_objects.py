"""A pull request as data: git blobs at one commit, read one by one and never checked out.

Only trees and commits are fetched; a blob is fetched when a check reads it. Without a work tree, there are no
filters, hooks, submodules or paths that could be followed.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.datasets.registry import dataset_ids
from evaluator.submissions.tree import Entry, EntryKind, Tree

SHA: Final = re.compile(r"[0-9a-f]{40}")
MAX_CHANGES: Final = 10_000
TIMEOUT: Final = 120.0
MAX_WRITTEN: Final = 200_000_000
"""Most bytes in a file or output of git: all trees and commits of a pull request, or one blob of it."""
SAFE: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ALLOW_PROTOCOL": "https:http:file",
}
"""Git without prompts, without the machine's configuration, over ordinary transports only."""
_SETTINGS: Final = ("core.quotePath=false", "maintenance.auto=false", "fetch.negotiationAlgorithm=noop")
"""Unquoted paths, and no garbage collection in folders that live as long as a job. The fetch does not
announce existing commits: for a commit fetched without blobs, the server would then send none of them."""
_OPTIONS: Final = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_BLOCK: Final = 512
_BOUNDED: Final = ("sh", "-c", 'ulimit -f "$0" && exec "$@"')
"""Starts a command with a limit of `$0` blocks per file. Python's own `preexec_fn` would copy this whole
process first."""
_KINDS: Final[dict[str, EntryKind]] = {
    "100644": "file",
    "100755": "file",
    "120000": "symlink",
    "160000": "submodule",
}


class LimitExceeded(InputError):
    """More than is inspected: changed files, or bytes of commits and trees."""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path: git's status letter, the current mode (`000000` if gone), blob and path."""

    status: str
    mode: str
    oid: str
    path: str


def git(git_dir: Path, *args: str) -> bytes:
    """Git's output; raises `RexrankError` if it fails. Nothing passes through a shell."""
    status, out = git_status(git_dir, *args)
    if status:
        raise RexrankError(f"git {args[0]} failed with status {status}. Run the job again.")
    return out


def git_status(
    git_dir: Path,
    *args: str,
    environment: Mapping[str, str] | None = None,
    bounded: bool = True,
    timeout: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Git's exit status and output; raises `RexrankError` if it takes longer than `timeout` seconds.

    If `bounded`, no file it writes, including its output, may exceed `MAX_WRITTEN` bytes: SIGXFSZ ends it.
    Only main's own content is fetched without that bound.
    """
    limit = (*_BOUNDED, str(MAX_WRITTEN // _BLOCK)) if bounded else ()
    command = [*limit, "git", *_OPTIONS, f"--git-dir={git_dir}", *args]
    token = credentials(os.environ.get("GITHUB_TOKEN", ""))
    with (
        tempfile.TemporaryFile() as answer,
        subprocess.Popen(  # noqa: S603 - an argument list
            command,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **SAFE, **token, **(environment or {})},
        ) as process,
    ):
        try:
            status = _status(process, timeout)
        except subprocess.TimeoutExpired as error:
            raise RexrankError(f"git {args[0]} took longer than {timeout:g} s. Run the job again.") from error
        finally:
            process.kill()  # nothing, once it has ended
        answer.seek(0)
        return status, answer.read()


def _status(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit status of a process; raises `subprocess.TimeoutExpired` for one that takes longer.

    `Popen.wait` with a limit looks again after up to 50 ms; an intake starts git thirty times. Where the system has
    no handle for a process, that is what is left.
    """
    with contextlib.suppress(AttributeError, OSError):
        handle = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(1000 * seconds):
                raise subprocess.TimeoutExpired(process.args, seconds)
        finally:
            os.close(handle)
    return process.wait(seconds)


def credentials(token: str) -> dict[str, str]:
    """Git's environment with a token for this job's own server, not in any argument or address; empty without one."""
    server = os.environ.get("GITHUB_SERVER_URL", "")
    if not token or not server.startswith("http"):
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }


def fetch(url: str, number: int, sha: str, folder: Path) -> Path:
    """A bare repository with main and the pull request's head, without blobs.

    Raises `InputError` if the head is not (or no longer) `sha`, `LimitExceeded` if commits and trees are
    larger than `MAX_WRITTEN`, `RexrankError` if git fails. The head is taken from the pull request's own ref:
    a commit requested by id could come from any fork.
    """
    git_dir = folder / f"pull-{number}.git"
    git_dir.mkdir(parents=True, exist_ok=True)
    git(git_dir, "init", "-q", "--bare")
    refs = ("+refs/heads/main:refs/rex/base", f"+refs/pull/{number}/head:refs/rex/head")
    git(git_dir, "config", "remote.origin.url", url)
    status, _ = git_status(git_dir, "fetch", "-q", "--no-tags", "--filter=blob:none", "origin", *refs)
    if status and _cut_off(git_dir):
        raise LimitExceeded(
            f"its commits and trees exceed {MAX_WRITTEN // 10**6:,} MB, the most that is inspected"
        )
    if status:
        raise RexrankError(f"git fetch failed with status {status}. Run the job again.")
    head = git(git_dir, "rev-parse", "refs/rex/head").decode().strip()
    if head != sha:
        raise InputError(f"the pull request's head is now {head[:12]}, not {sha[:12]}. Review it again.")
    return git_dir


def _cut_off(git_dir: Path) -> bool:
    """Whether a fetch was ended at the byte limit: its partial file is left, as large as the limit."""
    limit = MAX_WRITTEN // _BLOCK * _BLOCK
    return any(p.stat().st_size >= limit for p in (git_dir / "objects").rglob("tmp_*"))


def fetch_main(url: str, folder: Path) -> Path:
    """A bare repository with only main, at `refs/rex/base`, without blobs."""
    git_dir = folder / "main.git"
    git_dir.mkdir(parents=True, exist_ok=True)
    git(git_dir, "init", "-q", "--bare")
    git(git_dir, "config", "remote.origin.url", url)
    refs = "+refs/heads/main:refs/rex/base"
    git(git_dir, "fetch", "-q", "--no-tags", "--filter=blob:none", "origin", refs)
    return git_dir


def require_small(git_dir: Path, tree: str, *paths: str) -> None:
    """Nothing; raises `LimitExceeded` for a tree of more files than can be listed: a few kilobytes of trees can hold billions.

    Git lists a tree incrementally but compares two trees in memory, so this check comes before any
    comparison.
    """
    status, _ = git_status(git_dir, "ls-tree", "-r", "-z", tree, "--", *paths)
    if status == -signal.SIGXFSZ:
        raise LimitExceeded(f"the pull request changes more than {MAX_CHANGES:,} files.")


def differences(git_dir: Path, old: str, new: str, *paths: str) -> list[Change]:
    """The differences of two trees (below `paths`, if given); raises `LimitExceeded` for more than `MAX_CHANGES`."""
    options = ("-r", "--raw", "--no-renames", "--no-abbrev", "-z")
    raw = git(git_dir, "diff-tree", *options, old, new, "--", *paths)
    fields = raw.split(b"\0")[:-1]
    if len(fields) > 2 * MAX_CHANGES:
        raise LimitExceeded(f"the pull request changes more than {MAX_CHANGES:,} files.")
    changes = []
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, oid, status = meta.decode("ascii").split(" ")
        changes.append(Change(status[:1], mode, oid, path.decode("utf-8", "backslashreplace")))
    return changes


def first_commit(git_dir: Path) -> str:
    """Main's first commit: one that every clone can name and that never changes."""
    output = git(git_dir, "rev-list", "--max-parents=0", "--first-parent", "refs/rex/base")
    return output.decode().split()[0]


def _listed(git_dir: Path, tree: str, folder: str) -> Iterator[tuple[str, str, str]]:
    raw = git(git_dir, "ls-tree", "-r", "-z", tree, "--", f"{folder}/")
    for line in raw.split(b"\0")[:-1][:MAX_CHANGES]:
        meta, _, path = line.partition(b"\t")
        mode, _, oid = meta.decode("ascii").split(" ")
        yield mode, oid, path.decode("utf-8", "backslashreplace")


def submission_tree(git_dir: Path, folder: str, tree: str = "refs/rex/head") -> Tree:
    """The folder in a tree, by default the head's; only files that a submission may contain are ever fetched.

    `folder` must be `submissions/<team>/<model>` with slugs, or git would misread it.
    """
    names = {"model.yaml", *(f"{d}.json" for d in dataset_ids())}
    entries = []
    for mode, oid, path in _listed(git_dir, tree, folder):
        wanted = path.removeprefix(f"{folder}/") in names and mode in {"100644", "100755"}
        size = int(git(git_dir, "cat-file", "-s", oid)) if wanted else 0
        entries.append(Entry(path, _KINDS.get(mode, "other"), size, _reader(git_dir, oid)))
    return Tree(entries)


def _reader(git_dir: Path, oid: str) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        return git(git_dir, "cat-file", "blob", oid)[:limit]

    return read
