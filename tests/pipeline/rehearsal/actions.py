"""Python stand-ins for the actions that the workflows use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from rehearsal.git import git
from rehearsal.machines import hosted, steady_times
from rehearsal.state import APP, Token
from rehearsal.workflow import PIN

if TYPE_CHECKING:
    from rehearsal.runs import JobRun

UNTRUSTED_EVENTS: Final = ("pull_request_target", "workflow_run")


class ActionError(Exception):
    """An action that failed, with its output."""


def run_action(job: JobRun, uses: str, given: Mapping[str, str]) -> dict[str, str]:
    """The outputs of an action; raises `ActionError` where it fails and for an action that is not pinned."""
    if not PIN.fullmatch(uses):
        raise AssertionError(f"{uses} is not pinned to a full commit id")
    name = uses.partition("@")[0]
    if name not in ACTIONS:
        raise AssertionError(f"the rehearsal has no stand-in for {name}")
    return ACTIONS[name](job, given)


def composite(job: JobRun, uses: str) -> dict[str, Any]:
    """The repository's own composite action in the job's checkout; raises `ActionError` if there is none."""
    folder = job.workspace / uses
    file = next((p for p in (folder / "action.yml", folder / "action.yaml") if p.is_file()), None)
    if file is None:
        raise ActionError(f"Can't find 'action.yml' under '{uses}'. Did you forget to run actions/checkout?")
    raw = _yaml(file.read_text("utf-8"))
    if raw["runs"]["using"] != "composite":
        raise AssertionError(f"the rehearsal runs composite actions only, not {uses}")
    return raw


@lru_cache(maxsize=16)
def _yaml(text: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(text)
    return value


def _checkout(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    state, target = job.executor.state, job.workspace / given.get("path", "")
    ref = given.get("ref") or job.run.sha
    if given.get("repository", "") not in ("", job.executor.repository):
        raise AssertionError(f"the rehearsal holds one repository, not {given['repository']}")
    fork_heads = {p.head_sha for p in state.pulls.values()}
    unsafe = re.match(r"refs/pull/", ref) is not None or (ref in fork_heads and not _on_main(job, ref))
    if job.run.event in UNTRUSTED_EVENTS and unsafe and given.get("allow-unsafe-pr-checkout") != "true":
        raise ActionError(f"Refusing to check out a fork pull request's ref {ref} in {job.run.event}")
    for child in target.iterdir() if target.exists() else ():
        shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    target.mkdir(parents=True, exist_ok=True)
    git(target, "init", "-q", "-b", "main")
    git(target, "remote", "add", "origin", f"file://{state.bare}")
    depth = [] if given.get("fetch-depth") == "0" else ["--depth=1"]
    git(target, "fetch", "-q", "--no-tags", *depth, *_sparse(target, given), "origin", ref)
    name = "main" if ref in ("main", "refs/heads/main") else ""
    git(
        target,
        "checkout",
        "-q",
        "--force",
        *(["-B", name, "FETCH_HEAD"] if name else ["--detach", "FETCH_HEAD"]),
    )
    git(target, "remote", "set-url", "origin", f"{state.base_url}/{job.executor.repository}")
    steady_times(target)
    return {"ref": ref, "commit": git(target, "rev-parse", "HEAD")}


def _sparse(target: Path, given: Mapping[str, str]) -> list[str]:
    """The filter of a fetch, after telling git which files to check out: only those are fetched."""
    patterns = given.get("sparse-checkout", "").split()
    if not patterns:
        return []
    if given.get("sparse-checkout-cone-mode") != "false":
        raise AssertionError("the rehearsal knows patterns, not cones")
    git(target, "config", "core.sparseCheckout", "true")
    (target / ".git/info").mkdir(exist_ok=True)
    (target / ".git/info/sparse-checkout").write_text("\n".join(patterns) + "\n")
    return ["--filter=blob:none"]


def _on_main(job: JobRun, sha: str) -> bool:
    try:
        git(job.executor.state.bare, "merge-base", "--is-ancestor", sha, "refs/heads/main")
    except RuntimeError:
        return False
    return True


def _upload(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    name = given.get("name", "artifact")
    out = job.run.artifacts / name
    if out.exists() and given.get("overwrite") != "true":
        raise ActionError(f"an artifact with the name {name} already exists on the workflow run")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    n = 0
    for pattern in given["path"].split("\n"):
        root = job.workspace / pattern.strip()
        matches = (
            [root]
            if root.exists()
            else sorted(job.workspace.glob(pattern.strip()))
            if pattern.strip() and not Path(pattern).is_absolute()
            else []
        )
        for path in matches:
            n += 1
            if path.is_dir():
                shutil.copytree(path, out, dirs_exist_ok=True, symlinks=False)
            else:
                shutil.copy(path, out / path.name)
    if not n:
        out.rmdir()
    if not n and given.get("if-no-files-found") == "error":
        raise ActionError(f"No files were found with the provided path: {given['path']}")
    return {"artifact-id": str(job.executor.state.next_id()), "artifact-url": "", "artifact-digest": ""}


def _download(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    if given.get("run-id"):
        raise AssertionError("no job may read the artifacts of another run")
    target = job.workspace / given.get("path", "")
    target.mkdir(parents=True, exist_ok=True)
    if name := given.get("name"):
        source = job.run.artifacts / name
        if not source.is_dir():
            raise ActionError(f"Artifact not found for name: {name}")
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif job.run.artifacts.is_dir():
        merge = given.get("merge-multiple") == "true"
        for source in sorted(job.run.artifacts.iterdir()):
            shutil.copytree(source, target if merge else target / source.name, dirs_exist_ok=True)
    return {"download-path": str(target)}


def _app_token(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    """A token of the App: only with the App's own key, and with exactly the requested permissions."""
    key = job.executor.environments.get(job.environment, {}).get("REX_APP_PRIVATE_KEY")
    if not key or given.get("private-key") != key:
        raise ActionError("A JSON web token could not be decoded: the private key is missing or wrong")
    if not (given.get("client-id") or given.get("app-id")):
        raise ActionError("[@octokit/auth-app] appId option is required")
    wanted = {k.removeprefix("permission-"): v for k, v in given.items() if k.startswith("permission-")}
    token = job.executor.state.mint(Token(f"{APP}[bot]", wanted, "app"))
    job.masks.append(token)
    return {"token": token, "app-slug": APP, "installation-id": "1"}


