"""GitHub's REST API through PyGithub: people, pull requests, comments and statuses.

Every write can be repeated: POST is never retried (a request whose reply was lost may have been stored),
comments are found again by marker and author, and a status is the same however often it is set.
"""

from __future__ import annotations

import json
import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.git_objects import SHA
from evaluator.github.ownership import Person

if TYPE_CHECKING:
    from collections.abc import Iterable

    from github.CommitStatus import CommitStatus
    from github.NamedUser import NamedUser
    from github.PullRequest import PullRequest
    from github.Repository import Repository
    from github.WorkflowRun import WorkflowRun

BOT: Final = "github-actions[bot]"
"""Author of what a workflow's own token writes; `REXRANK_BOT` names another (`bot`)."""
GITHUB: Final = "https://github.com"
MAX_BODY: Final = 60_000
STATUS: Final = "rexrank/score"
SCORED: Final = "scored"
"""The description of the status of a commit that was scored."""
STATES: Final = frozenset({"pending", "success", "failure"})
WAITING: Final = frozenset({"waiting", "pending", "queued", "requested"})
"""States of a run that has not started yet."""
RECENT: Final = 100
"""How many recent runs are searched for a waiting one."""
MAY_SCORE: Final = frozenset({"admin", "maintain", "write"})
_COMMAND: Final = re.compile(r"/score ([0-9a-f]{40})( quota grant)?[ \t\r\n]*")
_HANDLE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}")
FORM_BRANCH: Final = "form/"
"""Branches of the repository itself with submissions from issue forms, each named after its issue."""
_FORM: Final = re.compile(r"form/([1-9][0-9]{0,6})")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")


def repository(token: str = "", name: str = "", *, anonymous: bool = False) -> Repository:
    """The repository of that name, or of this job. Raises `InputError` without either.

    `anonymous`: without a token, only public data are read, at 60 requests an hour.
    """
    from github import Auth, Github, GithubRetry

    name = name or repository_name()
    token = token or os.environ.get("GITHUB_TOKEN", "")
    if not (token or anonymous):
        raise InputError("GITHUB_TOKEN is not set: this command runs in a workflow.")
    retry = GithubRetry(
        total=3,
        backoff_factor=0.2,
        max_rate_limit_wait=120,
        allowed_methods=GithubRetry.DEFAULT_ALLOWED_METHODS,
    )
    client = Github(
        auth=Auth.Token(token) if token else None,
        base_url=api_url(),
        per_page=100,
        timeout=30,
        api_version="2022-11-28",
        retry=retry,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )
    return client.get_repo(name)


def api_url() -> str:
    """The address of the API: the job's, or that of the server from which the repository is fetched."""
    server = os.environ.get("GITHUB_SERVER_URL", GITHUB)
    return os.environ.get("GITHUB_API_URL") or (
        "https://api.github.com" if server == GITHUB else f"{server}/api/v3"
    )


