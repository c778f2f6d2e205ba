"""What GitHub Actions may do here at all, who runs its jobs, and the repository's other doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evaluator.doctor.findings import Finding, bad, good, judged, unsettled
from evaluator.doctor.repository.answer_types import Runners
from evaluator.doctor.repository.answers import Answers
from evaluator.doctor.repository.rules import Expected

GENERAL: Final = "Settings → Actions → General"
LABELS: Final = frozenset({"self-hosted", "gpu", "rexrank-scoring"})
MAX_DAYS: Final = 90
OFF: Final = "disabled_inactivity"


def check_actions(answers: Answers, expected: Expected) -> Iterator[Finding]:
    """Every finding on what workflows may use and do."""
    yield _allowed(answers, expected)
    yield _pins(answers)
    yield _token(answers)
    yield _forks(answers)
    yield _retention(answers)
    yield _workflows(answers, expected)
    yield _runners(answers)


def check_doors(answers: Answers) -> Iterator[Finding]:
    """Every finding on site, keys and reports of weaknesses."""
    yield _pages(answers)
    yield _keys(answers)
    yield _reports(answers)
    yield _push_protection(answers)


def _allowed(answers: Answers, expected: Expected) -> Finding:
    what, path, fix = "actions that may be used", "/actions/permissions", f"{GENERAL}: Allow select actions"
    given = answers.body(path)
    if given is None:
        return answers.refused("RD621", what, path, fix)
    wanted = "GitHub's own" + "".join(f", {owner}/*" for owner in sorted(expected.foreign))
    if not given["enabled"]:
        return bad("RD621", what, "Actions are switched off", wanted, GENERAL)
    if given.get("allowed_actions") != "selected":
        return bad("RD621", what, str(given.get("allowed_actions", "unknown")), wanted, fix)
    chosen = answers.body("/actions/permissions/selected-actions")
    if chosen is None:
        return answers.refused("RD621", what, "/actions/permissions/selected-actions", fix)
    patterns = set(chosen.get("patterns_allowed") or ())
    needed = {f"{owner}/*" for owner in expected.foreign}
    wrong = [] if chosen.get("github_owned_allowed") else ["GitHub's own are not allowed"]
    wrong += ["every verified creator's are allowed"] if chosen.get("verified_allowed") else []
    wrong += [f"{p} is allowed" for p in sorted(patterns - needed)] + [
        f"{p} is not allowed" for p in sorted(needed - patterns)
    ]
    return judged("RD621", what, wrong, wanted, f"{wanted}, nothing else", fix)


def _pins(answers: Answers) -> Finding:
    what, path, fix = (
        "actions are pinned",
        "/actions/permissions",
        f"{GENERAL}: Require actions to be pinned to a full-length commit SHA",
    )
    given = answers.body(path)
    if given is None:
        return answers.refused("RD622", what, path, fix)
    if "sha_pinning_required" not in given:
        return unsettled("RD622", what, "GitHub does not say", fix)
    fine = given["sha_pinning_required"]
    return judged(
        "RD622", what, [] if fine else ["by choice only"], "by rule", "a full commit id for every action", fix
    )


def _token(answers: Answers) -> Finding:
    what, path, fix = (
        "what a job's own token may do",
        "/actions/permissions/workflow",
        f"{GENERAL}: Workflow permissions",
    )
    given = answers.body(path)
    if given is None:
        return answers.refused("RD623", what, path, fix)
    wrong = (
        [] if given["default_workflow_permissions"] == "read" else ["write, where a workflow does not say"]
    )
    wrong += ["approve pull requests"] if given["can_approve_pull_request_reviews"] else []
    return judged(
        "RD623",
        what,
        wrong,
        "read, where a workflow does not say more",
        "read; never approve pull requests",
        fix,
    )


def _forks(answers: Answers) -> Finding:
    what, path = "whose forks wait for an approval", "/actions/permissions/fork-pr-contributor-approval"
    fix = f"{GENERAL}: Approval for running fork pull request workflows: all external contributors"
    given = answers.body(path)
    if given is None:
        return answers.refused("RD624", what, path, fix)
    policy = given["approval_policy"]
    fine = policy == "all_external_contributors"
    return judged("RD624", what, [] if fine else [policy], "all outsiders'", "all_external_contributors", fix)


def _retention(answers: Answers) -> Finding:
    what, path, fix = (
        "how long logs and artifacts stay",
        "/actions/permissions/artifact-and-log-retention",
        f"{GENERAL}: Artifact and log retention",
    )
    given = answers.body(path)
    if given is None:
        return answers.refused("RD625", what, path, fix)
    days = given["days"]
    return judged(
        "RD625",
        what,
        [f"{days} days"] if days > MAX_DAYS else [],
        f"{days} days",
        f"at most {MAX_DAYS} days: they are public",
        fix,
    )


def _workflows(answers: Answers, expected: Expected) -> Finding:
    what, path, fix = "workflows", "/actions/workflows", "Actions: enable the workflow named"
    listed = answers.body(path)
    if listed is None:
        return answers.refused("RD626", what, path, "Actions")
    states = {w["path"].rpartition("/")[2]: w["state"] for w in listed["workflows"]}
    wrong = [
        f"{name} is {states.get(name, 'not known')}"
        for name in sorted(expected.workflows)
        if states.get(name) != "active"
    ]
    if any(OFF in w for w in wrong):
        fix += "; GitHub switches a schedule off after 60 days without activity"
    return judged(
        "RD626", what, wrong, f"{len(expected.workflows)} are active", "every workflow of main, active", fix
    )


def _runners(answers: Answers) -> Finding:
    what, path, look = "registered runners", "/actions/runners", "Settings → Actions → Runners"
    listed = answers.read(path, Runners)
    if listed is None:
        return answers.refused("RD627", what, path, look)
    # An organisation's runners are in its groups.
    grouped = [p for p in answers.known if p.startswith("/orgs/") and p.endswith("/runners")]
    groups = [answers.read(p, Runners) for p in grouped]
    runners = [r for group in (listed, *groups) if group is not None for r in group.runners]
    if not runners:
        return unsettled(
            "RD627", what, "none waits at the moment", "keep-registered.sh should keep one there"
        )
    wrong = []
    for runner in runners:
        missing = LABELS - {label.name for label in runner.labels}
        wrong += [f"{runner.name} takes more than one job"] if runner.ephemeral is not True else []
        wrong += [f"{runner.name} lacks {', '.join(sorted(missing))}"] if missing else []
    online = sum(r.status == "online" for r in runners)
    return judged(
        "RD627", what, wrong, f"{online} of {len(runners)} online, each for one job",
        f"just-in-time runners with the labels {', '.join(sorted(LABELS))}", f"{look}: remove it; run keep-registered.sh",
    )  # fmt: skip


def _pages(answers: Answers) -> Finding:
    what, path, fix = "site", "/pages", "Settings → Pages → Source: GitHub Actions; Enforce HTTPS"
    if answers.status(path) == 404:
        return bad("RD631", what, "Pages are switched off", "Pages, built by Actions", fix)
    page = answers.body(path)
    if page is None:
        return answers.refused("RD631", what, path, fix)
    wrong = [] if page.get("build_type") == "workflow" else ["built from a branch"]
    wrong += [] if page.get("https_enforced", True) else ["http is let through"]
    return judged(
        "RD631",
        what,
        wrong,
        f"{page.get('html_url', 'on Pages')}, built by Actions",
        "built by Actions, https only",
        fix,
    )


def _keys(answers: Answers) -> Finding:
    what, path = "deploy keys", "/keys"
    if answers.body(path) is None:
        return answers.refused("RD632", what, path, "Settings → Deploy keys")
    wrong = [f"{k['title']} may write" for k in answers.body(path) if not k["read_only"]]
    return judged(
        "RD632",
        what,
        wrong,
        "none that may write",
        "none that may write: the App does",
        "Settings → Deploy keys",
    )


def _reports(answers: Answers) -> Finding:
    what, path, fix = (
        "private reports of weaknesses",
        "/private-vulnerability-reporting",
        "Settings → Advanced Security → Private vulnerability reporting",
    )
    given = answers.body(path)
    if given is None:
        return answers.refused("RD633", what, path, fix)
    return judged(
        "RD633",
        what,
        [] if given["enabled"] else ["switched off"],
        "taken",
        "switched on: SECURITY.md points there",
        fix,
    )


def _push_protection(answers: Answers) -> Finding:
    what, fix = "secrets are stopped when pushed", "Settings → Advanced Security → Push protection"
    state = ((answers.body("") or {}).get("security_and_analysis") or {}).get(
        "secret_scanning_push_protection"
    )
    if state is None:
        return (
            answers.refused("RD634", what, "", fix)
            if answers.body("") is None
            else unsettled("RD634", what, "GitHub does not say", fix)
        )
    return (
        good("RD634", what, "enabled")
        if state.get("status") == "enabled"
        else bad("RD634", what, "disabled", "enabled", fix)
    )
