"""The operations that write: forks, git objects and branches, pull requests.

A fork's objects are in the same bare repository, as GitHub stores a network of forks together.
"""

from __future__ import annotations

import base64
import os
import subprocess
from typing import Any, Final

from rehearsal import objects
from rehearsal.endpoints import CONTENTS, PULLS, Call, Refusal, commit_object, serves
from rehearsal.git import git, pull_refs
from rehearsal.objects import api
from rehearsal.state import REPOSITORY, Pull

WRITE: Final = (("contents", "write"),)
NAMED: Final = "refs/heads/"
OF_FORKS: Final = frozenset(
    {
        "get /repos/{owner}/{repo}",
        "get /repos/{owner}/{repo}/commits/{ref}",
        "get /repos/{owner}/{repo}/git/ref/{ref}",
        "get /repos/{owner}/{repo}/git/commits/{commit_sha}",
        "post /repos/{owner}/{repo}/merge-upstream",
        "post /repos/{owner}/{repo}/git/blobs",
        "post /repos/{owner}/{repo}/git/trees",
        "post /repos/{owner}/{repo}/git/commits",
        "post /repos/{owner}/{repo}/git/refs",
        "patch /repos/{owner}/{repo}/git/refs/{ref}",
    }
)
"""Operations on a fork; everything else is on the repository itself."""


def place(call: Call) -> str:
    """The full name of the requested repository; a person's token writes only to their own fork."""
    full_name = f"{call.values['owner']}/{call.values['repo']}"
    mine = full_name.partition("/")[0] == call.token.actor
    if call.token.kind == "user" and not mine and call.state.permissions.get(call.token.actor) != "write":
        raise Refusal(403, "Must have push access to the repository")
    return full_name


def branch_ref(full_name: str, branch: str) -> str:
    """The ref of a branch of the repository or of a fork."""
    return f"refs/heads/{branch}" if full_name == REPOSITORY else f"refs/forks/{full_name}/{branch}"


@serves("post REPO/forks", CONTENTS, 202)
def _fork(call: Call) -> Any:
    if call.token.kind != "user":
        raise Refusal(403, "Resource not accessible by integration")
    full_name = f"{call.token.actor}/{REPOSITORY.partition('/')[2]}"
    if full_name not in call.state.forks:
        call.state.forks.add(full_name)
        git(call.state.bare, "update-ref", branch_ref(full_name, "main"), "refs/heads/main")
    return objects.repository(call.state, full_name)


@serves("post REPO/merge-upstream", WRITE)
def _merge_upstream(call: Call) -> Any:
    ref = branch_ref(place(call), call.body["branch"])
    git(call.state.bare, "update-ref", ref, "refs/heads/main")
    return {"message": "Successfully fetched and fast-forwarded", "merge_type": "fast-forward"}


@serves("post REPO/git/blobs", WRITE, 201)
def _blob(call: Call) -> Any:
    place(call)
    data = call.body["content"].encode()
    if call.body.get("encoding") == "base64":
        data = base64.b64decode(data)
    sha = git(call.state.bare, "hash-object", "-w", "--stdin", data=data)
    return {"url": api(call.state, f"/git/blobs/{sha}"), "sha": sha}


@serves("post REPO/git/trees", WRITE, 201)
def _tree(call: Call) -> Any:
    place(call)
    index = call.state.root / f"index-{call.state.next_id()}"
    lines = "".join(f"{e['mode']} {e['sha']}\t{e['path']}\0" for e in call.body["tree"])
    bare = call.state.bare
    git(bare, "read-tree", f"--index-output={index}", call.body["base_tree"])
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)}
    command = ["git", "-C", str(bare)]
    subprocess.run(
        [*command, "update-index", "-z", "--index-info"], input=lines.encode(), check=True, env=environment
    )
    process = subprocess.run([*command, "write-tree"], capture_output=True, check=True, env=environment)
    index.unlink()
    sha = process.stdout.decode().strip()
    return {"sha": sha, "url": api(call.state, f"/git/trees/{sha}"), "truncated": False, "tree": []}


@serves("get REPO/git/commits/{commit_sha}", CONTENTS)
def _git_commit(call: Call) -> Any:
    return git_commit(call, call.commit("commit_sha"))


@serves("post REPO/git/commits", WRITE, 201)
def _commit(call: Call) -> Any:
    place(call)
    parents = [word for p in call.body["parents"] for word in ("-p", p)]
    message = call.body["message"]
    arguments = ("commit-tree", call.body["tree"], *parents, "-m", message)
    return git_commit(call, git(call.state.bare, *arguments, name=call.token.actor))


