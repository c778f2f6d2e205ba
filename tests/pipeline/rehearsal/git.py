"""Git, run with no configuration of the machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.hangs import HANG

NOBODY = "0" * 40


def git_environment(name: str = "Rehearsal", email: str = "rehearsal@example.org") -> dict[str, str]:
    """The environment of every git that the rehearsal itself runs."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "maintenance.auto",
        "GIT_CONFIG_VALUE_0": "false",
    }


def git(repo: Path, *arguments: str, data: bytes | None = None, name: str = "Rehearsal") -> str:
    """Standard output of a git command in a repository, stripped; raises with git's own words."""
    return git_bytes(repo, *arguments, data=data, name=name).decode("utf-8", "replace").strip()


def git_bytes(repo: Path, *arguments: str, data: bytes | None = None, name: str = "Rehearsal") -> bytes:
    """Standard output of a git command in a repository."""
    process = subprocess.run(
        ["git", "-C", str(repo), *arguments],
        input=data,
        capture_output=True,
        check=False,
        env=git_environment(name),
        timeout=HANG,
    )
    if process.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {process.stderr.decode('utf-8', 'replace')}")
    return process.stdout


# A change of a file: bytes, `None` for its removal, or (mode, bytes or object id).
Change = bytes | None | tuple[str, bytes | str]


def commit(repo: Path, parent: str, changes: Mapping[str, Change], message: str, author: str) -> str:
    """A commit on `parent` with these files changed, written without a work tree.

    Paths are taken as they are, so that hostile ones can be written too.
    """
    index = repo / f"rehearsal-index-{os.getpid()}"
    index.unlink(missing_ok=True)
    environment = {**git_environment(author), "GIT_INDEX_FILE": str(index)}

    def run(*arguments: str, data: bytes | None = None) -> str:
        process = subprocess.run(
            ["git", "-C", str(repo), *arguments], input=data, capture_output=True, check=True, env=environment
        )
        return process.stdout.decode().strip()

    run("read-tree", parent)
    lines = []
    blobs: dict[bytes, str] = {}
    for path, change in changes.items():
        if change is None:
            lines.append(f"0 {NOBODY}\t{path}")
            continue
        mode, content = change if isinstance(change, tuple) else ("100644", change)
        if isinstance(content, bytes) and content not in blobs:
            blobs[content] = run("hash-object", "-w", "--stdin", data=content)
        lines.append(f"{mode} {content if isinstance(content, str) else blobs[content]}\t{path}")
    run("update-index", "-z", "--index-info", data="".join(f"{line}\0" for line in lines).encode())
    tree = run("write-tree", "--missing-ok")
    index.unlink(missing_ok=True)
    return run("commit-tree", tree, "-p", parent, "-m", message)


def merge_commit(repo: Path, base: str, head: str, message: str, author: str) -> str | None:
    """A merge of `head` into `base` without a work tree; `None` where they conflict."""
    process = subprocess.run(
        ["git", "-C", str(repo), "merge-tree", "--write-tree", base, head],
        capture_output=True,
        check=False,
        env=git_environment(),
    )
    if process.returncode == 1:
        return None
    if process.returncode:
        raise RuntimeError(process.stderr.decode())
    tree = process.stdout.decode().split("\n", 1)[0]
    return git(repo, "commit-tree", tree, "-p", base, "-p", head, "-m", message, name=author)


def pull_refs(repo: Path, number: int, base: str, head: str, author: str) -> None:
    """Lets `refs/pull/N/head` and, where there is no conflict, `refs/pull/N/merge` show a pull request."""
    git(repo, "update-ref", f"refs/pull/{number}/head", head)
    merged = merge_commit(repo, base, head, f"Merge {head} into main", author)
    if merged:
        git(repo, "update-ref", f"refs/pull/{number}/merge", merged)


def changed_files(repo: Path, base: str, head: str) -> list[tuple[str, str]]:
    """(status letter, path) of what differs between two commits, renames as removal and addition."""
    parts = git_bytes(repo, "diff-tree", "-r", "--no-renames", "--name-status", "-z", base, head)
    words = parts.decode("utf-8", "surrogateescape").split("\0")
    return list(zip(words[0:-1:2], words[1::2], strict=True))


def file_at(repo: Path, ref: str, path: str) -> bytes | None:
    """The bytes of a file at a commit, or `None`."""
    try:
        return git_bytes(repo, "cat-file", "blob", f"{ref}:{path}")
    except RuntimeError:
        return None


def objects_of(repo: Path, shas: Sequence[str]) -> dict[str, str]:
    """The bytes of many objects, as Latin-1 text."""
    data = git_bytes(repo, "cat-file", "--batch", data="\n".join(shas).encode())
    objects, at = {}, 0
    for sha in shas:
        end = data.index(b"\n", at)
        size = int(data[at:end].split()[2])
        objects[sha] = data[end + 1 : end + 1 + size].decode("latin-1")
        at = end + size + 2
    return objects


def paths_at(repo: Path, ref: str, folder: str) -> Sequence[str]:
    """The paths of the files below a folder at a commit."""
    out = git_bytes(repo, "ls-tree", "-r", "--name-only", "-z", ref, f"{folder}/").decode()
    return [p for p in out.split("\0") if p]
