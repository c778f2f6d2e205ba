"""A push to main, checked once more before anything in it is scored or published.

A merge is only as good as the branch rules were at that moment: a change of submissions must come from a pull
request by somebody who may make it, and change nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError, visible
from evaluator.github.git_objects import Change, differences, git
from evaluator.github.ownership import Person, card_on_main, contacts, import_objection, objection
from evaluator.github.pull_request import FOLDER, submission_folders
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES

MAX_COMMITS: Final = 200
SHOWN: Final = 5
Authors = Callable[[str], Sequence[Person]]
"""The openers of the pull requests behind a commit on main."""


def objections(git_dir: Path, before: str, after: str, authors: Authors) -> list[str]:
    """Why a push must not be published automatically, one line per reason, safe to print."""
    commits = (
        git(git_dir, "rev-list", "--first-parent", "--reverse", f"{before}..{after}").decode("ascii").split()
    )
    if len(commits) > MAX_COMMITS:
        return [f"the push has {len(commits):,} commits: more than the {MAX_COMMITS} that are inspected"]
    parents = [before, *commits]
    return [
        f"{sha[:12]}: {words}"
        for parent, sha in zip(parents, commits, strict=False)
        for words in _of_commit(git_dir, parent, sha, authors)
    ]


def _of_commit(git_dir: Path, parent: str, sha: str, authors: Authors) -> Iterator[str]:
    changes = differences(git_dir, parent, sha)
    folders = submission_folders(changes)
    if not folders:
        return
    outside = [c.path for c in changes if not c.path.startswith("submissions/")]
    if outside:
        examples = ", ".join(visible(p) for p in outside[:SHOWN])
        yield f"changes submissions and {len(outside):,} files outside of them ({examples})"
    people = authors(sha)
    if not people:
        yield "changes submissions without a pull request"
    # Main's cards before this commit say who may make it.
    git(git_dir, "update-ref", "refs/rex/base", parent)
    for folder in folders:
        words = _not_theirs(git_dir, sha, folder, changes, people)
        if words is not None:
            yield words


def _not_theirs(
    git_dir: Path, sha: str, folder: str, changes: Sequence[Change], people: Sequence[Person]
) -> str | None:
    """Why none of these people may change the folder, `None` if one may or there is nobody to check."""
    if not FOLDER.fullmatch(folder):
        return f"{visible(folder)} is not a submission folder"
    card = next((c for c in changes if c.path == f"{folder}/{CARD_NAME}"), None)
    before = card_on_main(git_dir, folder)
    handles: list[str] = []
    after = before if card is None else None
    if card is not None and card.status != "D" and card.mode == "100644":
        if int(git(git_dir, "cat-file", "-s", card.oid)) > MAX_CARD_BYTES:
            raise RexrankError(f"the card of {folder} in {sha[:12]} is larger than {MAX_CARD_BYTES:,} bytes.")
        after = git(git_dir, "cat-file", "blob", card.oid)
        handles = contacts(card.path, after)
    others = any(c.path.startswith(f"{folder}/") and c.path.endswith(".json") for c in changes)
    reasons = [
        objection(git_dir, folder, person, handles)
        or import_objection(before, after, person, other_predictions=others)
        for person in people
    ]
    return None if None in reasons or not reasons else reasons[0]
