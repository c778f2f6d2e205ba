"""What is wrong with the settings that are more than values of one answer."""

from __future__ import annotations

import operator
import re
from typing import Any, Final

from evaluator.doctor.findings import Untold, differences, facts
from evaluator.doctor.repository.answers import Answers, Value
from evaluator.github.api import STATUS

LIST: Final = "?per_page=100"
"""What comes in pages is asked for in one of a hundred: all there can be here."""
MAIN: Final = f"/rules/branches/main{LIST}"
OTHER: Final = f"/rules/branches/any-other-branch{LIST}"
"""A branch need not be there: GitHub gives the rules that one of this name would have."""
PERMISSIONS: Final = "/actions/permissions"
ENVIRONMENTS: Final = f"/environments{LIST}"
SECRETS: Final = f"/actions/secrets{LIST}"
ORGANISATION_SECRETS: Final = f"/actions/organization-secrets{LIST}"
COLLABORATORS: Final = f"/collaborators{LIST}&permission=push"
RUNNERS: Final = f"/actions/runners{LIST}"
GROUPS: Final = f"/orgs/{{org}}/actions/runner-groups{LIST}&visible_to_repository={{name}}"
INSTALLATIONS: Final = f"/orgs/{{org}}/installations{LIST}"
WORKFLOWS: Final = f"/actions/workflows{LIST}"
KEYS: Final = f"/keys{LIST}"
VARIABLE: Final = "/actions/variables/REX_APP_CLIENT_ID"
CLIENT_ID: Final = re.compile(r"Iv[0-9A-Za-z.]{8,40}")
LABELS: Final = ("gpu", "rexrank-scoring", "self-hosted")
REGISTER: Final = "organization_self_hosted_runners"
ACTIONS_APP: Final = 15368
"""The id of GitHub Actions among the apps: who else sets a status is somebody with a token."""
ACTORS: Final = {"OrganizationAdmin": "administrators", "DeployKey": "every deploy key", "RepositoryRole": "a role", "Team": "a team", "User": "a user"}  # fmt: skip
REVIEW: Final = (
    Value("required_approving_review_count", 1, "no approval is asked for", met=operator.ge),
    Value("require_code_owner_review", True, "no review by code owners"),
    Value("dismiss_stale_reviews_on_push", True, "a push keeps old approvals"),
    Value("require_last_push_approval", True, "who pushes last may approve"),
    Value("allowed_merge_methods", ["squash"], "it may be merged otherwise than by squashing"),
)
"""The parameters of main's rule on pull requests."""
LINEAR: Final = {"non_fast_forward": "it may be rewritten", "deletion": "main may be deleted", "required_linear_history": "merge commits may weave it"}  # fmt: skip
"""Main's rules without parameters, and what is wrong where one is missing."""
CLOSED: Final = ("creation", "update")
"""The rules of every other branch."""


def rules(a: Answers, path: str, kind: str) -> list[Any]:
    """The parameters of a branch's active rules of one kind."""
    return [r.get("parameters") or {} for r in a.need(path) if r["type"] == kind]


def required(a: Answers) -> dict[str, int | None]:
    """The checks that main asks for, and the id of the app that has to set each, `None` where anybody may."""
    contexts = [c for r in rules(a, MAIN, "required_status_checks") for c in r["required_status_checks"]]
    return {c["context"]: c.get("integration_id") for c in contexts}


def reviews(a: Answers) -> list[str]:
    """How main may change unreviewed."""
    pulls = rules(a, MAIN, "pull_request")
    wrong = {v.otherwise: all(v.wrong(rule) for rule in pulls) for v in REVIEW}
    return facts(wrong) if pulls else ["no rule asks for a pull request"]


