"""Checks of settings that are more than single values of one answer."""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from evaluator.doctor.findings import NotCheckable, differences, facts
from evaluator.doctor.repository.answers import Answers, Value
from evaluator.github.api import STATUS

LIST: Final = "?per_page=100"
"""Lists are requested as one page of a hundred, which is all there can be here."""
MAIN: Final = f"/rules/branches/main{LIST}"
OTHER: Final = f"/rules/branches/any-other-branch{LIST}"
"""The branch need not exist: GitHub returns the rules that a branch of this name would have."""
PERMISSIONS: Final = "/actions/permissions"
RUNNERS: Final = f"/actions/runners{LIST}"
GROUP: Final = "/orgs/{org}/actions/runner-groups"
GROUPS: Final = f"{GROUP}{LIST}&visible_to_repository={{name}}"
LABELS: Final = ("gpu", "rexrank-scoring", "self-hosted")
REGISTER: Final = "organization_self_hosted_runners"
ACTIONS_APP: Final = 15368
"""The app id of GitHub Actions: any other source of a status is somebody with a token."""
ACTORS: Final = {"OrganizationAdmin": "administrators", "DeployKey": "every deploy key", "RepositoryRole": "a role", "Team": "a team", "User": "a user"}  # fmt: skip
REVIEW: Final = (
    Value("required_approving_review_count", 1, "no approval is required", met=operator.ge),
    Value("require_code_owner_review", True, "no review by code owners"),
    Value("dismiss_stale_reviews_on_push", True, "approvals survive a push"),
    Value("require_last_push_approval", True, "the last pusher may approve"),
    Value("allowed_merge_methods", ["squash"], "merge methods other than squashing are allowed"),
)
"""The parameters of main's rule on pull requests."""
LINEAR: Final = {"non_fast_forward": "force pushes are allowed", "deletion": "main may be deleted", "required_linear_history": "merge commits are allowed"}  # fmt: skip
"""Main's rules without parameters, and what is wrong if one is missing."""
CLOSED: Final = ("creation", "update")
"""The rules for every other branch."""


def rules(a: Answers, path: str, kind: str) -> list[Any]:
    """The parameters of a branch's active rules of one kind."""
    return [r.get("parameters") or {} for r in a.need(path) if r["type"] == kind]


def reviews(a: Answers) -> list[str]:
    """The ways in which main can change without a review."""
    pulls = rules(a, MAIN, "pull_request")
    wrong = {v.otherwise: all(v.wrong(rule) for rule in pulls) for v in REVIEW}
    return facts(wrong) if pulls else ["no rule requires a pull request"]


def checks(a: Answers) -> list[str]:
    """What is wrong with main's required checks: one is missing, or anybody may set it."""
    check_rules = rules(a, MAIN, "required_status_checks")
    apps = {c["context"]: c.get("integration_id") for r in check_rules for c in r["required_status_checks"]}
    stale = "branches must be up to date: each publication would make every scored commit stale"
    return [f"not {name}" for name in sorted({STATUS, *a.flows.checks} - set(apps))] + facts({
        f"{STATUS} from any source": apps.get(STATUS, ACTIONS_APP) != ACTIONS_APP,
        stale: any(r.get("strict_required_status_checks_policy") for r in check_rules),
    })  # fmt: skip


def above(a: Answers, path: str) -> tuple[list[str], list[int]]:
    """Who may bypass a branch's rules: non-apps as text, then app ids; raises `NotCheckable` if GitHub does not say."""
    numbers = sorted({r.get("ruleset_id") or 0 for r in a.need(path)} - {0})
    lists = [a.need(f"/rulesets/{n}").get("bypass_actors") for n in numbers]
    if not lists or None in lists:
        raise NotCheckable("this token cannot read it" if lists else "there are no rules")
    actors = [(actor["actor_type"], actor.get("actor_id")) for members in lists for actor in members]
    others = [f"{ACTORS.get(kind, kind)} {n or ''}".strip() for kind, n in actors if kind != "Integration"]
    return others, sorted({n for kind, n in actors if kind == "Integration"})


def bypass(a: Answers) -> list[str]:
    """Who may bypass main's rules besides one app."""
    others, apps = above(a, MAIN)
    return others + facts({f"{len(apps)} apps": len(apps) != 1})


