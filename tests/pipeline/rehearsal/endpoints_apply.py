"""The repository's settings as a maintainer's token sets them: what is written is read back."""

from __future__ import annotations

from typing import Any, Final

from rehearsal import objects
from rehearsal.endpoints import METADATA, TABLE, Call, Refusal, serves
from rehearsal.endpoints_settings import ADMIN, BRANCH_RULE, GROUPS, NAMES, WHEN, settings
from rehearsal.state import OWNER, REPOSITORY, State

WRITE: Final = (("administration", "write"),)
REPO_SETTINGS: Final = "repository"
"""Key of the repository's own settings in the state."""


def fresh(state: State, *, organisation: bool = True) -> None:
    """Resets the state's settings to those of a new repository."""
    state.settings.clear()
    state.settings.update(
        {
            REPO_SETTINGS: {
                "allow_merge_commit": True, "allow_rebase_merge": True, "allow_auto_merge": False,
                "security_and_analysis": {"secret_scanning_push_protection": {"status": "disabled"}},
                **({} if organisation else {"owner": {"type": "User"}}),
            },
            "/actions/permissions": {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False},
            "/actions/permissions/selected-actions": 409,
            "/actions/permissions/workflow": {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True},
            "/actions/permissions/fork-pr-contributor-approval": {"approval_policy": "first_time_contributors"},
            "/actions/permissions/artifact-and-log-retention": {"days": 400, "maximum_allowed_days": 400},
            "/actions/secrets": {"total_count": 0, "secrets": []},
            "/actions/organization-secrets": {"total_count": 0, "secrets": []},
            "/actions/workflows": {
                "total_count": len(NAMES),
                "workflows": [
                    {"id": i, "name": n, "path": f".github/workflows/{n}.yml", "state": "disabled_inactivity" if n == "publish" else "active"}
                    for i, n in enumerate(NAMES)
                ],
            },
            "/actions/runners": {"total_count": 0, "runners": []},
            GROUPS: {"total_count": 0, "runner_groups": []},
            f"/orgs/{OWNER}/installations": {"total_count": 0, "installations": []},
            "/rules/branches/main": [],
            "/rules/branches/any-other-branch": [],
            "/collaborators": [],
            "/environments": {"total_count": 0, "environments": []},
            "/codeowners/errors": {"errors": []},
            "/pages": 404,
            "/keys": [],
            "/private-vulnerability-reporting": {"enabled": False},
        }
    )  # fmt: skip


@serves("get REPO", METADATA)
def _repository(call: Call) -> Any:
    repository = objects.repository(call.state, f"{call.values['owner']}/{call.values['repo']}")
    own = f"{call.values['owner']}/{call.values['repo']}" == REPOSITORY
    known = call.state.settings.get(REPO_SETTINGS, {}) if own else {}
    return (
        repository
        | {k: v for k, v in known.items() if k != "owner"}
        | ({"owner": repository["owner"] | known["owner"]} if "owner" in known else {})
    )


@serves("patch REPO", WRITE)
def _patch(call: Call) -> Any:
    settings(call.state).setdefault(REPO_SETTINGS, {}).update(call.body)
    return _repository(call)


def _sets(path: str) -> None:
    @serves(f"put REPO{path}", WRITE, 204)
    def put(call: Call) -> Any:
        value = settings(call.state).get(path)
        settings(call.state)[path] = (value if isinstance(value, dict) else {}) | call.body


for _path in ("selected-actions", "workflow", "fork-pr-contributor-approval", "artifact-and-log-retention"):
    _sets(f"/actions/permissions/{_path}")


@serves("put REPO/actions/permissions", WRITE, 204)
def _permissions(call: Call) -> None:
    values = settings(call.state)
    values["/actions/permissions"] = dict(call.body)
    if values.get("/actions/permissions/selected-actions") == 409:
        values["/actions/permissions/selected-actions"] = {
            "github_owned_allowed": False,
            "verified_allowed": False,
            "patterns_allowed": [],
        }


@serves("put REPO/private-vulnerability-reporting", WRITE, 204)
def _private(call: Call) -> None:
    settings(call.state)["/private-vulnerability-reporting"] = {"enabled": True}


@serves("post REPO/pages", WRITE, 201)
def _pages(call: Call) -> Any:
    if isinstance(settings(call.state)["/pages"], dict):
        raise Refusal(409, "GitHub Pages is already enabled.")
    pages = {
        "url": "https://github.invalid/", "status": "built", "cname": None, "custom_404": False, "public": True, "https_enforced": True,
        "html_url": "https://rehearsal-org.github.invalid/challenge/", "build_type": call.body["build_type"],
    }  # fmt: skip
    settings(call.state)["/pages"] = pages
    return pages


@serves("put REPO/pages", WRITE, 204)
def _pages_again(call: Call) -> None:
    settings(call.state)["/pages"].update(call.body)