def _env(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise InputError(f"{name} is not set: this command runs in a workflow.")
    return value


def repository_name() -> str:
    """The repository with the pull requests: this job's own, or the one named by `REXRANK_REPOSITORY`."""
    return os.environ.get("REXRANK_REPOSITORY") or _env("GITHUB_REPOSITORY")


def bot() -> str:
    """The login whose comments and statuses are ours."""
    return os.environ.get("REXRANK_BOT") or BOT


def clone_url() -> str:
    """The URL for fetching the repository, without credentials."""
    return f"{_env('GITHUB_SERVER_URL')}/{repository_name()}"


def server() -> str:
    """GitHub's own address: this job's, or the public one."""
    return os.environ.get("GITHUB_SERVER_URL", GITHUB).rstrip("/")


def event() -> dict[str, Any]:
    """The event that started the workflow, as GitHub wrote it."""
    value: dict[str, Any] = json.loads(Path(_env("GITHUB_EVENT_PATH")).read_text("utf-8"))
    return value


def event_name() -> str:
    """The name of that event, empty outside a workflow."""
    return os.environ.get("GITHUB_EVENT_NAME", "")


def in_a_job() -> bool:
    """Whether this is a step of a job, and not code inside the scorer's isolation."""
    return bool(os.environ.get("RUNNER_TEMP"))


def number_and_sha(number: str, sha: str) -> tuple[int, str]:
    """Both, checked; raises `InputError` for anything but a number and a full commit id."""
    if not _NUMBER.fullmatch(number) or not SHA.fullmatch(sha):
        raise InputError("wanted a pull request's number and a full commit id of 40 hexadecimal digits.")
    return int(number), sha


def open_pull(repo: Repository, number: int, sha: str) -> PullRequest:
    """The pull request; raises `InputError` unless it is open against main with that head."""
    pull = repo.get_pull(number)
    if pull.state != "open" or pull.base.ref != "main":
        raise InputError(f"pull request {number} is not open against main.")
    if pull.head.sha != sha:
        raise InputError(f"the head of pull request {number} is no longer {sha[:12]}. Review it again.")
    return pull


def pull_of_run(repo: Repository, run: dict[str, Any]) -> PullRequest | None:
    """The open pull request a `workflow_run` belongs to, or `None`.

    From fields that GitHub sets (the run's list of pull requests is empty for forks): the head's
    repository, branch and commit must all be the pull request's own.
    """
    source = run.get("head_repository") or {}
    owner = (source.get("owner") or {}).get("login")
    if not owner or not run.get("head_branch"):
        return None
    pulls = [
        p
        for p in repo.get_pulls(state="open", base="main", head=f"{owner}:{run['head_branch']}")
        if p.head.sha == run["head_sha"] and p.head.repo is not None and p.head.repo.id == source["id"]
    ]
    return pulls[0] if len(pulls) == 1 else None


def score_command(comment: dict[str, Any]) -> tuple[str, bool] | None:
    """The commit id of a comment that says `/score <40 hexadecimal digits>` and nothing else, and whether `quota grant` follows.

    `None` for any other comment.
    """
    match = _COMMAND.fullmatch(str(comment.get("body") or ""))
    return (match.group(1), match.group(2) is not None) if match else None


def opener(pull: PullRequest, repo: Repository) -> NamedUser:
    """The person behind a pull request: its opener, or the author of the issue form that our bot turned into it.

    Only a branch of this repository itself, to which strangers cannot push, names an issue.
    """
    if pull.user.login != bot():
        return pull.user
    number = _FORM.fullmatch(pull.head.ref)
    here = pull.head.repo is not None and pull.head.repo.id == pull.base.repo.id
    if number is None or not here:
        return pull.user
    return repo.get_issue(int(number[1])).user


def pull_of_branch(repo: Repository, branch: str) -> PullRequest | None:
    """The open pull request of a branch of the repository itself, or `None`."""
    pulls = repo.get_pulls(state="open", base="main", head=f"{repo.full_name.partition('/')[0]}:{branch}")
    own = (p for p in pulls if p.head.ref == branch and p.head.repo is not None)
    return next((p for p in own if p.head.repo.id == p.base.repo.id), None)


def author_of(pull: PullRequest, repo: Repository) -> Person:
    """The person behind a pull request, with the permission GitHub grants."""
    user = opener(pull, repo)
    return Person(user.login, user.id, may_score(repo, user.login))


def author_of_event(pull: dict[str, Any]) -> Person | None:
    """The opener of a pull request, from its event: for feedback, where no token can look up permissions.

    `None` for one that our bot made from a form: only the API knows its author.
    """
    user = pull.get("user") or {}
    if user.get("login") == bot():
        return None
    inside = pull.get("author_association") in {"OWNER", "MEMBER", "COLLABORATOR"}
    return Person(str(user.get("login", "")), int(user.get("id", 0)), inside)


def user_id(repo: Repository, handle: str) -> int | None:
    """The numeric id of a login, `None` for one that does not exist."""
    from github import UnknownObjectException

    if not _HANDLE.fullmatch(handle):
        return None
    try:
        _, account = repo.requester.requestJsonAndCheck("GET", f"/users/{handle}")
    except UnknownObjectException:
        return None
    return int(account["id"])


def may_score(repo: Repository, login: str) -> bool:
    """Whether a person may request scoring, by the permission GitHub grants rather than what an event says."""
    return repo.get_collaborator_permission(login) in MAY_SCORE


def start_once(repo: Repository, workflow: str, title: str, inputs: dict[str, str]) -> tuple[str, bool]:
    """The address of the workflow run with this title, and whether it was started now.

    A waiting or running one is not started a second time, so requests may be repeated.
    """
    known = repo.get_workflow(workflow)
    # Not a slice: PyGithub's lists raise for an empty one.
    recent: Iterable[WorkflowRun] = islice(known.get_runs(event="workflow_dispatch"), RECENT)
    for run in recent:
        if run.display_title == title and run.status != "completed":
            return run.html_url, False
    dispatch = known.create_dispatch("main", inputs, throw=True, return_run_details=True)
    return getattr(dispatch, "html_url", None) or f"{clone_url()}/actions/workflows/{workflow}", True


def unfinished(repo: Repository, workflow: str) -> list[str]:
    """The titles of a workflow's dispatched runs that have not ended, newest first."""
    recent: Iterable[WorkflowRun] = islice(
        repo.get_workflow(workflow).get_runs(event="workflow_dispatch"), RECENT
    )
    return [run.display_title for run in recent if run.status != "completed"]


def start(repo: Repository, workflow: str) -> None:
    """Starts a workflow of main that takes no inputs."""
    repo.get_workflow(workflow).create_dispatch("main", throw=True)


def cancel_waiting(repo: Repository, workflow: str, prefix: str, title: str) -> int:
    """How many runs of a workflow were cancelled: waiting ones whose title begins with `prefix` and is not `title`.

    A running one continues; one that has ended meanwhile is not an error.
    """
    from github import GithubException

    cancelled = 0
    recent: Iterable[WorkflowRun] = islice(
        repo.get_workflow(workflow).get_runs(event="workflow_dispatch"), RECENT
    )
    for run in recent:
        stale = run.display_title.startswith(prefix) and run.display_title != title
        if not stale or run.status not in WAITING:
            continue
        try:
            repo.requester.requestJsonAndCheck("POST", f"{run.url}/cancel")
        except GithubException as error:
            if error.status != 409:
                raise
            continue
        cancelled += 1
    return cancelled


def sticky(repo: Repository, number: int, marker: str, body: str, *, renew: bool = True) -> None:
    """Makes sure that a pull request has exactly one comment of ours with this marker, with this body.

    The newest is edited (only with `renew`), older ones are removed, and an equal one is left alone. Anyone
    may paste the marker; only our own comments count.
    """
    from github import UnknownObjectException

    text = f"{marker}\n{body}"
    if len(text) > MAX_BODY:
        text = (
            text[: MAX_BODY - 80].rsplit("\n", 1)[0]
            + "\n\n… cut here: the rest is in the workflow's summary.\n"
        )
    issue = repo.get_issue(number)
    ours = [
        c
        for c in issue.get_comments()
        if c.user and c.user.login == bot() and (c.body or "").startswith(marker)
    ]
    if not ours:
        issue.create_comment(text)
        return
    ours.sort(key=lambda c: c.id)
    if renew and (ours[-1].body or "").strip() != text.strip():
        ours[-1].edit(text)
    for old in ours[:-1]:
        try:
            old.delete()
        except UnknownObjectException:
            continue


def statuses(repo: Repository, sha: str) -> Iterable[CommitStatus]:
    """The statuses of a commit, newest first, from the documented endpoint (PyGithub uses an older one)."""
    from github.CommitStatus import CommitStatus
    from github.PaginatedList import PaginatedList

    return PaginatedList(CommitStatus, repo.requester, f"{repo.url}/commits/{sha}/statuses", None)


def check_titles(repo: Repository, sha: str, name: str) -> list[str]:
    """The titles of our own check runs with a name on a commit, newest first, from one request: up to a hundred.

    Only an App's token can write check runs, and only the workflow's own (`bot`) are read.
    """
    query = {"check_name": name, "filter": "all", "per_page": "100"}
    _, answer = repo.requester.requestJsonAndCheck(
        "GET", f"{repo.url}/commits/{sha}/check-runs", parameters=query
    )
    ours = [
        r
        for r in answer["check_runs"]
        if r["name"] == name and f"{(r['app'] or {}).get('slug')}[bot]" == bot()
    ]
    return [str(r["output"]["title"]) for r in sorted(ours, key=lambda r: -int(r["id"]))]


def add_check(repo: Repository, sha: str, name: str, title: str) -> None:
    """Writes a check run with a one-line title."""
    output: dict[str, str | list[dict[str, str | int]]] = {"title": title, "summary": title}
    repo.create_check_run(name, sha, status="completed", conclusion="neutral", output=output)


def set_status(repo: Repository, sha: str, *, ok: bool, description: str) -> None:
    """Sets the status that main's ruleset requires on a commit."""
    repo.get_commit(sha).create_status(
        "success" if ok else "failure", description=description[:130], context=STATUS
    )


def set_first_status(repo: Repository, sha: str, state: str, description: str) -> None:
    """Sets the same status before any scoring.

    A scored commit keeps its green status as long as it is valid. Raises `RexrankError` for a state that
    GitHub does not have.
    """
    if state not in STATES:
        raise RexrankError("there is no state to set.")
    newest = next((s for s in statuses(repo, sha) if s.context == STATUS), None)
    ours = newest is not None and newest.creator is not None and newest.creator.login == bot()
    scored = newest is not None and (newest.state, newest.description) == ("success", SCORED)
    if ours and scored and state == "pending":
        return
    if newest is None or not ours or (newest.state, newest.description) != (state, description):
        repo.get_commit(sha).create_status(state, description=description[:130], context=STATUS)


def authors_of_commit(repo: Repository, sha: str) -> list[Person]:
    """The openers of the pull requests that were merged into main as this commit."""
    pulls = repo.get_commit(sha).get_pulls()
    return [author_of(p, repo) for p in pulls if p.base.ref == "main" and p.merged_at is not None]


def write_output(name: str, value: str) -> None:
    """Hands `name=value` to later jobs; raises `RexrankError` for a value of more than one line."""
    if "\n" in value or "\r" in value:
        raise RexrankError(f"the output {name} would have more than one line.")
    with Path(_env("GITHUB_OUTPUT")).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


def write_summary(text: str) -> None:
    """Adds Markdown to the run's summary, if there is one."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text[:900_000] + "\n")