def git_commit(call: Call, sha: str) -> dict[str, Any]:
    """A commit in the form of git's own objects."""
    whole = commit_object(call.state, sha)
    tree = git(call.state.bare, "rev-parse", f"{sha}^{{tree}}")
    url = api(call.state, f"/git/commits/{sha}")
    return {
        "sha": sha,
        "node_id": "",
        "url": url,
        "html_url": url,
        "author": whole["commit"]["author"],
        "committer": whole["commit"]["committer"],
        "message": whole["commit"]["message"],
        "tree": {"sha": tree, "url": api(call.state, f"/git/trees/{tree}")},
        "parents": [{**p, "html_url": p["url"]} for p in whole["parents"]],
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


@serves("post REPO/git/refs", WRITE, 201)
def _new_ref(call: Call) -> Any:
    full_name, ref = place(call), call.body["ref"]
    if not ref.startswith(NAMED):
        raise Refusal(422, "Reference name must start with 'refs/heads/'")
    where = branch_ref(full_name, ref.removeprefix(NAMED))
    try:
        git(call.state.bare, "rev-parse", "--verify", "-q", where)
    except RuntimeError:
        git(call.state.bare, "update-ref", where, call.body["sha"])
        return _reference(call, ref, call.body["sha"])
    raise Refusal(422, "Reference already exists")


@serves("patch REPO/git/refs/{ref}", WRITE)
def _move(call: Call) -> Any:
    full_name, name, sha = place(call), call.values["ref"].removeprefix("heads/"), call.body["sha"]
    where = branch_ref(full_name, name)
    try:
        before = git(call.state.bare, "rev-parse", "--verify", "-q", where)
    except RuntimeError:
        raise Refusal(422, "Reference does not exist") from None
    if not call.body.get("force"):
        try:
            git(call.state.bare, "merge-base", "--is-ancestor", before, sha)
        except RuntimeError:
            raise Refusal(422, "Update is not a fast forward") from None
    git(call.state.bare, "update-ref", where, sha)
    for pull in call.state.pulls.values():
        if (pull.head_repo, pull.head_branch, pull.state) == (full_name, name, "open") and before != sha:
            pull.head_sha, pull.updated = sha, call.state.now()
            pull_refs(call.state.bare, pull.number, pull.base_sha, sha, pull.author)
            call.state.events.append(
                ("synchronize", {"number": pull.number, "before": before, "by": call.token.kind})
            )
    return _reference(call, f"{NAMED}{name}", sha)


def _reference(call: Call, ref: str, sha: str) -> dict[str, Any]:
    url = api(call.state, f"/git/commits/{sha}")
    return {
        "ref": ref,
        "node_id": "",
        "url": api(call.state, f"/git/{ref}"),
        "object": {"type": "commit", "sha": sha, "url": url},
    }


@serves("post REPO/pulls", (*PULLS, ("pull-requests", "write")), 201)
def _open(call: Call) -> Any:
    owner, _, branch = call.body["head"].rpartition(":")
    own = owner in ("", REPOSITORY.partition("/")[0])
    full_name = REPOSITORY if own else f"{owner}/{REPOSITORY.partition('/')[2]}"
    if call.token.kind == "job" and not call.token.may("pull-requests", "write"):
        raise Refusal(403, "Resource not accessible by integration")
    if call.token.kind == "job" and not call.state.settings.get("jobs open pulls", True):
        raise Refusal(403, "GitHub Actions is not permitted to create or approve pull requests.")
    try:
        head = git(call.state.bare, "rev-parse", "--verify", "-q", branch_ref(full_name, branch))
    except RuntimeError:
        raise Refusal(422, "Validation Failed") from None
    same = [p for p in call.state.pulls.values() if (p.head_repo, p.head_branch) == (full_name, branch)]
    if any(p.state == "open" for p in same):
        raise Refusal(422, f"A pull request already exists for {call.body['head']}.")
    now, number = call.state.now(), call.state.next_number()
    base = git(call.state.bare, "rev-parse", "refs/heads/main")
    pull = Pull(
        number,
        call.token.actor,
        call.body["title"],
        call.body.get("body") or "",
        full_name,
        branch,
        head,
        base,
        created=now,
        updated=now,
    )
    call.state.pulls[number] = pull
    pull_refs(call.state.bare, number, base, head, pull.author)
    call.state.events.append(("opened", {"number": number, "by": call.token.kind}))
    return objects.pull_details(call.state, pull)
