"""Webhook payloads, checked against GitHub's description of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal import objects, openapi
from rehearsal.git import git
from rehearsal.github_server import fill
from rehearsal.state import Comment, Issue, Pull, State


def _payload(state: State, name: str, known: dict[str, Any], sender: str) -> dict[str, Any]:
    """The payload of webhook `name` with the repository and who caused it."""
    pointer = openapi.document()["webhooks"][name]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    whole = {**known, "repository": objects.repository(state), "sender": objects.user(state, sender)}
    payload: dict[str, Any] = fill(pointer, whole)
    wrong = openapi.check_webhook(name, payload)
    if wrong:
        state.violations.append(f"webhook {name}: {wrong}")
    return payload


def pull_request(
    state: State, action: str, p: Pull, before: str = "", changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`pull_request` opened, reopened, synchronize or edited."""
    known: dict[str, Any] = {
        "action": action,
        "number": p.number,
        "pull_request": objects.pull_details(state, p),
    }
    if action == "synchronize":
        known |= {"before": before, "after": p.head_sha}
    if action == "edited":
        known["changes"] = dict(changes or {})
    return _payload(state, f"pull-request-{action}", known, p.author)


def issue_comment(state: State, action: str, p: Pull, c: Comment) -> dict[str, Any]:
    """`issue_comment` created or edited."""
    known: dict[str, Any] = {
        "action": action,
        "issue": objects.issue(state, p),
        "comment": objects.comment(state, c),
    }
    if action == "edited":
        known["changes"] = {}
    return _payload(state, f"issue-comment-{action}", known, c.author)


def issue(state: State, action: str, i: Issue, sender: str) -> dict[str, Any]:
    """`issues` opened or edited."""
    known: dict[str, Any] = {"action": action, "issue": objects.plain_issue(state, i)}
    if action == "edited":
        known["changes"] = {}
    return _payload(state, f"issues-{action}", known, sender)


def workflow_run(state: State, run: dict[str, Any]) -> dict[str, Any]:
    """`workflow_run` completed."""
    known = {"action": "completed", "workflow_run": objects.run(state, run), "workflow": None}
    return _payload(state, "workflow-run-completed", known, run["actor"])


def push(state: State, before: str, after: str, actor: str) -> dict[str, Any]:
    """`push` to main."""
    known: dict[str, Any] = {
        "ref": "refs/heads/main",
        "base_ref": None,
        "before": before,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "pusher": {"name": actor},
        "commits": [],
        "head_commit": {
            "id": after,
            "tree_id": git(state.bare, "rev-parse", f"{after}^{{tree}}"),
            "message": git(state.bare, "log", "-1", "--format=%B", after),
            "timestamp": state.now(),
        },
    }
    return _payload(state, "push", known, actor)


def dispatch(state: State, path: str, ref: str, inputs: dict[str, Any], actor: str) -> dict[str, Any]:
    """`workflow_dispatch` of a workflow."""
    known = {"inputs": inputs, "ref": ref, "workflow": path}
    return _payload(state, "workflow-dispatch", known, actor)
