"""The operations that read the bare repository: refs, trees, blobs, contents."""

from __future__ import annotations

import base64
from typing import Any

from rehearsal.endpoints import CONTENTS, Call, Refusal, commit_object, serves
from rehearsal.git import file_at, git, git_bytes, paths_at
from rehearsal.objects import api


@serves("get REPO/git/ref/{ref}", CONTENTS)
def _ref(call: Call) -> Any:
    from rehearsal.endpoints_forks import branch_ref

    name = f"refs/{call.values['ref']}"
    if call.values["ref"].startswith("heads/"):
        full_name = f"{call.values['owner']}/{call.values['repo']}"
        name = branch_ref(full_name, call.values["ref"].removeprefix("heads/"))
    try:
        sha = git(call.state.bare, "rev-parse", "--verify", "-q", name)
    except RuntimeError:
        raise Refusal(404, "Not Found") from None
    return {
        "ref": f"refs/{call.values['ref']}",
        "object": {"type": "commit", "sha": sha, "url": api(call.state, f"/git/commits/{sha}")},
    }


@serves("get REPO/branches/{branch}", CONTENTS)
def _branch(call: Call) -> Any:
    return {"name": call.values["branch"], "commit": commit_object(call.state, call.commit("branch"))}


@serves("get REPO/git/trees/{tree_sha}", CONTENTS)
def _tree(call: Call) -> Any:
    flags = ["-r", "-t"] if "recursive" in call.query else []
    lines = git_bytes(call.state.bare, "ls-tree", "-l", "-z", *flags, call.values["tree_sha"]).decode()
    tree = []
    for line in lines.split("\0")[:-1]:
        meta, _, path = line.partition("\t")
        mode, kind, sha, size = meta.split()
        entry = {"path": path, "mode": mode, "type": kind, "sha": sha}
        tree.append(entry if size == "-" else {**entry, "size": int(size)})
    return {"sha": call.values["tree_sha"], "truncated": False, "tree": tree}


@serves("get REPO/git/blobs/{file_sha}", CONTENTS)
def _blob(call: Call) -> Any:
    data = git_bytes(call.state.bare, "cat-file", "blob", call.values["file_sha"])
    return {
        "sha": call.values["file_sha"],
        "size": len(data),
        "encoding": "base64",
        "content": base64.b64encode(data).decode(),
    }


@serves("get REPO/contents/{path}", CONTENTS)
def _contents(call: Call) -> Any:
    ref, path = call.query.get("ref", "main"), call.values["path"]
    data = file_at(call.state.bare, ref, path)
    if data is None:
        if not paths_at(call.state.bare, ref, path):
            raise Refusal(404, "Not Found")
        raise Refusal(404, "the rehearsal lists no folder; ask for a tree")
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(data),
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "content": base64.b64encode(data).decode(),
        "sha": git(call.state.bare, "rev-parse", f"{ref}:{path}"),
        "url": api(call.state, f"/contents/{path}"),
        "git_url": None,
        "html_url": None,
        "download_url": None,
        "_links": {"git": None, "html": None, "self": api(call.state, f"/contents/{path}")},
    }
