"""Whether main can only change as the pipeline means it: rules of the branch, and who is above them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from evaluator.doctor.findings import Finding, judged, unsettled
from evaluator.doctor.repository.answer_types import OwnersErrors, RuleParameters, Rules, Ruleset
from evaluator.doctor.repository.answers import Answers
from evaluator.github.api import STATUS

ACTIONS_APP: Final = 15368
"""The id of GitHub Actions among the apps: who else sets a status is somebody with a token."""
RULES: Final = "Settings → Rules → Rulesets"
_RULES_PATH: Final = "/rules/branches/main"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the checkout's own workflows ask of the settings."""

    checks: frozenset[str] = frozenset()
    workflows: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    on_runner: frozenset[str] = frozenset()
    """Files of the workflows that use the scoring machine."""


def check_main(answers: Answers, expected: Expected) -> Iterator[Finding]:
    """Every finding on the repository's branch."""
    yield _repository(answers)
    yield _reviews(answers)
    yield _checks(answers, expected)
    yield _history(answers)
    yield _bypass(answers)
    yield _owners(answers)


def _repository(answers: Answers) -> Finding:
    repo, what = answers.body(""), "repository"
    if repo is None:
        return answers.refused("RD601", what, "", "the repository's name; the token's rights")
    wrong = [] if repo["default_branch"] == "main" else [f"the default branch is {repo['default_branch']}"]
    wrong += ["it is archived"] if repo.get("archived") else []
    return judged(
        "RD601", what, wrong, f"{repo['full_name']}, {repo.get('visibility', 'unknown')}, default branch main",
        "default branch main: the workflows are written for it", "Settings → General → Default branch",
    )  # fmt: skip


def rules_of(answers: Answers, kind: str) -> list[RuleParameters]:
    """The parameters of main's active rules of one kind."""
    rules = answers.read(_RULES_PATH, Rules)
    return [r.parameters or RuleParameters() for r in (rules.root if rules else ()) if r.type == kind]


def rule_kinds(answers: Answers, path: str) -> set[str]:
    """The kinds of rules that are active on a branch, by the path where GitHub tells them."""
    rules = answers.read(path, Rules)
    return {r.type for r in rules.root} if rules else set()


def _reviews(answers: Answers) -> Finding:
    what = "changes of main are reviewed"
    if answers.body(_RULES_PATH) is None:
        return answers.refused("RD602", what, _RULES_PATH, RULES)
    rules = rules_of(answers, "pull_request")
    wanted = {
        "require_code_owner_review": "no review by code owners",
        "dismiss_stale_reviews_on_push": "a push keeps old approvals",
        "require_last_push_approval": "who pushes last may approve",
    }
    wrong = [] if rules else ["no rule asks for a pull request"]
    if rules:
        wrong += ["no approval is asked for"] * (max(r.required_approving_review_count for r in rules) < 1)
        wrong += [words for key, words in wanted.items() if not any(getattr(r, key) for r in rules)]
        squash = any(r.allowed_merge_methods == ("squash",) for r in rules)
        wrong += [] if squash else ["it may be merged otherwise than by squashing"]
    return judged(
        "RD602", what, wrong, "a pull request, code owners, approvals that a push takes back, squashed",
        "a pull request with one approval, by code owners, of the last push; squash only",
        f"{RULES}: Require a pull request before merging; Allowed merge methods",
    )  # fmt: skip


def _checks(answers: Answers, expected: Expected) -> Finding:
    what = "checks that main asks for"
    if answers.body(_RULES_PATH) is None:
        return answers.refused("RD603", what, _RULES_PATH, RULES)
    rules = rules_of(answers, "required_status_checks")
    checks = {c.context: c.integration_id for r in rules for c in r.required_status_checks}
    wrong = [f"not {name}" for name in sorted({STATUS, *expected.checks} - set(checks))]
    if STATUS in checks and checks[STATUS] != ACTIONS_APP:
        wrong.append(f"{STATUS} of anybody")
    if any(r.strict_required_status_checks_policy for r in rules):
        wrong.append("branches have to be up to date: each publication would make every scored commit stale")
    names = "; ".join(sorted(checks))
    return judged(
        "RD603", what, wrong, names, f"{'; '.join(sorted({STATUS, *expected.checks}))}; {STATUS} from GitHub Actions",
        f"{RULES}: Require status checks to pass; source of {STATUS}: GitHub Actions; not: up to date",
    )  # fmt: skip


def _history(answers: Answers) -> Finding:
    what = "main's history"
    rules = answers.read(_RULES_PATH, Rules)
    if rules is None:
        return answers.refused("RD604", what, _RULES_PATH, RULES)
    kinds = {
        "non_fast_forward": "it may be rewritten",
        "deletion": "main may be deleted",
        "required_linear_history": "merge commits may weave it",
    }
    present = rule_kinds(answers, _RULES_PATH)
    wrong = [words for kind, words in kinds.items() if kind not in present]
    return judged(
        "RD604",
        what,
        wrong,
        "a line that only grows",
        "no force push, no deletion, a linear history",
        f"{RULES}: Block force pushes, Restrict deletions, Require linear history",
    )


def ruleset_ids(rules: Rules | None) -> list[int]:
    """The rulesets that main's active rules come from."""
    return sorted({r.ruleset_id for r in (rules.root if rules else ()) if r.ruleset_id is not None})


def _bypass(answers: Answers) -> Finding:
    what = "who may go past the rules"
    ids = ruleset_ids(answers.read(_RULES_PATH, Rules))
    sets = [answers.read(f"/rulesets/{i}", Ruleset) for i in ids]
    lists = [None if s is None else s.bypass_actors for s in sets]
    if not ids or None in lists:
        return unsettled(
            "RD605",
            what,
            "the token may not see it" if ids else "there are no rules",
            f"{RULES}: Bypass list",
        )
    actors = [a for actors in lists for a in actors or ()]
    wrong = [str(a) for a in actors if a.actor_type != "Integration"]
    apps = {a.actor_id for a in actors if a.actor_type == "Integration"}
    wrong += [f"{len(apps)} apps"] if len(apps) != 1 else []
    app = next(iter(apps), None)
    return judged(
        "RD605", what, wrong, f"one App (id {app}); look that it is the publisher's", "the publisher's App, nobody else",
        f"{RULES}: Bypass list",
    )  # fmt: skip


def _owners(answers: Answers) -> Finding:
    what, path = "CODEOWNERS", "/codeowners/errors"
    owners = answers.read(path, OwnersErrors)
    if owners is None:
        return answers.refused(
            "RD606", what, path, "open .github/CODEOWNERS on GitHub: errors are marked there"
        )
    wrong = [f"line {e.line}: {e.kind}" for e in owners.errors]
    return judged(
        "RD606",
        what,
        wrong,
        "no error",
        "teams that exist and may write",
        "create the teams, or name others in .github/CODEOWNERS",
    )
