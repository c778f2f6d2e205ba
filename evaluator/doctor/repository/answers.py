"""GitHub's answers about a repository's settings, path by path, as far as the token can read them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from evaluator.doctor.findings import NotCheckable
from evaluator.github.answers import Answer
from evaluator.github.workflows import Workflows

RISK: Final = "site/maintainers/runner.md, section 8: without an organisation the registrar's token is the repository's master key"


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
