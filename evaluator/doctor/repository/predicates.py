"""What is wrong with the settings that are more than values of one answer."""

from __future__ import annotations

import operator
from typing import Any, Final, NamedTuple

from evaluator.doctor.findings import NotCheckable, differences, facts
from evaluator.doctor.repository.answers import Answers, Value
from evaluator.github.api import STATUS

LIST: Final = "?per_page=100"
"""What comes in pages is asked for in one of a hundred: all there can be here."""
MAIN: Final = f"/rules/branches/main{LIST}"
OTHER: Final = f"/rules/branches/any-other-branch{LIST}"
"""A branch need not be there: GitHub gives the rules that one of this name would have."""
PERMISSIONS: Final = "/actions/permissions"
RUNNERS: Final = f"/actions/runners{LIST}"
GROUP: Final = "/orgs/{org}/actions/runner-groups"
GROUPS: Final = f"{GROUP}{LIST}&visible_to_repository={{name}}"
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


def reviews(a: Answers) -> list[str]:
    """How main may change unreviewed."""
    pulls = rules(a, MAIN, "pull_request")
    wrong = {v.otherwise: all(v.wrong(rule) for rule in pulls) for v in REVIEW}
    return facts(wrong) if pulls else ["no rule asks for a pull request"]


def checks(a: Answers) -> list[str]:
    """What is wrong with the checks that main asks for: one that is missing, or that anybody may set."""
    check_rules = rules(a, MAIN, "required_status_checks")
    apps = {c["context"]: c.get("integration_id") for r in check_rules for c in r["required_status_checks"]}
    stale = "branches have to be up to date: each publication would make every scored commit stale"
    return [f"not {name}" for name in sorted({STATUS, *a.flows.checks} - set(apps))] + facts({
        f"{STATUS} of anybody": apps.get(STATUS, ACTIONS_APP) != ACTIONS_APP,
        stale: any(r.get("strict_required_status_checks_policy") for r in check_rules),
    })  # fmt: skip


def above(a: Answers, path: str) -> tuple[list[str], list[int]]:
    """Who may go past a branch's rules: others than apps in words, the apps' ids; raises `NotCheckable` where GitHub does not say."""
    numbers = sorted({r.get("ruleset_id") or 0 for r in a.need(path)} - {0})
    lists = [a.need(f"/rulesets/{n}").get("bypass_actors") for n in numbers]
    if not lists or None in lists:
        raise NotCheckable("the token may not see it" if lists else "there are no rules")
    actors = [(actor["actor_type"], actor.get("actor_id")) for members in lists for actor in members]
    others = [f"{ACTORS.get(kind, kind)} {n or ''}".strip() for kind, n in actors if kind != "Integration"]
    return others, sorted({n for kind, n in actors if kind == "Integration"})


def bypass(a: Answers) -> list[str]:
    """Who but one app may go past main's rules."""
    others, apps = above(a, MAIN)
    return others + facts({f"{len(apps)} apps": len(apps) != 1})


def branches(a: Answers) -> list[str]:
    """A workflow on a branch of this repository may set any status, as GitHub Actions; on a fork it may not."""
    writers = a.need(f"/collaborators{LIST}&permission=push")
    if all(rules(a, OTHER, kind) for kind in CLOSED):
        return [f"{actor} may go past the rule" for actor in above(a, OTHER)[0]]
    return [f"{c['login']} may push one whose workflow sets it" for c in writers]


class Environment(NamedTuple):
    """What an environment should be: `ref` alone enters; `reviewed` is `None` where it does not matter."""

    code: str
    name: str
    reviewed: bool | None = None
    secret: str = ""
    ref: str = "branch main"


