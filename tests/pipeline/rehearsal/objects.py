"""GitHub's objects in JSON, from what the state knows; the rest is filled in from the description."""

from __future__ import annotations

from typing import Any

from rehearsal.git import git
from rehearsal.state import ACTIONS_BOT, APP, OWNER, REPOSITORY, Check, Comment, Issue, Pull, State, Status

API = "/api/v3"


def api(state: State, path: str = "") -> str:
    """The API's address of a path of the repository."""
    return f"{state.base_url}{API}/repos/{REPOSITORY}{path}"


def page(state: State, path: str = "") -> str:
    """The web address of a path of the repository."""
    return f"{state.base_url}/{REPOSITORY}{path}"


def user(state: State, login: str) -> dict[str, Any]:
    """A user, a bot or the organisation."""
    kind = "Organization" if login == OWNER else "Bot" if login.endswith("[bot]") else "User"
    return {
        "login": login,
        "gravatar_id": "",
        "id": state.user_id(login),
        "type": kind,
        "url": f"{state.base_url}{API}/users/{login}",
        "html_url": f"{state.base_url}/{login}",
    }


def repository(state: State, full_name: str = REPOSITORY) -> dict[str, Any]:
    """A repository: this one or a fork."""
    owner, name = full_name.split("/")
    return {
        "id": 1 if full_name == REPOSITORY else 10_000 + state.user_id(owner),
        "name": name,
        "full_name": full_name,
        "owner": user(state, owner),
        "private": False,
        "fork": full_name != REPOSITORY,
        "default_branch": "main",
        "url": f"{state.base_url}{API}/repos/{full_name}",
        "html_url": f"{state.base_url}/{full_name}",
        "clone_url": f"{state.base_url}/{full_name}.git",
        "pushed_at": state.now(),
        "visibility": "public",
        "size": 1_000,
        "allow_squash_merge": True,
        "allow_merge_commit": False,
        "allow_rebase_merge": False,
        "allow_auto_merge": False,
    }


def pull(state: State, p: Pull) -> dict[str, Any]:
    """A pull request."""
    owner = p.head_repo.split("/")[0]
    return {
        "id": 90_000 + p.number,
        "number": p.number,
        "url": api(state, f"/pulls/{p.number}"),
        "html_url": page(state, f"/pull/{p.number}"),
        "issue_url": api(state, f"/issues/{p.number}"),
        "comments_url": api(state, f"/issues/{p.number}/comments"),
        "state": p.state,
        "locked": False,
        "title": p.title,
        "user": user(state, p.author),
        "body": p.body,
        "labels": [label(state, n) for n in p.labels],
        "created_at": p.created,
        "updated_at": p.updated,
        "closed_at": p.updated if p.state == "closed" else None,
        "merged_at": p.updated if p.merged else None,
        "merge_commit_sha": p.merge_sha,
        "assignee": None,
        "milestone": None,
        "draft": False,
        "author_association": "NONE",
        "head": {
            "label": f"{owner}:{p.head_branch}",
            "ref": p.head_branch,
            "sha": p.head_sha,
            "user": user(state, owner),
            "repo": repository(state, p.head_repo),
        },
        "base": {
            "label": f"{OWNER}:{p.base_branch}",
            "ref": p.base_branch,
            "sha": p.base_sha,
            "user": user(state, OWNER),
            "repo": repository(state),
        },
    }


def pull_details(state: State, p: Pull) -> dict[str, Any]:
    """Fields that only the response for a single pull request has."""
    files = git(state.bare, "diff", "--name-only", f"{p.base_sha}...{p.head_sha}").splitlines()
    return {
        **pull(state, p),
        "merged": p.merged,
        "mergeable": True,
        "changed_files": len(files),
        "comments": sum(c.issue == p.number for c in state.comments.values()),
        "commits": int(git(state.bare, "rev-list", "--count", f"{p.base_sha}..{p.head_sha}")),
    }


def issue(state: State, p: Pull) -> dict[str, Any]:
    """A pull request as an issue."""
    url, address = api(state, f"/pulls/{p.number}"), page(state, f"/pull/{p.number}")
    return {
        **plain_issue(state, p),
        "html_url": address,
        "pull_request": {
            "url": url,
            "html_url": address,
            "diff_url": f"{url}.diff",
            "patch_url": f"{url}.patch",
            "merged_at": p.updated if p.merged else None,
        },
    }


