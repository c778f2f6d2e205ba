"""A submission sent through GitHub's API: fork, branch, commit, pull request; neither git nor a checkout is needed.

Every step may be repeated. What already exists is used: the fork, the branch, the open pull request, which
gets another commit instead of a second pull request.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from evaluator.core.problems import InputError, RexrankError, visible

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

FORK_SECONDS: Final = 90.0
"""How long GitHub is given to copy the repository."""
_MISSING: Final = frozenset({404, 409})
SCOPE: Final = "one with the scope public_repo, from gh auth login or from https://github.com/settings/tokens (classic) in GH_TOKEN"


@dataclass(frozen=True, slots=True)
class Contribution:
    """The pull request that now has the submission, and what was done to it."""

    number: int
    url: str
    commit: str
    done: Literal["opened", "updated", "unchanged"]


def branch_of(team: str, model: str) -> str:
    """The branch of a model's submission: one for each, with a name that git allows.

    >>> branch_of("acme", "m1"), branch_of("a..b", "c.lock")
    ('rexrank/acme+m1', 'rexrank/a.+.b+c.lock+')
    """
    name = re.sub(r"\.(?=\.)", ".+", f"{team}+{model}")
    return f"rexrank/{name}{'+' if name.endswith('.lock') else ''}"


@contextmanager
def asking_github() -> Iterator[None]:
    """A block in which GitHub's error responses, or no response, become messages.

    Raises `InputError` for what the user can fix, `RexrankError` for a failure that may be temporary.
    """
    from github import GithubException
    from requests.exceptions import RequestException

    try:
        yield
    except RequestException as error:
        raise RexrankError(
            f"GitHub cannot be reached ({type(error).__name__}). Nothing is lost: run the same command again."
        ) from error
    except GithubException as error:
        words = _words(error)
        if error.status == 401:
            raise InputError(f"GitHub does not accept the token. Wanted: {SCOPE}.") from error
        if error.status == 403 and "rate limit" not in words.lower():
            raise InputError(f"This token is not allowed to do that ({words}). Wanted: {SCOPE}.") from error
        if error.status == 404:
            raise InputError(
                f"GitHub cannot find the repository, or this token has no access to it. Wanted: {SCOPE}."
            ) from error
        raise RexrankError(
            f"GitHub answered {error.status} ({words}). Nothing is lost: run the same command again."
        ) from error


def _words(error: Any) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    return visible(data.get("message") or "no reason given", 200)


def login_of(repo: Repository) -> str:
    """The login of the token's owner."""
    _, user = repo.requester.requestJsonAndCheck("GET", "/user")
    return str(user["login"])


def pull_of(repo: Repository, login: str, branch: str, state: str = "open") -> PullRequest | None:
    """The newest pull request of an account's branch against main, or `None`."""
    pulls = repo.get_pulls(state=state, base="main", head=f"{login}:{branch}")
    # The filter matches nothing if the branch's fork is gone, and is not trusted to match exactly.
    return next(
        (
            p
            for p in islice(iter(pulls), 20)
            if p.head.ref == branch and p.head.repo and p.user.login == login
        ),
        None,
    )


def contribute(
    repo: Repository,
    login: str,
    name: str,
    files: Mapping[str, bytes],
    body: str,
    say: Callable[[str], None],
) -> Contribution:
    """The pull request that brings these files (paths in the repository) of the submission `team/model`.

    Raises `InputError` if main has exactly these files, and as `asking_github` does.
    """
    branch = branch_of(*name.split("/"))
    earlier = pull_of(repo, login, branch)
    fork = _fork(repo, login, earlier, say)
    parent = earlier.head.sha if earlier is not None else _head(repo, "/repos/" + repo.full_name)
    say(f"sending {len(files)} files to {fork.removeprefix('/repos/')}")
    commit = make_commit(repo, fork, parent, files, f"{'Update' if earlier else 'Add'} {name}")
    if commit is None and earlier is not None:
        return Contribution(earlier.number, earlier.html_url, parent, "unchanged")
    if commit is None:
        raise InputError(f"main already has exactly these files of {name}: there is nothing to submit.")
    move_branch(repo, fork, branch, commit, force=earlier is None)
    if earlier is not None:
        return Contribution(earlier.number, earlier.html_url, commit, "updated")
    say("opening the pull request")
    owner = fork.removeprefix("/repos/").partition("/")[0]
    pull = open_pull(repo, owner, branch, f"Add {name}", body)
    return Contribution(pull.number, pull.html_url, commit, "opened")


