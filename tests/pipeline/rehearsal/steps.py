"""One step of a job: an action's stand-in, or a script in bash with what a runner gives it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.actions import ActionError, run_action
from rehearsal.commands import parse_commands, read_file_command
from rehearsal.runs import JobRun

STEP_LIMIT: Final = 240
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def run_step(
    job: JobRun, step: Mapping[str, Any], number: int, contexts: dict[str, Any], base: Path
) -> tuple[bool, dict[str, str]]:
    own = {k: job.executor.expressions.text(v, contexts) for k, v in step.get("env", {}).items()}
    contexts = {**contexts, "env": {**contexts["env"], **own}}
    if "uses" in step:
        given = {k: job.executor.expressions.text(v, contexts) for k, v in step.get("with", {}).items()}
        job.log += f"\n##[group]Run {step['uses']}\n"
        try:
            return True, run_action(job, step["uses"], given)
        except ActionError as error:
            job.log += f"##[error]{error}\n"
            return False, {}
    script = base / f"step{number}.sh"
    script.write_text(job.executor.expressions.text(step["run"], contexts))
    files = {n: base / f"{n}-{number}" for n in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")}
    for file in files.values():
        file.touch()
    default = job.raw.get("defaults", job.run.workflow.raw.get("defaults", {})).get("run", {})
    shell = step.get("shell", default.get("shell"))
    flags = ["--noprofile", "--norc", "-eo", "pipefail"] if shell == "bash" else ["-e"]
    folder = job.executor.expressions.text(
        step.get("working-directory", default.get("working-directory", ".")), contexts
    )
    started = time.monotonic()
    done = subprocess.run(
        ["bash", *flags, str(script)],
        cwd=job.workspace / folder,
        env={**_machine(job, contexts, base, files), **contexts["env"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=STEP_LIMIT,
        check=False,
    )
    job.seconds[step.get("name", str(number))] = time.monotonic() - started
    text = done.stdout.decode("utf-8", "replace")
    shown = "".join(f"  {k}: {v}\n" for k, v in own.items())
    job.log += f"\n##[group]Run {step.get('name', step['run'])}\n{step['run']}\nenv:\n{shown}{text}"
    job.commands += (commands := parse_commands(text))
    outputs = {
        c.parameters["name"]: c.message for c in commands if c.name == "set-output" and "name" in c.parameters
    }
    job.masks += [c.message for c in commands if c.name == "add-mask" and c.message]
    outputs |= read_file_command(files["OUTPUT"].read_text("utf-8"))
    job.extra_env |= read_file_command(files["ENV"].read_text("utf-8"))
    job.path[:0] = files["PATH"].read_text("utf-8").split()
    job.summary += files["STEP_SUMMARY"].read_text("utf-8")
    if done.returncode:
        job.log += f"##[error]Process completed with exit code {done.returncode}.\n"
    return done.returncode == 0, outputs


def _machine(job: JobRun, contexts: dict[str, Any], base: Path, files: Mapping[str, Path]) -> dict[str, str]:
    """The environment that a runner gives to a step, and nothing of this machine's own."""
    github = contexts["github"]
    made = {
        "PATH": ":".join([*job.path, str(_python(job.executor.folder / "bin")), SYSTEM_PATH]),
        "HOME": str(base / "home"),
        "LANG": "C.UTF-8",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "OMP_NUM_THREADS": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "RUNNER_TEMP": str(job.temp),
        "RUNNER_TOOL_CACHE": str(base / "tools"),
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        "RUNNER_NAME": "gpu-1" if job.self_hosted else "hosted",
        "RUNNER_ENVIRONMENT": contexts["runner"]["environment"],
    }
    made |= {f"GITHUB_{n}": str(p) for n, p in files.items()}
    names = (
        "actor", "api_url", "base_ref", "event_name", "event_path", "head_ref", "job", "ref", "ref_name", "ref_type",
        "repository", "repository_owner", "run_attempt", "run_id", "run_number", "server_url", "sha",
        "triggering_actor", "workflow", "workflow_ref", "workflow_sha", "workspace",
    )  # fmt: skip
    made |= {f"GITHUB_{n.upper()}": str(github[n]) for n in names}
    if job.self_hosted:
        made |= job.executor.runner_env
    return {**made, **job.extra_env}


def _python(folder: Path) -> Path:
    """A folder with this interpreter and nothing else: no `rexrank` before a job sets it up."""
    if not folder.exists():
        folder.mkdir()
        for name in ("python", "python3"):
            (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            (folder / name).chmod(0o755)
    return folder
