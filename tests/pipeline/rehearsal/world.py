"""A whole GitHub for one test: repository, server, runners, and people."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rehearsal import events
from rehearsal.executor import Executor
from rehearsal.expressions import Expressions
from rehearsal.git import Change, changed_files, commit, git, merge_commit, objects_of, pull_refs
from rehearsal.github_server import GitHubServer
from rehearsal.objects import is_bot
from rehearsal.runs import Run
from rehearsal.state import ACTIONS_BOT, REPOSITORY, Comment, Fault, Issue, Pull, State, Token
from rehearsal.workflow import load

MAX_EVENTS = 50
REPOSITORY_FOLDER = f"{REPOSITORY.partition('/')[2]}.git"


class World:
    """What people and machines do, one call per action; `settle` processes events."""

    def __init__(
        self, root: Path, expressions: Expressions, workspaces: Path, warm: Path, state: State | None = None
    ) -> None:
        self.state = state or State(root)
        self.root = root
        # Runs of the world from which this one continues.
        self.inherited = 0
        self.executor = Executor(self.state, expressions, root, workspaces, warm)
        self.server = GitHubServer(self.state)
        self.refresh_workflows()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()

    def branch_off(self, root: Path) -> World:
        """An independent world that continues from here: the same past, another repository, runner and server."""
        assert not any(r.waiting for r in self.executor.runs), "a run that waits belongs to one world"
        shutil.copytree(
            self.root, root, ignore=shutil.ignore_patterns("runs", "machine", "machine-*", REPOSITORY_FOLDER)
        )
        # Git never writes into an existing file: its objects and refs can be shared by links.
        shutil.copytree(self.state.bare, root / self.state.bare.relative_to(self.root), copy_function=os.link)
        old = self.executor
        world = World(root, old.expressions, old.workspaces, old.warm, self.state.twin(root))
        new = world.executor
        world.inherited = len(old.runs)
        new.runs, new.sites = list(old.runs), list(old.sites)
        new.environments, new.variables, new.reviewed = (
            dict(old.environments),
            dict(old.variables),
            set(old.reviewed),
        )
        if old.runner is not None:
            new.runner = old.runner.moved(self.root, root)
        return world

    # --- people -------------------------------------------------------------------------------------------
    def open_pull(
        self,
        changes: Mapping[str, Change],
        *,
        author: str = "stranger",
        title: str = "Add a model",
        body: str = "",
        branch: str = "submission",
        commit_sha: str | None = None,
    ) -> Pull:
        """A pull request from a fork with these files changed, and the runs that opening it starts."""
        base = self.main
        head = commit_sha or commit(self.state.bare, base, changes, title, author)
        now, number = self.state.now(), self.state.next_number()
        p = Pull(
            number, author, title, body, f"{author}/challenge", branch, head, base, created=now, updated=now
        )
        self.state.pulls[number] = p
        self._refs(p)
        self._pull_event("opened", p)
        return p

    def push_to_pull(self, p: Pull, changes: Mapping[str, Change], *, quietly: bool = False) -> str:
        """The new head of a pull request; `quietly` fires no event yet, as when a push races with a run."""
        before = p.head_sha
        p.head_sha = commit(self.state.bare, before, changes, "Update", p.author)
        p.updated = self.state.now()
        self._refs(p)
        if not quietly:
            self._pull_event("synchronize", p, before)
        return p.head_sha

    def say(self, p: Pull, body: str, *, author: str = "maintainer") -> Comment:
        """A person's comment, and the runs that it starts."""
        now = self.state.now()
        comment = Comment(self.state.next_id(), p.number, author, body, now, now)
        self.state.comments[comment.id] = comment
        self._fire("issue_comment", events.issue_comment(self.state, "created", p, comment), actor=author)
        return comment

    def file_issue(
        self, title: str, body: str, *, author: str = "stranger", labels: tuple[str, ...] = ()
    ) -> Issue:
        """A person's issue, and the runs that it starts."""
        now = self.state.now()
        issue = Issue(self.state.next_number(), author, title, body, now, now, list(labels))
        self.state.issues[issue.number] = issue
        self._fire("issues", events.issue(self.state, "opened", issue, author), actor=author)
        return issue

    def edit_issue(self, made: Issue, body: str, *, by: str = "") -> None:
        """An edit of an issue's text, by its author unless somebody else is named."""
        made.body, made.updated = body, self.state.now()
        sender = by or made.author
        self._fire("issues", events.issue(self.state, "edited", made, sender), actor=sender)

    def edit(self, p: Pull, made: Comment, body: str) -> None:
        """A person's edit of a comment."""
        made.body, made.updated = body, self.state.now()
        self._fire("issue_comment", events.issue_comment(self.state, "edited", p, made), actor=made.author)

    def approve(self, run: Run, environment: str = "scoring") -> Run:
        """A reviewer lets a waiting run into an environment."""
        assert environment in run.waiting, (environment, run.waiting, run.log)
        self.executor.approved.add((run.id, environment))
        entry = {"state": "approved", "environment": environment, "user": "reviewer"}
        self.state.reviews.setdefault(run.id, []).append(entry)
        self.executor.resume(run)
        self._completed(run)
        self.settle()
        return run

    def rerun(self, run: Run) -> Run:
        """Re-runs the failed jobs of a run: successful ones are kept, with their outputs."""
        assert run.conclusion == "failure", run.conclusion
        for name in [n for n, j in run.jobs.items() if j.result != "success"]:
            del run.jobs[name]
        self.executor.resume(run)
        self._completed(run)
        self.settle()
        return run

    def score(self, p: Pull) -> Run:
        """The finished run, after a maintainer requested scoring of the head and a reviewer approved."""
        before = self.runs("score")
        self.say(p, f"/score {p.head_sha}")
        new = [r for r in self.runs("score") if r not in before]
        assert len(new) == 1, self.last("request-score").log
        assert new[0].waiting == ["scoring"], new[0].log
        self.approve(new[0])
        assert new[0].conclusion == "success", new[0].log
        return new[0]

    def reopen(self, p: Pull) -> None:
        """A pull request is closed and opened again."""
        p.updated = self.state.now()
        self._pull_event("reopened", p)

    def retarget(self, p: Pull, *, base: bool = True) -> None:
        """Somebody edits a pull request: another base branch, main from now on, or a new title."""
        changes = (
            {"base": {"ref": {"from": p.base_branch}, "sha": {"from": p.base_sha}}}
            if base
            else {"title": {"from": p.title}}
        )
        p.base_branch, p.updated = "main", self.state.now()
        self._pull_event("edited", p, changes=changes)

    def merge(self, p: Pull, *, actor: str = "maintainer", fire: bool = True, squash: bool = False) -> str:
        """The merge commit of a pull request on main (or its one squashed commit), and the runs that the push starts."""
        before = self.main
        sha = merge_commit(self.state.bare, before, p.head_sha, f"Merge pull request #{p.number}", actor)
        assert sha is not None, f"#{p.number} conflicts"
        if squash:
            tree = git(self.state.bare, "rev-parse", f"{sha}^{{tree}}")
            sha = git(self.state.bare, "commit-tree", tree, "-p", before, "-m", p.title, name=actor)
        git(self.state.bare, "update-ref", "refs/heads/main", sha, before)
        p.state, p.merged, p.merge_sha, p.updated = "closed", True, sha, self.state.now()
        self.state.events.append(("push", {"before": before, "after": sha, "actor": actor}))
        if fire:
            self.settle()
        return sha

    def dispatch(self, workflow: str, inputs: Mapping[str, str], *, actor: str = "maintainer") -> list[Run]:
        """The runs of a workflow started by hand from main."""
        path = f".github/workflows/{workflow}.yml"
        self.state.events.append(
            ("workflow_dispatch", {"path": path, "ref": "main", "inputs": dict(inputs), "actor": actor})
        )
        return self.settle()

    def schedule(self, workflow: str) -> list[Run]:
        """The runs of a workflow started by its schedule."""
        path = f".github/workflows/{workflow}.yml"
        runs = self.executor.fire(
            "schedule", {"schedule": ""}, ref="refs/heads/main", actor=ACTIONS_BOT, only=path
        )
        return runs + self.settle()

    # --- machines -----------------------------------------------------------------------------------------
    def settle(self) -> list[Run]:
        """The runs of every waiting event, and of those that they cause."""
        started: list[Run] = []
        for _ in range(MAX_EVENTS):
            with self.state.lock:
                if not self.state.events:
                    return started
                kind, event = self.state.events.pop(0)
            self.refresh_workflows()
            if kind == "cancel":
                self._cancelled(event)
            elif kind in ("opened", "synchronize"):
                self._sent(kind, event)
            else:
                started += self._push(event) if kind == "push" else self._dispatched(event)
        raise AssertionError("the workflows start each other without end")

    def settle_at_once(self) -> None:
        """Processes every waiting event at the same time, as if there were no concurrency groups."""
        waiting, self.state.events[:] = list(self.state.events), []
        errors: list[BaseException] = []

        def guarded(kind: str, event: dict[str, Any]) -> None:
            try:
                self._push(event) if kind == "push" else self._dispatched(event)
            except BaseException as error:  # noqa: BLE001 - handed to the test below
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=e) for e in waiting]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        self.settle()

    def fault(self, kind: str, method: str, path: str, times: int = 1) -> Fault:
        """A failure of the next matching requests."""
        fault = Fault(kind, method, path, times)
        self.state.faults.append(fault)
        return fault

    def runs(self, name: str) -> list[Run]:
        """The runs of a workflow, oldest first."""
        return [r for r in self.executor.runs if r.name == name]

    def last(self, name: str) -> Run:
        """The newest run of a workflow."""
        runs = self.runs(name)
        assert runs, f"{name} never ran; there were: {[r.name for r in self.executor.runs]}"
        return runs[-1]

    def bot_comments(self, p: Pull) -> list[Comment]:
        """The bots' comments on a pull request."""
        return [c for c in self.state.comments.values() if c.issue == p.number and is_bot(c.author)]

    def file(self, path: str, ref: str = "main") -> bytes | None:
        """A file of the repository."""
        from rehearsal.git import file_at

        return file_at(self.state.bare, ref, path)

    @property
    def main(self) -> str:
        """The commit of main."""
        return git(self.state.bare, "rev-parse", "refs/heads/main")

    def token(self, actor: str, **permissions: str) -> str:
        """A person's token, for what they do with their own tools."""
        return self.state.mint(Token(actor, {k.replace("_", "-"): v for k, v in permissions.items()}, "user"))

    def refresh_workflows(self) -> None:
        """Learn the workflows of main, as GitHub lists them."""
        for workflow in load(self.state.bare, "refs/heads/main"):
            known = self.state.workflows.get(workflow.path, {"id": len(self.state.workflows) + 1})
            triggers = workflow.triggers
            inputs = {k: v or {} for k, v in triggers.get("workflow_dispatch", {}).get("inputs", {}).items()}
            dispatch = inputs if "workflow_dispatch" in triggers else None
            self.state.workflows[workflow.path] = {**known, "name": workflow.name, "dispatch": dispatch}

    def everything_public(self) -> dict[str, str]:
        """Everything that anyone can read: comments, statuses, logs, outputs, summaries, artifacts, titles, commits."""
        texts = {f"comment {c.id}": c.body for c in self.state.comments.values() if is_bot(c.author)}
        texts |= {f"status {s.id}": s.description or "" for s in self.state.statuses}
        texts |= {f"check {c.id}": f"{c.name} {c.title}" for c in self.state.checks}
        for run in self.executor.runs:
            texts[f"title {run.id}"] = run.title
            for name, job in run.jobs.items():
                texts[f"{run.name}/{name} {run.id}"] = f"{job.log}\n{job.summary}\n{job.outputs}"
            for file in sorted(run.artifacts.rglob("*")) if run.artifacts.exists() else []:
                if file.is_file():
                    name = f"artifact {file.relative_to(run.folder.parent)}"
                    texts[name] = file.read_bytes().decode("latin-1")
        wanted = {}
        for line in git(self.state.bare, "rev-list", "--objects", "refs/heads/main").splitlines():
            sha, _, path = line.partition(" ")
            if path.startswith(("leaderboard/", "site/", "submissions/")) or not path:
                wanted[sha] = path
        for sha, text in objects_of(self.state.bare, list(wanted)).items():
            texts[f"commit {sha} {wanted[sha]}"] = text
        return texts

    # --- inside -------------------------------------------------------------------------------------------
    def _refs(self, p: Pull) -> None:
        pull_refs(self.state.bare, p.number, p.base_sha, p.head_sha, p.author)

    def _conflicts(self, p: Pull) -> bool:
        return merge_commit(self.state.bare, p.base_sha, p.head_sha, "x", p.author) is None

    def _pull_event(
        self, action: str, p: Pull, before: str = "", changes: Mapping[str, Any] | None = None
    ) -> None:
        payload = events.pull_request(self.state, action, p, before, changes)
        base = git(self.state.bare, "merge-base", p.base_sha, p.head_sha)
        paths = tuple(path for _, path in changed_files(self.state.bare, base, p.head_sha))
        # As on GitHub: the workflow files are the pull request's own, merged into main.
        ref = f"refs/pull/{p.number}/merge"
        if self._conflicts(p):
            # GitHub makes no merge of it, and without one it starts nothing.
            self.settle()
            return
        runs = self.executor.fire("pull_request", payload, ref=ref, actor=p.author, paths=paths, fork=True)
        for run in runs:
            self._completed(run)
        self.settle()

    def _completed(self, run: Run) -> None:
        if run.conclusion is None:
            return
        entry = self.state.runs[run.id]
        payload = events.workflow_run(self.state, entry)
        for follower in self.executor.fire(
            "workflow_run",
            payload,
            ref="refs/heads/main",
            actor=run.actor,
            branch=entry["head_branch"],
            source=entry["name"],
        ):
            assert follower.event == "workflow_run"
        self.settle()

    def _fire(self, event: str, payload: dict[str, Any], *, actor: str) -> None:
        for run in self.executor.fire(event, payload, ref="refs/heads/main", actor=actor):
            self._completed(run)
        self.settle()

    def _sent(self, action: str, event: dict[str, Any]) -> None:
        """A pull request that came through the API; what a workflow's own token does starts nothing."""
        p = self.state.pulls[event["number"]]
        if event["by"] != "job":
            self._pull_event(action, p, event.get("before", ""))

    def _push(self, event: dict[str, Any]) -> list[Run]:
        payload = events.push(self.state, event["before"], event["after"], event["actor"])
        paths = tuple(path for _, path in changed_files(self.state.bare, event["before"], event["after"]))
        runs = self.executor.fire("push", payload, ref="refs/heads/main", actor=event["actor"], paths=paths)
        for run in runs:
            self._completed(run)
        return runs

    def _cancelled(self, event: dict[str, Any]) -> None:
        (run,) = [r for r in self.executor.runs if r.id == event["run"]]
        for job in run.jobs.values():
            if job.result == "waiting":
                job.result = "cancelled"
        self.executor.resume(run)
        self._completed(run)

    def _dispatched(self, event: dict[str, Any]) -> list[Run]:
        payload = events.dispatch(self.state, event["path"], event["ref"], event["inputs"], event["actor"])
        runs = self.executor.fire(
            "workflow_dispatch",
            payload,
            ref="refs/heads/main",
            actor=event["actor"],
            only=event["path"],
            inputs=event["inputs"],
            number=event.get("run"),
        )
        for run in runs:
            self._completed(run)
        return runs
