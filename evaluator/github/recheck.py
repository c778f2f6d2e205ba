"""Which pull requests are rechecked: that of a finished validation, those of a team, and unanswered ones.

Whatever triggers it, only GitHub's API on open pull requests counts, and their files are read again with
main's code.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.markdown import code_span
from evaluator.github import api
from evaluator.github.git_objects import SHA, differences, fetch_main
from evaluator.github.job_files import MAX_PULLS, Feedback

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

OPEN: Final = 300
"""How many of the newest open pull requests are inspected."""
FILES: Final = 100
"""How many files of a pull request are searched for its team."""
SILENT: Final = 20
"""How many unanswered pull requests one scheduled run answers."""
_TEAM: Final = re.compile(r"submissions/([^/]+)/.+", re.DOTALL)


def concerned(repo: Repository, event: str, happened: Mapping[str, Any]) -> list[PullRequest]:
    """The open pull requests that an event asks to recheck, at most `MAX_PULLS`."""
    if event == "workflow_run":
        run = happened["workflow_run"]
        if run.get("event") == "issues":
            # A form was read: the pull request that our bot opened started no check by itself.
            return list(islice((p for p in _open(repo) if _silent(repo, p)), SILENT))
        if run.get("event") != "pull_request" or not SHA.fullmatch(str(run.get("head_sha"))):
            return []
        pull = api.pull_of_run(repo, dict(run))
        return [] if pull is None else [pull]
    if event == "push":
        teams = _teams_of_push(str(happened["before"]), str(happened["after"]))
        return list(islice((p for p in _open(repo, "main") if teams & _teams(p)), MAX_PULLS))
    return list(islice((p for p in _open(repo) if _silent(repo, p)), SILENT))


def misdirected(pull: PullRequest) -> Feedback | None:
    """The feedback on a submission that targets a branch other than main; `None` for any other."""
    if pull.base.ref == "main":
        return None
    comment = (
        "### ↩️ Not against `main`\n\n"
        f"This pull request targets {code_span(pull.base.ref)}. Submissions are checked and scored against "
        "`main` only.\n\n**What to do.** Click *Edit* next to the title and choose `main` as the base branch; this comment "
        "will then be updated.\n"
    )
    return Feedback(pull.number, pull.head.sha, "", "", comment if _teams(pull) else "")


def _open(repo: Repository, base: str = "") -> Iterator[PullRequest]:
    known = repo.get_pulls(state="open", base=base) if base else repo.get_pulls(state="open")
    return islice(iter(known), OPEN)


def _teams(pull: PullRequest) -> set[str]:
    """The teams whose folders a pull request touches, by its first files."""
    matches = (_TEAM.fullmatch(f.filename) for f in islice(iter(pull.get_files()), FILES))
    return {m[1] for m in matches if m is not None}


def _silent(repo: Repository, pull: PullRequest) -> bool:
    """Whether the head has no feedback yet: its first check waits for approval, was skipped, or could not start."""
    if pull.base.ref != "main":
        return True
    return not any(
        s.context == api.STATUS and s.creator is not None and s.creator.login == api.bot()
        for s in api.statuses(repo, pull.head.sha)
    )


def _teams_of_push(before: str, after: str) -> set[str]:
    """The teams in whose folders a push to main changed something."""
    if not SHA.fullmatch(before) or not SHA.fullmatch(after):
        return set()
    with tempfile.TemporaryDirectory() as scratch:
        git_dir = fetch_main(api.clone_url(), Path(scratch))
        changes = differences(git_dir, before, after, "submissions")
    return {m[1] for m in (_TEAM.fullmatch(c.path) for c in changes) if m is not None}