def _variable(call: Call) -> None:
    variable = {
        "name": call.body["name"],
        "value": call.body["value"],
        "created_at": WHEN,
        "updated_at": WHEN,
    }
    settings(call.state)[f"/actions/variables/{call.body['name']}"] = variable


@serves("post REPO/actions/variables", WRITE, 201)
def _new_variable(call: Call) -> Any:
    _variable(call)
    return {}


serves("patch REPO/actions/variables/{name}", WRITE, 204)(_variable)


@serves("put REPO/actions/workflows/{workflow_id}/enable", WRITE, 204)
def _enable(call: Call) -> None:
    flows = settings(call.state)["/actions/workflows"]["workflows"]
    next(f for f in flows if str(f["id"]) == call.values["workflow_id"])["state"] = "active"


@serves("put REPO/environments/{environment_name}", WRITE)
def _environment(call: Call) -> Any:
    values, name, body = settings(call.state), call.values["environment_name"], call.body or {}
    rules: list[dict[str, Any]] = [BRANCH_RULE]
    if body.get("reviewers"):
        people = [{"type": r["type"], "reviewer": {"id": r["id"], "login": "x"}} for r in body["reviewers"]]
        rules.append({"id": 2, "node_id": "", "type": "required_reviewers", "reviewers": people, "prevent_self_review": body["prevent_self_review"]})  # fmt: skip
    environment = {
        "id": 1, "node_id": "", "name": name, "url": "https://github.invalid/", "html_url": "https://github.invalid/", "created_at": WHEN,
        "updated_at": WHEN, "protection_rules": rules, "deployment_branch_policy": body.get("deployment_branch_policy"), "can_admins_bypass": False,
    }  # fmt: skip
    others = [e for e in values["/environments"]["environments"] if e["name"] != name]
    values["/environments"] = {"total_count": len(others) + 1, "environments": [*others, environment]}
    values.setdefault(
        f"/environments/{name}/deployment-branch-policies", {"total_count": 0, "branch_policies": []}
    )
    values.setdefault(f"/environments/{name}/secrets", {"total_count": 0, "secrets": []})
    return environment


@serves("post REPO/environments/{environment_name}/deployment-branch-policies", WRITE)
def _policy(call: Call) -> Any:
    policies = settings(call.state)[
        f"/environments/{call.values['environment_name']}/deployment-branch-policies"
    ]
    policy = {"id": 100 + len(policies["branch_policies"]), "node_id": "", **call.body}
    policies["branch_policies"].append(policy)
    policies["total_count"] += 1
    return policy


@serves(
    "delete REPO/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", WRITE, 204
)
def _no_policy(call: Call) -> None:
    policies = settings(call.state)[
        f"/environments/{call.values['environment_name']}/deployment-branch-policies"
    ]
    rest = [p for p in policies["branch_policies"] if str(p["id"]) != call.values["branch_policy_id"]]
    policies.update(total_count=len(rest), branch_policies=rest)


def _rulesets(state: State) -> dict[int, dict[str, Any]]:
    return {v["id"]: v for k, v in settings(state).items() if k.startswith("/rulesets/")}


def _keep(state: State, number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Stores a ruleset, and the resulting rules for a branch."""
    ruleset = {"id": number, "source": REPOSITORY, "source_type": "Repository", **body}
    settings(state)[f"/rulesets/{number}"] = ruleset
    for branch, words in (("main", {"~ALL", "~DEFAULT_BRANCH"}), ("any-other-branch", {"~ALL"})):
        settings(state)[f"/rules/branches/{branch}"] = [
            {**rule, "ruleset_id": r["id"], "ruleset_source_type": "Repository", "ruleset_source": REPOSITORY}
            for r in _rulesets(state).values()
            if words & set(r["conditions"]["ref_name"]["include"])
            and not (branch == "main" and "~DEFAULT_BRANCH" in r["conditions"]["ref_name"]["exclude"])
            for rule in r["rules"]
        ]
    return ruleset


@serves("get REPO/rulesets", ADMIN)
def _list(call: Call) -> Any:
    return [{k: v for k, v in r.items() if k != "rules"} for r in _rulesets(call.state).values()]


@serves("post REPO/rulesets", WRITE, 201)
def _new_ruleset(call: Call) -> Any:
    if any(r["name"] == call.body["name"] for r in _rulesets(call.state).values()):
        raise Refusal(422, "Name must be unique")
    return _keep(call.state, 100 + len(_rulesets(call.state)), call.body)


@serves("put REPO/rulesets/{ruleset_id}", WRITE)
def _ruleset(call: Call) -> Any:
    return _keep(call.state, int(call.values["ruleset_id"]), call.body)


assert "patch REPO" not in TABLE  # every name was spelled out