def _pages(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    return _upload(
        job, {"name": "github-pages", "path": given.get("path", "_site/"), "if-no-files-found": "error"}
    )


def _deploy(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    wanted = {"pages": "write", "id-token": "write"}
    if any(job.permissions.get(k) != v for k, v in wanted.items()):
        raise ActionError('Ensure GITHUB_TOKEN has permission "pages: write" and "id-token: write".')
    site = job.run.artifacts / "github-pages"
    if not site.is_dir():
        raise ActionError('No artifacts named "github-pages" were found for this workflow run.')
    if any(p.is_symlink() for p in site.rglob("*")):
        raise ActionError("the site holds a symbolic link")
    job.executor.sites.append(site)
    return {"page_url": "https://rehearsal-org.github.io/challenge/"}


def _python(job: JobRun, given: Mapping[str, str]) -> dict[str, str]:
    if given.get("cache"):
        raise AssertionError("no job may use a cache")
    hosted(job, job.temp.parent / "tools")
    return {"python-version": given["python-version"]}


ACTIONS: Final[dict[str, Callable[[JobRun, Mapping[str, str]], dict[str, str]]]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _python,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "actions/create-github-app-token": _app_token,
    "actions/upload-pages-artifact": _pages,
    "actions/deploy-pages": _deploy,
}
