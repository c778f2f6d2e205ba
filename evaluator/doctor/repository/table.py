"""Settings in one table: a code, where GitHub says it, what is wrong with it, what is wanted, and the fix.

Merging, who could set the score's status from a branch, and the keys that bring the scoring machine its jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evaluator.doctor.findings import Finding, judged, unsettled
from evaluator.doctor.repository.answer_types import Rules, Ruleset
from evaluator.doctor.repository.answers import Answers
from evaluator.doctor.repository.rules import RULES, Expected, rule_kinds, ruleset_ids
from evaluator.github.api import STATUS

GENERAL: Final = "Settings → General → Pull Requests"
MAIN: Final = "/rules/branches/main"
OTHER: Final = "/rules/branches/any-other-branch"
"""A branch need not be there: GitHub gives the rules that one of this name would have."""
RISK: Final = "site/maintainers/runner.md, section 8: without an organisation the registrar's token is the repository's master key"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: `where` are the paths that have to be readable, `wrong` lists what is wrong in their answers."""

    code: str
    what: str
    where: tuple[str, ...]
    wrong: Callable[[Answers], Sequence[str]]
    wanted: str
    fix: str


def findings(answers: Answers, table: Sequence[Setting]) -> Iterator[Finding]:
    """One finding a row."""
    for row in table:
        unread = next((p for p in row.where if answers.body(p) is None), None)
        if unread is not None:
            yield answers.refused(row.code, row.what, unread, row.fix)
        else:
            yield judged(row.code, row.what, row.wrong(answers), row.wanted, row.wanted, row.fix)


def _ways(answers: Answers) -> list[str]:
    ways = {"allow_squash_merge": True, "allow_merge_commit": False, "allow_rebase_merge": False}
    repo = answers.body("")
    return [f"{k} is {repo.get(k, 'not told')}" for k, wanted in ways.items() if repo.get(k) is not wanted]


def _auto(answers: Answers) -> list[str]:
    told = answers.body("").get("allow_auto_merge")
    return (
        []
        if told is False
        else ["it is on" if told else "GitHub does not say: the token is no administrator's"]
    )


def _queue(answers: Answers) -> list[str]:
    return ["there is one"] * ("merge_queue" in rule_kinds(answers, MAIN))


def _from_a_branch(answers: Answers) -> list[str]:
    """A workflow on a branch of this repository may set any status, as GitHub Actions; on a fork it may not."""
    if {"creation", "update"} <= rule_kinds(answers, OTHER):
        sets = [answers.read(p, Ruleset) for p in _rulesets(answers)]
        actors = [a for s in sets if s is not None for a in s.bypass_actors or ()]
        return [f"{a} may go past the rule" for a in actors if a.actor_type != "Integration"]
    return [f"{c['login']} may push one whose workflow sets it" for c in answers.body("/collaborators")]


def _rulesets(answers: Answers) -> list[str]:
    """Where the rules of other branches come from."""
    return [f"/rulesets/{i}" for i in ruleset_ids(answers.read(OTHER, Rules))]


def check_merging(answers: Answers) -> Iterator[Finding]:
    """Every finding on how main is merged into, and on who could set the score's status."""
    yield from findings(answers, MERGING)
    yield from findings(answers, (replace(BRANCHES, where=(*BRANCHES.where, *_rulesets(answers))),))


MERGING: Final = (
    Setting("RD607", "ways of merging", ("",), _ways, "squashing alone", f"{GENERAL}: Allow squash merging, nothing else"),
    Setting("RD608", "auto-merge", ("",), _auto, "off: a person merges what was scored", f"{GENERAL}: Allow auto-merge, off"),
    Setting("RD609", "merge queue", (MAIN,), _queue, f"none: {STATUS} is never set on a merge group", f"{RULES}: Require merge queue, off"),
)  # fmt: skip
BRANCHES: Final = Setting(
    "RD610", f"who could set {STATUS} from a branch", (OTHER, "/collaborators"), _from_a_branch,
    "nobody: no branch but main can be made or pushed, everybody works from a fork",
    f"{RULES}: a second ruleset, all branches but main: Restrict creations, Restrict updates; bypass list: Dependabot alone",
)  # fmt: skip