def branches(a: Answers) -> list[str]:
    """Who could fake the status: a workflow on this repository's branches can set any status as GitHub Actions, one on a fork cannot."""
    writers = a.need(f"/collaborators{LIST}&permission=push")
    if all(rules(a, OTHER, kind) for kind in CLOSED):
        return [f"{actor} may bypass the rule" for actor in above(a, OTHER)[0]]
    return [f"{c['login']} could push a branch whose workflow sets it" for c in writers]


class Environment(NamedTuple):
    """What an environment should be: only `ref` can use it; `reviewed` is `None` if it does not matter."""

    code: str
    name: str
    reviewed: bool | None = None
    secret: str = ""
    ref: str = "branch main"


UNAPPROVED: Final = "no approval is required"
SELF_APPROVED: Final = "the requester may approve"
BYPASSED: Final = "administrators may bypass it"
ENTERS: Final = "{} may deploy to it"
SHUT_OUT: Final = "{} may not deploy to it"
"""What is wrong with an environment, in the words by which the plan of requests knows it."""


UNPUSHABLE: Final = {
    "pull_request": "a pull request for every change",
    "required_status_checks": "checks before a push",
    "update": "no updates",
    "required_signatures": "signed commits",
    "required_deployments": "deployments before a push",
    "merge_queue": "a merge queue",
}
"""Kinds of rules that refuse a push of unsigned commits by whoever may not go past them, with what they want."""


def environment(a: Answers, wanted: Environment) -> list[str]:
    """What is wrong with an environment."""
    _, name, reviewed, secret, ref = wanted
    here = next((e for e in a.need(f"/environments{LIST}")["environments"] if e["name"] == name), None)
    if here is None:
        return ["it does not exist"]
    rules = [r for r in here.get("protection_rules", ()) if r["type"] == "required_reviewers"]
    reviews = [r for r in rules if r.get("reviewers")]
    secret_list = a.get(f"/environments/{name}/secrets{LIST}").body
    names = {s["name"] for s in secret_list["secrets"]} if secret_list else {secret}
    more, less = "unexpected secret {}", "no secret {}"
    return _entering(a, here, ref) + facts({
        UNAPPROVED: reviewed and not reviews,
        SELF_APPROVED: reviewed and reviews and not any(r.get("prevent_self_review") for r in reviews),
        "its jobs wait for a reviewer: the nightly run would stop": reviews and reviewed is False,
        BYPASSED: reviewed and here.get("can_admins_bypass"),
        "the names of its secrets cannot be read": secret_list is None,
    }) + differences(names, {secret} - {""}, more, less)  # fmt: skip


def _entering(a: Answers, here: Any, ref: str) -> list[str]:
    policy = here.get("deployment_branch_policy")
    if policy is None or policy.get("protected_branches"):
        return [f"every {'protected ' if policy else ''}branch may deploy to it"]
    policies = a.get(f"/environments/{here['name']}/deployment-branch-policies{LIST}").body
    if policies is None:
        return ["its branches cannot be read"]
    there = [f"{p.get('type', 'branch')} {p['name']}" for p in policies["branch_policies"]]
    return differences(there, [ref], ENTERS, SHUT_OUT.format(ref.removeprefix("branch ")))


def secrets(a: Answers) -> list[str]:
    """Secrets outside environments."""
    whose = {f"/actions/secrets{LIST}": "repository"}
    # A repository owned by a user has no organisation.
    if a.get(theirs := f"/actions/organization-secrets{LIST}").status != 404:
        whose[theirs] = "organisation"
    return [f"{s['name']} of the {owner}" for path, owner in whose.items() for s in a.need(path)["secrets"]]


def actions(a: Answers) -> list[str]:
    """Which actions are allowed but should not be, and the reverse."""
    permissions = a.need(PERMISSIONS)
    if not permissions["enabled"]:
        return ["Actions are disabled"]
    if permissions.get("allowed_actions") != "selected":
        return [str(permissions.get("allowed_actions", "unknown"))]
    selection, owners = a.need(f"{PERMISSIONS}/selected-actions"), [f"{o}/*" for o in a.flows.foreign]
    return facts({
        "GitHub's own are not allowed": not selection.get("github_owned_allowed"),
        "every verified creator's are allowed": selection.get("verified_allowed"),
    }) + differences(selection.get("patterns_allowed") or (), owners, "{} is allowed", "{} is not allowed")  # fmt: skip