def plain_issue(state: State, i: Issue | Pull) -> dict[str, Any]:
    """What an issue has, be it a pull request or not."""
    return {
        "id": 80_000 + i.number,
        "number": i.number,
        "url": api(state, f"/issues/{i.number}"),
        "comments_url": api(state, f"/issues/{i.number}/comments"),
        "html_url": page(state, f"/issues/{i.number}"),
        "state": i.state,
        "title": i.title,
        "body": i.body,
        "user": user(state, i.author),
        "labels": [label(state, n) for n in i.labels],
        "comments": sum(c.issue == i.number for c in state.comments.values()),
        "created_at": i.created,
        "updated_at": i.updated,
        "author_association": "NONE",
    }


def label(state: State, name: str) -> dict[str, Any]:
    """A label."""
    known = {"name": name, "url": api(state, f"/labels/{name}"), "description": "", "color": "ededed"}
    return {"id": 70_000 + sum(name.encode()), "node_id": "", "default": False, **known}


def comment(state: State, c: Comment) -> dict[str, Any]:
    """A comment."""
    return {
        "id": c.id,
        "url": api(state, f"/issues/comments/{c.id}"),
        "html_url": page(state, f"/pull/{c.issue}#issuecomment-{c.id}"),
        "issue_url": api(state, f"/issues/{c.issue}"),
        "body": c.body,
        "user": user(state, c.author),
        "created_at": c.created,
        "updated_at": c.updated,
        "author_association": "NONE",
        "performed_via_github_app": None,
    }


def status(state: State, s: Status) -> dict[str, Any]:
    """A commit status."""
    return {
        "id": s.id,
        "url": api(state, f"/statuses/{s.sha}"),
        "state": s.state,
        "context": s.context,
        "description": s.description,
        "target_url": s.target_url,
        "creator": user(state, s.author),
        "created_at": s.created,
        "updated_at": s.created,
    }


def check(state: State, c: Check) -> dict[str, Any]:
    """A check run, completed."""
    return {
        "id": c.id,
        "head_sha": c.sha,
        "url": api(state, f"/check-runs/{c.id}"),
        "name": c.name,
        "external_id": "",
        "status": "completed",
        "conclusion": "neutral",
        "started_at": c.created,
        "completed_at": c.created,
        "output": {
            "title": c.title,
            "summary": c.title,
            "text": None,
            "annotations_count": 0,
            "annotations_url": api(state, f"/check-runs/{c.id}/annotations"),
        },
        "check_suite": {"id": 1},
        "app": {"slug": c.author.removesuffix("[bot]"), "name": c.author},
        "pull_requests": [],
    }


def run(state: State, r: dict[str, Any]) -> dict[str, Any]:
    """A workflow run, from the executor's entry."""
    head = r["head_repository"]
    return {
        **{
            k: r[k]
            for k in ("id", "name", "path", "event", "status", "conclusion", "head_sha", "head_branch")
        },
        "display_title": r["display_title"],
        "workflow_id": state.workflows.get(r["path"], {}).get("id", 1),
        "run_number": r["id"] % 1000,
        "run_attempt": 1,
        "url": api(state, f"/actions/runs/{r['id']}"),
        "html_url": page(state, f"/actions/runs/{r['id']}"),
        "artifacts_url": api(state, f"/actions/runs/{r['id']}/artifacts"),
        # Empty for pull requests from forks, on GitHub too.
        "pull_requests": [],
        "created_at": r["created_at"],
        "updated_at": r["created_at"],
        "run_started_at": r["created_at"],
        "actor": user(state, r["actor"]),
        "triggering_actor": user(state, r["actor"]),
        "repository": repository(state),
        "head_repository": repository(state, head),
        "head_commit": {
            "id": r["head_sha"],
            "tree_id": git(state.bare, "rev-parse", f"{r['head_sha']}^{{tree}}"),
            "message": git(state.bare, "log", "-1", "--format=%B", r["head_sha"]),
            "timestamp": r["created_at"],
            "author": {"name": r["actor"], "email": "someone@example.org"},
            "committer": {"name": r["actor"], "email": "someone@example.org"},
        },
    }


def is_bot(login: str) -> bool:
    """Whether a login is one of the rehearsal's bots."""
    return login in (ACTIONS_BOT, f"{APP}[bot]")
