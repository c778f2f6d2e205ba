"""GitHub's responses about a repository, path by path."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.api import repository


class Answer(NamedTuple):
    """A status and its body."""

    status: int
    body: Any = None


def asker(name: str, token: str) -> Callable[[str], Answer]:
    """A function from a path to GitHub's response, cached; it raises `RexrankError` if there is none."""
    import requests
    from github import GithubException

    # A refusal is a finding here; without a handler, the client would log it to standard error.
    logging.getLogger("github").addHandler(logging.NullHandler())
    ask = repository(token, name).requester.requestJsonAndCheck

    @cache
    def answer(path: str) -> Answer:
        url = path if path.startswith(("/orgs/", "/users/")) else f"/repos/{name}{path}"
        try:
            return Answer(200, ask("GET", url)[1])
        except GithubException as refused:
            if refused.status == 401:
                again = "Set another one as GITHUB_TOKEN or GH_TOKEN."
                raise InputError(f"GitHub rejects this token. {again}") from refused
            if refused.status >= 500:
                later = "Try again later; see githubstatus.com."
                raise RexrankError(f"GitHub answers {refused.status}. {later}") from refused
            return Answer(refused.status)
        except requests.RequestException as lost:
            raise RexrankError(
                f"GitHub does not answer ({type(lost).__name__}). Check the network."
            ) from lost

    return answer
