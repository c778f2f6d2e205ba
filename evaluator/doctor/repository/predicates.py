"""What a row of the table of settings is, and what is wrong with the settings that are more than values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from evaluator.doctor.findings import Check, Finding, Untold, facts
from evaluator.doctor.repository.answers import Answers, known_form
from evaluator.github.api import STATUS

MAIN: Final = "/rules/branches/main"
OTHER: Final = "/rules/branches/any-other-branch"
"""A branch need not be there: GitHub gives the rules that one of this name would have."""
PERMISSIONS: Final = "/actions/permissions"
RUNNERS: Final = "/actions/runners"
GROUPS: Final = "/orgs/{org}/actions/runner-groups"
INSTALLATIONS: Final = "/orgs/{org}/installations"
CLIENT: Final = "REX_APP_CLIENT_ID"
CLIENT_ID: Final = re.compile(r"Iv[0-9A-Za-z.]{8,40}")
LABELS: Final = ("gpu", "rexrank-scoring", "self-hosted")
MAX_DAYS: Final = 90
ACTIONS_APP: Final = 15368
"""The id of GitHub Actions among the apps: who else sets a status is somebody with a token."""
ACTORS: Final = {"OrganizationAdmin": "administrators", "DeployKey": "every deploy key", "RepositoryRole": "a role", "Team": "a team", "User": "a user"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an answer: its dotted key, what is wanted, and what to say of another and of a missing one.

    `missing` is empty where no value is a good one, `None` where GitHub does not tell everybody. `met` compares.
    """

    key: str
    wanted: object
    otherwise: str = "{key} is {found}"
    missing: str | None = "{key} is not told"
    met: Callable[[Any, Any], bool] = operator.eq

    def wrong(self, body: Any) -> list[str]:
        """What is wrong with the value in a body; raises `Untold` where GitHub does not tell it."""
        for part in self.key.split("."):
            body = body.get(part) if body is not None else None
        if body is None and self.missing is None:
            raise Untold("GitHub does not say")
        words = self.missing if body is None else "" if self.met(body, self.wanted) else self.otherwise
        return [words.format(key=self.key, found=body)] if words else []


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the paths that have to be readable, and what is wrong, by values of the first or by a function.

    `fine`: what a pass says, if not what is wanted; `absent`: what it means that there is nothing at the first path.
    """

    code: str
    what: str
    where: tuple[str, ...]
    wrong: tuple[Value, ...] | Callable[[Answers], Iterable[str]]
    wanted: str | Callable[[Answers], str]
    fix: str
    fine: str | Callable[[Answers], str] = ""
    absent: str = ""

    def finding(self, answers: Answers) -> Finding:
        """The row held against a repository's answers; raises `RexrankError` for answers of another form."""
        with known_form():
            return Check(self.code, self.what, self._wrong, self.wanted, self.fix, self.fine).finding(answers)

    def _wrong(self, answers: Answers) -> Iterable[str]:
        if self.absent and answers.get(self.where[0]).status == 404:
            return [self.absent]
        body, *_ = [answers.need(path) for path in self.where]
        if callable(self.wrong):
            return self.wrong(answers)
        return [words for value in self.wrong for words in value.wrong(body)]


REVIEW: Final = (
    Value("required_approving_review_count", 1, "no approval is asked for", met=operator.ge),
    Value("require_code_owner_review", True, "no review by code owners"),
    Value("dismiss_stale_reviews_on_push", True, "a push keeps old approvals"),
    Value("require_last_push_approval", True, "who pushes last may approve"),
    Value("allowed_merge_methods", ["squash"], "it may be merged otherwise than by squashing"),
)
LINEAR: Final = {"non_fast_forward": "it may be rewritten", "deletion": "main may be deleted", "required_linear_history": "merge commits may weave it"}  # fmt: skip
REGISTER: Final = "organization_self_hosted_runners"


def rules(a: Answers, path: str, kind: str) -> list[Any]:
    """The parameters of a branch's active rules of one kind."""
    return [r.get("parameters") or {} for r in a.need(path) if r["type"] == kind]


def rulesets(a: Answers, path: str) -> list[str]:
    """Where the rules of a branch come from."""
    return [
        f"/rulesets/{n}" for n in sorted({r.get("ruleset_id") or 0 for r in a.get(path).body or ()} - {0})
    ]


def required(a: Answers) -> dict[str, int | None]:
    """The checks that main asks for, and the app that has to set each."""
    asked = [c for r in rules(a, MAIN, "required_status_checks") for c in r["required_status_checks"]]
    return {c["context"]: c.get("integration_id") for c in asked}


