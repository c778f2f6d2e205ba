"""GitHub's answers on a repository's settings: path by path, as far as the token may ask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import Untold
from evaluator.doctor.repository.workflows import Workflows
from evaluator.github.api import repository

RISK: Final = "site/maintainers/runner.md, section 8: without an organisation the registrar's token is the repository's master key"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what came with it; the status is 0 for what was not asked."""

    status: int = 0
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers by path below the repository (`""`: the repository itself), and what its workflows ask for."""

    known: Mapping[str, Answer]
    flows: Workflows = field(default_factory=Workflows)

    def get(self, path: str) -> Answer:
        """What came for a path, in which `{org}` stands for the organisation."""
        return self.known.get(path.replace("{org}", self.organisation), Answer())

    def need(self, path: str) -> Any:
        """The body of a path's answer; raises `Untold` without a success, or without the organisation in it."""
        if "{org}" in path and not self.organisation:
            raise Untold("the repository belongs to no organisation", RISK)
        answer = self.get(path)
        if answer.status != 200:
            said = f"GitHub answers {answer.status}" if answer.status else "it was not asked"
            raise Untold(f"{said}: this token may not read it")
        return answer.body

    @property
    def organisation(self) -> str:
        """The organisation that the repository belongs to, empty for a person's."""
        owner = (self.known.get("", Answer()).body or {}).get("owner") or {}
        return str(owner.get("login", "")) if owner.get("type") == "Organization" else ""


@contextmanager
def known_form() -> Iterator[None]:
    """Raises `RexrankError` where an answer has not the form that GitHub's description gives it."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RexrankError(
            f"an answer of GitHub's has another form than the doctor knows ({error}). Update the evaluator."
        ) from error


def asker(name: str, token: str) -> Callable[[str, Mapping[str, str]], Answer]:
    """A function from a path and query values to GitHub's answer; it raises `RexrankError` where there is none."""
    import requests
    from github import GithubException

    # A refusal is a finding here; without a handler the client's own words about it go to standard error.
    logging.getLogger("github").addHandler(logging.NullHandler())
    ask = repository(token, name).requester.requestJsonAndCheck

    def answer(path: str, query: Mapping[str, str]) -> Answer:
        url = path if path.startswith("/orgs/") else f"/repos/{name}{path}"
        try:
            return Answer(200, ask("GET", url, parameters=dict(query) or None)[1])
        except GithubException as refused:
            if refused.status == 401:
                again = "Give another as GITHUB_TOKEN or GH_TOKEN."
                raise InputError(f"GitHub does not take this token. {again}") from refused
            if refused.status >= 500:
                later = "Ask again later; githubstatus.com says more."
                raise RexrankError(f"GitHub answers {refused.status}. {later}") from refused
            return Answer(refused.status)
        except requests.RequestException as lost:
            what = type(lost).__name__
            raise RexrankError(f"GitHub does not answer ({what}). Check the network.") from lost

    return answer