def checks(a: Answers) -> list[str]:
    """What is wrong with the checks that main asks for: one that is missing, or that anybody may set."""
    strict = [r.get("strict_required_status_checks_policy") for r in rules(a, MAIN, "required_status_checks")]
    stale = "branches have to be up to date: each publication would make every scored commit stale"
    missing = [f"not {name}" for name in sorted({STATUS, *a.flows.checks} - set(required(a)))]
    anybody = required(a).get(STATUS, ACTIONS_APP) != ACTIONS_APP
    return missing + facts({f"{STATUS} of anybody": anybody, stale: any(strict)})


def above(a: Answers, path: str) -> tuple[list[str], list[int]]:
    """Who may go past the rules of a branch: others than apps in words, and the apps' ids.

    Raises `Untold` where GitHub does not say.
    """
    numbers = sorted({r.get("ruleset_id") or 0 for r in a.need(path)} - {0})
    lists = [a.need(f"/rulesets/{n}").get("bypass_actors") for n in numbers]
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
    writers = a.need(COLLABORATORS)
    if all(rules(a, OTHER, kind) for kind in CLOSED):
        return [f"{actor} may go past the rule" for actor in above(a, OTHER)[0]]
    return [f"{c['login']} may push one whose workflow sets it" for c in writers]


def environment(a: Answers, name: str, *, reviewed: bool | None, secret: str, ref: str) -> list[str]:
    """What is wrong with an environment that `ref` alone may enter; `reviewed` is `None` where it does not matter."""
    here = next((e for e in a.need(ENVIRONMENTS)["environments"] if e["name"] == name), None)
    if here is None:
        return ["it is not there"]
    review_rules = [
        r
        for r in here.get("protection_rules", ())
        if r["type"] == "required_reviewers" and r.get("reviewers")
    ]
    secret_list = a.get(f"/environments/{name}/secrets{LIST}").body
    names = {s["name"] for s in secret_list["secrets"]} if secret_list else {secret}
    more, less = "the secret {} has no business there", "no secret {}"
    return _entering(a, here, ref) + facts({
        "nobody has to approve": reviewed and not review_rules,
        "who asked may approve": reviewed and review_rules and not any(r.get("prevent_self_review") for r in review_rules),
        "its jobs wait for a reviewer: the nightly run would stand still": review_rules and reviewed is False,
        "administrators may go past it": reviewed and here.get("can_admins_bypass"),
        "the names of its secrets cannot be read": secret_list is None,
    }) + differences(names, {secret} - {""}, more, less)  # fmt: skip


def _entering(a: Answers, here: Any, ref: str) -> list[str]:
    policy = here.get("deployment_branch_policy")
    if policy is None or policy.get("protected_branches"):
        return [f"every {'protected ' if policy else ''}branch may enter"]
    policies = a.get(f"/environments/{here['name']}/deployment-branch-policies{LIST}").body
    if policies is None:
        return ["its branches cannot be read"]
    there = [f"{p.get('type', 'branch')} {p['name']}" for p in policies["branch_policies"]]
    return differences(there, [ref], "{} may enter", f"{ref.removeprefix('branch ')} may not enter")


def secrets(a: Answers) -> list[str]:
    """Secrets that are not an environment's."""
    # A repository of a person has no organisation.
    alone = a.get(ORGANISATION_SECRETS).status == 404
    whose = {SECRETS: "repository"} | ({} if alone else {ORGANISATION_SECRETS: "organisation"})
    return [f"{s['name']} of the {owner}" for path, owner in whose.items() for s in a.need(path)["secrets"]]


def client(a: Answers) -> list[str]:
    """What stands for the App's client id and is none."""
    value = str(a.need(VARIABLE)["value"])
    return facts({f"{value} is no client id": not CLIENT_ID.fullmatch(value)})


