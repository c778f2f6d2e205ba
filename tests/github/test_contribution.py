"""Names of branches, and messages for GitHub's refusals; tests/pipeline/test_submit.py covers the whole path."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from github import GithubException
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ConnectionError as NoConnection

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.contribution import asking_github, branch_of, contribute, move_branch, pull_of
from evaluator.submissions.rules.files import name_wanted

SLUGS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}", fullmatch=True).filter(lambda s: name_wanted(s) is None)


@given(st.tuples(SLUGS, SLUGS), st.tuples(SLUGS, SLUGS))
def test_each_model_has_a_branch_of_its_own(one, other):
    assert (branch_of(*one) == branch_of(*other)) == (one == other)


def test_git_takes_every_branch():
    names = [
        ("a", "b"),
        ("a..b", "c"),
        ("a", "c...d.lock"),
        ("a.lock", "b"),
        ("a-", "b-"),
        ("0", "x.lock.lock"),
    ]
    for name in names:
        ref = f"refs/heads/{branch_of(*name)}"
        assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0, ref


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (GithubException(401, {"message": "Bad credentials"}), InputError, "does not accept the token"),
        (GithubException(403, {"message": "Must have push access"}), InputError, "Must have push access"),
        (
            GithubException(403, {"message": "API rate limit exceeded"}),
            RexrankError,
            "run the same command again",
        ),
        (GithubException(404, {"message": "Not Found"}), InputError, "cannot find the repository"),
        (GithubException(422, {"message": "a\x1b[31mb"}), RexrankError, r"a\\u001b"),
        (GithubException(502, None), RexrankError, "no reason given"),
        (NoConnection("x"), RexrankError, "cannot be reached"),
    ],
)
def test_a_refusal_is_explained(error, kind, words):
    with pytest.raises(kind, match=words) as failure, asking_github():
        raise error
    assert type(failure.value) is kind


class Answers:
    """A repository whose API answers from a table, by method and path, and keeps the requests."""

    full_name = "org/challenge"

    def __init__(self, answers, pulls=()):
        self.answers, self.pulls, self.asked = answers, pulls, []
        self.requester = self

    def requestJsonAndCheck(self, method, path, input=None):  # noqa: N802, A002 - PyGithub's names
        self.asked.append((method, path))
        answer = self.answers.get((method, path), GithubException(404, {"message": "Not Found"}))
        if isinstance(answer, Exception):
            raise answer
        return {}, answer

    def get_pulls(self, **_):
        return self.pulls


REF = {"object": {"sha": "a" * 40}}
TAKEN = GithubException(422, {"message": "Reference cannot be created"})
FORK = "/repos/me/renamed"


def test_a_branch_that_leaves_no_room_is_named():
    branches = {("POST", f"{FORK}/git/refs"): TAKEN, ("PATCH", f"{FORK}/git/refs/heads/rexrank/a+b"): TAKEN}
    repo = Answers({**branches, ("GET", f"{FORK}/git/ref/heads/rexrank"): REF})
    with pytest.raises(InputError, match=r"me/renamed has a branch named 'rexrank'.*Rename or delete"):
        move_branch(repo, FORK, "rexrank/a+b", "c" * 40, force=True)
    with pytest.raises(GithubException):
        move_branch(Answers(branches), FORK, "rexrank/a+b", "c" * 40, force=True)


def test_a_fork_of_another_name_with_another_first_branch_is_used():
    repo = Answers(
        {
            ("POST", "/repos/org/challenge/forks"): {"full_name": "me/renamed", "default_branch": "trunk"},
            ("GET", f"{FORK}/git/ref/heads/trunk"): REF,
            ("POST", f"{FORK}/merge-upstream"): {},
            ("GET", "/repos/org/challenge/git/ref/heads/main"): REF,
        }
    )
    with pytest.raises(GithubException):
        contribute(repo, "me", "a/b", {}, "", lambda _words: None)
    assert repo.asked[-1] == ("GET", f"{FORK}/git/commits/{'a' * 40}")


def test_a_pull_request_whose_fork_is_gone_is_not_updated():
    pull = SimpleNamespace(
        head=SimpleNamespace(ref="rexrank/a+b", repo=None), user=SimpleNamespace(login="me")
    )
    assert pull_of(Answers({}, [pull]), "me", "rexrank/a+b") is None
