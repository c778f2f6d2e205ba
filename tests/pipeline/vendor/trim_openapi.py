"""Trim GitHub's OpenAPI description to what the rehearsal serves.

    python tests/pipeline/vendor/trim_openapi.py PATH/TO/api.github.com.json

Keeps the operations and webhook payloads named here with every component that they refer to, drops
prose and examples, and writes `openapi/api.github.com.json.gz` with the same bytes every time.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

REPO = "/repos/{owner}/{repo}"
# One line a path; the methods kept.
OPERATIONS = {
    "/orgs/{org}/actions/runner-groups": "get",
    "/orgs/{org}/actions/runner-groups/{runner_group_id}/repositories": "get",
    "/orgs/{org}/actions/runner-groups/{runner_group_id}/runners": "get",
    "/orgs/{org}/installations": "get",
    "/rate_limit": "get",
    "/user": "get",
    "/users/{username}": "get",
    "/user/{account_id}": "get",
    REPO: "get patch",
    f"{REPO}/forks": "post",
    f"{REPO}/merge-upstream": "post",
    f"{REPO}/git/blobs": "post",
    f"{REPO}/git/commits": "post",
    f"{REPO}/git/refs": "post",
    f"{REPO}/git/refs/{{ref}}": "patch",
    f"{REPO}/git/trees": "post",
    f"{REPO}/actions/artifacts/{{artifact_id}}": "get",
    f"{REPO}/actions/organization-secrets": "get",
    f"{REPO}/actions/permissions": "get put",
    f"{REPO}/actions/permissions/artifact-and-log-retention": "get put",
    f"{REPO}/actions/permissions/fork-pr-contributor-approval": "get put",
    f"{REPO}/actions/permissions/selected-actions": "get put",
    f"{REPO}/actions/permissions/workflow": "get put",
    f"{REPO}/actions/runners": "get",
    f"{REPO}/actions/runs": "get",
    f"{REPO}/actions/runs/{{run_id}}": "get",
    f"{REPO}/actions/runs/{{run_id}}/approvals": "get",
    f"{REPO}/actions/runs/{{run_id}}/cancel": "post",
    f"{REPO}/actions/runs/{{run_id}}/artifacts": "get",
    f"{REPO}/actions/runs/{{run_id}}/jobs": "get",
    f"{REPO}/actions/secrets": "get",
    f"{REPO}/actions/variables/{{name}}": "get patch",
    f"{REPO}/actions/variables": "post",
    f"{REPO}/actions/workflows": "get",
    f"{REPO}/actions/workflows/{{workflow_id}}/enable": "put",
    f"{REPO}/actions/workflows/{{workflow_id}}": "get",
    f"{REPO}/actions/workflows/{{workflow_id}}/dispatches": "post",
    f"{REPO}/actions/workflows/{{workflow_id}}/runs": "get",
    f"{REPO}/branches/{{branch}}": "get",
    f"{REPO}/check-runs": "post",
    f"{REPO}/check-runs/{{check_run_id}}": "get patch",
    f"{REPO}/check-runs/{{check_run_id}}/annotations": "get",
    f"{REPO}/codeowners/errors": "get",
    f"{REPO}/collaborators": "get",
    f"{REPO}/collaborators/{{username}}/permission": "get",
    f"{REPO}/commits": "get",
    f"{REPO}/commits/{{commit_sha}}/pulls": "get",
    f"{REPO}/commits/{{ref}}": "get",
    f"{REPO}/commits/{{ref}}/check-runs": "get",
    f"{REPO}/commits/{{ref}}/status": "get",
    f"{REPO}/commits/{{ref}}/statuses": "get",
    f"{REPO}/contents/{{path}}": "get",
    f"{REPO}/environments": "get",
    f"{REPO}/environments/{{environment_name}}": "get put",
    f"{REPO}/environments/{{environment_name}}/deployment-branch-policies": "get post",
    f"{REPO}/environments/{{environment_name}}/deployment-branch-policies/{{branch_policy_id}}": "delete",
    f"{REPO}/environments/{{environment_name}}/secrets": "get",
    f"{REPO}/git/blobs/{{file_sha}}": "get",
    f"{REPO}/git/commits/{{commit_sha}}": "get",
    f"{REPO}/git/ref/{{ref}}": "get",
    f"{REPO}/git/trees/{{tree_sha}}": "get",
    f"{REPO}/issues/comments/{{comment_id}}": "get patch delete",
    f"{REPO}/issues/comments/{{comment_id}}/reactions": "post",
    f"{REPO}/issues/{{issue_number}}": "get",
    f"{REPO}/issues/{{issue_number}}/comments": "get post",
    f"{REPO}/issues/{{issue_number}}/labels": "get post",
    f"{REPO}/issues/{{issue_number}}/labels/{{name}}": "delete",
    f"{REPO}/keys": "get",
    f"{REPO}/pages": "get post put",
    f"{REPO}/private-vulnerability-reporting": "get put",
    f"{REPO}/pulls": "get post",
    f"{REPO}/pulls/{{pull_number}}": "get",
    f"{REPO}/pulls/{{pull_number}}/commits": "get",
    f"{REPO}/pulls/{{pull_number}}/files": "get",
    f"{REPO}/pulls/{{pull_number}}/reviews": "get",
    f"{REPO}/rules/branches/{{branch}}": "get",
    f"{REPO}/rulesets": "get post",
    f"{REPO}/rulesets/{{ruleset_id}}": "get put",
    f"{REPO}/statuses/{{sha}}": "post",
}
WEBHOOKS = (
    "pull-request-opened",
    "pull-request-synchronize",
    "pull-request-reopened",
    "pull-request-edited",
    "issues-opened",
    "issues-edited",
    "issue-comment-created",
    "issue-comment-edited",
    "workflow-run-completed",
    "workflow-dispatch",
    "push",
)
PROSE = {"description", "summary", "externalDocs", "example", "examples", "tags", "title"}
NAMED = {
    "properties",
    "patternProperties",
    "schemas",
    "parameters",
    "headers",
    "responses",
    "content",
    "paths",
}


def strip(node: Any, *, names: bool = False) -> Any:
    """`node` without prose and vendor extensions; under `names` the keys are names and all stay."""
    if isinstance(node, list):
        return [strip(n) for n in node]
    if not isinstance(node, dict):
        return node
    return {
        k: v if k == "enum" else strip(v, names=k in NAMED and not names and isinstance(v, dict))
        for k, v in node.items()
        if names or not (k in PROSE or k.startswith("x-"))
    }


def references(node: Any) -> set[str]:
    """Every local reference below `node`."""
    if isinstance(node, list):
        return set().union(*(references(n) for n in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return here.union(*(references(v) for v in node.values()))


def trim(document: dict[str, Any]) -> dict[str, Any]:
    """The part of `document` that the rehearsal needs, closed under references."""
    paths = {}
    for path, methods in OPERATIONS.items():
        whole = document["paths"][path]
        paths[path] = {m: strip(whole[m]) for m in methods.split()}
    hooks = {}
    for name in WEBHOOKS:
        hook = document["x-webhooks"][name]["post"]
        hooks[name] = {"post": {"requestBody": strip(hook["requestBody"])}}
    components: dict[str, dict[str, Any]] = {}
    todo = references(paths) | references(hooks)
    while todo:
        _, _, kind, name = (ref := todo.pop()).split("/", 3)
        part = strip(document["components"][kind][name])
        components.setdefault(kind, {})[name] = part
        names = {f"#/components/{k}/{n}" for k, group in components.items() for n in group}
        todo |= references(part) - names
        todo.discard(ref)
    return {
        "openapi": document["openapi"],
        "info": {"title": document["info"]["title"], "version": document["info"]["version"]},
        "paths": paths,
        "webhooks": hooks,
        "components": components,
    }


def main() -> None:
    """Write the trimmed description beside this script."""
    trimmed = trim(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    data = json.dumps(trimmed, sort_keys=True, separators=(",", ":")).encode()
    out = Path(__file__).parent / "openapi" / "api.github.com.json.gz"
    out.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{out.name}: {len(trimmed['paths'])} paths, {len(data)} bytes, {out.stat().st_size} compressed")  # noqa: T201


if __name__ == "__main__":
    main()
