"""What the jobs of a workflow hand to each other by environment variables, read here and nowhere else.

Short texts alone: what may be long goes by file (`evaluator/github/job_files.py`).
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
    """The texts as they were handed over, empty where there is none; nothing of them is trusted yet."""

    pr: str = ""
    sha: str = ""
    first: str = ""
    answer: str = ""
    accounts: str = ""
    """Ids of the accounts behind the pull request, with spaces between."""
    grant: str = ""
    """`DATASET:DIGEST` of prediction files that are granted a run, with spaces between."""
    by: str = ""
    """Who granted it."""
    approved: str = ""
    """How the job that waits for a reviewer ended."""
    units: str = ""
    """`SUBMISSION:DATASET:GROUP` of the units that a job scores, with spaces between."""
    renew: bool = False

    def pull(self) -> tuple[int, str]:
        """Number and commit of the pull request; raises `InputError` unless both are whole."""
        return number_and_sha(self.pr, self.sha)

    def number(self) -> int:
        """Number of the pull request, where the commit may be left out; raises `InputError` as `pull`."""
        return number_and_sha(self.pr, self.sha or "0" * 40)[0]

    def account_ids(self) -> frozenset[int]:
        """The accounts; raises `InputError` for anything but numbers."""
        if not _ACCOUNTS.fullmatch(self.accounts):
            raise InputError("wanted account ids separated by spaces.")
        return frozenset(map(int, self.accounts.split()))

    def granted(self) -> dict[str, str]:
        """By withheld set the digests of what is granted a run; raises `InputError` for another form."""
        if not _GRANT.fullmatch(self.grant):
            raise InputError("wanted DATASET:DIGEST of prediction files, separated by spaces.")
        return dict(pair.split(":") for pair in self.grant.split())

    def work(self) -> list[Unit]:
        """The units to score; raises `InputError` for another form, or more than a job has."""
        from evaluator.github.plan import MAX_PER_JOB
        from evaluator.scoring.units import parse_units

        return parse_units(self.units, MAX_PER_JOB)

    def first_commit(self) -> str:
        """Main's first commit, on which the quota is noted; raises `InputError` unless it is a full id."""
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
    """A comment that an earlier job handed over as JSON; raises `RexrankError` for none."""
    text = json.loads(value or '""')
    if not isinstance(text, str) or not text:
        raise RexrankError("there is no comment to write.")
    return text
