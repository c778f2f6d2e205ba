"""GitHub's answers about a repository's settings, path by path, as far as the token can read them."""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import NotCheckable
from evaluator.doctor.repository.workflows import Workflows
from evaluator.github.api import repository

RISK: Final = "site/maintainers/runner.md, section 8: without an organisation the registrar's token is the repository's master key"


class Answer(NamedTuple):
    """A status and its body."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answers:
    """GitHub's answers for paths under the repository (`""`: the repository itself), and its workflows' needs.

    `{org}` in a path stands for the organisation, `{name}` for the repository's name in it.
    """

    ask: Callable[[str], Answer]
    flows: Workflows = field(default_factory=Workflows)

    def get(self, path: str) -> Answer:
        """The answer for a path; raises `NotCheckable` if it needs an organisation and there is none."""
        if "{org}" in path:
            repo = self.need("")
            if repo["owner"]["type"] != "Organization":
                raise NotCheckable("the repository does not belong to an organisation", RISK)
            org, _, name = repo["full_name"].partition("/")
            path = path.format(org=org, name=name)
        return self.ask(path)

    def need(self, path: str) -> Any:
        """The body of the answer for a path; raises `NotCheckable` unless the request succeeded."""
        answer = self.get(path)
        if answer.status != 200:
            raise NotCheckable(f"GitHub answers {answer.status}: this token cannot read it")
        return answer.body


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an answer: its dotted key, the wanted value, and the texts for another and for a missing value.

    `missing` is empty if a missing value is fine, `None` if GitHub does not show it to everybody. `met` compares.
    """

    key: str
    wanted: object
    otherwise: str = "{key} is {found}"
    missing: str | None = "{key} is missing"
    met: Callable[[Any, Any], object] = operator.eq

    def wrong(self, body: Any) -> list[str]:
        """What is wrong with the value in a body; raises `NotCheckable` if GitHub does not show it."""
        for part in self.key.split("."):
            body = body.get(part) if body is not None else None
        if body is None and self.missing is None:
            raise NotCheckable("GitHub does not show it")
        words = self.missing if body is None else "" if self.met(body, self.wanted) else self.otherwise
        return [words.format(key=self.key, found=body)] if words else []


@dataclass(frozen=True, slots=True)
class Values:
    """What the answer for a path should contain.

    `set_by`: the request to the same path that sets it; `absent`: what a missing path means.
    """

    where: str
    values: tuple[Value, ...]
    set_by: Literal["PATCH", "PUT", ""] = ""
    absent: str = ""

    def __call__(self, answers: Answers) -> list[str]:
        """What is wrong with them."""
        if self.absent and answers.get(self.where).status == 404:
            return [self.absent]
        body = answers.need(self.where)
        return [words for value in self.values for words in value.wrong(body)]


def asker(name: str, token: str) -> Callable[[str], Answer]:
    """A function from a path to GitHub's answer, cached; it raises `RexrankError` if there is no answer."""
    import requests
    from github import GithubException

    # A refusal is a finding here; without a handler the client would log it to standard error.
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