def organisation(answers: Answers) -> str:
    """The organisation that the repository belongs to, empty for a person's."""
    owner = (answers.body("") or {}).get("owner") or {}
    return str(owner.get("login", "")) if owner.get("type") == "Organization" else ""


def groups_path(org: str) -> str:
    """Where an organisation's runner groups are listed."""
    return f"/orgs/{org}/actions/runner-groups"


def group_paths(org: str, listed: Any) -> list[str]:
    """What is asked of each of the groups that take this repository's jobs."""
    ids = [int(g["id"]) for g in (listed or {}).get("runner_groups", ())]
    return [f"{groups_path(org)}/{i}/{part}" for i in ids for part in ("repositories", "runners")]


def check_keys(answers: Answers, expected: Expected) -> Iterator[Finding]:
    """Every finding on who may bring the scoring machine a job, and with which key."""
    org = organisation(answers)
    if not org:
        for code, what in (("RD628", "runner group"), ("RD629", "the registrar's key")):
            yield unsettled(code, what, "the repository belongs to no organisation", RISK)
        return
    repositories = [
        p for p in group_paths(org, answers.body(groups_path(org))) if p.endswith("/repositories")
    ]
    yield from findings(answers, _keys(org, expected, repositories))


def _keys(org: str, expected: Expected, repositories: Sequence[str]) -> tuple[Setting, ...]:
    groups, installed, where = groups_path(org), f"/orgs/{org}/installations", "Organisation → Settings"

    def group(answers: Answers) -> list[str]:
        name = answers.body("")["full_name"]
        flows = {f"{name}/.github/workflows/{w}@refs/heads/main" for w in expected.on_runner}
        listed = answers.body(groups)["runner_groups"]
        wrong = [
            f"{r['name']} is registered to the repository, past every group"
            for r in answers.body("/actions/runners")["runners"]
        ]
        wrong += [] if listed else ["no group takes this repository's jobs"]
        for g in listed:
            others = (answers.body(f"{groups}/{int(g['id'])}/repositories") or {"repositories": ()})[
                "repositories"
            ]
            wrong += [f"{g['name']} takes jobs of every repository"] if g["visibility"] != "selected" else []
            wrong += [f"{g['name']} takes jobs of {r['full_name']}" for r in others if r["full_name"] != name]
            limited = set(g.get("selected_workflows") or ()) if g.get("restricted_to_workflows") else None
            wrong += [f"{g['name']} takes every workflow"] if limited is None else []
            wrong += [f"{g['name']} takes {w}" for w in sorted((limited or set()) - flows)]
            wrong += (
                [f"{g['name']} does not take {w}" for w in sorted(flows - limited)]
                if limited is not None
                else []
            )
        return wrong

    def registrar(answers: Answers) -> list[str]:
        apps = answers.body(installed)["installations"]
        own = [a for a in apps if a["permissions"].get("organization_self_hosted_runners") == "write"]
        wrong = [f"{len(own)} Apps may register runners"] if len(own) != 1 else []
        for a in own:
            more = sorted(set(a["permissions"]) - {"organization_self_hosted_runners", "metadata"})
            wrong += [f"{a['app_slug']} may also: {', '.join(more)}"] if more else []
        admins = [a["app_slug"] for a in apps if a["permissions"].get("administration") == "write"]
        return wrong + [f"{slug} may administer repositories: as good as a key to main" for slug in admins]

    return (
        Setting(
            "RD628", "runner group", ("", groups, "/actions/runners", *repositories), group,
            "one group, for this repository alone, limited to the workflows that use the machine, at refs/heads/main",
            f"{where} → Actions → Runner groups: Repository access, Workflow access",
        ),
        Setting(
            "RD629", "the registrar's App", (installed,), registrar,
            "one App with self-hosted runners: write of the organisation, and nothing else",
            f"{where} → GitHub Apps; {RISK}",
        ),
    )  # fmt: skip
