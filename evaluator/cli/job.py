"""What the jobs of a workflow pass to each other in environment variables, read only here.

Only short texts: anything that may be long goes in a file (`evaluator/github/job_files.py`).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.api import number_and_sha

if TYPE_CHECKING:
    from evaluator.scoring.units import Unit

_ACCOUNTS: Final = re.compile(r"(?:[1-9][0-9]{0,17}(?: (?!$)|$)){0,20}")
_GRANT: Final = re.compile(r"(?:[a-z0-9][a-z0-9.-]{0,39}:[0-9a-f]{64}(?: (?!$)|$)){0,20}")


@dataclass(frozen=True, slots=True)
class Job:
    """The texts as passed on, empty if missing; none of them is trusted yet."""

    pr: str = ""
    sha: str = ""
    first: str = ""
    answer: str = ""
    accounts: str = ""
    """Ids of the accounts behind the pull request, separated by spaces."""
    grant: str = ""
    """`DATASET:DIGEST` of prediction files that are granted a run, separated by spaces."""
    by: str = ""
    """Who granted it."""
    approved: str = ""
    """The result of the job that waits for a reviewer."""
    units: str = ""
    """`SUBMISSION:DATASET:GROUP` of the units that a job scores, separated by spaces."""
    renew: bool = False

    def pull(self) -> tuple[int, str]:
        """Number and commit of the pull request; raises `InputError` unless both are complete."""
        return number_and_sha(self.pr, self.sha)

    def number(self) -> int:
        """Number of the pull request; the commit may be missing. Raises `InputError` as `pull`."""
        return number_and_sha(self.pr, self.sha or "0" * 40)[0]

    def account_ids(self) -> frozenset[int]:
        """The accounts; raises `InputError` for anything but numbers."""
        if not _ACCOUNTS.fullmatch(self.accounts):
            raise InputError("wanted account ids separated by spaces.")
        return frozenset(map(int, self.accounts.split()))

    def granted(self) -> dict[str, str]:
        """By withheld dataset, the digests of granted prediction files; raises `InputError` for another form."""
        if not _GRANT.fullmatch(self.grant):
            raise InputError("wanted DATASET:DIGEST of prediction files, separated by spaces.")
        return dict(pair.split(":") for pair in self.grant.split())

    def work(self) -> list[Unit]:
        """The units to score; raises `InputError` for another form, or more than a job has."""
        from evaluator.github.plan import MAX_PER_JOB
        from evaluator.scoring.units import parse_units

        return parse_units(self.units, MAX_PER_JOB)

    def first_commit(self) -> str:
        """Main's first commit, on which the quota is recorded; raises `InputError` unless it is a full id."""
        return number_and_sha(self.pr, self.first)[1]


def read_job() -> Job:
    """The job's part of the environment."""
    env = os.environ
    return Job(
        pr=env.get("PR", ""),
        sha=env.get("SHA", ""),
        first=env.get("FIRST", ""),
        answer=env.get("ANSWER", ""),
        accounts=env.get("ACCOUNTS", ""),
        grant=env.get("GRANT", ""),
        by=env.get("BY", ""),
        approved=env.get("APPROVED", ""),
        units=env.get("UNITS", ""),
        renew=env.get("RENEW") == "true",
    )


def text_of(value: str) -> str:
    """A comment that an earlier job passed on as JSON; raises `RexrankError` without one."""
    text = json.loads(value or '""')
    if not isinstance(text, str) or not text:
        raise RexrankError("there is no comment to write.")
    return text
