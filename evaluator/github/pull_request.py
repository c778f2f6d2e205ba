"""What a pull request is and whether it is valid: the rules on its shape, then those on its files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import Problems
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset, study_ids
from evaluator.github.git_objects import (
    Change,
    LimitExceeded,
    differences,
    fetch,
    first_commit,
    submission_tree,
)
from evaluator.github.merge import BASE, CURE, HEAD, MERGED, authored, merge
from evaluator.github.ownership import (
    Person,
    card_on_main,
    contacts,
    import_objection,
    is_published,
    objection,
)
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES, MAX_PREDICTIONS_BYTES, check_slugs
from evaluator.submissions.tree import Tree
from evaluator.submissions.validate import FolderResult, Report, validate

Kind = Literal["submission", "withdrawal", "import", "other"]
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}"
FOLDER: Final = re.compile(rf"submissions/{_NAME}/{_NAME}")
"""Folders that git may be asked for; those without slugs are refused by RX101, with everything else."""
_PLACE: Final = re.compile(r"submissions/([^/]+)/([^/]+)/.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Intake:
    """A pull request at one commit: what it is, its submission's folder, and the report on it."""

    number: int
    sha: str
    kind: Kind
    folder: str
    report: Report
    objection: str | None = None
    """Why its author may not make this change, in plain text to be escaped."""
    first: str = ""
    """Main's first commit, on which the quota is recorded (`evaluator/github/quota_status.py`)."""
    unmerged: str | None = None
    """Why it cannot be merged as a change of its folder, in plain text."""

    @property
    def ok(self) -> bool:
        """Whether it may be scored or merged as the kind that it is."""
        return (
            self.objection is None
            and self.unmerged is None
            and self.report.problems.ok
            and (self.kind == "withdrawal" or self.report.ok)
        )


def read_pull_request(
    url: str,
    number: int,
    sha: str,
    scratch: Path,
    references: Path | None = None,
    author: Person | None = None,
) -> Intake:
    """The pull request's intake, only from git; checks `author`, if given, against main's cards.

    Raises `RexrankError` if its head is not `sha`.
    """
    try:
        fetch(url, number, sha, scratch)
    except LimitExceeded as error:
        # Nothing of it was fetched, not even its list of changes; the author still gets an answer.
        return Intake(number, sha, "submission", "", Report(Problems()), unmerged=f"{error}. {CURE}")
    return read_fetched(scratch, number, sha, references, author)


def read_fetched(
    scratch: Path, number: int, sha: str, references: Path | None = None, author: Person | None = None
) -> Intake:
    """The intake of a pull request that `fetch` stored in the folder."""
    git_dir = scratch / f"pull-{number}.git"
    other = Intake(number, sha, "other", "", Report(Problems()))
    try:
        changes = authored(git_dir)
    except LimitExceeded as error:
        return other if _untouched(git_dir) else replace(other, kind="submission", unmerged=f"{error}")
    folders = submission_folders(changes)
    if not folders:
        return other
    if author is not None and author.maintainer and _is_import(git_dir, folders):
        return _imported(git_dir, folders, replace(other, kind="import"), references)
    words = merge(git_dir, folders[0])
    if words is None:
        changes = differences(git_dir, BASE, MERGED)
        brought = submission_folders(changes)
        folders = [f for f in folders if f in brought] or brought or folders
    intake = replace(other, kind="submission", folder=folders[0], unmerged=words)
    return _judged(git_dir, changes, intake, references, author)


def _is_import(git_dir: Path, folders: Sequence[str]) -> bool:
    """Whether several submissions are changed at once, each keeping some files, which only maintainers may do."""
    return len(folders) > 1 and all(
        FOLDER.fullmatch(f) and submission_tree(git_dir, f).below(f) for f in folders
    )


def _imported(git_dir: Path, folders: Sequence[str], intake: Intake, references: Path | None) -> Intake:
    """The intake of an import: every submission checked by all the rules for one."""
    words = merge(git_dir, *folders)
    changes = authored(git_dir) if words else differences(git_dir, BASE, MERGED)
    tree = Tree(
        entry
        for folder in folders
        for entry in submission_tree(git_dir, folder, HEAD if words else MERGED).values()
    )

    def manifest(dataset: Dataset) -> Collection[str] | None:
        return study_ids(dataset, references)

    report = validate(tree, set(folders), manifest)
    check_shape(changes, folders, report.problems)
    for folder in folders:
        if not is_published(git_dir, folder):
            _check_birth(report, folder)
    return replace(intake, folder="submissions", report=report, unmerged=words, first=first_commit(git_dir))


def _untouched(git_dir: Path) -> bool:
    """Whether a pull request with too many changes to inspect leaves `submissions/` alone."""
    try:
        return not authored(git_dir, "submissions")
    except LimitExceeded:
        return False


