"""The status of a submission: check, bot comments and scoring of its pull request."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evaluator.core.problems import InputError, visible
from evaluator.github import api
from evaluator.github.contribution import branch_of, pull_of
from evaluator.github.score_comment import SCORE_MARK
from evaluator.github.score_request import REQUEST_MARK
from evaluator.github.validation_comment import VALIDATION_MARK

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

_MARKS: Final = {VALIDATION_MARK: "check", REQUEST_MARK: "request", SCORE_MARK: "score"}
_ESCAPED: Final = re.compile(r"\\([\\`*_{}\[\]()<>#+\-.!|~@:])")
_MARKUP: Final = re.compile(r"\*\*|^#+ |</?(?:details|summary|b|sub|sup|br)[^>]*>", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_ENDED: Final = {
    "merged": "Merged; the rows and the model page appear on the leaderboard within the hour.",
    "closed": "Closed without merging; see the comments. rexrank submit opens a new one.",
}
_OPEN: Final = {
    "": "Validation has not finished yet. It takes minutes; a first pull request waits for a maintainer to approve the workflow run.",
    "pending": "Nothing to do: a maintainer reviews the reports and requests scoring.",
    "success": "Nothing to do: a maintainer is reviewing it.",
}
MAX_LINES: Final = 12
"""How many lines of a comment are shown; the rest is at its address."""


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """What is known about a pull request; a missing comment is empty.

    `state`: open, closed or merged. `mark`: the state of `rexrank/score`, empty if there is none.
    """

    number: int
    url: str
    title: str
    state: str
    commit: str
    mark: str
    words: str
    check: str
    request: str
    score: str
    next: str


def find_pull(repo: Repository, what: str, login: str) -> PullRequest:
    """The pull request with that number, or the account's newest one for `team/model`. Raises `InputError` for none."""
    from github import UnknownObjectException

    if re.fullmatch(r"#?[1-9][0-9]{0,6}", what):
        try:
            pull = repo.get_pull(int(what.removeprefix("#")))
            pull.complete()
        except UnknownObjectException as error:
            raise InputError(f"there is no pull request {what} in {repo.full_name}.") from error
        return pull
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", what):
        raise InputError(f"{what!r}: wanted a pull request's number or TEAM/MODEL.")
    if not login:
        raise InputError(
            "finding a model's pull request needs a token: run gh auth login, or set GH_TOKEN. Without a token, give the number instead: rexrank status 123."
        )
    newest = pull_of(repo, login, branch_of(*what.split("/")), "all")
    if newest is None:
        raise InputError(
            f"{login} has no pull request for {what} opened by rexrank submit. Give its number, or open one: rexrank submit"
        )
    return newest


def status_of(repo: Repository, pull: PullRequest) -> SubmissionStatus:
    """The status of a pull request; only our own bot's comments and statuses count."""
    newest = next(
        (
            s
            for s in api.statuses(repo, pull.head.sha)
            if s.context == api.STATUS and s.creator is not None and s.creator.login == api.bot()
        ),
        None,
    )
    comments = {"check": "", "request": "", "score": ""}
    for comment in repo.get_issue(pull.number).get_comments():
        mark = (comment.body or "").partition("\n")[0].strip()
        if comment.user and comment.user.login == api.bot() and mark in _MARKS:
            comments[_MARKS[mark]] = comment.body.partition("\n")[2]
    mark = newest.state if newest is not None else ""
    words = (newest.description or "") if newest is not None else ""
    state = "merged" if pull.merged_at is not None else pull.state
    return SubmissionStatus(
        number=pull.number,
        url=pull.html_url,
        title=visible(pull.title, 120),
        state=state,
        commit=pull.head.sha,
        mark=mark,
        words=visible(words, 140),
        check=comments["check"],
        request=comments["request"],
        score=comments["score"],
        next=_next(state, mark, words),
    )


def _next(state: str, mark: str, words: str) -> str:
    if state in _ENDED:
        return _ENDED[state]
    if mark == "success" and words == api.SCORED:
        return "Nothing to do: a maintainer will merge it."
    return _OPEN.get(
        mark, "Fix what the comment lists and run rexrank submit again; it updates this pull request."
    )


def plain_lines(comment: str, most: int = MAX_LINES) -> list[str]:
    """The first lines of a comment, without folded parts, as plain text for a terminal."""
    comment = comment.partition("<details")[0] or comment
    text = _MARKUP.sub("", _LINK.sub(r"\1", _ESCAPED.sub(r"\1", comment))).replace("\u200b", "")
    lines = [visible(html.unescape(line).strip(), 300) for line in text.splitlines()]
    texts = [line for line in lines if line and not set(line) <= set("|-: ")]
    return texts[:most] + ([f"… {len(texts) - most} more lines at the link"] if len(texts) > most else [])