def reviews(a: Answers) -> list[str]:
    """How main may change unreviewed."""
    pulls = rules(a, MAIN, "pull_request")
    wrong = {v.otherwise: all(v.wrong(rule) for rule in pulls) for v in REVIEW}
    return facts(wrong) if pulls else ["no rule asks for a pull request"]


def checks(a: Answers) -> list[str]:
    """Checks that main does not ask for, or takes of anybody."""
    strict = [r.get("strict_required_status_checks_policy") for r in rules(a, MAIN, "required_status_checks")]
    stale = "branches have to be up to date: each publication would make every scored commit stale"
    missing = [f"not {name}" for name in sorted({STATUS, *a.flows.checks} - set(required(a)))]
    anybody = required(a).get(STATUS, ACTIONS_APP) != ACTIONS_APP
    return missing + facts({f"{STATUS} of anybody": anybody, stale: any(strict)})


def above(a: Answers, path: str) -> tuple[list[str], list[int]]:
    """Who may go past the rules of a branch: others than apps in words, and the apps' ids."""
    lists = [a.need(p).get("bypass_actors") for p in rulesets(a, path)]
    if not lists or None in lists:
        raise Untold("the token may not see it" if lists else "there are no rules")
    actors = [(actor["actor_type"], actor.get("actor_id")) for members in lists for actor in members]
    others = [f"{ACTORS.get(kind, kind)} {n or ''}".strip() for kind, n in actors if kind != "Integration"]
    return others, sorted({n for kind, n in actors if kind == "Integration"})


def bypass(a: Answers) -> list[str]:
    """Who but one app may go past main's rules."""
    others, apps = above(a, MAIN)
    return others + facts({f"{len(apps)} apps": len(apps) != 1})


def branches(a: Answers) -> list[str]:
    """A workflow on a branch of this repository may set any status, as GitHub Actions; on a fork it may not."""
    if all(rules(a, OTHER, kind) for kind in ("creation", "update")):
        return [f"{actor} may go past the rule" for actor in above(a, OTHER)[0]]
    return [f"{c['login']} may push one whose workflow sets it" for c in a.need("/collaborators")]


def environment(
    code: str, name: str, *, reviewed: bool | None = None, secret: str = "", ref: str = "branch main"
) -> Setting:
    """The row of one environment; `reviewed` is `None` where it does not matter, `ref` may enter and no other."""

    def wrong(a: Answers) -> list[str]:
        here = next((e for e in a.need("/environments")["environments"] if e["name"] == name), None)
        if here is None:
            return ["it is not there"]
        rules = [r for r in here.get("protection_rules", ()) if r["type"] == "required_reviewers"]
        asked = [r for r in rules if r.get("reviewers")]
        kept = a.get(f"/environments/{name}/secrets").body
        names = {s["name"] for s in kept["secrets"]} if kept else {secret}
        return entering(a.get(f"/environments/{name}/deployment-branch-policies").body, here, ref) + facts({
            "nobody has to approve": reviewed and not asked,
            "who asked may approve": reviewed and asked and not any(r.get("prevent_self_review") for r in asked),
            "its jobs wait for a reviewer: the nightly run would stand still": asked and reviewed is False,
            "administrators may go past it": reviewed and here.get("can_admins_bypass"),
            "the names of its secrets cannot be read": kept is None,
            f"no secret {secret}": secret and secret not in names,
            **{f"the secret {n} has no business there": True for n in sorted(names - {secret})},
        })  # fmt: skip

    who = {True: "reviewers, none of them the one who asked, ", False: "no reviewer, ", None: ""}[reviewed]
    wanted = f"{ref} only, {who}{f'the secret {secret}' if secret else 'no secret'}"
    where = f"Settings → Environments → {name}; New environment where there is none"
    return Setting(code, f"environment {name}", ("/environments",), wrong, wanted, where)


def entering(named: Any, here: Any, ref: str) -> list[str]:
    """Which branches and tags may enter an environment and should not, or the reverse."""
    policy = here.get("deployment_branch_policy")
    if policy is None or policy.get("protected_branches"):
        return [f"every {'protected ' if policy else ''}branch may enter"]
    if named is None:
        return ["its branches cannot be read"]
    there = [f"{p.get('type', 'branch')} {p['name']}" for p in named["branch_policies"]]
    missing = f"{ref.removeprefix('branch ')} may not enter"
    return [f"{r} may enter" for r in there if r != ref] + facts({missing: ref not in there})


def secrets(a: Answers) -> list[str]:
    """Secrets that are not an environment's."""
    # A repository of a person has no organisation.
    alone = a.get("/actions/organization-secrets").status == 404
    whose = {"/actions/secrets": "repository"} | (
        {} if alone else {"/actions/organization-secrets": "organisation"}
    )
    return [f"{s['name']} of the {owner}" for path, owner in whose.items() for s in a.need(path)["secrets"]]


