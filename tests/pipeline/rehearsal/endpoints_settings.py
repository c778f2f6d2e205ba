"""The repository's settings as a maintainer's token reads them: correct ones, and what a test changed."""

from __future__ import annotations

import copy
from typing import Any, Final

from rehearsal.endpoints import Call, Handler, Refusal, serves
from rehearsal.state import OWNER, REPOSITORY, State

ADMIN: Final = (("administration", "read"),)
MAIN_ONLY: Final = {
    "total_count": 1,
    "branch_policies": [{"id": 1, "node_id": "", "name": "main", "type": "branch"}],
}
POLICY: Final = {"protected_branches": False, "custom_branch_policies": True}
BRANCH_RULE: Final = {"id": 1, "node_id": "", "type": "branch_policy"}
WHEN: Final = "2026-01-02T03:04:05Z"
SOURCE: Final = {
    "ruleset_id": 7,
    "ruleset_source_type": "Repository",
    "ruleset_source": "rehearsal-org/challenge",
}
OTHERS: Final = {**SOURCE, "ruleset_id": 8}
LINKS: Final = (
    "avatar_url", "events_url", "followers_url", "following_url", "gists_url", "html_url", "organizations_url",
    "received_events_url", "repos_url", "starred_url", "subscriptions_url", "url",
)  # fmt: skip
ACCOUNT: Final = {
    **dict.fromkeys(LINKS, "https://github.invalid/"), "login": OWNER, "id": 1, "node_id": "", "gravatar_id": "",
    "type": "Organization", "site_admin": False,
}  # fmt: skip
GROUPS: Final = f"/orgs/{OWNER}/actions/runner-groups"
NAMES: Final = (
    "boards", "ci", "comment", "pages", "publish", "release", "request-score", "rescore", "score", "small", "submission-form", "validate",
)  # fmt: skip


def _environment(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 1, "node_id": "", "name": name, "url": f"https://github.invalid/{name}", "html_url": f"https://github.invalid/{name}",
        "created_at": WHEN, "updated_at": WHEN, "protection_rules": [BRANCH_RULE, *rules], "deployment_branch_policy": POLICY,
        "can_admins_bypass": False,
    }  # fmt: skip


def _secrets(*names: str) -> dict[str, Any]:
    return {
        "total_count": len(names),
        "secrets": [{"name": n, "created_at": WHEN, "updated_at": WHEN} for n in names],
    }


def _installation(number: int, app: int, slug: str, permissions: dict[str, str]) -> dict[str, Any]:
    return {
        "id": number, "app_id": app, "app_slug": slug, "permissions": permissions, "target_id": 1, "target_type": "Organization",
        "repository_selection": "selected", "events": [], "created_at": WHEN, "updated_at": WHEN, "account": ACCOUNT,
    }  # fmt: skip


