"""Checkouts as made by hosted jobs that compare predictions: partial and sparse, with only the cards."""

from __future__ import annotations

import subprocess

CARDS = "/*\n!/submissions/*/*/*\n/submissions/*/*/model.yaml\n"
"""Only the cards of submissions/."""


def sparse_clone(url, folder, patterns=CARDS):
    """A checkout as made by a job: what the patterns exclude is not even fetched."""
    folder.mkdir()
    for command in (
        ("init", "-q", "-b", "main"),
        ("remote", "add", "origin", url),
        ("config", "core.sparseCheckout", "true"),
        ("fetch", "-q", "--depth=1", "--filter=blob:none", "origin", "main"),
        ("checkout", "-q", "-B", "main", "FETCH_HEAD"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
        if command[0] == "init":
            (folder / ".git/info/sparse-checkout").write_text(patterns)
    return folder


def unfetched(repo, folder):
    """Main's predictions that a clone does not have."""
    listing = ["git", "rev-list", "--objects", "--missing=print", "HEAD"]
    objects = subprocess.run(listing, cwd=folder, check=True, capture_output=True, text=True).stdout
    missing = {line[1:] for line in objects.splitlines() if line.startswith("?")}
    paths = repo.run("ls-tree", "-r", "--name-only", "main", "submissions/").split()
    return [p for p in paths if repo.run("rev-parse", f"main:{p}") in missing]