def client(a: Answers) -> list[str]:
    """What stands for the App's client id and is none."""
    value = str(a.need(f"/actions/variables/{CLIENT}")["value"])
    return facts({f"{value} is no client id": not CLIENT_ID.fullmatch(value)})


def owners(a: Answers) -> str:
    """Whose actions the workflows use."""
    return "GitHub's own" + "".join(f", {owner}/*" for owner in sorted(a.flows.foreign))


def actions(a: Answers) -> list[str]:
    """Whose actions may be used and should not, or the reverse."""
    given = a.need(PERMISSIONS)
    if not given["enabled"]:
        return ["Actions are switched off"]
    if given.get("allowed_actions") != "selected":
        return [str(given.get("allowed_actions", "unknown"))]
    chosen, needed = a.need(f"{PERMISSIONS}/selected-actions"), {f"{owner}/*" for owner in a.flows.foreign}
    there = set(chosen.get("patterns_allowed") or ())
    return facts({
        "GitHub's own are not allowed": not chosen.get("github_owned_allowed"),
        "every verified creator's are allowed": chosen.get("verified_allowed"),
        **{f"{p} is allowed": p not in needed for p in sorted(there)},
        **{f"{p} is not allowed": p not in there for p in sorted(needed)},
    })  # fmt: skip


def workflows(a: Answers) -> list[str]:
    """Workflows of main that do not run."""
    listed = a.need("/actions/workflows")["workflows"]
    states = dict.fromkeys(a.flows.names, "not known") | {
        w["path"].rpartition("/")[2]: w["state"] for w in listed
    }
    return facts({f"{name} is {states[name]}": states[name] != "active" for name in sorted(a.flows.names)})


def registered(a: Answers) -> list[Any]:
    """The runners of the repository, and those of an organisation's groups."""
    groups = [p for p in a.known if p.startswith("/orgs/") and p.endswith("/runners")]
    listed = [r for p in (RUNNERS, *groups) for r in a.need(p)["runners"]]
    if not listed:
        raise Untold("none waits at the moment", "keep-registered.sh should keep one there")
    return listed


def runners(a: Answers) -> list[str]:
    """Runners that take more than one job, or lack a label."""
    lacks = {
        r["name"]: sorted(set(LABELS) - {label["name"] for label in r.get("labels", ())})
        for r in registered(a)
    }
    lasting = [
        f"{r['name']} takes more than one job" for r in registered(a) if r.get("ephemeral") is not True
    ]
    return lasting + facts({f"{name} lacks {', '.join(labels)}": labels for name, labels in lacks.items()})


def groups(a: Answers) -> list[str]:
    """How the scoring machine gets jobs of others, or of other workflows."""
    repo, listed = a.need("")["full_name"], a.need(GROUPS)["runner_groups"]
    flows = {f"{repo}/.github/workflows/{flow}@refs/heads/main" for flow, _ in a.flows.on_runner}
    wrong = [
        f"{r['name']} is registered to the repository, past every group" for r in a.need(RUNNERS)["runners"]
    ]
    wrong += facts({"no group takes this repository's jobs": not listed})
    for group in listed:
        name, served = group["name"], a.need(f"{GROUPS}/{int(group['id'])}/repositories")["repositories"]
        limited = set(group.get("selected_workflows") or ()) if group.get("restricted_to_workflows") else None
        wrong += facts({
            f"{name} takes jobs of every repository": group["visibility"] != "selected",
            **{f"{name} takes jobs of {r['full_name']}": r["full_name"] != repo for r in served},
            f"{name} takes every workflow": limited is None,
            **{f"{name} takes {flow}": flow not in flows for flow in sorted(limited or ())},
            **{f"{name} does not take {flow}": flow not in (flows if limited is None else limited) for flow in sorted(flows)},
        })  # fmt: skip
    return wrong


def registrar(a: Answers) -> list[str]:
    """Apps that may register runners and may more, or that administer repositories."""
    apps = {app["app_slug"]: app["permissions"] for app in a.need(INSTALLATIONS)["installations"]}
    own = [slug for slug, may in apps.items() if may.get(REGISTER) == "write"]
    more = {slug: sorted(set(apps[slug]) - {REGISTER, "metadata"}) for slug in own}
    admins = {slug: may.get("administration") == "write" for slug, may in apps.items()}
    return facts({
        f"{len(own)} Apps may register runners": len(own) != 1,
        **{f"{slug} may also: {', '.join(extra)}": extra for slug, extra in more.items()},
        **{f"{slug} may administer repositories: as good as a key to main": may for slug, may in admins.items()},
    })  # fmt: skip