def _judged(
    git_dir: Path, changes: Sequence[Change], intake: Intake, references: Path | None, author: Person | None
) -> Intake:
    """The intake with the report on the result of the merge, or on the head if there is no merge."""
    folder = intake.folder
    if not FOLDER.fullmatch(folder):
        return replace(intake, report=_misplaced(changes, folder))
    tree = submission_tree(git_dir, folder, HEAD if intake.unmerged else MERGED)

    def manifest(dataset: Dataset) -> Collection[str] | None:
        return study_ids(dataset, references)

    gone = not tree.below(folder)
    report = Report(Problems()) if gone else validate(tree, {folder}, manifest)
    check_shape(changes, [folder], report.problems)
    if not gone and not is_published(git_dir, folder):
        _check_birth(report, folder)
    words = None
    if author is not None:
        card = _card(tree, folder)
        others = any(c.path.startswith(f"{folder}/") and c.path.endswith(".json") for c in changes)
        words = objection(git_dir, folder, author, _contacts(tree, folder)) or import_objection(
            card_on_main(git_dir, folder), card, author, other_predictions=others
        )
    kind: Kind = "withdrawal" if gone else "submission"
    return replace(intake, kind=kind, report=report, objection=words, first=first_commit(git_dir))


def _card(tree: Tree, folder: str) -> bytes | None:
    """The bytes of the pull request's card; `None` without a readable one."""
    entry = tree.get(f"{folder}/{CARD_NAME}")
    if entry is None or entry.kind != "file" or entry.size > MAX_CARD_BYTES:
        return None
    return entry.read(MAX_CARD_BYTES)


def _contacts(tree: Tree, folder: str) -> list[str]:
    """The handles on the pull request's card; empty without a readable one."""
    card = _card(tree, folder)
    return [] if card is None else contacts(f"{folder}/{CARD_NAME}", card)


def _check_birth(report: Report, folder: str) -> None:
    """RX502: a model that main does not have cannot start as withdrawn: there is nothing to withdraw."""
    for entry in report.found:
        if entry.submission is not None and entry.submission.card.status == "withdrawn":
            report.problems.add(
                "RX502",
                f"{folder}/{CARD_NAME}",
                pointer="/status",
                found="a new model whose status is withdrawn",
                wanted="a model that is on main before it is withdrawn",
                fix="write status: active, or close the pull request",
            )


def _misplaced(changes: Sequence[Change], folder: str) -> Report:
    """The report on a folder whose name must not even be passed to git: nothing in it is read."""
    problems = Problems()
    check_slugs(folder, problems)
    if problems.ok:
        problems.add(
            "RX102",
            folder,
            found="a file outside a submission folder",
            wanted="submissions/<team>/<model>/ with model.yaml and <dataset>.json",
            fix="move it into the model's folder, or remove it",
        )
    check_shape(changes, [folder], problems)
    *_, team, model = ["", "", *folder.split("/")]
    return Report(problems, (FolderResult(folder, team, model, None, ()),))


def submission_folders(found: Sequence[Change]) -> list[str]:
    """The submission folders that a pull request touches; anything else below `submissions/` counts as one too."""
    folders = dict.fromkeys("/".join(c.path.split("/")[:3]) for c in found if _PLACE.fullmatch(c.path))
    if not folders and any(c.path.startswith("submissions/") for c in found):
        folders = dict.fromkeys(c.path for c in found if c.path.startswith("submissions/"))
    return list(folders)


@dataclass(frozen=True, slots=True)
class FetchedFiles:
    """What was read while fetching the files of a pull request, unchecked.

    `contacts`: the handles of its card. `limited`: by withheld dataset the digest of its predictions.
    """

    contacts: tuple[str, ...] = ()
    limited: Mapping[str, str] = field(default_factory=dict)


def fetch_blobs(git_dir: Path) -> FetchedFiles:
    """The contacts and digests, after fetching what scoring will read, so that scoring needs no network.

    If there is a merge, these are the merged files.
    """
    folders = submission_folders(authored(git_dir))
    if not folders or not FOLDER.fullmatch(folders[0]):
        return FetchedFiles()
    folder = folders[0]
    tree = submission_tree(git_dir, folder, MERGED if merge(git_dir, folder) is None else HEAD)
    # Whether main has the model is read from main's own card.
    is_published(git_dir, folder)
    digests = {}
    for dataset in map(get_dataset, dataset_ids()):
        entry = tree.get(f"{folder}/{dataset.id}.json")
        if dataset.exposure.limited_runs and entry is not None and entry.size <= MAX_PREDICTIONS_BYTES:
            digests[dataset.id] = sha256_bytes(entry.read(MAX_PREDICTIONS_BYTES))
    return FetchedFiles(tuple(_contacts(tree, folder)), digests)


def check_shape(found: Sequence[Change], folders: Sequence[str], problems: Problems) -> None:
    """Checks that there are only these submissions and only regular files."""
    places = tuple(f"{folder}/" for folder in folders)
    for change in found:
        if not change.path.startswith(places):
            other = _PLACE.fullmatch(change.path) is not None
            problems.add(
                "RX102",
                change.path,
                found="a second submission" if other else "a change outside the submission's folder",
                wanted=f"files below {places[0]} only" if len(places) == 1 else "files of submissions only",
                fix="open a separate pull request for it"
                if other
                else "remove the file from this pull request",
            )
        if change.mode == "100755":
            problems.add(
                "RX104",
                change.path,
                found="an executable file (mode 100755)",
                wanted="a regular file (mode 100644)",
                fix="run: git update-index --chmod=-x FILE",
            )
