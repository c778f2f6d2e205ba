"""The answer to a comment `/score <commit id>`: what was started, or why not.

Everyone gets an answer, in one comment that is updated: an outsider can make the bot comment once on a pull
request, but never replace its answer to a maintainer. Nobody is mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.markdown import code_span
from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.github import api
from evaluator.github import quota_status as slots
from evaluator.github.people import accounts_of
from evaluator.github.validation_comment import withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from github.PullRequest import PullRequest
    from github.Repository import Repository

    from evaluator.github.pull_request import Intake
    from evaluator.submissions.submission import Submission

REQUEST_MARK: Final = "<!-- rexrank:request v1 -->"
_MEANT: Final = re.compile(r"/score(?:\s|$)")
ABOVE: Final = "The *Valid submission* comment has the line to paste"


@dataclass(frozen=True, slots=True)
class Answer:
    """The comment on the pull request, or the commit that may be scored (`sha`).

    `weighty`: addressed to a maintainer, so that it replaces the previous answer.
    """

    number: int
    weighty: bool
    body: str = ""
    sha: str | None = None
    grant: Mapping[str, str] = field(default_factory=dict)
    """By withheld dataset, the prediction files that are granted an extra run."""
    first: str = ""
    """Main's first commit, on which a grant is recorded."""


def answer(
    repo: Repository, happened: Mapping[str, Any], take: Callable[[PullRequest], Intake]
) -> Answer | None:
    """The answer to a comment, `None` if it is not a request. Nothing is started here.

    `take` reads the pull request's intake; it is called only for a maintainer's command on its head.
    """
    comment, number = happened["comment"], int(happened["issue"]["number"])
    if not _MEANT.match(str(comment.get("body") or "")):
        return None
    if not api.may_score(repo, str(comment["user"]["login"])):
        return Answer(number, weighty=False, body=_refused(_STRANGER))
    command, pull = api.score_command(comment), repo.get_pull(number)
    small = challenge().scores_after_merge
    if small or command is None:
        return Answer(number, weighty=True, body=_refused(_SMALL if small else _FORM))
    sha, granting = command
    why = _moved(pull, sha)
    if why is not None:
        return Answer(number, weighty=True, body=_refused(why))
    intake = take(pull)
    why = _unfit(intake) or (None if granting else _quota(repo, pull, intake))
    if why is not None:
        return Answer(number, weighty=True, body=_refused(why))
    files = slots.limited_files(_submission(intake)) if granting else {}
    return Answer(number, weighty=True, sha=sha, grant=files, first=intake.first)


def _submission(intake: Intake) -> Submission:
    submission = intake.report.found[0].submission if intake.report.found else None
    if submission is None:
        raise RexrankError("a valid submission was read but is missing. Run the job again.")
    return submission


def _moved(pull: PullRequest, sha: str) -> str | None:
    """Why a commit cannot be scored here, in words."""
    if pull.state != "open" or pull.base.ref != "main":
        return "This pull request is not open against `main`. Merged submissions are scored by the `publish` workflow."
    if pull.head.sha != sha:
        return f"The head of this pull request is {code_span(pull.head.sha)}, not {code_span(sha)}: it moved after the commit was reviewed, or the id belongs to another commit. {ABOVE} for the current head; review the files again first."
    return None


def _unfit(intake: Intake) -> str | None:
    """Why the pull request cannot be scored now."""
    if intake.kind == "other":
        return "This pull request does not change a submission: there is nothing to score."
    if not intake.ok:
        return "The submission is not valid at this commit. The *Not valid* comment lists what to fix."
    if intake.kind == "import":
        return "This pull request is an import: `publish` scores all of its submissions once it is merged."
    if withdrawn(intake):
        return "This pull request withdraws a submission: there is nothing to score. It can be merged as is."
    return None


def _quota(repo: Repository, pull: PullRequest, intake: Intake) -> str | None:
    submission = _submission(intake)
    if not slots.limited_files(submission):
        return None
    accounts = accounts_of(repo, pull, submission.card.contact)
    status = slots.notes_on(repo, intake.first, submission, accounts.values(), datetime.now(UTC))
    late = {d: when for d, when in status.waits.items() if when is not None}
    if not late:
        return None
    policy = challenge().quota
    sets = ", ".join(f"on {code_span(d)} at **{slots.readable(when)}**" for d, when in late.items())
    whose = f"The team {code_span(submission.team)}"
    if status.shared & set(late):
        whose += ", or one of its members with another team (runs count for the account that opens the pull request and for every contact),"
    return (
        f"{whose} has used its quota of {policy.runs} in {policy.window_days} days and "
        f"{policy.runs_per_year} in a year. Its next slot is {sets}. Predictions that were scored before can be rescored at "
        "any time, and so can datasets that are not withheld: without the withheld file this pull request can be scored now.\n\n"
        "For maintainers: to grant an extra run for exactly these predictions, comment\n\n"
        f"```text\n/score {intake.sha} quota grant\n```\n\n"
        "It counts as a run and still needs a second person's approval."
    )


_SMALL: Final = "In this challenge nothing is scored before a merge: merge the pull request, and the `publish` workflow scores it."
_FORM: Final = f"The command is `/score`, one space and the full commit id of 40 hexadecimal digits, with nothing else in the comment; append ` quota grant` to grant a run beyond the quota. {ABOVE}."


_STRANGER: Final = "Only maintainers can start scoring, after reviewing the reports. Every valid submission is reviewed; you do not need to ask."


def _refused(why: str) -> str:
    return f"### ⛔ Nothing was started\n\n{why}\n"


def start(
    repo: Repository,
    number: int,
    sha: str,
    grant: Mapping[str, str] | None = None,
    first: str = "",
    by: str = "",
) -> str:
    """The answer to an accepted request, after its run was started, once.

    `grant`: by withheld dataset, the digests of predictions for which `by` grants an extra run, recorded on
    main's `first` commit.
    """
    if grant:
        slots.grant(repo, first, grant, by)
    title = f"score PR #{number} @ {sha}"
    api.cancel_waiting(repo, "score.yml", f"score PR #{number} @ ", title)
    url, fresh = api.start_once(repo, "score.yml", title, {"pr": str(number), "sha": sha})
    head = "Scoring requested" if fresh else "Scoring was already requested"
    return (
        f"### ⏳ {head}\n\n{code_span(sha)} is scored [in this run]({url}) once a reviewer of the `scoring` environment approves it. The scores will appear in a separate comment.\n"
        + (
            f"\n**An extra run beyond the quota** was granted for these predictions by {code_span(by)}.\n"
            if grant
            else ""
        )
    )
