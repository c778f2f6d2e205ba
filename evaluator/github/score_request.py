"""The answer to a comment `/score <commit id>`: what is started, or in words why not.

Whoever asks is answered, by one comment that is renewed: an outsider can make the bot speak once below a
pull request, and never over what it told a maintainer. Nobody is mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.markdown import code_span
from evaluator.core.workspace import LEADERBOARD
from evaluator.github import api
from evaluator.github import quota_status as slots
from evaluator.github.validation_comment import withdrawn
from evaluator.scoring.quota import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from github.PullRequest import PullRequest
    from github.Repository import Repository

    from evaluator.github.pull_request import Intake

REQUEST_MARK: Final = "<!-- rexrank:request v1 -->"
_MEANT: Final = re.compile(r"/score(?:\s|$)")
ABOVE: Final = "The comment that says *valid* has the line to paste"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said below the pull request, or the commit that may be scored (`sha`).

    `weighty`: to a maintainer, so that it replaces what was said before.
    """

    number: int
    weighty: bool
    body: str = ""
    sha: str | None = None


def answer(
    repo: Repository, happened: Mapping[str, Any], take: Callable[[PullRequest], Intake]
) -> Answer | None:
    """What to answer to a comment, `None` for one that is no request. Nothing is started here.

    `take` reads the pull request's intake; it is called only for a maintainer's command on its head.
    """
    comment, number = happened["comment"], int(happened["issue"]["number"])
    if not _MEANT.match(str(comment.get("body") or "")):
        return None
    if not api.may_score(repo, str(comment["user"]["login"])):
        return Answer(number, weighty=False, body=_refused(_STRANGER))
    sha = api.score_command(comment)
    why = _objection(repo, repo.get_pull(number), sha, take)
    return Answer(number, weighty=True, body=_refused(why)) if why else Answer(number, weighty=True, sha=sha)


def _objection(
    repo: Repository, pull: PullRequest, sha: str | None, take: Callable[[PullRequest], Intake]
) -> str | None:
    """Why a maintainer's command starts nothing, in words; `None` when it may."""
    if sha is None:
        return (
            "The command is `/score`, one space and the full commit id of 40 hexadecimal digits, and nothing else "
            f"in the comment. {ABOVE}."
        )
    if pull.state != "open" or pull.base.ref != "main":
        return "This pull request is not open against `main`. What is merged is scored by the `publish` run."
    if pull.head.sha != sha:
        return (
            f"The head of this pull request is {code_span(pull.head.sha)}, not {code_span(sha)}: it moved after the "
            f"commit was looked at, or the id is of another one. {ABOVE} for the head as it is now; look at the files "
            "again before."
        )
    return _unfit(repo, take(pull))


def _unfit(repo: Repository, intake: Intake) -> str | None:
    """Why what the pull request holds is not scored now."""
    if intake.kind == "other":
        return "This pull request changes no submission: there is nothing to score."
    if not intake.ok:
        return "The submission is not valid at this commit. The comment that says *not valid* lists what to mend."
    if withdrawn(intake):
        return (
            "This pull request withdraws a submission: there is nothing to score. It can be merged as it is."
        )
    return _quota(repo, intake)


def _quota(repo: Repository, intake: Intake) -> str | None:
    submission = intake.report.found[0].submission
    if submission is None:
        return "The submission could not be read."
    found = slots.waits(repo, intake.first, submission, datetime.now(UTC))
    late = {d: when for d, when in found.items() if when is not None}
    if not late:
        return None
    policy = read_policy(LEADERBOARD)
    sets = ", ".join(f"on {code_span(d)} at **{slots.readable(when)}**" for d, when in late.items())
    by_hand = f"{api.clone_url()}/actions/workflows/score.yml"
    return (
        f"The team {code_span(submission.team)} has used its quota of {policy.runs} in {policy.window_days} days and "
        f"{policy.runs_per_year} in a year. Its next slot is {sets}. Predictions that were scored before are free at any "
        "time, and so are sets that are not withheld: without the file of the withheld one this pull request can be scored now.\n\n"
        f"For maintainers: after `rexrank quota grant` on the runner, start the run [by hand]({by_hand}) with the number of "
        f"this pull request and {code_span(intake.sha)}."
    )


_STRANGER: Final = (
    "Only maintainers start the scoring, after they have looked at the reports. Every valid submission is looked "
    "at; its author need not ask."
)


def _refused(why: str) -> str:
    return f"### ⛔ Nothing was started\n\n{why}\n"


def start(repo: Repository, number: int, sha: str) -> str:
    """The answer to an accepted request, after its run was started, once."""
    title = f"score PR #{number} @ {sha}"
    api.cancel_waiting(repo, "score.yml", f"score PR #{number} @ ", title)
    url, fresh = api.start_once(repo, "score.yml", title, {"pr": str(number), "sha": sha})
    head = "Scoring was asked for" if fresh else "Scoring was asked for already"
    return (
        f"### ⏳ {head}\n\n{code_span(sha)} is scored [in this run]({url}) once a reviewer of the environment `scoring` has "
        "approved it. The scores come as a comment of their own.\n"
    )
