"""Runs and jobs, with everything they left behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.commands import Command
from rehearsal.workflow import Workflow

if TYPE_CHECKING:
    from rehearsal.executor import Executor


@dataclass
class Run:
    """One run of a workflow, with everything it left behind."""

    id: int
    workflow: Workflow
    event: str
    payload: dict[str, Any]
    sha: str
    ref: str
    actor: str
    folder: Path
    fork: bool = False
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    concurrency: Any = None
    jobs: dict[str, JobRun] = field(default_factory=dict)
    conclusion: str | None = None

    @property
    def artifacts(self) -> Path:
        """The folder of the run's artifacts, with one subfolder each."""
        return self.folder / "artifacts"

    @property
    def name(self) -> str:
        """The workflow's file name without its ending."""
        return Path(self.workflow.path).stem

    @property
    def log(self) -> str:
        """What anyone on the internet can read of this run."""
        return "\n".join(f"== {n}\n{j.log}" for n, j in self.jobs.items())

    @property
    def waiting(self) -> list[str]:
        """The environments that the run waits for."""
        return [j.environment for j in self.jobs.values() if j.result == "waiting"]


@dataclass
class JobRun:
    """One job of a run."""

    executor: Executor
    run: Run
    name: str
    raw: dict[str, Any]
    permissions: dict[str, str]
    environment: str = ""
    labels: list[str] = field(default_factory=list)
    concurrency: Any = None
    result: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    extra_env: dict[str, str] = field(default_factory=dict)
    workspace: Path = Path()
    temp: Path = Path()
    log: str = ""
    summary: str = ""
    machine: int = 0
    """Which of the scoring machines takes it, from 0."""

    @property
    def calls(self) -> list[str]:
        """`<commit of the code> <arguments>` of each call of the command; ` isolated` ends one behind the door."""
        known = self.executor.calls
        rows = [line.split("\t") for line in known.read_text().splitlines()] if known.exists() else []
        return [call for run, job, call in rows if (run, job) == (str(self.run.id), self.name)]

    @property
    def self_hosted(self) -> bool:
        """Whether the job asks for the runner that holds the references."""
        return "self-hosted" in self.labels
