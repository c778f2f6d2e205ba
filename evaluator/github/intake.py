"""What a pull request is and whether it is sound: the rules on its shape, then those on its files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.checks.validation import Report, validate
from evaluator.datasets.registry import Dataset, study_ids
from evaluator.github.blobs import Change, changes, fetch, submission_tree
from evaluator.problems import Problems

Kind = Literal["submission", "withdrawal", "other"]
_PLACE: Final = re.compile(r"submissions/([^/]+)/([^/]+)/.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Intake:
    """A pull request at one commit: what it is, its submission's folder, and the report on it."""

    number: int
    sha: str
    kind: Kind
    folder: str
    report: Report

    @property
    def ok(self) -> bool:
        """Whether it may be scored or merged as what it is."""
        return self.report.problems.ok and (self.kind == "withdrawal" or self.report.ok)


def take_in(url: str, number: int, sha: str, scratch: Path, references: Path | None = None) -> Intake:
    """The pull request's intake, from git alone. Raises `RexrankError` when its head is not `sha`."""
    fetch(url, number, sha, scratch)
    return take_fetched(scratch, number, sha, references)


def take_fetched(scratch: Path, number: int, sha: str, references: Path | None = None) -> Intake:
    """The intake of a pull request that `fetch` brought to the folder."""
    git_dir = scratch / f"pull-{number}.git"
    found = changes(git_dir)
    folders = submission_folders(found)
    if not folders:
        return Intake(number, sha, "other", "", Report(Problems()))
    folder = folders[0]
    tree = submission_tree(git_dir, folder)

    def manifest(dataset: Dataset) -> Collection[str] | None:
        return study_ids(dataset, references)

    gone = not tree.below(folder)
    report = Report(Problems()) if gone else validate(tree, {folder}, manifest)
    check_shape(found, folder, report.problems)
    return Intake(number, sha, "withdrawal" if gone else "submission", folder, report)


def submission_folders(found: Sequence[Change]) -> list[str]:
    """The submission folders that a pull request touches; something else below `submissions/` is one too."""
    folders = dict.fromkeys("/".join(c.path.split("/")[:3]) for c in found if _PLACE.fullmatch(c.path))
    if not folders and any(c.path.startswith("submissions/") for c in found):
        folders = dict.fromkeys(c.path for c in found if c.path.startswith("submissions/"))
    return list(folders)


def check_shape(found: Sequence[Change], folder: str, problems: Problems) -> None:
    """One submission and nothing else, and regular files only."""
    for change in found:
        if not change.path.startswith(f"{folder}/"):
            other = _PLACE.fullmatch(change.path) is not None
            problems.add(
                "RX102",
                change.path,
                found="a second submission" if other else "a change outside the submission's folder",
                wanted=f"files below {folder}/ only",
                fix="open another pull request for it" if other else "take the file out of this pull request",
            )
        if change.mode == "100755":
            problems.add(
                "RX104",
                change.path,
                found="an executable file (mode 100755)",
                wanted="a regular file (mode 100644)",
                fix="run: git update-index --chmod=-x FILE",
            )