def actions(a: Answers) -> list[str]:
    """Whose actions may be used and should not, or the reverse."""
    permissions = a.need(PERMISSIONS)
    if not permissions["enabled"]:
        return ["Actions are switched off"]
    if permissions.get("allowed_actions") != "selected":
        return [str(permissions.get("allowed_actions", "unknown"))]
    selection, owners = a.need(f"{PERMISSIONS}/selected-actions"), [f"{o}/*" for o in a.flows.foreign]
    return facts({
        "GitHub's own are not allowed": not selection.get("github_owned_allowed"),
        "every verified creator's are allowed": selection.get("verified_allowed"),
    }) + differences(selection.get("patterns_allowed") or (), owners, "{} is allowed", "{} is not allowed")  # fmt: skip


def workflows(a: Answers) -> list[str]:
    """Workflows of main that do not run."""
    there = {w["path"].rpartition("/")[2]: w["state"] for w in a.need(WORKFLOWS)["workflows"]}
    states = {name: there.get(name, "not known") for name in sorted(a.flows.names)}
    return [f"{name} is {state}" for name, state in states.items() if state != "active"]


def runner_groups(a: Answers) -> list[Any]:
    """The organisation's groups that take this repository's jobs."""
    return list(a.need(GROUPS)["runner_groups"])


def of_group(group: Any, part: str) -> str:
    """The path of a part of a runner group."""
    return f"/orgs/{{org}}/actions/runner-groups/{int(group['id'])}/{part}{LIST}"


def runners(a: Answers) -> list[str]:
    """Runners, the repository's and its groups', that take more than one job or lack a label.

    Raises `Untold` where none waits.
    """
    paths = [RUNNERS]
    if a.need("")["owner"]["type"] == "Organization":
        paths += [of_group(group, "runners") for group in runner_groups(a)]
    there = [runner for path in paths for runner in a.need(path)["runners"]]
    if not there:
        raise Untold("none waits at the moment", "keep-registered.sh should keep one there")
    lasting = [f"{r['name']} takes more than one job" for r in there if r.get("ephemeral") is not True]
    gaps = [(r["name"], set(LABELS) - {label["name"] for label in r.get("labels", ())}) for r in there]
    return lasting + [f"{name} lacks {', '.join(sorted(labels))}" for name, labels in gaps if labels]


def groups(a: Answers) -> list[str]:
    """How the scoring machine gets jobs of others, or of other workflows."""
    there, repo = runner_groups(a), a.need("")["full_name"]
    flows = {f"{repo}/.github/workflows/{flow}@refs/heads/main" for flow, _ in a.flows.on_runner}
    wrong = [
        f"{r['name']} is registered to the repository, past every group" for r in a.need(RUNNERS)["runners"]
    ]
    wrong += facts({"no group takes this repository's jobs": not there})
    for group in there:
        name, repositories = group["name"], a.need(of_group(group, "repositories"))["repositories"]
        selection = group.get("selected_workflows") or () if group.get("restricted_to_workflows") else None
        wrong += facts({
            f"{name} takes jobs of every repository": group["visibility"] != "selected",
            **{f"{name} takes jobs of {r['full_name']}": r["full_name"] != repo for r in repositories},
            f"{name} takes every workflow": selection is None,
        })  # fmt: skip
        wrong += differences(
            flows if selection is None else selection,
            flows,
            f"{name} takes {{}}",
            f"{name} does not take {{}}",
        )
    return wrong


def registrar(a: Answers) -> list[str]:
    """Apps that may register runners and may more, or that administer repositories."""
    apps = {app["app_slug"]: app["permissions"] for app in a.need(INSTALLATIONS)["installations"]}
    own = [slug for slug, may in apps.items() if may.get(REGISTER) == "write"]
    more = {slug: sorted(set(apps[slug]) - {REGISTER, "metadata"}) for slug in own}
    admins = [slug for slug, may in apps.items() if may.get("administration") == "write"]
    return [
        *facts({f"{len(own)} Apps may register runners": len(own) != 1}),
        *(f"{slug} may also: {', '.join(extra)}" for slug, extra in more.items() if extra),
        *(f"{slug} may administer repositories: as good as a key to main" for slug in admins),
    ]
