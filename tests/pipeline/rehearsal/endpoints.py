"""What each operation of the REST server does, and what a token needs for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rehearsal import objects
from rehearsal.git import changed_files, git
from rehearsal.objects import api
from rehearsal.openapi import component_skeleton, overlay
from rehearsal.state import Comment, Pull, State, Token

MAX_COMMENT: Final = 65_536
REPO: Final = "/repos/{owner}/{repo}"


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Call:
    """One request after routing: values of the path, query, body and the requester."""

    state: State
    token: Token
    values: dict[str, str]
    query: dict[str, str]
    body: Any

    def pull(self, name: str = "pull_number") -> Pull:
        """The pull request in the path; 404 if there is none."""
        pull = self.state.pulls.get(int(self.values[name])) if self.values[name].isdecimal() else None
        if pull is None:
            raise Refusal(404, "Not Found")
        return pull

    def comment(self) -> Comment:
        """The comment in the path; 404 if there is none."""
        number = self.values["comment_id"]
        comment = self.state.comments.get(int(number)) if number.isdecimal() else None
        if comment is None:
            raise Refusal(404, "Not Found")
        return comment

    def commit(self, name: str) -> str:
        """The full id of the commit in the path; 404 or 422 if there is none."""
        try:
            return git(self.state.bare, "rev-parse", "--verify", "-q", f"{self.values[name]}^{{commit}}")
        except RuntimeError:
            raise Refusal(422, f"No commit found for SHA: {self.values[name]}") from None


Handler = Callable[[Call], Any]
# (status, alternatives of (scope, level), what it does)
TABLE: dict[str, tuple[int, tuple[tuple[str, str], ...], Handler]] = {}
METADATA: Final = (("metadata", "read"),)
CONTENTS: Final = (("contents", "read"),)
PULLS: Final = (("pull-requests", "read"),)
TALK: Final = (("pull-requests", "read"), ("issues", "read"))
SAY: Final = (("pull-requests", "write"), ("issues", "write"))


def serves(name: str, needs: tuple[tuple[str, str], ...], status: int = 200) -> Callable[[Handler], Handler]:
    """Registers a handler for `method path`."""

    def register(handler: Handler) -> Handler:
        method, _, path = name.partition(" ")
        TABLE[f"{method} {path.replace('REPO', REPO)}"] = (status, needs, handler)
        return handler

    return register


@serves("get /rate_limit", METADATA)
def _rate(call: Call) -> Any:
    rate = {"limit": 1000, "remaining": 999, "reset": int(time.time()) + 3600, "used": 1}
    return {"resources": {"core": rate, "search": rate}, "rate": rate}


@serves("get /user", METADATA)
def _me(call: Call) -> Any:
    if call.token.kind == "job":
        raise Refusal(403, "Resource not accessible by integration")
    known = {**objects.user(call.state, call.token.actor), "user_view_type": "public"}
    return overlay(component_skeleton("public-user"), known)


@serves("get /users/{username}", METADATA)
def _user(call: Call) -> Any:
    known = {**objects.user(call.state, call.values["username"]), "user_view_type": "public"}
    return overlay(component_skeleton("public-user"), known)


@serves("get REPO/collaborators/{username}/permission", METADATA)
def _permission(call: Call) -> Any:
    login = call.values["username"]
    role = call.state.permissions.get(login, "read")
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    return {
        "permission": legacy,
        "role_name": role,
        "user": {**objects.user(call.state, login), "role_name": role},
    }


@serves("get REPO/pulls", PULLS)
def _pulls(call: Call) -> Any:
    wanted = call.query.get("state", "open")
    pulls = [p for p in call.state.pulls.values() if wanted in (p.state, "all")]
    if "head" in call.query:
        pulls = [p for p in pulls if f"{p.head_repo.split('/')[0]}:{p.head_branch}" == call.query["head"]]
    if "base" in call.query:
        pulls = [p for p in pulls if call.query["base"] == p.base_branch]
    order = sorted(pulls, key=lambda p: p.number, reverse=call.query.get("direction", "desc") == "desc")
    return [objects.pull(call.state, p) for p in order]


@serves("get REPO/pulls/{pull_number}", PULLS)
def _pull(call: Call) -> Any:
    return objects.pull_details(call.state, call.pull())


@serves("get REPO/pulls/{pull_number}/files", PULLS)
def _files(call: Call) -> Any:
    p = call.pull()
    base = git(call.state.bare, "merge-base", p.base_sha, p.head_sha)
    names = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    entries = []
    for letter, path in changed_files(call.state.bare, base, p.head_sha):
        where = base if letter == "D" else p.head_sha
        sha = git(call.state.bare, "rev-parse", f"{where}:{path}")
        entries.append(
            {"filename": path, "sha": sha, "status": names[letter], "raw_url": api(call.state, "/raw")}
        )
    return entries


@serves("get REPO/pulls/{pull_number}/commits", PULLS)
def _commits(call: Call) -> Any:
    p = call.pull()
    shas = git(call.state.bare, "rev-list", "--reverse", f"{p.base_sha}..{p.head_sha}").split()
    return [commit_object(call.state, s) for s in shas]


@serves("get REPO/pulls/{pull_number}/reviews", PULLS)
def _reviews(call: Call) -> Any:
    call.pull()
    return []


@serves("get REPO/commits/{commit_sha}/pulls", (*PULLS, *CONTENTS))
def _commit_pulls(call: Call) -> Any:
    sha = call.commit("commit_sha")
    pulls = [p for p in call.state.pulls.values() if sha in (p.merge_sha, p.head_sha)]
    return [objects.pull(call.state, p) for p in pulls]


@serves("get REPO/commits/{ref}", CONTENTS)
def _commit(call: Call) -> Any:
    sha = call.commit("ref")
    whole = commit_object(call.state, sha)
    parents = [p["sha"] for p in whole["parents"]]
    letters = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    files = changed_files(call.state.bare, parents[0], sha) if len(parents) == 1 else []
    entries = [{"filename": path, "sha": None, "status": letters[letter]} for letter, path in files]
    return {**whole, "files": entries}


def commit_object(state: State, sha: str) -> dict[str, Any]:
    name, email, when, message = git(state.bare, "log", "-1", "--format=%an%x00%ae%x00%cI%x00%B", sha).split(
        "\0"
    )
    person = {"name": name, "email": email, "date": when}
    return {
        "sha": sha,
        "url": api(state, f"/commits/{sha}"),
        "commit": {"message": message, "author": person, "committer": person},
        "parents": [
            {"sha": s, "url": api(state, f"/commits/{s}")}
            for s in git(state.bare, "log", "-1", "--format=%P", sha).split()
        ],
        "author": objects.user(state, name),
        "committer": objects.user(state, name),
    }


@serves("get REPO/issues/{issue_number}", TALK)
def _issue(call: Call) -> Any:
    own = call.state.issues.get(_number(call))
    return (
        objects.plain_issue(call.state, own) if own else objects.issue(call.state, call.pull("issue_number"))
    )


def _number(call: Call) -> int:
    """The number of the issue or pull request in the path; 404 if there is none."""
    text = call.values["issue_number"]
    own = text.isdecimal() and int(text) in call.state.issues
    return int(text) if own else call.pull("issue_number").number


@serves("get REPO/issues/{issue_number}/comments", TALK)
def _comments(call: Call) -> Any:
    number = _number(call)
    return [objects.comment(call.state, c) for c in call.state.comments.values() if c.issue == number]


@serves("post REPO/issues/{issue_number}/comments", SAY, 201)
def _say(call: Call) -> Any:
    body = _body_text(call.body["body"])
    number = _number(call)
    now = call.state.now()
    comment = Comment(call.state.next_id(), number, call.token.actor, body, now, now)
    call.state.comments[comment.id] = comment
    return objects.comment(call.state, comment)


@serves("get REPO/issues/comments/{comment_id}", TALK)
def _one_comment(call: Call) -> Any:
    return objects.comment(call.state, call.comment())


@serves("patch REPO/issues/comments/{comment_id}", SAY)
def _edit(call: Call) -> Any:
    comment = call.comment()
    if comment.author != call.token.actor and call.token.kind == "job":
        raise Refusal(403, "Resource not accessible by integration")
    comment.body, comment.updated = _body_text(call.body["body"]), call.state.now()
    return objects.comment(call.state, comment)


@serves("delete REPO/issues/comments/{comment_id}", SAY, 204)
def _delete(call: Call) -> Any:
    del call.state.comments[call.comment().id]


@serves("post REPO/issues/comments/{comment_id}/reactions", SAY, 201)
def _react(call: Call) -> Any:
    call.comment()
    return {
        "id": call.state.next_id(),
        "node_id": "",
        "user": objects.user(call.state, call.token.actor),
        "content": call.body["content"],
        "created_at": call.state.now(),
    }


def _body_text(body: str) -> str:
    if len(body) > MAX_COMMENT:
        raise Refusal(422, "Body is too long (maximum is 65536 characters)")
    if not body.strip():
        raise Refusal(422, "Body cannot be blank")
    return body


@serves("get REPO/issues/{issue_number}/labels", TALK)
def _labels(call: Call) -> Any:
    return [objects.label(call.state, n) for n in call.pull("issue_number").labels]


@serves("post REPO/issues/{issue_number}/labels", SAY)
def _label(call: Call) -> Any:
    p = call.pull("issue_number")
    names = call.body if isinstance(call.body, list) else call.body["labels"]
    p.labels += [n for n in names if n not in p.labels]
    return [objects.label(call.state, n) for n in p.labels]


@serves("delete REPO/issues/{issue_number}/labels/{name}", SAY)
def _unlabel(call: Call) -> Any:
    p = call.pull("issue_number")
    if call.values["name"] not in p.labels:
        raise Refusal(404, "Label does not exist")
    p.labels.remove(call.values["name"])
    return [objects.label(call.state, n) for n in p.labels]