def open_pull(repo: Repository, owner: str, branch: str, title: str, body: str) -> PullRequest:
    """A new pull request of an owner's branch against main, or the one from an earlier request whose reply was lost."""
    from github import GithubException

    try:
        return repo.create_pull(base="main", head=f"{owner}:{branch}", title=title, body=body)
    except GithubException:
        # The reply may have been lost after GitHub had stored the request.
        heads = repo.get_pulls(state="open", base="main", head=f"{owner}:{branch}")
        pull = next((p for p in islice(iter(heads), 20) if p.head.ref == branch), None)
        if pull is None:
            raise
        return pull


def _fork(repo: Repository, login: str, earlier: PullRequest | None, say: Callable[[str], None]) -> str:
    """The path of the repository for the branch: the account's fork, created and brought up to date."""
    from github import GithubException

    if earlier is not None:
        return f"/repos/{earlier.head.repo.full_name}"
    if repo.full_name.partition("/")[0].lower() == login.lower():
        return f"/repos/{repo.full_name}"
    say(f"forking {repo.full_name} (or finding your fork)")
    post = repo.requester.requestJsonAndCheck
    _, fork = post("POST", f"/repos/{repo.full_name}/forks", input={"default_branch_only": True})
    # The fork and its default branch may have been renamed; neither name matters.
    first = str(fork.get("default_branch") or "main")
    path, deadline = f"/repos/{fork['full_name']}", time.monotonic() + FORK_SECONDS
    while _head(repo, path, first, missing=True) == "":
        if time.monotonic() > deadline:
            raise RexrankError(
                "GitHub is still copying the repository. Run the same command again in a minute."
            )
        time.sleep(2)
    try:
        post("POST", f"{path}/merge-upstream", input={"branch": first})
    except GithubException as error:
        # A fork whose main has its own changes is left alone: the branch begins at our main.
        if error.status not in {403, 404, 409, 422}:
            raise
    return path


def _head(repo: Repository, path: str, branch: str = "main", *, missing: bool = False) -> str:
    """The commit of a branch in a repository; empty, if `missing` is allowed, for one that does not exist."""
    from github import GithubException

    try:
        _, ref = repo.requester.requestJsonAndCheck("GET", f"{path}/git/ref/heads/{branch}")
    except GithubException as error:
        if missing and error.status in _MISSING:
            return ""
        raise
    return str(ref["object"]["sha"])


def make_commit(
    repo: Repository, path: str, parent: str, files: Mapping[str, bytes], message: str
) -> str | None:
    """A commit on the parent with these files, or `None` if the parent has them; not on any branch yet.

    Raises `RexrankError` for a commit that changes anything but these files.
    """
    ask = repo.requester.requestJsonAndCheck
    _, before = ask("GET", f"{path}/git/commits/{parent}")
    tree = []
    for name, data in files.items():
        _, blob = ask(
            "POST",
            f"{path}/git/blobs",
            input={"content": base64.b64encode(data).decode(), "encoding": "base64"},
        )
        tree.append({"path": name, "mode": "100644", "type": "blob", "sha": blob["sha"]})
    old = before["tree"]["sha"]
    _, new = ask("POST", f"{path}/git/trees", input={"base_tree": old, "tree": tree})
    if new["sha"] == old:
        return None
    content = {"message": message, "tree": new["sha"], "parents": [parent]}
    _, commit = ask("POST", f"{path}/git/commits", input=content)
    _, whole = ask("GET", f"{path}/commits/{commit['sha']}")
    paths = {str(f["filename"]) for f in whole.get("files") or ()}
    if [p["sha"] for p in whole["parents"]] != [parent] or not paths or not paths <= set(files):
        raise RexrankError(
            "GitHub's commit contains more changes than were sent; no branch points to it. Run the same command again."
        )
    return str(commit["sha"])


def move_branch(repo: Repository, path: str, branch: str, commit: str, *, force: bool) -> None:
    """Creates the branch at the commit, or moves it there; `force` if no open pull request shows it.

    Raises `InputError` if another branch of that repository blocks its name.
    """
    from github import GithubException

    ask = repo.requester.requestJsonAndCheck
    if force:
        try:
            ask("POST", f"{path}/git/refs", input={"ref": f"refs/heads/{branch}", "sha": commit})
        except GithubException as error:
            if error.status != 422:
                raise
        else:
            return
    try:
        ask("PATCH", f"{path}/git/refs/heads/{branch}", input={"sha": commit, "force": force})
    except GithubException:
        folder = branch.partition("/")[0]
        if not _head(repo, path, folder, missing=True):
            raise
        raise InputError(
            f"{path.removeprefix('/repos/')} has a branch named {folder!r}, next to which git allows no {branch}. "
            "Rename or delete that branch, then run the same command again."
        ) from None