def workflows(a: Answers) -> list[str]:
    """Workflows on main that are not active."""
    there = {
        w["path"].rpartition("/")[2]: w["state"] for w in a.need(f"/actions/workflows{LIST}")["workflows"]
    }
    states = {name: there.get(name, "not known") for name in sorted(a.flows.names)}
    return [f"{name} is {state}" for name, state in states.items() if state != "active"]


def runners(a: Answers) -> list[str]:
    """Runners that take several jobs or lack a label, including the groups'; raises `NotCheckable` if there is none."""
    paths = [RUNNERS]
    if a.need("")["owner"]["type"] == "Organization":
        paths += [f"{GROUP}/{int(g['id'])}/runners{LIST}" for g in a.need(GROUPS)["runner_groups"]]
    there = [runner for path in paths for runner in a.need(path)["runners"]]
    if not there:
        raise NotCheckable(
            "none is registered at the moment", "keep-registered.sh should keep one registered"
        )
    lasting = [f"{r['name']} takes more than one job" for r in there if r.get("ephemeral") is not True]
    gaps = [(r["name"], set(LABELS) - {label["name"] for label in r.get("labels", ())}) for r in there]
    return lasting + [f"{name} lacks {', '.join(sorted(labels))}" for name, labels in gaps if labels]


def push_refused(a: Answers) -> list[str]:
    """Rules of main that refuse a push of the workflow's own token."""
    return [f"main wants {words}" for kind, words in UNPUSHABLE.items() if rules(a, MAIN, kind)]


def machine(a: Answers, labels: Collection[str]) -> list[str]:
    """What is missing of the one machine that scores a small challenge: a runner with these labels that is there."""
    names = {
        r["name"]: r["status"]
        for r in a.need(RUNNERS)["runners"]
        if {*labels} <= {label["name"] for label in r.get("labels", ())}
    }
    if not names:
        return [f"no runner is registered with the labels {', '.join(labels)}"]
    return [] if "online" in names.values() else [f"{', '.join(names)} is offline"]


def groups(a: Answers) -> list[str]:
    """How the scoring machine could receive jobs from other repositories or workflows."""
    there, repo, single = a.need(GROUPS)["runner_groups"], a.need("")["full_name"], a.need(RUNNERS)["runners"]
    flows = {f"{repo}/.github/workflows/{flow}@refs/heads/main" for flow, _ in a.flows.on_runner}
    wrong = [f"{r['name']} is registered to the repository, outside every group" for r in single]
    wrong += facts({"no group accepts this repository's jobs": not there})
    for group in there:
        name = group["name"]
        repositories = a.need(f"{GROUP}/{int(group['id'])}/repositories{LIST}")["repositories"]
        selection = group.get("selected_workflows") or () if group.get("restricted_to_workflows") else None
        wrong += facts({
            f"{name} accepts jobs from every repository": group["visibility"] != "selected",
            **{f"{name} accepts jobs from {r['full_name']}": r["full_name"] != repo for r in repositories},
            f"{name} accepts every workflow": selection is None,
        })  # fmt: skip
        selection = flows if selection is None else selection
        wrong += differences(selection, flows, f"{name} accepts {{}}", f"{name} does not accept {{}}")
    return wrong


def registrar(a: Answers) -> list[str]:
    """Apps that can register runners and can do more, or that can administer repositories."""
    installed = a.need(f"/orgs/{{org}}/installations{LIST}")["installations"]
    apps = {app["app_slug"]: app["permissions"] for app in installed}
    own = {
        slug: set(may) - {REGISTER, "metadata"} for slug, may in apps.items() if may.get(REGISTER) == "write"
    }
    words = "{} can administer repositories: equivalent to write access to main"
    return facts({
        f"{len(own)} Apps can register runners": len(own) != 1,
        **{f"{slug} has further permissions: {', '.join(sorted(more))}": more for slug, more in own.items()},
        **{words.format(slug): may.get("administration") == "write" for slug, may in apps.items()},
    })  # fmt: skip