def environment(a: Answers, wanted: Environment) -> list[str]:
    """What is wrong with an environment."""
    _, name, reviewed, secret, ref = wanted
    here = next((e for e in a.need(f"/environments{LIST}")["environments"] if e["name"] == name), None)
    if here is None:
        return ["it is not there"]
    rules = [r for r in here.get("protection_rules", ()) if r["type"] == "required_reviewers"]
    reviews = [r for r in rules if r.get("reviewers")]
    secret_list = a.get(f"/environments/{name}/secrets{LIST}").body
    names = {s["name"] for s in secret_list["secrets"]} if secret_list else {secret}
    more, less = "the secret {} has no business there", "no secret {}"
    return _entering(a, here, ref) + facts({
        "nobody has to approve": reviewed and not reviews,
        "who asked may approve": reviewed and reviews and not any(r.get("prevent_self_review") for r in reviews),
        "its jobs wait for a reviewer: the nightly run would stand still": reviews and reviewed is False,
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
    whose = {f"/actions/secrets{LIST}": "repository"}
    # A repository of a person has no organisation.
    if a.get(theirs := f"/actions/organization-secrets{LIST}").status != 404:
        whose[theirs] = "organisation"
    return [f"{s['name']} of the {owner}" for path, owner in whose.items() for s in a.need(path)["secrets"]]


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
    there = {
        w["path"].rpartition("/")[2]: w["state"] for w in a.need(f"/actions/workflows{LIST}")["workflows"]
    }
    states = {name: there.get(name, "not known") for name in sorted(a.flows.names)}
    return [f"{name} is {state}" for name, state in states.items() if state != "active"]


def runners(a: Answers) -> list[str]:
    """Runners that take more than one job or lack a label, the groups' too; raises `NotCheckable` where none waits."""
    paths = [RUNNERS]
    if a.need("")["owner"]["type"] == "Organization":
        paths += [f"{GROUP}/{int(g['id'])}/runners{LIST}" for g in a.need(GROUPS)["runner_groups"]]
    there = [runner for path in paths for runner in a.need(path)["runners"]]
    if not there:
        raise NotCheckable("none waits at the moment", "keep-registered.sh should keep one there")
    lasting = [f"{r['name']} takes more than one job" for r in there if r.get("ephemeral") is not True]
    gaps = [(r["name"], set(LABELS) - {label["name"] for label in r.get("labels", ())}) for r in there]
    return lasting + [f"{name} lacks {', '.join(sorted(labels))}" for name, labels in gaps if labels]


def groups(a: Answers) -> list[str]:
    """How the scoring machine gets jobs of others, or of other workflows."""
    there, repo, single = a.need(GROUPS)["runner_groups"], a.need("")["full_name"], a.need(RUNNERS)["runners"]
    flows = {f"{repo}/.github/workflows/{flow}@refs/heads/main" for flow, _ in a.flows.on_runner}
    wrong = [f"{r['name']} is registered to the repository, past every group" for r in single]
    wrong += facts({"no group takes this repository's jobs": not there})
    for group in there:
        name = group["name"]
        repositories = a.need(f"{GROUP}/{int(group['id'])}/repositories{LIST}")["repositories"]
        selection = group.get("selected_workflows") or () if group.get("restricted_to_workflows") else None
        wrong += facts({
            f"{name} takes jobs of every repository": group["visibility"] != "selected",
            **{f"{name} takes jobs of {r['full_name']}": r["full_name"] != repo for r in repositories},
            f"{name} takes every workflow": selection is None,
        })  # fmt: skip
        selection = flows if selection is None else selection
        wrong += differences(selection, flows, f"{name} takes {{}}", f"{name} does not take {{}}")
    return wrong


def registrar(a: Answers) -> list[str]:
    """Apps that may register runners and may more, or that administer repositories."""
    installed = a.need(f"/orgs/{{org}}/installations{LIST}")["installations"]
    apps = {app["app_slug"]: app["permissions"] for app in installed}
    own = {
        slug: set(may) - {REGISTER, "metadata"} for slug, may in apps.items() if may.get(REGISTER) == "write"
    }
    words = "{} may administer repositories: as good as a key to main"
    return facts({
        f"{len(own)} Apps may register runners": len(own) != 1,
        **{f"{slug} may also: {', '.join(sorted(more))}": more for slug, more in own.items()},
        **{words.format(slug): may.get("administration") == "write" for slug, may in apps.items()},
    })  # fmt: skip
