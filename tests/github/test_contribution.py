"""Names of branches, and what GitHub's refusals are told as; the whole way is in tests/pipeline/test_submit.py."""

from __future__ import annotations

import subprocess

import pytest
from github import GithubException
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ConnectionError as NoConnection

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.contribution import asking_github, branch_of
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
def test_a_refusal_is_told_in_words(error, kind, words):
    with pytest.raises(kind, match=words) as raised, asking_github():
        raise error
    assert type(raised.value) is kind