REVIEWED: Final = {
    "id": 2, "node_id": "", "type": "required_reviewers", "prevent_self_review": True,
    "reviewers": [{"type": "User", "reviewer": {"login": "maintainer"}}, {"type": "User", "reviewer": {"login": "admin"}}],
}  # fmt: skip
GOOD: Final[dict[str, Any]] = {
    "/actions/permissions": {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True},
    "/actions/permissions/selected-actions": {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": ["pypa/*"]},
    "/actions/permissions/workflow": {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False},
    "/actions/permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
    "/actions/permissions/artifact-and-log-retention": {"days": 30, "maximum_allowed_days": 90},
    "/actions/secrets": _secrets(),
    "/actions/organization-secrets": _secrets(),
    "/actions/variables/REX_APP_CLIENT_ID": {"name": "REX_APP_CLIENT_ID", "value": "Iv23liRehearsal", "created_at": WHEN, "updated_at": WHEN},
    "/actions/workflows": {
        "total_count": len(NAMES),
        "workflows": [{"id": i, "name": n, "path": f".github/workflows/{n}.yml", "state": "active"} for i, n in enumerate(NAMES)],
    },
    "/actions/runners": {"total_count": 0, "runners": []},
    GROUPS: {
        "total_count": 1,
        "runner_groups": [{
            "id": 2, "name": "rexrank-scoring", "visibility": "selected", "default": False, "inherited": False,
            "runners_url": "https://github.invalid/runners", "allows_public_repositories": True, "restricted_to_workflows": True,
            "selected_workflows": [f"{REPOSITORY}/.github/workflows/{n}.yml@refs/heads/main" for n in ("publish", "rescore", "score")],
        }],
    },
    f"{GROUPS}/2/repositories": {"total_count": 1, "repositories": [{"id": 1, "name": "challenge", "full_name": REPOSITORY}]},
    f"{GROUPS}/2/runners": {
        "total_count": 1,
        "runners": [{
            "id": 1, "name": "rexrank-1", "os": "Linux", "status": "online", "busy": False, "ephemeral": True,
            "labels": [{"id": i, "name": n} for i, n in enumerate(("self-hosted", "gpu", "rexrank-scoring"))],
        }],
    },
    f"/orgs/{OWNER}/installations": {
        "total_count": 2,
        "installations": [
            _installation(1, 4711, "rexrank-bot", {"contents": "write", "metadata": "read"}),
            _installation(2, 4712, "rexrank-registrar", {"organization_self_hosted_runners": "write"}),
        ],
    },
    "/rules/branches/any-other-branch": [{"type": "creation", **OTHERS}, {"type": "update", **OTHERS}],
    "/rulesets/8": {
        "id": 8, "name": "no other branch", "source": REPOSITORY, "enforcement": "active",
        "bypass_actors": [{"actor_id": 29110, "actor_type": "Integration", "bypass_mode": "always"}],
    },
    "/collaborators": [
        {"login": "maintainer", "id": 1, "role_name": "maintain", "permissions": {"pull": True, "push": True, "admin": False}},
    ],
    "/rules/branches/main": [
        {"type": "pull_request", "parameters": {
            "dismiss_stale_reviews_on_push": True, "require_code_owner_review": True, "require_last_push_approval": True,
            "required_approving_review_count": 1, "required_review_thread_resolution": False,
            "allowed_merge_methods": ["squash"],
        }, **SOURCE},
        {"type": "required_status_checks", "parameters": {
            "required_status_checks": [{"context": "rexrank/score", "integration_id": 15368}, {"context": "Format, lint, types, tests"}],
            "strict_required_status_checks_policy": False,
        }, **SOURCE},
        {"type": "non_fast_forward", **SOURCE},
        {"type": "deletion", **SOURCE},
        {"type": "required_linear_history", **SOURCE},
    ],
    "/rulesets/7": {
        "id": 7, "name": "main", "source": "rehearsal-org/challenge", "enforcement": "active",
        "bypass_actors": [{"actor_id": 4711, "actor_type": "Integration", "bypass_mode": "always"}],
    },
    "/environments": {
        "total_count": 5,
        "environments": [
            _environment("scoring", REVIEWED), *map(_environment, ("scoring-auto", "publish", "github-pages")),
            _environment("pypi", dict(REVIEWED)),
        ],
    },
    **{f"/environments/{n}/deployment-branch-policies": MAIN_ONLY for n in ("scoring", "scoring-auto", "publish", "github-pages")},
    "/environments/pypi/deployment-branch-policies": {
        "total_count": 1,
        "branch_policies": [{"id": 2, "node_id": "", "name": "v*", "type": "tag"}],
    },
    **{f"/environments/{n}/secrets": _secrets() for n in ("scoring", "scoring-auto", "github-pages", "pypi")},
    "/environments/publish/secrets": _secrets("REX_APP_PRIVATE_KEY"),
    "/codeowners/errors": {"errors": []},
    "/pages": {
        "url": "https://github.invalid/", "status": "built", "cname": None, "custom_404": True, "public": True,
        "html_url": "https://rehearsal-org.github.invalid/challenge/", "build_type": "workflow", "https_enforced": True,
    },
    "/keys": [],
    "/private-vulnerability-reporting": {"enabled": True},
}  # fmt: skip
"""Every response of a repository with correct settings; `rexrank doctor --github` asks for exactly these."""
SECURITY: Final = {"secret_scanning_push_protection": {"status": "enabled"}}


def settings(state: State) -> dict[str, Any]:
    """The state's settings, to be read and changed by a test: a body, or a status instead of one."""
    if not state.settings:
        state.settings.update(copy.deepcopy(GOOD))
    return state.settings


def _answers(template: str) -> Handler:
    def answer(call: Call) -> Any:
        value = settings(call.state).get(template.format(**call.values), 404)
        if isinstance(value, int):
            raise Refusal(value, "Not Found" if value == 404 else "Must have admin rights to Repository.")
        return value

    return answer


def _generic(path: str) -> str:
    if path.startswith("/orgs/"):
        return path.replace(f"/orgs/{OWNER}", "/orgs/{org}").replace("/2/", "/{runner_group_id}/")
    if path.startswith("/environments/"):
        return "/environments/{environment_name}/" + path.rpartition("/")[2]
    for prefix, name in (
        ("/rulesets/", "ruleset_id"),
        ("/rules/branches/", "branch"),
        ("/actions/variables/", "name"),
    ):
        if path.startswith(prefix):
            return f"{prefix}{{{name}}}"
    return path


for _template in sorted({_generic(path) for path in GOOD}):
    serves(f"get {'' if _template.startswith('/orgs/') else 'REPO'}{_template}", ADMIN)(_answers(_template))
