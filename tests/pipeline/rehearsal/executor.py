"""Runs workflows: jobs in order, steps in bash, expressions in GitHub's own evaluator."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rehearsal.expressions import Expressions
from rehearsal.git import git
from rehearsal.machines import Runner
from rehearsal.runs import JobRun, Run
from rehearsal.state import ACTIONS_BOT, OWNER, REPOSITORY, State, Token
from rehearsal.steps import run_step
from rehearsal.workflow import Workflow, load, needs, ordered, permissions_of

PAGES: Final = ".github/workflows/pages.yml"
MATRIX_LIMIT: Final = 256
"""Most jobs that GitHub creates from one matrix."""


class Executor:
    """Fires events at the workflows of the bare repository."""

    repository = REPOSITORY

    def __init__(
        self, state: State, expressions: Expressions, folder: Path, workspaces: Path, warm: Path
    ) -> None:
        self.state = state
        self.expressions = expressions
        self.folder = folder
        self.workspaces = workspaces
        self.runs: list[Run] = []
        self.sites: list[Path] = []
        # Workflows that are not rehearsed: `ci` installs the project and runs these very tests.
        self.left_out: set[str] = {".github/workflows/ci.yml"}
        # Whether called workflows that build the site run; if no test looks at it, they count as done.
        self.builds_sites = False
        self.variables: dict[str, str] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.reviewed: set[str] = set()
        self.approved: set[tuple[int, str]] = set()
        self.runner: Runner | None = None
        # What every call of the command notes, and compiled files: the same path for all tests of a worker.
        self.calls = folder / "calls"
        self.cache = workspaces / "pycache"
        self.warm = warm
        self._slots = threading.Lock()
        self._taken: set[int] = set()

    def fire(
        self,
        event: str,
        payload: dict[str, Any],
        *,
        ref: str,
        actor: str,
        branch: str = "main",
        paths: tuple[str, ...] = (),
        only: str = "",
        source: str = "",
        fork: bool = False,
        inputs: dict[str, Any] | None = None,
        number: int | None = None,
    ) -> list[Run]:
        """The finished (or waiting) runs of the workflows at `ref` that the event triggers."""
        sha = git(self.state.bare, "rev-parse", ref)
        started = []
        for workflow in load(self.state.bare, sha):
            action = payload.get("action", "")
            if (only and workflow.path != only) or workflow.path in self.left_out:
                continue
            if not workflow.wants(event, action, branch, paths, source):
                continue
            identity = number if number is not None else self.state.next_id()
            folder = self.folder / "runs" / str(identity)
            folder.mkdir(parents=True)
            run = Run(identity, workflow, event, payload, sha, ref, actor, folder, fork=fork)
            run.inputs = _typed_inputs(workflow, event, inputs or {})
            self.runs.append(run)
            self.resume(run)
            started.append(run)
        return started

    def resume(self, run: Run) -> Run:
        """Runs every job that can run and has not; sets the conclusion unless it waits for an environment."""
        contexts = self.contexts(run)
        raw = run.workflow.raw
        default = run.payload.get("pull_request", {}).get("title") or run.workflow.name
        run.title = self.expressions.text(raw.get("run-name", default), contexts)
        run.concurrency = self.expressions.render(raw.get("concurrency"), contexts)
        self._note(run, "in_progress")
        run.conclusion, _ = self._graph(run, run.workflow, run.inputs, None, "")
        self._note(run, "completed" if run.conclusion else "waiting")
        return run

    def _note(self, run: Run, status: str) -> None:
        head = run.payload.get("pull_request", {}).get("head", {})
        self.state.runs[run.id] = {
            "id": run.id,
            "name": run.workflow.name,
            "path": run.workflow.path,
            "event": run.event,
            "status": status,
            "conclusion": run.conclusion,
            "head_sha": head.get("sha", run.sha),
            "head_branch": head.get("ref", "main"),
            "head_repository": head.get("repo", {}).get("full_name", REPOSITORY),
            "display_title": run.title,
            "created_at": self.state.now(),
            "actor": run.actor,
        }

    def _graph(
        self,
        run: Run,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        cap: Mapping[str, str] | None,
        prefix: str,
    ) -> tuple[str | None, dict[str, str]]:
        """The conclusion of all jobs of a workflow, `None` while one waits, and a called workflow's outputs."""
        jobs = workflow.raw["jobs"]
        outcomes: dict[str, JobRun] = {}
        for name in ordered(jobs):
            full = f"{prefix}{name}"
            known = run.jobs.get(full)
            if known is not None and known.result != "waiting":
                outcomes[name] = known
                continue
            if any(n not in outcomes or outcomes[n].result == "waiting" for n in needs(jobs[name])):
                continue
            before = {n: outcomes[n] for n in needs(jobs[name])}
            outcomes[name] = run.jobs[full] = self._job(run, workflow, name, full, before, inputs, cap)
        results = [j.result for j in outcomes.values()]
        if "waiting" in results:
            return None, {}
        contexts = {
            **self.contexts(run),
            "jobs": {n: {"outputs": j.outputs} for n, j in outcomes.items()},
            "inputs": inputs,
        }
        wanted = workflow.triggers.get("workflow_call", {}).get("outputs", {}) if prefix else {}
        outputs = {k: self.expressions.text(v["value"], contexts) for k, v in wanted.items()}
        worst = next((r for r in ("failure", "cancelled") if r in results), "success")
        return worst, outputs

    def _job(
        self,
        run: Run,
        workflow: Workflow,
        name: str,
        full: str,
        before: Mapping[str, JobRun],
        inputs: Mapping[str, Any],
        cap: Mapping[str, str] | None,
    ) -> JobRun:
        raw = workflow.raw["jobs"][name]
        wanted = raw.get("permissions", workflow.raw.get("permissions"))
        job = JobRun(self, run, full, raw, permissions_of(wanted, cap, fork=run.fork))
        results = {n: {"result": b.result, "outputs": b.outputs} for n, b in before.items()}
        contexts = {**self.contexts(run), "needs": results, "inputs": dict(inputs)}
        good = all(b.result == "success" for b in before.values())
        bad = any(b.result == "failure" for b in before.values())
        cancelled = any(b.result == "cancelled" for b in before.values())
        status = {"success": good, "failure": bad, "cancelled": cancelled, "always": True}
        if not self.expressions.condition(raw.get("if"), contexts, status):
            job.result = "skipped"
            return job
        job.concurrency = self.expressions.render(raw.get("concurrency"), contexts)
        if "uses" in raw:
            called = next(
                w for w in load(self.state.bare, run.sha) if w.path == raw["uses"].removeprefix("./")
            )
            if called.path == PAGES and not self.builds_sites:
                job.result = "success"
                return job
            given = self.expressions.render(raw.get("with", {}), contexts)
            values = _typed_inputs(called, "workflow_call", given)
            result, job.outputs = self._graph(run, called, values, job.permissions, f"{full} / ")
            job.result = result or "waiting"
            return job
        labels = self.expressions.render(raw["runs-on"], contexts)
        job.labels = [labels] if isinstance(labels, str) else list(labels)
        environment = self.expressions.render(_without_url(raw.get("environment", "")), contexts)
        job.environment = environment["name"] if isinstance(environment, dict) else environment
        if job.environment and run.ref != "refs/heads/main":
            job.log = f"Branch {run.ref} is not allowed to deploy to {job.environment} due to environment protection rules."
            job.result = "failure"
            return job
        if job.environment in self.reviewed and (run.id, job.environment) not in self.approved:
            job.result = "waiting"
            return job
        work = self._matrix if "strategy" in raw else self._part
        work(job, contexts, workflow)
        return job

    def _matrix(self, job: JobRun, contexts: dict[str, Any], workflow: Workflow) -> None:
        """Runs a job once for each combination of its matrix, as many at a time as it says, each on its own machine."""
        strategy = self.expressions.render(job.raw["strategy"], contexts)
        assert strategy.get("fail-fast") is False, "the rehearsal cancels nothing that runs"
        names, values = zip(*strategy["matrix"].items(), strict=True)
        waiting = list(enumerate(itertools.product(*values)))
        assert 1 <= len(waiting) <= MATRIX_LIMIT, len(waiting)
        parts: list[JobRun] = []

        def work(machine: int) -> None:
            while waiting:
                number, combination = waiting.pop(0)
                part = replace(
                    job,
                    name=f"{job.name} ({number})",
                    machine=machine,
                    outputs={},
                    steps={},
                    masks=[],
                    path=[],
                )
                part.commands, part.extra_env = [], {}
                parts.append(part)
                self._part(part, {**contexts, "matrix": dict(zip(names, combination, strict=True))}, workflow)

        threads = [
            threading.Thread(target=work, args=(n,)) for n in range(int(strategy.get("max-parallel", 1)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for part in sorted(parts, key=lambda p: p.name):
            job.run.jobs[part.name] = part
        job.result = "success" if {p.result for p in parts} == {"success"} else "failure"

    def _part(self, job: JobRun, contexts: dict[str, Any], workflow: Workflow) -> None:
        with _Slot(self._slots, self._taken) as slot:
            self._steps(job, contexts, slot, workflow)

    def _steps(self, job: JobRun, contexts: dict[str, Any], slot: int, workflow: Workflow) -> None:
        base = self.workspaces / str(slot)
        shutil.rmtree(base, ignore_errors=True)
        job.workspace, job.temp = base / "challenge" / "challenge", base / "_temp"
        for folder in (job.workspace, job.temp, base / "home"):
            folder.mkdir(parents=True)
        token = self.state.mint(Token(ACTIONS_BOT, job.permissions))
        secrets = {**self.environments.get(job.environment, {}), "GITHUB_TOKEN": token}
        job.masks = list(secrets.values())
        event_file = base / "event.json"
        event_file.write_text(json.dumps(job.run.payload))
        contexts = {
            **contexts,
            "secrets": secrets,
            "runner": {
                "temp": str(job.temp),
                "os": "Linux",
                "arch": "X64",
                "environment": "self-hosted" if job.self_hosted else "github-hosted",
            },
            "job": {"status": "success"},
            "strategy": contexts.get("strategy", {}),
            "matrix": contexts.get("matrix", {}),
        }
        contexts["github"] = {
            **contexts["github"],
            "token": token,
            "job": job.name,
            "workspace": str(job.workspace),
            "event_path": str(event_file),
        }
        environment: dict[str, str] = {}
        for raw in (workflow.raw.get("env", {}), job.raw.get("env", {})):
            environment |= {
                k: self.expressions.text(v, {**contexts, "env": environment}) for k, v in raw.items()
            }
        failed = False
        for number, step in enumerate(job.raw["steps"]):
            here = {**contexts, "env": {**environment, **job.extra_env}, "steps": job.steps}
            status = {"success": not failed, "failure": failed, "cancelled": False, "always": True}
            identity = step.get("id", f"__{number}")
            if not self.expressions.condition(step.get("if"), here, status):
                job.steps[identity] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
                continue
            ok, outputs = run_step(job, step, str(number), here, base)
            lenient = bool(self.expressions.render(step.get("continue-on-error", False), here))
            job.steps[identity] = {
                "outputs": outputs,
                "outcome": "success" if ok else "failure",
                "conclusion": "success" if ok or lenient else "failure",
            }
            failed = failed or not (ok or lenient)
        here = {**contexts, "env": environment, "steps": job.steps}
        wanted = job.raw.get("outputs", {})
        job.outputs = {k: self.expressions.text(v, here) for k, v in wanted.items()}
        for mask in job.masks:
            job.log = job.log.replace(mask, "***")
        del self.state.tokens[token]
        job.result = "failure" if failed else "success"

    def contexts(self, run: Run) -> dict[str, Any]:
        """The contexts that every expression of a run may use."""
        pull = run.payload.get("pull_request", {}) if run.event == "pull_request" else {}
        url = self.state.base_url
        github = {
            "event": run.payload,
            "event_name": run.event,
            "actor": run.actor,
            "triggering_actor": run.actor,
            "sha": run.sha,
            "ref": run.ref,
            "ref_name": re.sub(r"^refs/(heads|tags|pull)/", "", run.ref),
            "ref_type": "branch",
            "head_ref": pull.get("head", {}).get("ref", ""),
            "base_ref": pull.get("base", {}).get("ref", ""),
            "repository": REPOSITORY,
            "repository_owner": OWNER,
            "run_id": str(run.id),
            "run_number": str(run.id % 1000),
            "run_attempt": "1",
            "server_url": url,
            "api_url": f"{url}/api/v3",
            "workflow": run.workflow.name,
            "workflow_ref": f"{REPOSITORY}/{run.workflow.path}@{run.ref}",
            "workflow_sha": run.sha,
        }
        return {"github": github, "inputs": run.inputs, "vars": self.variables, "env": {}, "needs": {}}


class _Slot:
    """The lowest free work folder: two runs at a time never share one."""

    def __init__(self, lock: threading.Lock, taken: set[int]) -> None:
        self.lock, self.taken, self.number = lock, taken, 0

    def __enter__(self) -> int:
        with self.lock:
            self.number = next(n for n in itertools.count() if n not in self.taken)
            self.taken.add(self.number)
        return self.number

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.taken.discard(self.number)


def _typed_inputs(workflow: Workflow, event: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a dispatched or called workflow with their defaults and types."""
    if event not in ("workflow_dispatch", "workflow_call"):
        return {}
    values: dict[str, Any] = {}
    for name, known in workflow.triggers[event].get("inputs", {}).items():
        rule = known or {}
        value = given.get(name, rule.get("default", False if rule.get("type") == "boolean" else ""))
        values[name] = value in (True, "true") if rule.get("type") == "boolean" else value
    return values


def _without_url(environment: Any) -> Any:
    """A job's environment without its address, which GitHub reads only after the steps."""
    return (
        {k: v for k, v in environment.items() if k != "url"} if isinstance(environment, dict) else environment
    )
